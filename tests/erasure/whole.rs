//! One person is erased to the end, another stays.
use super::{
    carver::{Box, carve, occurs, open_all},
    outcomes, request, run_now, stands,
};
use crate::{
    path::CORRECT,
    support::{
        BANK_A, COMPLIANCE, DAY_MS, Gateway, LENDER, Place, agreed, answered, load_sample, person, runtime,
        sample_rows, subject, until,
    },
};
use tollgate::{state::Table, wire::v1};

const GONE: u64 = 3;
const STAYS: u64 = 4;

const CONTACT: &str = "12 Quite Unlikely Lane";
const OPEN: &str = "/tollgate.v1.SubjectRequestService/OpenSubjectRequest";
const BAND: i32 = v1::SignalOutcome::Band as i32;
const NO_FILE: i32 = v1::SignalOutcome::NoFile as i32;

/// Consents, questions and a correction of both.
async fn live(gateway: &Gateway) -> [Vec<u8>; 2] {
    load_sample(gateway).await;
    let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
    let mut consents = Vec::new();
    for row in [GONE, STAYS] {
        let before = outcomes(&bank, row, &[7; 16]).await;
        assert!(before.iter().all(|o| *o != BAND));
        let consent = agreed(gateway, row).await;
        assert_eq!(outcomes(&bank, row, &consent).await, [BAND; 4]);
        let correction = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            row: sample_rows(gateway).into_iter().nth(row as usize - 1),
        });
        answered(gateway, &lender, correction).await;
        assert_eq!(outcomes(&bank, row, &consent).await, [BAND; 4]);
        let case = v1::OpenSubjectRequestRequest {
            subject: Some(subject(row)),
            kind: v1::SubjectRequestKind::Access as i32,
            contact: CONTACT.to_owned(),
            text: "what do you hold of me?".to_owned(),
            ..Default::default()
        };
        let officer = gateway.caller(COMPLIANCE).await;
        let _: v1::OpenSubjectRequestResponse = officer.call(OPEN, case).await.unwrap();
        consents.push(consent);
    }
    consents.try_into().unwrap()
}

#[test]
fn every_key_that_remains_opens_nothing_of_who_was_erased() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let consents = live(&gateway).await;
        let tokens = [GONE, STAYS].map(|row| person(&gateway, row).0);
        let now = gateway.now();
        let place = gateway.stop().await;
        let before = carve(&place);
        let control = open_all(&before.boxes, &before);
        for token in tokens {
            let opened = &control.people[&token[..]];
            assert!(opened.links > 0 && opened.records > 0, "{opened:?}");
            // What they said, and which of their requests are open.
            assert!(opened.cases >= 2, "{opened:?}");
            assert!(opened.consents > 0 && opened.details >= 5 && opened.tags >= 5, "{opened:?}");
        }
        println!(
            "before: {} boxes, {} tries, {} people open; of who will be erased {:?}",
            before.boxes.len(),
            control.tried,
            control.people.len(),
            control.people[&tokens[0][..]]
        );

        let gateway = Gateway::start_at(place, now).await;
        let (bank, officer) = (gateway.caller(BANK_A).await, gateway.caller(COMPLIANCE).await);
        let asked = request(&officer, GONE).await;
        assert_eq!(asked.status(), v1::ErasureStatus::Blocked);
        // At once, and outwardly as for somebody of whom there is no record.
        assert_eq!(outcomes(&bank, GONE, &consents[0]).await, [NO_FILE; 4]);
        gateway.clock.advance_ms(11_000);
        run_now(&officer).await;
        let gate = gateway.gate();
        until("the record is erased", || {
            let standing = gate.erasing.register.of(&person(&gateway, GONE));
            standing.is_some_and(|s| s.record.is_some_and(|r| r.destroyed.is_some()))
        })
        .await;
        let told = stands(&officer, GONE).await;
        assert_eq!(told.status(), v1::ErasureStatus::RecordErased);
        assert_eq!(told.erasure_id, asked.erasure_id);
        // Something was told: the link stays for three years.
        let expires = tollgate::wire::millis(told.link_until.as_ref()).unwrap();
        assert!(expires > gateway.now().0 + 1_090 * DAY_MS);
        assert_eq!(outcomes(&bank, GONE, &consents[0]).await, [NO_FILE; 4]);
        assert_eq!(outcomes(&bank, STAYS, &consents[1]).await, [BAND; 4]);
        // That was told after the request: a question about who is blocked tells nothing, and prolongs nothing.
        gateway.clock.advance_ms(1_097 * DAY_MS);
        gate.erasing.at_once();
        until("the link is erased", || gate.erasing.register.page(None, 9, |_| true).is_empty()).await;
        let erased: Vec<_> = entries_of_gateway(&gateway)
            .into_iter()
            .filter(|(outcome, _)| outcome == "erased")
            .map(|(_, note)| note)
            .collect();
        let id: String = asked.erasure_id.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(erased.len(), 2, "{erased:?}");
        assert!(erased.iter().all(|note| note.contains(&id)), "{erased:?}");
        assert!(erased[0].contains("record erased") && erased[1].contains("link erased"));

        let place = gateway.stop().await;
        let size = place.verify_log();
        let after = carve(&place);
        let all: std::collections::BTreeSet<Box> = before.boxes.union(&after.boxes).cloned().collect();
        let found = open_all(&all, &after);
        assert!(
            !found.people.contains_key(&tokens[0][..]),
            "{:?}",
            found.people[&tokens[0][..]]
        );
        let other = &found.people[&tokens[1][..]];
        assert!(other.links > 0 && other.records > 0 && other.consents > 0 && other.details >= 5 && other.cases >= 2, "{other:?}");
        // The index still says that these entries are about somebody, and of them the first byte of the pseudonym: no more.
        let alike = |carved: &super::carver::Carved, token: &[u8; 32]| {
            carved.tags.iter().filter(|tag| tag.bucket() == token[0]).count()
        };
        assert!(alike(&after, &tokens[0]) >= alike(&before, &tokens[0]));
        // Neither pseudonym nor number stands anywhere, of nobody.
        assert!(occurs(&after.files, CONTACT.as_bytes()).is_empty());
        let mut left = 0;
        for (row, token) in [GONE, STAYS].into_iter().zip(tokens) {
            assert!(occurs(&after.files, &token).is_empty());
            assert!(occurs(&after.files, subject(row).value.as_bytes()).is_empty());
        }
        // What was removed is still in the files, as the carver's reason to try: shut for good.
        for one in &before.boxes {
            let bytes = match one {
                Box::Row(table, _, value) if *table == Table::SubjectLink as u8 => value,
                Box::Record(_, value) => value,
                _ => continue,
            };
            left += usize::from(!bytes.is_empty() && !occurs(&after.files, bytes).is_empty());
        }
        println!(
            "after: {} boxes, {} tries, {} people open, nothing of who was erased; {left} boxes of before still in the raw \
             files; {size} entries verified",
            all.len(),
            found.tried,
            found.people.len()
        );
        assert!(left > 0, "the raw files hold removed rows, or this test shows little");
    });
}

/// Outcome and note of the gateway's own entries.
fn entries_of_gateway(gateway: &Gateway) -> Vec<(String, String)> {
    let gate = gateway.gate();
    let mut out = Vec::new();
    for index in 0..gateway.size() {
        let entry = gate.log.entry(index).unwrap().unwrap();
        let opened = tollgate::audit::open_details(&gate.period_key, gate.log.origin(), &entry.leaf, &entry.details);
        if let Ok(details) = opened {
            out.push((details.i.outcomes.concat(), details.i.note));
        }
    }
    out
}
