//! A gateway that comes back: what it knows, what it does not know, and what it says of what is lost.
use super::{Kept, Taken, site, take};
use crate::{
    erasure::outcomes,
    path::QUERY,
    support::{
        BANK_A, COMPLIANCE, Caller, Gateway, Place, SECURITY, Who, agreed, entries, load_sample, question, refused,
        runtime,
    },
};
use std::fs;
use tollgate::{
    app::{AppError, archives},
    audit::{note, proof::verify_consistency, verify},
    client::{AdminClient, Backups, ClientError},
    refusal::Code,
    state::Table,
    wire::{timestamp, v1},
};

const ROW: u64 = 3;
const BAND: i32 = v1::SignalOutcome::Band as i32;
const NO_CONSENT: i32 = v1::SignalOutcome::NoValidConsent as i32;
const TEN_MINUTES_MS: i64 = 600_000;

async fn ask(bank: &Caller, consent: &[u8]) -> Result<v1::SealedReply, tonic::Status> {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(ROW, consent)
    });
    bank.exchange(sent).await.map(|(reply, _)| reply)
}

async fn confirm(gateway: &Gateway, who: Who, what: v1::Replay, up_to: i64) -> Result<bool, String> {
    let connector = gateway.connector(&gateway.place.credential(who));
    let backups = Backups::connect(gateway.address(true), connector).await.unwrap();
    let request = v1::ConfirmReplayRequest {
        what: what as i32,
        up_to: Some(timestamp(up_to)),
    };
    match backups.confirm(request).await {
        Ok(confirmed) => Ok(confirmed),
        Err(ClientError::Refused { code, .. }) => Err(code),
        Err(other) => panic!("{other}"),
    }
}

async fn admin(gateway: &Gateway) -> AdminClient {
    let connector = gateway.connector(&gateway.place.credential(SECURITY));
    AdminClient::connect(gateway.address(true), connector).await.unwrap()
}

/// A gateway with records and a consent, a backup of it, and the checkpoint that a partner had by then.
async fn lived() -> (Gateway, Kept, Taken, Vec<u8>) {
    let (place, kept) = site();
    let gateway = Gateway::start(place).await;
    load_sample(&gateway).await;
    let consent = agreed(&gateway, ROW).await;
    let bank = gateway.caller(BANK_A).await;
    assert_eq!(outcomes(&bank, ROW, &consent).await, [BAND; 4]);
    let open = v1::change::Change::RotateExchangeKeys(v1::RotateExchangeKeys::default());
    admin(&gateway).await.propose(open, "weekly").await.unwrap();
    let taken = take(&gateway, "one").await;
    (gateway, kept, taken, consent)
}

fn lose(place: &Place) {
    fs::rename(place.path("data"), place.beside("lost")).unwrap();
}

#[test]
fn a_restored_gateway_answers_once_it_knows_again_what_the_backup_could_not() {
    runtime().block_on(async {
        let (gateway, kept, taken, consent) = lived().await;
        let checked = kept.check(&gateway.place, &taken, gateway.now()).unwrap();
        assert_eq!((checked.held.rows, checked.held.people), (64, 64));
        let known = checked.manifest.checkpoint.clone();
        let serial = gateway.caller(BANK_A).await.keys.serial;
        let now = gateway.now();
        let place = gateway.stop().await;
        // Over what is there nothing is restored.
        let error = kept.restore(&place, &taken, &known, false, now).await.unwrap_err();
        assert!(matches!(error, AppError::DataDir(_)), "{error}");
        lose(&place);
        let back = kept.restore(&place, &taken, &known, false, now).await.unwrap();
        assert_eq!((back.lost, back.checked.entries), (None, checked.entries));

        let gateway = Gateway::start_at(place, now).await;
        let told: Vec<_> = entries(&gateway, checked.entries);
        let restored = told
            .iter()
            .filter(|e| e.leaf.method == "/tollgate.internal/Restored")
            .map(|e| e.i.note.as_str())
            .collect::<Vec<_>>();
        assert!(
            restored.iter().any(|note| note.contains("restored from a backup")),
            "{restored:?}"
        );
        // It may have been rejected after the backup.
        assert!(admin(&gateway).await.proposals().await.unwrap().is_empty());
        assert!(
            restored
                .iter()
                .any(|note| note.contains("proposals that the backup has")),
            "{restored:?}"
        );
        // What a partner has from before: the log continues it.
        let key = note::VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
        let older = note::verify(&known, &key).unwrap();
        let (proof, head) = gateway.gate().log.prove_consistency(older.size, 0).unwrap();
        verify_consistency(older.size, &older.root, head.size, &head.root, &proof).unwrap();

        // Partners are suspended, also after another start, which is no restore.
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        assert!(
            bank.keys.serial > serial + 1_000,
            "beyond every list that was signed since the backup"
        );
        let suspended = refused(&gateway, &bank, QUERY, ask(&bank, &consent)).await;
        assert_eq!(suspended.code, Code::PartnerSuspended);
        let at = now.0;
        let invalid = Err(Code::FieldInvalid.name().to_owned());
        assert_eq!(
            confirm(&gateway, SECURITY, v1::Replay::Suspensions, at - 1).await,
            invalid
        );
        assert_eq!(
            confirm(&gateway, SECURITY, v1::Replay::Suspensions, at + 60_000).await,
            invalid
        );
        assert_eq!(confirm(&gateway, SECURITY, v1::Replay::Suspensions, at).await, Ok(true));
        assert_eq!(
            confirm(&gateway, SECURITY, v1::Replay::Suspensions, at).await,
            Ok(false)
        );

        // The consent may have been withdrawn: it counts for nothing, and looks like none.
        assert_eq!(outcomes(&bank, ROW, &consent).await, [NO_CONSENT; 4]);
        gateway.clock.advance_ms(1_000);
        let fresh = agreed(&gateway, ROW).await;
        assert_eq!(
            outcomes(&bank, ROW, &fresh).await,
            [BAND; 4],
            "given since: nobody doubts it"
        );
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        assert_eq!(outcomes(&bank, ROW, &consent).await, [NO_CONSENT; 4]);
        assert_eq!(
            confirm(&gateway, COMPLIANCE, v1::Replay::Withdrawals, at).await,
            Ok(true)
        );
        assert_eq!(outcomes(&bank, ROW, &consent).await, [BAND; 4]);
        assert!(
            gateway
                .gate()
                .state
                .rows(Table::Restored, &[], None, 9)
                .unwrap()
                .is_empty()
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_log_that_ends_before_what_was_seen_is_refused_or_says_what_is_lost() {
    runtime().block_on(async {
        let (gateway, kept, taken, consent) = lived().await;
        let bank = gateway.caller(BANK_A).await;
        for _ in 0..5 {
            assert_eq!(outcomes(&bank, ROW, &consent).await, [BAND; 4]);
        }
        let known = gateway.gate().log.head();
        let now = gateway.now();
        let place = gateway.stop().await;
        lose(&place);
        let error = kept.restore(&place, &taken, &known.note, false, now).await.unwrap_err();
        let AppError::NotReached {
            entries: has,
            known: seen,
        } = error
        else {
            panic!("{error}")
        };
        assert!(has < seen && seen == known.size);
        assert!(!place.path("data").exists(), "nothing came of it");
        // A request that was signed before could still be sent again.
        let error = kept.restore(&place, &taken, &known.note, true, now).await.unwrap_err();
        assert!(matches!(error, AppError::Period(_)), "{error}");
        let later = now.plus_ms(TEN_MINUTES_MS);
        let back = kept.restore(&place, &taken, &known.note, true, later).await.unwrap();
        assert_eq!(back.lost, Some((has, seen)));
        assert_eq!(back.origin, "tollgate.example/log/2");

        let gateway = Gateway::start_at(place, later).await;
        let first = entries(&gateway, 0).remove(0).leaf;
        assert_eq!(
            (first.continues.as_str(), first.missing_until),
            (back.checked.manifest.checkpoint.as_str(), seen)
        );
        // What is unknown is so in the new period too, and stays over the end of it.
        let bank = gateway.caller(BANK_A).await;
        let suspended = refused(&gateway, &bank, QUERY, ask(&bank, &consent)).await;
        assert_eq!(suspended.code, Code::PartnerSuspended);
        let (config, clock) = (gateway.place.config(), later.plus_ms(TEN_MINUTES_MS));
        let place = gateway.stop().await;
        let (clock_of, rng) = super::sources(clock);
        tollgate::app::close_period(&config, &clock_of, &rng, &mut |_| ())
            .await
            .unwrap();
        let gateway = Gateway::start_at(place, clock).await;
        assert_eq!(
            confirm(&gateway, SECURITY, v1::Replay::Suspensions, clock.0).await,
            Ok(true)
        );
        let bank = gateway.caller(BANK_A).await;
        assert_eq!(outcomes(&bank, ROW, &consent).await, [NO_CONSENT; 4]);
        assert_eq!(
            confirm(&gateway, COMPLIANCE, v1::Replay::Withdrawals, clock.0).await,
            Ok(true)
        );
        assert_eq!(outcomes(&bank, ROW, &consent).await, [BAND; 4]);
        let place = gateway.stop().await;
        let closed = archives(&place.config()).unwrap();
        assert_eq!(closed.iter().map(|a| a.entries).collect::<Vec<_>>()[0], has);
        let key = note::VerifierKey::parse(place.site().log_verifier_key()).unwrap();
        let archived = verify::dir(&closed[0].path, &key, &mut |_| ()).unwrap();
        assert_eq!(archived.signed, has, "nothing was added to the log that lost its end");
    });
}

/// A second history of the log, longer than the one that was seen.
#[test]
fn a_log_that_is_not_the_one_of_the_checkpoint_is_refused_whatever_is_accepted() {
    runtime().block_on(async {
        let (gateway, kept, taken, _) = lived().await;
        let start = gateway.gate().log.head();
        let now = gateway.now();
        let place = gateway.restart().await.stop().await;
        let seen = {
            let gateway = Gateway::start_at(place, now).await;
            let head = gateway.gate().log.head();
            let place = gateway.stop().await;
            (head, place)
        };
        let (head, place) = seen;
        assert!(head.size > start.size);
        lose(&place);
        kept.restore(&place, &taken, &start_note(&kept, &place, &taken, now), false, now)
            .await
            .unwrap();
        // It grows past what was seen, another way.
        let mut gateway = Gateway::start_at(place, now).await;
        while gateway.size() < head.size {
            gateway = gateway.restart().await;
        }
        let forked = take(&gateway, "forked").await;
        let place = gateway.stop().await;
        fs::rename(place.path("data"), place.beside("forked")).unwrap();
        for accept_loss in [false, true] {
            let error = kept
                .restore(&place, &forked, &head.note, accept_loss, now)
                .await
                .unwrap_err();
            assert!(matches!(error, AppError::BackupBad(_)), "{error}");
        }
        assert!(!place.path("data").exists());
    });
}

fn start_note(kept: &Kept, place: &Place, taken: &Taken, now: tollgate::clock::Time) -> String {
    kept.check(place, taken, now).unwrap().manifest.checkpoint
}
