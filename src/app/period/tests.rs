//! Periods that end, of a real data directory. What a kill at any moment leaves is tried in `tests/crash/period.rs`.
use super::{carry::going_over, *};
use crate::{
    app::{Archived, Deletable, Kept, archives, delete_archive, judge_by, testing::Place, verify_archive},
    audit::{Query, open_details, proof, verify},
    client::{KeyList, Pinned},
    crypto::SystemRng,
    domain::SubjectToken,
    erasure,
    hold::{self, Held, Hold},
    keyring::KeyListTerms,
    limits::KEEP_YEARS_MIN,
    notice::{self, Answered, Correction, Recipients},
    source::{LossRule, RecordBatch},
    state::{Effect, Table},
};
use std::collections::BTreeMap;

type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn sources(place: &Place) -> (Arc<dyn Clock>, Arc<dyn Rng>) {
    (Arc::clone(&place.clock) as _, Arc::new(SystemRng::default()))
}

async fn end(place: &Place) -> Result<Closed, AppError> {
    let (clock, rng) = sources(place);
    close_period(&place.config(), &clock, &rng, &mut |_| ()).await
}

async fn shut(kept: Kept) {
    drop((kept.state, kept.vault, kept.log));
    tokio::task::spawn_blocking(|| kept.worker.close())
        .await
        .unwrap()
        .unwrap();
}

fn rows(kept: &Kept) -> Rows {
    let mut all = Rows::new();
    for table in going_over() {
        for (key, value) in kept.state.rows(table, &[], None, usize::MAX).unwrap() {
            all.insert((table as u8, key), value);
        }
    }
    all
}

/// One row in every table that there is, so that a new table is in this test from its first day.
async fn one_of_each(kept: &Kept, place: &Place) {
    let (rng, now) = (SystemRng::default(), place.clock.now());
    let desk = erasure::Desk {
        register: &kept.erasures,
        rng: &rng,
        now,
    };
    let person = SubjectToken([9; 32]);
    let held = erasure::hold(&desk, person, erasure::Reason::Dispute, None, "case-list", "by").unwrap();
    let correction = Correction::new(&rng, now).unwrap();
    let answered = Answered {
        request_id: vec![5; 16],
        reference: "TG-0000-0000".into(),
        at: now,
        signals: vec!["overdue@1".into()],
        valid_until: now.plus_ms(1_000),
    };
    let told = Recipients {
        answers: [("bank-a".parse().unwrap(), vec![answered])].into(),
        cut: false,
    };
    let key = kept.keyring.period_detail();
    let notices = correction.notices(&rng, &key, &told, || "TG-1111-1111".into()).unwrap();
    for table in Table::ALL {
        let effects = match table {
            Table::Erasure => vec![
                held.standing
                    .row(&rng, &kept.keyring.epochs().active().unwrap())
                    .unwrap(),
            ],
            Table::Notice => {
                let mut effects: Vec<_> = notices.iter().map(|n| n.effect.clone()).collect();
                effects.push(correction.recorded());
                effects
            }
            Table::Request => {
                let row = [&[7; 32][..], &now.0.to_be_bytes()].concat();
                vec![Effect::put(table, [&b"bank-a\0"[..], &[1; 16]].concat(), row)]
            }
            Table::RecordBatch => vec![
                RecordBatch {
                    number: 1,
                    rows: 1,
                    subjects: 1,
                    catalogue_sha256: judge_by(&place.config()).unwrap().catalogue.sha256(),
                    id: "batch".into(),
                }
                .effect(),
            ],
            Table::Hold => vec![hold::place(&Hold {
                held: Held::Period(1),
                case_number: "court 12".into(),
            })],
            _ => vec![Effect::put(table, [1; 24], [2; 48])],
        };
        let mut facts = Facts::new(Kind::Consent, "p", Method("/m"), [0; 32]);
        facts.effects = effects;
        kept.log.append(Event::new(facts)).await.unwrap();
    }
}

/// Nobody's rows are lost with a period, and what is sealed under its key opens under the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_every_table_goes_over_but_requests() {
    let place = Place::new();
    let kept = place.kept();
    one_of_each(&kept, &place).await;
    let listed = |kept: &Kept| {
        let rows = notice::Rows {
            state: &*kept.state,
            key: &kept.keyring.period_detail(),
            partner: &"bank-a".parse().unwrap(),
        };
        let listed = rows.list(None).unwrap();
        (listed.count, listed.answer)
    };
    let (before, told, size) = (rows(&kept), listed(&kept), kept.log.head().size);
    assert_eq!(told.0, 1);
    shut(kept).await;
    place.clock.advance_ms(CLOSING_REST_MS);
    std::fs::write(place.path("data/cosigned.note"), "what witnesses said").unwrap();
    end(&place).await.unwrap();

    // The batch was never loaded into the vault.
    let kept = place.kept_by(LossRule::Accept);
    let after = rows(&kept);
    for table in Table::ALL {
        let of = |rows: &Rows| -> Vec<_> {
            let here = rows.iter().filter(|((number, _), _)| *number == table as u8);
            here.map(|((_, key), value)| (key.clone(), value.clone())).collect()
        };
        let (was, is) = (of(&before), of(&after));
        match table {
            Table::Request => assert!(kept.state.rows(table, &[], None, 9).unwrap().is_empty()),
            Table::Notice => {
                assert_eq!(was.len(), 2);
                assert!(was.iter().map(|(key, _)| key).eq(is.iter().map(|(key, _)| key)));
                assert_ne!(was, is, "it is sealed anew");
            }
            _ => {
                assert!(!was.is_empty(), "{table:?}");
                assert_eq!(was, is, "{table:?}");
            }
        }
    }
    assert_eq!(listed(&kept), told);
    let standing = kept.erasures.of(&SubjectToken([9; 32])).unwrap();
    assert!(standing.is_held(place.clock.now()));
    // The index begins with the log: what it finds are entries of this one.
    let everything = Query {
        from: None,
        until: None,
        terms: Vec::new(),
        person: None,
    };
    let head = kept.log.head().size;
    let found = kept.log.search(&everything, head, 200).unwrap();
    assert_eq!(found.entries.len() as u64, head);
    assert!(found.next.is_none());
    shut(kept).await;
    let archived = archives(&place.config()).unwrap().remove(0);
    let verified = verify_archive(&place.config(), &archived, &mut |_| ()).unwrap();
    assert_eq!(verified.entries, size + 1);
    let cosigned = |at: &std::path::Path| std::fs::read(DataDir::cosigned_note_of(at)).ok();
    assert_eq!(cosigned(&archived.path).as_deref(), Some(&b"what witnesses said"[..]));
    assert_eq!(cosigned(&place.path("data")), None);
}

/// Writes rows of many sizes into several tables.
async fn fill(kept: &Kept, n: usize) {
    for i in 0..n {
        let mut facts = Facts::new(Kind::Consent, "p", Method("/m"), [0; 32]);
        let table = [Table::Consent, Table::SubjectLink, Table::Quota][i % 3];
        let value = vec![i as u8; (i * 37) % 1_400];
        facts.effects = vec![Effect::put(table, format!("key-{i}"), value)];
        kept.log.append(Event::new(facts)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_log_names_the_end_of_the_old_one_and_holds_what_is_in_force() {
    let place = Place::new();
    let kept = place.kept();
    fill(&kept, 150).await;
    let before = rows(&kept);
    let receipt = {
        let facts = Facts::new(Kind::Consent, "p", Method("/m"), [0; 32]);
        kept.log.append(Event::new(facts)).await.unwrap()
    };
    let old_key = kept.keyring.period_detail();
    shut(kept).await;

    let closed = end(&place).await.unwrap();
    assert_eq!((closed.period, closed.rows), (1, before.len() as u64));
    assert_eq!(closed.origin, "tollgate.example/log/2");
    let kept = place.kept();
    assert_eq!(kept.log.origin(), closed.origin);
    assert_eq!(rows(&kept), before);
    // Entry 0 commits to the old log's last signed root, and the old log's last entry says where it goes on.
    let leaf = |log: &Log, index| {
        let entry = log.entry(index).unwrap().unwrap();
        wire::decode_canonical::<v1::Leaf>(&entry.leaf).unwrap()
    };
    assert_eq!(leaf(&kept.log, 0).continues, closed.checkpoint);
    let new_key = kept.keyring.period_detail();
    let entry = kept.log.entry(0).unwrap().unwrap();
    assert!(open_details(&new_key, kept.log.origin(), &entry.leaf, &entry.details).is_ok());
    assert!(open_details(&old_key, kept.log.origin(), &entry.leaf, &entry.details).is_err());
    assert!(
        kept.keyring
            .period_detail_of(1)
            .is_some_and(|key| key.expose() == old_key.expose())
    );

    // The key list names both, so that a receipt of the old log still verifies.
    let keys = key_list(&place, &kept);
    let checkpoint = receipt.receipt().checkpoint.clone();
    let head = keys.checkpoint(&checkpoint).unwrap();
    let receipt = receipt.receipt();
    proof::verify_inclusion(&receipt.leaf, receipt.index, &receipt.proof, head.size, &head.root).unwrap();
    assert!(keys.checkpoint(&kept.log.head().note).is_ok());
    shut(kept).await;

    let listed = archives(&place.config()).unwrap();
    assert_eq!(listed.len(), 1);
    let verified = verify_archive(&place.config(), &listed[0], &mut |_| ()).unwrap();
    assert_eq!((verified.entries, listed[0].entries), (closed.entries, closed.entries));
    // And again: three logs in a row.
    let again = end(&place).await.unwrap();
    assert_eq!(
        (again.period, again.rows, again.origin.as_str()),
        (2, before.len() as u64, "tollgate.example/log/3")
    );
    assert_eq!(rows(&place.kept()), before);
}

fn key_list(place: &Place, kept: &Kept) -> KeyList {
    let config = place.config();
    let online = crate::config::read_text(&config.key_list.online_key).unwrap();
    let online = crate::crypto::Ed25519Signer::from_pkcs8_pem(&online).unwrap();
    let delegation = crate::config::read_text(&config.key_list.delegation).unwrap();
    let delegation = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, delegation.trim()).unwrap();
    let terms = KeyListTerms {
        gateway: &config.gateway.uri,
        origin: &config.gateway.log_origin,
        online: &online,
        delegation: &wire::decode_canonical(&delegation).unwrap(),
    };
    let now = place.clock.now();
    kept.keyring.rotate_exchange_if_due(now, &SystemRng::default()).unwrap();
    let signed = kept.keyring.key_list(&terms, now, &SystemRng::default()).unwrap();
    let identity = std::fs::read_to_string(place.path("pki/gateway/identity.pub")).unwrap();
    let pinned = Pinned {
        gateway: config.gateway.uri.clone(),
        identity: crate::crypto::VerifyKey::from_spki_pem(&identity).unwrap(),
    };
    KeyList::verify(&signed.response, &pinned, now).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_whose_last_request_could_come_again_is_not_closed() {
    let place = Place::new();
    let kept = place.kept();
    let mut facts = Facts::new(Kind::Consent, "p", Method("/m"), [0; 32]);
    let row = [&[7; 32][..], &place.clock.now().0.to_be_bytes()].concat();
    facts.effects = vec![Effect::put(Table::Request, [&b"bank-a\0"[..], &[1; 16]].concat(), row)];
    kept.log.append(Event::new(facts)).await.unwrap();
    shut(kept).await;
    let error = end(&place).await.unwrap_err().to_string();
    assert!(error.contains("try again in 240 s"), "{error}");
    // Nothing was begun: the gateway may start again.
    shut(place.kept()).await;
    place.clock.advance_ms(CLOSING_REST_MS);
    end(&place).await.unwrap();
    let kept = place.kept();
    assert!(kept.state.rows(Table::Request, &[], None, 9).unwrap().is_empty());
    shut(kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_closing_no_gateway_starts() {
    let place = Place::new();
    shut(place.kept()).await;
    std::fs::write(place.path("data/closing"), "preparing\n").unwrap();
    assert!(matches!(place.try_start().await, Err(AppError::ClosingUnderWay)));
    std::fs::write(place.path("data/closing"), "nonsense").unwrap();
    assert!(end(&place).await.unwrap_err().to_string().contains("damaged"));
    std::fs::write(place.path("data/closing"), "preparing\n").unwrap();
    end(&place).await.unwrap();
    shut(place.kept()).await;
}

/// A directory of an older period in the place of the newest: the keyring knows better.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_period_cannot_take_the_place_of_the_newest() {
    let place = Place::new();
    shut(place.kept()).await;
    end(&place).await.unwrap();
    for part in OF_ONE_LOG {
        let (from, to) = (
            place.path(&format!("data/archive/1/{part}")),
            place.path(&format!("data/{part}")),
        );
        if to.is_dir() {
            std::fs::remove_dir_all(&to).unwrap();
        } else {
            std::fs::remove_file(&to).unwrap();
        }
        std::fs::rename(from, to).unwrap();
    }
    assert!(matches!(place.try_start().await, Err(AppError::Log(_))));
}

async fn deleted(place: &Place, archived: &Archived, now: Time) -> Deletable {
    let kept = place.kept();
    let done = delete_archive(&place.config(), &kept, archived, now, &SystemRng::default()).await;
    shut(kept).await;
    done.unwrap_or_else(|e| panic!("{e}"))
}

async fn change(place: &Place, effect: Effect) {
    let kept = place.kept();
    let mut facts = Facts::new(Kind::Configuration, "p", Method("/m"), [0; 32]);
    facts.effects = vec![effect];
    kept.log.append(Event::new(facts)).await.unwrap();
    shut(kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_deleted_when_it_is_old_enough_and_nothing_holds_it() {
    let place = Place::new();
    let kept = place.kept();
    fill(&kept, 20).await;
    shut(kept).await;
    let closed = end(&place).await.unwrap();
    let archived = archives(&place.config()).unwrap().remove(0);
    let old = years_after(place.clock.now(), KEEP_YEARS_MIN);
    let young = deleted(&place, &archived, old.plus_ms(-1_000)).await;
    assert!(matches!(young, Deletable::From(from) if from <= old), "{young:?}");
    // One on a person keeps it too, until it is released.
    let (kept, rng) = (place.kept(), SystemRng::default());
    let desk = erasure::Desk {
        register: &kept.erasures,
        rng: &rng,
        now: place.clock.now(),
    };
    let person = SubjectToken([9; 32]);
    let held = erasure::hold(&desk, person, erasure::Reason::Dispute, None, "court-14", "by").unwrap();
    let (placed, gone) = (
        held.standing
            .row(&rng, &kept.keyring.epochs().active().unwrap())
            .unwrap(),
        held.standing.gone(),
    );
    shut(kept).await;
    change(&place, placed).await;
    let kept_for = deleted(&place, &archived, old).await;
    assert_eq!(kept_for, Deletable::PersonHeld("court-14".to_owned()));
    change(&place, gone).await;
    // A hold on a partner, and one on the period, each keep it; one on another period does not.
    for held in [Held::Period(1), Held::Partner("bank-a".parse().unwrap())] {
        let hold = Hold {
            held: held.clone(),
            case_number: "court 12".into(),
        };
        change(&place, hold::place(&hold)).await;
        assert_eq!(deleted(&place, &archived, old).await, Deletable::Held(hold));
        change(&place, hold::release(&held)).await;
    }
    let other = Hold {
        held: Held::Period(2),
        case_number: "court 13".into(),
    };
    change(&place, hold::place(&other)).await;
    assert_eq!(deleted(&place, &archived, old).await, Deletable::Yes);

    let left = archives(&place.config()).unwrap().remove(0);
    assert!(left.deleted && !left.opens && left.entries == closed.entries);
    assert!(!archived.path.join("journal").exists() && !archived.path.join("store").exists());
    let certificate = std::fs::read_to_string(archived.path.join("DELETED")).unwrap();
    assert!(certificate.contains("`tollgate.example/log`"), "{certificate}");
    // The live log says so, with the digest of the checkpoint that is left.
    let digest: String = crate::crypto::sha256(closed.checkpoint.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let notes = place.notes();
    assert!(
        notes.iter().any(|n| n.contains("is deleted") && n.contains(&digest)),
        "{notes:?}"
    );
    // What was stopped after the entry is ended by running it again.
    for left in ["store", "journal"] {
        std::fs::create_dir_all(archived.path.join(left).join("left")).unwrap();
    }
    let left = archives(&place.config()).unwrap().remove(0);
    assert!(left.deleted, "half a journal is no archive");
    assert_eq!(deleted(&place, &left, old).await, Deletable::Yes);
    assert!(!archived.path.join("store").exists() && !archived.path.join("journal").exists());
    assert!(verify_archive(&place.config(), &left, &mut |_| ()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_changed_or_cut_is_found_and_not_deleted() {
    let place = Place::new();
    let kept = place.kept();
    fill(&kept, 40).await;
    shut(kept).await;
    end(&place).await.unwrap();
    let archived = archives(&place.config()).unwrap().remove(0);
    let journal = archived.path.join("journal/00000001.journal");
    let good = std::fs::read(&journal).unwrap();
    let mut changed = good.clone();
    let at = good.len() / 2;
    changed[at] ^= 1;
    let old = years_after(place.clock.now(), KEEP_YEARS_MIN);
    for bad in [changed, good[..at].to_vec()] {
        // Read-only for who would do it by mistake; whoever owns it can.
        std::fs::remove_file(&journal).unwrap();
        std::fs::write(&journal, bad).unwrap();
        let error = verify_archive(&place.config(), &archived, &mut |_| ()).unwrap_err();
        assert!(matches!(error, AppError::ArchiveBad(_)), "{error}");
        let kept = place.kept();
        let done = delete_archive(&place.config(), &kept, &archived, old, &SystemRng::default()).await;
        assert!(matches!(done, Err(AppError::ArchiveBad(_))));
        shut(kept).await;
    }
    std::fs::remove_file(&journal).unwrap();
    std::fs::write(&journal, good).unwrap();
    let verified: verify::Verified = verify_archive(&place.config(), &archived, &mut |_| ()).unwrap();
    assert_eq!(verified.entries, archived.entries);
}
