//! A turn that is cut off between any two steps goes on after the next start, and ends in the same place.
use super::{
    carver::{carve, open_all},
    outcomes, request, run_now, stands,
};
use crate::support::{
    BANK_A, COMPLIANCE, Gateway, Place, SAMPLE_ROWS, agreed, load_sample, person, runtime, skip, until,
};
use std::time::Duration;
use tollgate::wire::v1;

const BAND: i32 = v1::SignalOutcome::Band as i32;
/// One person after the other, each stopped at another moment.
const PEOPLE: u64 = 6;
const STAYS: u64 = 20;

#[test]
fn an_erasure_that_is_cut_off_goes_on_after_the_next_start() {
    runtime().block_on(async {
        let mut gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let consent = agreed(&gateway, STAYS).await;
        let bank = gateway.caller(BANK_A).await;
        // Keys of many people, so that a turn has many steps.
        for row in 0..SAMPLE_ROWS {
            outcomes(&bank, row, &[7; 16]).await;
        }
        let mut cut_off = 0;
        for row in 0..PEOPLE {
            let officer = gateway.caller(COMPLIANCE).await;
            request(&officer, row).await;
            // The search for the last provision waits for calls that were under way.
            gateway.clock.advance_ms(11_000);
            run_now(&officer).await;
            // From before the first step to after the last: a turn of this size takes some tens of milliseconds.
            tokio::time::sleep(Duration::from_millis(row * 12)).await;
            let now = gateway.now();
            let place = gateway.stop().await;
            gateway = Gateway::start_at(place, now).await;
            let gate = gateway.gate();
            cut_off += u64::from(gate.person_keys.epochs.is_turning() || gate.erasing.register.waits_since().is_some());
            let (bank, officer) = (gateway.caller(BANK_A).await, gateway.caller(COMPLIANCE).await);
            // Blocked all the time, whatever is left of the row.
            assert!(outcomes(&bank, row, &consent).await.iter().all(|o| *o != BAND));
            assert_eq!(outcomes(&bank, STAYS, &consent).await, [BAND; 4]);
            run_now(&officer).await;
            let register = &gateway.gate().erasing.register;
            until("it is erased", || register.page(None, 99, |_| true).is_empty()).await;
            assert_eq!(stands(&officer, row).await.status(), v1::ErasureStatus::None);
            assert!(!gateway.gate().person_keys.epochs.is_turning());
            assert_eq!(outcomes(&bank, STAYS, &consent).await, [BAND; 4]);
        }
        let tokens: Vec<_> = (0..PEOPLE).map(|row| person(&gateway, row).0).collect();
        let stays = person(&gateway, STAYS).0;
        let place = gateway.stop().await;
        place.verify_log();
        let carved = carve(&place);
        let found = open_all(&carved.boxes, &carved);
        println!(
            "{cut_off} of {PEOPLE} turns were cut off; {} boxes, {} tries",
            carved.boxes.len(),
            found.tried
        );
        for token in tokens {
            // Who asked how it stands named them anew: a key and that entry, and nothing of before.
            let left = found.people.get(&token[..]).cloned().unwrap_or_default();
            assert!(left.links <= 2 && left.records == 0 && left.consents == 0, "{left:?}");
            assert!(left.details <= 4, "{left:?}");
        }
        let other = &found.people[&stays[..]];
        assert!(other.links > 0 && other.records > 0 && other.consents > 0);
        if cut_off == 0 {
            skip("no turn was cut off on this machine");
        }
    });
}
