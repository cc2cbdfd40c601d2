//! The program as a user meets it: the binary itself, real files, real processes that are ended by their ids.
mod bank;
mod program;
mod site;

mod admin;
mod audit;
mod backup;
mod by_hand;
mod cases;
mod certificates;
mod configuration;
mod demo;
mod erasure;
mod exit_codes;
mod failed_disk;
mod full_disk;
mod keys;
mod kill_switch;
mod loading;
mod loading_killed;
mod outside;
mod reports;
mod secrets;
mod start;
mod stop;
mod witness;

pub(crate) use crate::crash::skip;
pub(crate) use program::{Gateway, Ran, Spawned, program, tollgate};
pub(crate) use site::Site;
