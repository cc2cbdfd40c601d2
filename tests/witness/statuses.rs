//! Every status of `add-checkpoint`, and the entry that stands behind it.
use super::*;
use crate::support::{BANK_B, counted};
use tollgate::{audit::cosignature::cosignatures, limits::WEB_BODY_BYTES_MAX, witness::Known};

const SIZE: &str = "text/x.tlog.size";

fn bench(test: impl AsyncFnOnce(Bench)) {
    runtime().block_on(async { test(Bench::start().await).await });
}

#[test]
fn a_checkpoint_that_continues_is_cosigned_after_its_entry() {
    bench(async |bench| {
        let first = submission(0, &[], 1, leaf("a"), 7);
        for (body, size) in [
            (first.clone(), 1),
            (submission(1, &[leaf("b")], 2, both("a", "b"), 7), 2),
            // Again, for a fresh time.
            (submission(2, &[], 2, both("a", "b"), 7), 2),
        ] {
            let (answer, entry) = bench.entry_of(&body).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(entry.leaf.refusal, "");
            let cosigned = format!("{}{}", note_of(&body), answer.body);
            let cosigned = cosignatures(&cosigned, std::slice::from_ref(&bench.key)).unwrap();
            assert_eq!(cosigned.len(), 1);
            assert_eq!(
                i64::try_from(cosigned[0].time_s).unwrap(),
                bench.gateway.now().seconds()
            );
            let known = Known::of(&*bench.gateway.gate().state, LOG).unwrap().unwrap();
            assert_eq!((known.size, known.note), (size, note_of(&body)));
        }
        // What it knows outlives it.
        let gateway = bench.gateway.restart().await;
        let known = Known::of(&*gateway.gate().state, LOG).unwrap().unwrap();
        assert_eq!(known.size, 2);
        assert!(verified(&gateway.stop().await) > 0);
    });
}

pub(crate) fn malformed() {
    bench(async |bench| {
        let before = bench.gateway.size();
        for body in ["", "old 1\n", "old 01\n\nx\n", "GET / HTTP/1.1\r\n\r\n"] {
            let answer = bench.add(body).await;
            assert_eq!(answer.status, 400, "{body:?} {answer:?}");
            assert!(answer.body.starts_with("CHECKPOINT_MALFORMED: "), "{answer:?}");
        }
        let over = bench.add(&submission(3, &[], 2, both("a", "b"), 7)).await;
        assert_eq!(over.status, 400, "an old size over the new one");
        let sums = counted(&bench.gateway, before, 5).await;
        assert_eq!(sums, [("CHECKPOINT_MALFORMED".to_owned(), BANK_A.uri.to_owned(), 5)]);
    });
}

pub(crate) fn unknown_log() {
    bench(async |bench| {
        let before = bench.gateway.size();
        let body = submission(0, &[], 1, leaf("a"), 7).replace(LOG, "bank-y.test/log");
        let answer = bench.add(&body).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        let sums = counted(&bench.gateway, before, 1).await;
        assert_eq!(sums, [("WITNESSED_LOG_UNKNOWN".to_owned(), BANK_A.uri.to_owned(), 1)]);
    });
}

pub(crate) fn not_signed_by_the_log() {
    bench(async |bench| {
        let (answer, entry) = bench.entry_of(&submission(0, &[], 1, leaf("a"), 8)).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert_eq!(entry.leaf.refusal, "CHECKPOINT_SIGNATURE");
        assert!(answer.body.contains(&entry.x.reference), "{answer:?}");
    });
}

pub(crate) fn another_size_is_known() {
    bench(async |bench| {
        let (answer, entry) = bench.entry_of(&submission(1, &[leaf("b")], 2, both("a", "b"), 7)).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (409, SIZE));
        assert_eq!(answer.body, "0\n", "nothing was cosigned yet");
        assert_eq!(entry.leaf.refusal, "CHECKPOINT_SIZE");
        bench.add(&submission(0, &[], 2, both("a", "b"), 7)).await;
        let (answer, _) = bench.entry_of(&submission(0, &[], 2, both("a", "b"), 7)).await;
        assert_eq!((answer.status, answer.body.as_str()), (409, "2\n"));
    });
}

pub(crate) fn another_root_at_the_same_size() {
    bench(async |bench| {
        let (good, forked) = (submission(0, &[], 1, leaf("a"), 7), submission(1, &[], 1, leaf("x"), 7));
        bench.add(&good).await;
        let (answer, entry) = bench.entry_of(&forked).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (409, SIZE));
        assert_eq!(entry.leaf.refusal, "CHECKPOINT_FORKED");
        // Both signed notes are kept: whoever sees them sees that the log has two histories.
        let state = &*bench.gateway.gate().state;
        let evidence = Known::contradiction(state, LOG).unwrap().unwrap();
        assert_eq!(evidence, (note_of(&good), note_of(&forked)));
        assert_eq!(
            Known::of(state, LOG).unwrap().unwrap().note,
            note_of(&good),
            "what is known stays"
        );
    });
}

pub(crate) fn a_proof_that_does_not_extend() {
    bench(async |bench| {
        let good = submission(0, &[], 1, leaf("a"), 7);
        bench.add(&good).await;
        let forked = submission(1, &[leaf("b")], 2, both("x", "b"), 7);
        let (answer, entry) = bench.entry_of(&forked).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(entry.leaf.refusal, "CHECKPOINT_INCONSISTENT");
        let evidence = Known::contradiction(&*bench.gateway.gate().state, LOG)
            .unwrap()
            .unwrap();
        assert_eq!(evidence, (note_of(&good), note_of(&forked)));
    });
}

#[test]
fn a_body_over_the_bound_is_refused_unread() {
    bench(async |bench| {
        let before = bench.gateway.size();
        let body = "x".repeat(WEB_BODY_BYTES_MAX + 1);
        assert_eq!(bench.add(&body).await.status, 413);
        let sums = counted(&bench.gateway, before, 1).await;
        assert_eq!(sums, [("TOO_LARGE".to_owned(), BANK_A.uri.to_owned(), 1)]);
    });
}

#[test]
fn other_paths_and_methods_are_none_of_ours() {
    bench(async |bench| {
        let answer = bench.server(BANK_A).post("/", String::new()).await.unwrap();
        assert_eq!(answer.status, 404);
    });
}

#[test]
fn of_two_submissions_at_once_one_has_to_prove_again() {
    bench(async |bench| {
        let one = submission(0, &[], 1, leaf("a"), 7);
        let two = submission(0, &[], 2, both("x", "y"), 7);
        let mut won = 0;
        let before = bench.gateway.size();
        let (a, b) = (bench.server(BANK_A), bench.server(BANK_B));
        let (a, b) = tokio::join!(a.post(ADD, one), b.post(ADD, two));
        for answer in [a.unwrap(), b.unwrap()] {
            match answer.status {
                200 => won += 1,
                status => assert_eq!(status, 409, "{answer:?}"),
            }
        }
        assert_eq!(won, 1, "never two histories, however fast they come");
        let mut new = entries(&bench.gateway, before);
        new.retain(|e| e.leaf.peer != "gateway");
        assert_eq!(new.len(), 2);
    });
}

#[test]
fn malformed_bodies_are_counted() {
    malformed();
}
#[test]
fn an_unknown_log_is_counted() {
    unknown_log();
}
#[test]
fn a_checkpoint_of_another_key_is_refused() {
    not_signed_by_the_log();
}
#[test]
fn another_size_is_answered_with_the_one_that_is_known() {
    another_size_is_known();
}
#[test]
fn a_fork_at_one_size_is_evidence() {
    another_root_at_the_same_size();
}
#[test]
fn a_fork_behind_a_proof_is_evidence() {
    a_proof_that_does_not_extend();
}
