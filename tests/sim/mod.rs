//! Seeded random operations on a whole gateway, against a simple model.
//!
//! A run grants, confirms and withdraws consents, asks with any signals, purposes and agreements, corrects records, moves
//! the clock and restarts the gateway. Each seed gives one run; the seed is printed, so that a failure can be repeated:
//! `TOLLGATE_SIM_SEED=n` runs one, `TOLLGATE_SIM_SEEDS=n` runs that many.
//!
//! The central property: *fields read ⊆ lineage of signals permitted ∩ consented; every request leaves exactly one audit
//! entry.* The model knows what may be told from the agreements and the consents alone; it shares no code with the policy.
//!
//! | a failure | not a failure |
//! |---|---|
//! | a call that leaves no entry, or two | an entry of the gateway's own: start, stop, key list, counted calls |
//! | an answer without an entry, or another answer than the entry holds | a refusal that the model expects |
//! | a field read that no permitted and consented signal is derived from | a signal withheld for one that was asked too finely |
//! | a band for somebody the model says nothing may be told of, or none where it may | which band it is: `signal` tests that |
//! | a withdrawn, expired or unconfirmed consent that counts, before or after a restart | a session lost by a restart |
//! | an answer that a correction or a restart does not change where it should, or changes where it should not | how long anything takes |
//! | another refusal than the model expects, or one that depends on the person | |
//! | a log that does not verify offline at the end | |
mod model;
mod play;
mod told;

use crate::support::{Gateway, Place, load_sample, runtime};
use play::Play;

/// Runs by default.
const SEEDS: u64 = 3;
/// Operations of one run.
const OPERATIONS: usize = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_is_told_that_was_not_agreed_and_consented() {
    let seeds = match number("TOLLGATE_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("TOLLGATE_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    for seed in seeds {
        println!("TOLLGATE_SIM_SEED={seed}");
        runtime().block_on(run(seed));
    }
}

async fn run(seed: u64) {
    let place = Place::new();
    place.add_agreement("review", &[("\"account.monitoring\"", "\"credit.limit_review\"")]);
    place.add_agreement("coarse", &[("\nrisk = 1\n", "\n"), ("\nrisk = 50\n", "\n")]);
    place.add_agreement(
        "fine",
        &[
            ("utilisation = 1", "utilisation = 2"),
            ("evidence = \"request\"", "evidence = \"session\""),
        ],
    );
    place.add_agreement("ended", &[("2027-12-31T23:59:59+08:00", "2026-01-02T00:00:00+08:00")]);
    let gateway = Gateway::start(place).await;
    load_sample(&gateway).await;
    let mut play = Play::new(gateway, seed).await;
    for step in 0..OPERATIONS {
        play.step(step).await;
    }
    let told = play.told();
    let place = play.end().await;
    place.verify_log();
    println!("seed {seed}: {told}");
    assert!(
        told.is_varied(),
        "seed {seed} tells too little to mean anything: {told}"
    );
}
