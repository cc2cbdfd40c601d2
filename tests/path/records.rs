//! The data holder's own systems: loads that continue where they stand, and one person's record corrected.
use super::{CORRECT, LOAD, QUERY};
use crate::support::{
    BANK_A, Caller, Gateway, LENDER, Place, Refused, SAMPLE_ROWS, agreed, answered, load_sample, on_shared, question,
    refused, runtime, sample_rows,
};
use tollgate::{
    client::Session,
    refusal::Code,
    source::WireRow,
    wire::{Message, v1},
};

fn chunk(gateway: &Gateway, batch: &str, first_row: u64, rows: &[WireRow], commit: bool) -> v1::LoadChunk {
    v1::LoadChunk {
        header: None,
        batch_id: batch.to_owned(),
        first_row,
        catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
        rows: rows.to_vec(),
        commit,
    }
}

async fn load(gateway: &Gateway, lender: &Caller, session: &Session, chunk: v1::LoadChunk) -> v1::LoadProgress {
    let sent = lender.in_session(session, LOAD, |header| v1::LoadChunk {
        header: Some(header),
        ..chunk
    });
    let answered = answered(gateway, lender, sent).await;
    assert_eq!(answered.entry.leaf.kind(), v1::EntryKind::Records);
    v1::LoadProgress::decode(&answered.body.answer[..]).unwrap()
}

async fn bad_load(gateway: &Gateway, lender: &Caller, session: &Session, chunk: v1::LoadChunk) -> Refused {
    let sent = lender.in_session(session, LOAD, |header| v1::LoadChunk {
        header: Some(header),
        ..chunk
    });
    let refused = refused(gateway, lender, LOAD, lender.exchange(sent)).await;
    assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Records);
    assert_eq!(refused.entry.x.signing_key_id, "lender-1");
    refused
}

#[test]
pub(super) fn out_of_order() {
    on_shared(async |gateway| {
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        let rows = sample_rows(gateway);
        let early = chunk(gateway, "ordered", 4, &rows[4..8], false);
        assert_eq!(
            bad_load(gateway, &lender, &session, early).await.code,
            Code::BatchOutOfOrder
        );
        let first = load(
            gateway,
            &lender,
            &session,
            chunk(gateway, "ordered", 0, &rows[..4], false),
        )
        .await;
        assert_eq!((first.rows_held, first.visible), (4, false));
        let late = chunk(gateway, "ordered", 5, &rows[5..8], false);
        assert_eq!(
            bad_load(gateway, &lender, &session, late).await.code,
            Code::BatchOutOfOrder
        );
        // What is held already is skipped, and the rest goes on.
        let on = load(
            gateway,
            &lender,
            &session,
            chunk(gateway, "ordered", 2, &rows[2..6], false),
        )
        .await;
        assert_eq!((on.rows_held, on.visible), (6, false));
        let done = load(gateway, &lender, &session, chunk(gateway, "ordered", 6, &[], true)).await;
        assert_eq!((done.rows_held, done.visible), (6, true));
    });
}

#[test]
pub(super) fn too_many_at_once() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        let rows = sample_rows(&gateway);
        for batch in ["one", "two", "three", "four"] {
            load(
                &gateway,
                &lender,
                &session,
                chunk(&gateway, batch, 0, &rows[..2], false),
            )
            .await;
        }
        let fifth = chunk(&gateway, "five", 0, &rows[..2], false);
        assert_eq!(
            bad_load(&gateway, &lender, &session, fifth.clone()).await.code,
            Code::BatchesExhausted
        );
        // One that is finished makes room.
        load(&gateway, &lender, &session, chunk(&gateway, "two", 2, &[], true)).await;
        load(&gateway, &lender, &session, fifth).await;
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn another_catalogue() {
    on_shared(async |gateway| {
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        let rows = sample_rows(gateway);
        let mut foreign = chunk(gateway, "foreign", 0, &rows[..2], true);
        foreign.catalogue_sha256[0] ^= 1;
        assert_eq!(
            bad_load(gateway, &lender, &session, foreign.clone()).await.code,
            Code::CatalogueMismatch
        );
        let refused = bad_correction(gateway, &lender, rows[0].clone(), &foreign.catalogue_sha256).await;
        assert_eq!(refused.code, Code::CatalogueMismatch);
    });
}

async fn bad_correction(gateway: &Gateway, lender: &Caller, row: WireRow, catalogue: &[u8]) -> Refused {
    let sent = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
        header: Some(header),
        catalogue_sha256: catalogue.to_vec(),
        row: Some(row),
    });
    refused(gateway, lender, CORRECT, lender.exchange(sent)).await
}

#[test]
pub(super) fn a_row_that_does_not_fit() {
    on_shared(async |gateway| {
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        let rows = sample_rows(gateway);
        let catalogue = gateway.gate().view.catalogue.sha256();
        type Change = fn(&mut WireRow);
        let changes: [(&str, Change); 6] = [
            ("a field too few", |r| drop(r.values.pop())),
            ("a field too many", |r| r.values.push(v1::FieldValue::default())),
            ("a month too many", |r| r.values[1].numbers.push(0)),
            ("below the least value", |r| r.values[0].numbers = vec![-1]),
            ("above the greatest value", |r| r.values[1].numbers[0] = 99_999),
            ("a time that overflows", |r| r.as_of_s = i64::MAX),
        ];
        for (what, change) in changes {
            let mut bad = rows[..3].to_vec();
            change(&mut bad[1]);
            let refused = bad_load(gateway, &lender, &session, chunk(gateway, "misfit", 0, &bad, true)).await;
            assert_eq!(refused.code, Code::RowInvalid, "{what}");
            let refused = bad_correction(gateway, &lender, bad[1].clone(), &catalogue).await;
            assert_eq!(refused.code, Code::RowInvalid, "{what}");
        }
        // Whose record it is must be clear.
        let mut nobody = rows[1].clone();
        nobody.subject.as_mut().unwrap().value = "999999".to_owned();
        let refused = bad_load(
            gateway,
            &lender,
            &session,
            chunk(gateway, "misfit", 0, &[nobody.clone()], true),
        )
        .await;
        assert_eq!(refused.code, Code::RowInvalid);
        let refused = bad_correction(gateway, &lender, nobody, &catalogue).await;
        assert_eq!(refused.code, Code::SubjectMalformed);
        // Nothing of it was held.
        let standing = load(gateway, &lender, &session, chunk(gateway, "misfit", 0, &[], false)).await;
        assert_eq!((standing.rows_held, standing.visible), (0, false));
    });
}

#[test]
fn a_batch_without_a_name_is_no_batch() {
    on_shared(async |gateway| {
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        for name in [String::new(), "a b".to_owned(), "a".repeat(65)] {
            let refused = bad_load(gateway, &lender, &session, chunk(gateway, &name, 0, &[], false)).await;
            assert_eq!(refused.code, Code::FieldInvalid, "`{name}`");
        }
    });
}

async fn worst_overdue(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8]) -> String {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        signals: vec!["worst_overdue_6m@1".to_owned()],
        ..question(row, consent)
    });
    let told = answered(gateway, bank, sent).await;
    v1::Answer::decode(&told.body.answer[..]).unwrap().signals[0]
        .band
        .clone()
}

/// A half-loaded batch is never visible, a loaded one is at once, and a correction is newer than both.
#[test]
fn records_become_visible_with_their_entry() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (lender, bank) = (gateway.caller(LENDER).await, gateway.caller(BANK_A).await);
        let consent = agreed(&gateway, 2).await;
        let rows = sample_rows(&gateway);
        let session = lender.session().await;
        load(
            &gateway,
            &lender,
            &session,
            chunk(&gateway, "half", 0, &rows[..8], false),
        )
        .await;
        assert_eq!(
            worst_overdue(&gateway, &bank, 2, &consent).await,
            "",
            "half a batch was seen"
        );
        load_sample(&gateway).await;
        assert_eq!(worst_overdue(&gateway, &bank, 2, &consent).await, "31-60 days");
        // Client 2 of the sample, corrected: never late.
        let mut better = rows[1].clone();
        better.values[1].numbers = vec![0; 6];
        let sent = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            row: Some(better),
        });
        let corrected = answered(&gateway, &lender, sent).await;
        assert_eq!(corrected.entry.i.outcomes, ["corrected"]);
        assert_eq!(corrected.entry.leaf.class(), v1::EntryClass::Sealed);
        assert_eq!(worst_overdue(&gateway, &bank, 2, &consent).await, "current");
        // The same batch again does nothing, and it all holds after a restart.
        let session = lender.session().await;
        let again = load(&gateway, &lender, &session, chunk(&gateway, "sample", 0, &rows, true)).await;
        assert_eq!((again.rows_held, again.visible), (SAMPLE_ROWS, true));
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        assert_eq!(worst_overdue(&gateway, &bank, 2, &consent).await, "current");
        gateway.stop().await.verify_log();
    });
}
