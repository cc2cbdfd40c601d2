//! Who may connect: a real server behind the acceptor, on loopback, and real clients. Each test's name is a rule.
mod identities;
mod lifetimes;
mod limits;
mod pki;
mod protocol;
mod trust;
mod web;
mod world;
