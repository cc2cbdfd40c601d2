//! When a part fails: nothing is answered that the log does not have, and nothing is lost that it has.
use super::{CHECKPOINT, QUERY, WITHDRAW};
use crate::support::{
    BANK_A, COMPLIANCE, Caller, Gateway, Place, SECURITY, Sent, agreed, answered, entries, load_sample, no_entry_since,
    person, question, reason_of, refused, runtime, skip, status_of, subject, until,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tollgate::{
    client::AdminClient,
    clock::{Clock, SystemClock},
    crypto::{Broken, Rng, SystemRng},
    domain::Method,
    inspect::SEARCH,
    limits::AUDIT_QUEUE_MAX,
    refusal::Code,
    source::RecordStore,
    store::{DataDir, vault::SledRecords},
    wire::v1,
};
use tonic::Status;

fn ask(bank: &Caller, row: u64, consent: &[u8]) -> Sent {
    bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    })
}

fn withdrawal(bank: &Caller, row: u64, consent: &[u8]) -> Sent {
    bank.one_shot(WITHDRAW, |header| v1::WithdrawConsent {
        header: Some(header),
        subject: Some(subject(row)),
        consent_id: consent.to_vec(),
    })
}

/// One of the replies that no entry stands behind.
fn unrecorded(status: &Status) -> (tonic::Code, String) {
    let details = tonic_types::StatusExt::get_error_details(status);
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "tollgate.v1");
    assert!(info.metadata.is_empty(), "{:?}", info.metadata);
    (status.code(), reason_of(status))
}

#[test]
fn a_full_audit_queue_opens_nothing_and_lets_withdrawals_through() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let consent = agreed(&gateway, 1).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let sent = bank.in_session(&session, QUERY, |header| v1::Query {
            header: Some(header),
            ..question(1, &consent)
        });
        let before = gateway.size();
        let mut slots = Vec::new();
        while let Ok(slot) = gateway.gate().log.reserve("flood", Method("/flood")) {
            slots.push(slot);
        }
        assert!(
            slots.len() <= AUDIT_QUEUE_MAX && slots.len() + 8 > AUDIT_QUEUE_MAX,
            "{}",
            slots.len()
        );
        let full = (tonic::Code::ResourceExhausted, "AUDIT_QUEUE_FULL".to_owned());
        let status = bank.send(QUERY, Some(sent.sealed.clone())).await.unwrap_err();
        assert_eq!(unrecorded(&status), full);
        let read = bank.call::<_, v1::GetCheckpointResponse>(CHECKPOINT, v1::GetCheckpointRequest {});
        assert_eq!(unrecorded(&read.await.unwrap_err()), full);
        no_entry_since(&gateway, before);
        // A withdrawal waits for a place, and gets the first.
        let waiting = bank.exchange(withdrawal(&bank, 1, &consent));
        let free_one = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            no_entry_since(&gateway, before);
            slots.pop();
        };
        let (withdrawn, ()) = tokio::join!(waiting, free_one);
        withdrawn.unwrap();
        let held = slots.len() as u64;
        drop(slots);
        until("the abandoned places are recorded", || {
            gateway.size() == before + held + 2
        })
        .await;
        // What was turned away was never opened: its number is still good, to the byte.
        let silent = answered(&gateway, &bank, sent).await;
        assert_eq!(silent.entry.i.outcomes, ["no_valid_consent"; 4]);
        let abandoned = entries(&gateway, gateway.size() - 2).remove(0);
        assert_eq!(abandoned.leaf.class(), v1::EntryClass::Abandoned);
        assert_eq!(
            (abandoned.leaf.peer.as_str(), abandoned.leaf.method.as_str()),
            ("flood", "/flood")
        );
        gateway.stop().await.verify_log();
    });
}

/// The machine's randomness, which can be taken away.
#[derive(Default)]
struct Source {
    dry: AtomicBool,
    rng: SystemRng,
}

impl Rng for Source {
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken> {
        if self.dry.load(Ordering::SeqCst) {
            return Err(Broken);
        }
        self.rng.fill(out)
    }
}

#[test]
fn a_log_that_failed_answers_nothing_more() {
    runtime().block_on(async {
        let source = Arc::new(Source::default());
        let gateway = Gateway::start_with(Place::new(), SystemClock.now(), Arc::clone(&source) as _).await;
        let consent = agreed(&gateway, 1).await;
        let bank = gateway.caller(BANK_A).await;
        let before = gateway.size();
        // Without randomness no entry can be sealed, and without an entry there is no reply.
        source.dry.store(true, Ordering::SeqCst);
        let failed = (tonic::Code::Unavailable, "AUDIT_LOG_FAILED".to_owned());
        let status = bank.exchange(ask(&bank, 1, &consent)).await.err().unwrap();
        assert_eq!(unrecorded(&status), failed);
        source.dry.store(false, Ordering::SeqCst);
        // It stays shut, for withdrawals too: what is not in the log did not happen.
        for sent in [ask(&bank, 1, &consent), withdrawal(&bank, 1, &consent)] {
            let status = bank.exchange(sent).await.err().unwrap();
            assert_eq!(unrecorded(&status), failed);
        }
        assert!(gateway.gate().log.has_failed());
        no_entry_since(&gateway, before);
        let Gateway { running, place, .. } = gateway;
        assert!(
            running.stop().await.is_err(),
            "the end could not be recorded, and nobody is told"
        );
        assert_eq!(place.verify_log(), before);
        // A start verifies the log and goes on.
        let gateway = Gateway::start(place).await;
        let bank = gateway.caller(BANK_A).await;
        answered(&gateway, &bank, ask(&bank, 1, &consent)).await;
        gateway.stop().await.verify_log();
    });
}

/// A tmpfs that is unmounted in the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tollgate-test"])
            .arg(at)
            .output();
        mounted.is_ok_and(|o| o.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
pub(super) fn a_full_disk() {
    let place = Place::new();
    let Some(disk) = Tmpfs::mount(&place.path("disk"), "96m") else {
        return skip("no permission to mount a tmpfs");
    };
    let moved = Command::new("cp")
        .arg("-a")
        .args([place.path("data"), place.path("disk/data")])
        .status();
    assert!(moved.unwrap().success());
    place.swap("gateway.toml", "data_dir = \"data\"", "data_dir = \"disk/data\"");
    let filler = disk.0.join("filler");
    runtime().block_on(async {
        let gateway = Gateway::start(place).await;
        let consent = agreed(&gateway, 1).await;
        let bank = gateway.caller(BANK_A).await;
        answered(&gateway, &bank, ask(&bank, 1, &consent)).await;
        fill(&filler);
        let before = gateway.size();
        let full = bank.exchange(ask(&bank, 1, &consent)).await.err().unwrap();
        assert_eq!(status_of(&full), (Code::DiskFull, None));
        let read = bank.call::<_, v1::GetCheckpointResponse>(CHECKPOINT, v1::GetCheckpointRequest {});
        assert_eq!(status_of(&read.await.unwrap_err()), (Code::DiskFull, None));
        // Whoever looks at the log does not live off the room that is set aside.
        let officer = gateway.caller(COMPLIANCE).await;
        let look = officer.call::<_, v1::SearchResponse>(SEARCH.method.path(), v1::SearchRequest::default());
        assert_eq!(status_of(&look.await.unwrap_err()), (Code::DiskFull, None));
        no_entry_since(&gateway, before);
        assert!(gateway.gate().log.is_disk_full());
        // Withdrawals still work, by the room that was set aside.
        let withdrawn = answered(&gateway, &bank, withdrawal(&bank, 1, &consent)).await;
        assert_eq!(withdrawn.entry.i.outcomes, ["withdrawn"]);
        // So does the kill switch.
        let connector = gateway.connector(&gateway.place.credential(SECURITY));
        let security = AdminClient::connect(gateway.address(true), connector).await.unwrap();
        let partner = v1::target::Target::Member("bank-b".to_owned());
        security.suspend(partner, "INC-1").await.unwrap();
        std::fs::remove_file(&filler).unwrap();
        let silent = answered(&gateway, &bank, ask(&bank, 1, &consent)).await;
        assert_eq!(silent.entry.i.outcomes, ["no_valid_consent"; 4]);
        gateway.stop().await.verify_log();
    });
    drop(disk);
}

/// Takes the last byte.
fn fill(filler: &Path) {
    let mut chunk = vec![1; 1 << 20];
    while !chunk.is_empty() {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(filler)
            .unwrap();
        if std::io::Write::write_all(&mut file, &chunk).is_err() {
            chunk.truncate(chunk.len() / 2);
        }
    }
}

/// A record that does not open is no answer, and no "not available". Who has no consent learns nothing of it: the record
/// was not touched.
#[test]
pub(super) fn a_damaged_record() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (damaged, whole) = (agreed(&gateway, 5).await, agreed(&gateway, 6).await);
        let token = person(&gateway, 5);
        let epoch = gateway.gate().person_keys.epochs.active().unwrap();
        let now = gateway.now();
        let place = gateway.stop().await;
        {
            let data = DataDir::open(&place.config().gateway.data_dir).unwrap();
            let store = SledRecords::open(&data.vault_dir()).unwrap();
            let mut rows = Vec::new();
            let mut collect = |key: &[u8], value: &[u8]| {
                rows.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            };
            store
                .newest_first(&epoch.row_key(b"record", &token), &mut collect)
                .unwrap();
            assert_eq!(rows.len(), 1);
            for (key, mut value) in rows {
                *value.last_mut().unwrap() ^= 1;
                store.remove(&key).unwrap();
                assert!(store.insert_new(&key, value).unwrap().is_none());
            }
            store.sync().unwrap();
        }
        let gateway = Gateway::start_at(place, now).await;
        let bank = gateway.caller(BANK_A).await;
        let refused = refused(&gateway, &bank, QUERY, bank.exchange(ask(&bank, 5, &damaged))).await;
        assert_eq!(refused.code, Code::Internal);
        assert_eq!(refused.entry.i.subject, token.0);
        assert!(refused.entry.of_person);
        let silent = answered(&gateway, &bank, ask(&bank, 5, &[7; 16])).await;
        assert_eq!(silent.entry.i.outcomes, ["no_valid_consent"; 4]);
        let other = answered(&gateway, &bank, ask(&bank, 6, &whole)).await;
        assert_eq!(other.entry.i.outcomes, ["band"; 4]);
        gateway.stop().await.verify_log();
    });
}

/// The caller is told; the case goes on, and is in the log when it ends.
#[test]
pub(super) fn a_call_that_takes_too_long() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let consent = agreed(&gateway, 1).await;
        let bank = gateway.caller(BANK_A).await;
        let before = gateway.size();
        // Somebody else changes this person's rows, and does not come to an end.
        let lock = gateway.gate().people.lock(&person(&gateway, 1)).await;
        let status = bank.exchange(withdrawal(&bank, 1, &consent)).await.err().unwrap();
        assert_eq!(status_of(&status), (Code::DeadlineExceeded, None));
        no_entry_since(&gateway, before);
        drop(lock);
        until("the case ends in the log", || gateway.size() > before).await;
        let entry = entries(&gateway, before).remove(0);
        assert_eq!(
            (entry.leaf.class(), entry.i.outcomes),
            (v1::EntryClass::Sealed, vec!["withdrawn".to_owned()])
        );
        gateway.stop().await.verify_log();
    });
}

/// A caller who hangs up cannot stop a case between reading and recording.
#[test]
fn a_caller_who_hangs_up_is_still_in_the_log() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let consent = agreed(&gateway, 1).await;
        let bank = gateway.caller(BANK_A).await;
        let before = gateway.size();
        let lock = gateway.gate().people.lock(&person(&gateway, 1)).await;
        {
            let call = std::pin::pin!(bank.exchange(withdrawal(&bank, 1, &consent)));
            let impatient = tokio::time::timeout(std::time::Duration::from_secs(2), call);
            assert!(impatient.await.is_err());
        }
        drop(bank);
        until("the connection is gone", || gateway.running.connections().count() == 0).await;
        drop(lock);
        until("the case ends in the log", || gateway.size() > before).await;
        let entry = entries(&gateway, before).remove(0);
        assert_eq!(entry.i.outcomes, ["withdrawn"]);
        gateway.stop().await.verify_log();
    });
}
