//! Periods that are over: searched, shown, counted, streamed, reported and packed like the one that takes entries, each
//! with proofs against its final checkpoint, and each look an entry of the log that takes entries.
mod documents;

use super::{FIND_CHECKPOINT, GET_ENTRY, GET_OVERVIEW, SEARCH, STREAM, leaf, paced, search_for};
use crate::{
    path::QUERY,
    support::{
        AUDITOR, BANK_A, COMPLIANCE, Caller, Gateway, Place, agreed, answered, entries, load_sample, question, refused,
        runtime, shown, subject,
    },
};
use std::{fs, path::Path, sync::Arc};
use tollgate::{
    app,
    audit::{note::VerifierKey, verify},
    client::Staff,
    clock::{Clock, ManualClock, Time},
    crypto::{Rng, SystemRng},
    limits::CLOSING_REST_MS,
    refusal::Code,
    wire::{timestamp, v1},
};

async fn ask(gateway: &Gateway, row: u64, consent: &[u8]) -> u64 {
    let bank = gateway.caller(BANK_A).await;
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    answered(gateway, &bank, sent).await.entry.index
}

async fn close(gateway: Gateway) -> Gateway {
    let now = gateway.now().plus_ms(CLOSING_REST_MS);
    let place = gateway.stop().await;
    let clock = Arc::new(ManualClock::new(now)) as Arc<dyn Clock>;
    let rng = Arc::new(SystemRng::default()) as Arc<dyn Rng>;
    let closed = app::close_period(&place.config(), &clock, &rng, &mut |_| ()).await;
    closed.unwrap_or_else(|e| panic!("{e}"));
    Gateway::start_at(place, now).await
}

/// A period with a question about person 2 and one about person 3, and the next with another about person 2.
pub(crate) struct Two {
    pub(crate) gateway: Gateway,
    consent: Vec<u8>,
    pub(crate) asked: [u64; 2],
    pub(crate) archived: u64,
}

pub(crate) async fn two_periods(place: Place) -> Two {
    let gateway = Gateway::start(place).await;
    load_sample(&gateway).await;
    let (consent, other) = (agreed(&gateway, 2).await, agreed(&gateway, 3).await);
    let before = ask(&gateway, 2, &consent).await;
    ask(&gateway, 3, &other).await;
    let gateway = close(gateway).await;
    let archived = gateway.gate().archives.head(1).unwrap().size;
    let after = ask(&gateway, 2, &consent).await;
    Two {
        gateway,
        consent,
        asked: [before, after],
        archived,
    }
}

/// Stops, and verifies the whole log of the period that takes entries.
async fn end(gateway: Gateway) {
    let key = key(&gateway);
    let place = gateway.stop().await;
    let verified = verify::dir(&place.config().gateway.data_dir, &key, &mut |_| ());
    verified.unwrap_or_else(|bad| panic!("{bad}"));
}

/// The key of the period that takes entries, as an officer has it.
fn key(gateway: &Gateway) -> VerifierKey {
    let first = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
    let gate = gateway.gate();
    first.for_period(gate.period, &gate.log.head().note).unwrap()
}

async fn officer(gateway: &Gateway) -> Staff {
    let connector = gateway.connector(&gateway.place.credential(COMPLIANCE));
    Staff::connect(gateway.address(true), connector, key(gateway))
        .await
        .unwrap()
}

fn all() -> v1::EntryFilter {
    v1::EntryFilter {
        all_periods: true,
        ..v1::EntryFilter::default()
    }
}

fn of_period(period: u32) -> v1::EntryFilter {
    v1::EntryFilter {
        period,
        ..v1::EntryFilter::default()
    }
}

fn places(entries: &[v1::EntrySummary]) -> Vec<(u32, u64)> {
    entries.iter().map(|entry| (entry.period, leaf(entry).seq)).collect()
}

/// All pages of a search, and how many there were.
async fn pages(by: &Caller, filter: v1::EntryFilter, page_size: u32) -> (Vec<(u32, u64)>, usize) {
    let mut request = v1::SearchRequest {
        page_size,
        ..search_for(filter)
    };
    let (mut found, mut count) = (Vec::new(), 0);
    loop {
        let page: v1::SearchResponse = paced(by.call(SEARCH, request.clone())).await.unwrap();
        found.extend(places(&page.entries));
        count += 1;
        assert!(count < 500, "a search ends");
        if page.next_page_token.is_empty() {
            return (found, count);
        }
        request.page_token = page.next_page_token;
    }
}

#[test]
fn a_search_goes_through_all_periods_newest_first() {
    runtime().block_on(async {
        let Two {
            gateway,
            asked,
            archived,
            ..
        } = two_periods(Place::new()).await;
        let by = gateway.caller(COMPLIANCE).await;
        let current = gateway.size();
        // One token leads over both, and what is recorded meanwhile, the pages themselves, does not move them.
        let (found, count) = pages(&by, all(), 7).await;
        let expected: Vec<_> = (0..current)
            .rev()
            .map(|n| (2, n))
            .chain((0..archived).rev().map(|n| (1, n)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(count as u64, (current + archived).div_ceil(7));
        // The record says where it was looked, in the log that takes entries.
        let request = paced(by.call::<_, v1::SearchResponse>(SEARCH, search_for(all())));
        let (page, entry) = shown(&gateway, &by, SEARCH, request).await;
        assert_eq!(entry.i.note, "search by nothing of all periods");
        assert_eq!(page.log_size, archived + entry.index);
        // A person is found in both, by the one key; a condition that is sealed too.
        let about = v1::EntryFilter {
            subject: Some(subject(2)),
            kind: v1::EntryKind::Query as i32,
            outcome: "band".to_owned(),
            ..all()
        };
        assert_eq!(pages(&by, about, 50).await.0, [(2, asked[1]), (1, asked[0])]);
        // One period alone, also the current by its number.
        let (first, _) = pages(&by, of_period(1), 200).await;
        assert_eq!(first.len() as u64, archived);
        assert!(
            pages(&by, of_period(2), 200)
                .await
                .0
                .iter()
                .all(|(period, _)| *period == 2)
        );
        // A period that begins after what is asked for ends the search: the archive is not opened for nothing.
        let young = v1::EntryFilter {
            from: Some(timestamp(gateway.gate().log.began().unwrap().unwrap().0)),
            ..all()
        };
        assert!(pages(&by, young, 200).await.0.iter().all(|(period, _)| *period == 2));
        // A token is of its search: not of the same in another period.
        let first = v1::SearchRequest {
            page_size: 1,
            ..search_for(all())
        };
        let page: v1::SearchResponse = paced(by.call(SEARCH, first.clone())).await.unwrap();
        let elsewhere = v1::SearchRequest {
            filter: Some(of_period(1)),
            page_token: page.next_page_token,
            ..first
        };
        let call = by.call::<_, v1::SearchResponse>(SEARCH, elsewhere);
        assert_eq!(refused(&gateway, &by, SEARCH, call).await.code, Code::PageTokenInvalid);
        let both = v1::EntryFilter { period: 1, ..all() };
        let call = by.call::<_, v1::SearchResponse>(SEARCH, search_for(both));
        assert_eq!(refused(&gateway, &by, SEARCH, call).await.code, Code::FieldInvalid);
        end(gateway).await;
    });
}

#[test]
fn an_archived_entry_is_shown_counted_and_proven() {
    runtime().block_on(async {
        let Two {
            gateway,
            asked,
            archived,
            ..
        } = two_periods(Place::new()).await;
        let staff = officer(&gateway).await;
        let before = gateway.size();
        let entry = staff.entry(1, asked[0], "en").await.unwrap();
        assert_eq!(entry.leaf.kind(), v1::EntryKind::Query);
        assert!(entry.response.opened && entry.response.period == 1);
        assert_eq!(
            (entry.head.origin(), entry.head.size),
            ("tollgate.example/log", archived)
        );
        // What an officer keeps of it is verified with that period's key, which he is told, and with no other.
        assert_eq!(entry.key.text(), gateway.place.site().log_verifier_key());
        assert!(verify::receipt(&entry.response.proof, &entry.key).is_ok());
        assert!(verify::receipt(&entry.response.proof, &key(&gateway)).is_err());
        assert_eq!(
            entries(&gateway, before)[0].i.note,
            format!("entry {} of period 1", asked[0])
        );
        // The same number in the period that takes entries is another entry.
        let other = staff.entry(0, asked[0].min(3), "en").await.unwrap();
        assert_eq!(other.response.period, 2);
        // A page with its proofs ends with its period; the next goes on in the other.
        let mut request = v1::SearchRequest {
            prove: true,
            ..search_for(all())
        };
        let mut proven = Vec::new();
        loop {
            let page = staff.search(request.clone()).await.unwrap();
            let head = page.head.unwrap();
            proven.push((head.origin().to_owned(), page.entries.len()));
            if page.next.is_empty() {
                break;
            }
            request.page_token = page.next;
            paced(async { Ok(()) }).await.unwrap();
        }
        let origins: Vec<&str> = proven.iter().map(|(origin, _)| origin.as_str()).collect();
        assert_eq!(origins, ["tollgate.example/log/2", "tollgate.example/log"]);
        assert_eq!(proven[1].1 as u64, archived);
        // Checkpoints of then, and the last one.
        let last = staff.checkpoint(1, None).await.unwrap();
        assert_eq!((last.size, last.origin()), (archived, "tollgate.example/log"));
        let earlier = staff.checkpoint(1, Some(2)).await.unwrap();
        assert!(earlier.size >= 2 && earlier.size < archived);
        // Counts.
        let by = gateway.caller(COMPLIANCE).await;
        let now = gateway.now();
        let counts = v1::GetOverviewRequest {
            from: Some(timestamp(now.plus_ms(-86_400_000).0)),
            until: Some(timestamp(now.plus_ms(1).0)),
            bucket_s: 3_600,
            period: 1,
        };
        let call = paced(by.call::<_, v1::GetOverviewResponse>(GET_OVERVIEW, counts));
        let (overview, entry) = shown(&gateway, &by, GET_OVERVIEW, call).await;
        assert_eq!(overview.log_size, archived);
        let counted: u64 = overview
            .counts
            .iter()
            .filter(|c| c.signal.is_empty())
            .map(|c| c.count)
            .sum();
        assert_eq!(counted, archived);
        assert_eq!(entry.i.note, "overview of period 1");
        // A stream of it ends by itself where it ends, and is never followed.
        let request = v1::StreamEntriesRequest {
            from_seq: 0,
            follow: false,
            period: 1,
        };
        let mut messages = by
            .listen::<_, v1::StreamEntriesResponse>(STREAM, request)
            .await
            .unwrap();
        let (mut streamed, mut complete) = (Vec::new(), false);
        while let Some(message) = messages.message().await.unwrap() {
            streamed.extend(places(&message.entries));
            complete |= message.complete;
        }
        assert!(complete);
        assert_eq!(streamed, (0..archived).map(|n| (1, n)).collect::<Vec<_>>());
        let follow = v1::StreamEntriesRequest {
            from_seq: 0,
            follow: true,
            period: 1,
        };
        let call = async {
            let mut messages = by.listen::<_, v1::StreamEntriesResponse>(STREAM, follow).await?;
            messages.message().await
        };
        assert_eq!(refused(&gateway, &by, STREAM, call).await.code, Code::FieldInvalid);
        end(gateway).await;
    });
}

/// Every call that names a period, about one that there is none of.
#[test]
pub(crate) fn a_period_that_is_not_kept() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let by = gateway.caller(COMPLIANCE).await;
        let period = 7;
        let search = by.call::<_, v1::SearchResponse>(SEARCH, search_for(of_period(period)));
        let mut seen = vec![refused(&gateway, &by, SEARCH, search).await.code];
        let asked = v1::GetEntryRequest {
            period,
            ..v1::GetEntryRequest::default()
        };
        let entry = by.call::<_, v1::GetEntryResponse>(GET_ENTRY, asked);
        seen.push(refused(&gateway, &by, GET_ENTRY, entry).await.code);
        let asked = v1::FindCheckpointRequest {
            size: 1,
            period,
            newest: false,
        };
        let found = by.call::<_, v1::FindCheckpointResponse>(FIND_CHECKPOINT, asked);
        seen.push(refused(&gateway, &by, FIND_CHECKPOINT, found).await.code);
        let asked = v1::StreamEntriesRequest {
            period,
            ..v1::StreamEntriesRequest::default()
        };
        let stream = async {
            let mut messages = by.listen::<_, v1::StreamEntriesResponse>(STREAM, asked).await?;
            messages.message().await
        };
        seen.push(refused(&gateway, &by, STREAM, stream).await.code);
        assert_eq!(seen, [Code::PeriodUnknown; 4]);
        end(gateway).await;
    });
}

fn first_segment(place: &Place) -> std::path::PathBuf {
    let mut all: Vec<_> = fs::read_dir(place.path("data/archive/1/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all.remove(0)
}

/// Nothing of an archive that does not lead to its final checkpoint is shown, and a search of all periods does not end as
/// if there were none.
#[test]
pub(crate) fn an_archive_that_cannot_be_read() {
    runtime().block_on(async {
        let Two { gateway, .. } = two_periods(Place::new()).await;
        let segment = first_segment(&gateway.place);
        let aside = gateway.place.beside("segment");
        fs::rename(&segment, &aside).unwrap();
        let by = gateway.caller(COMPLIANCE).await;
        for filter in [of_period(1), all()] {
            let request = v1::SearchRequest {
                page_size: 200,
                ..search_for(filter)
            };
            let call = by.call::<_, v1::SearchResponse>(SEARCH, request);
            assert_eq!(refused(&gateway, &by, SEARCH, call).await.code, Code::ArchiveUnreadable);
        }
        // Restored, it is read: nothing has to be started again.
        fs::rename(&aside, &segment).unwrap();
        assert!(!pages(&by, of_period(1), 200).await.0.is_empty());
        end(gateway).await;
    });
}

/// What is done to an archive.
type Harm = fn(&Path);

fn damage(store: &Path) {
    let db = store.join("db");
    let mut bytes = fs::read(&db).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(&db, bytes).unwrap();
}

#[test]
fn an_archives_store_is_made_anew_from_its_journal() {
    runtime().block_on(async {
        let Two { gateway, archived, .. } = two_periods(Place::new()).await;
        let by = gateway.caller(COMPLIANCE).await;
        let about = || v1::EntryFilter {
            subject: Some(subject(2)),
            ..of_period(1)
        };
        let whole = pages(&by, of_period(1), 200).await.0;
        let person = pages(&by, about(), 200).await.0;
        assert!(whole.len() as u64 == archived && !person.is_empty());
        let mut place = gateway.stop().await;
        let archive = place.path("data/archive/1");
        let journal = fs::metadata(first_segment(&place)).unwrap();
        assert!(
            journal.permissions().readonly(),
            "nobody writes to the journal of an archive"
        );
        let ways: [(&str, Harm); 4] = [
            ("gone", |archive| fs::remove_dir_all(archive.join("store")).unwrap()),
            ("without its mark", |archive| {
                fs::remove_file(archive.join("mark")).unwrap()
            }),
            ("damaged", |archive| damage(&archive.join("store"))),
            ("said to be damaged", |archive| {
                fs::write(archive.join("store/DAMAGED"), "").unwrap()
            }),
        ];
        for (way, harm) in ways {
            harm(&archive);
            let now = place_now(&place);
            let gateway = Gateway::start_at(place, now).await;
            let by = gateway.caller(COMPLIANCE).await;
            assert_eq!(pages(&by, of_period(1), 200).await.0, whole, "{way}");
            assert_eq!(pages(&by, about(), 200).await.0, person, "{way}");
            place = gateway.stop().await;
        }
    });
}

/// A moment after everything that the log has.
fn place_now(_: &Place) -> Time {
    use tollgate::clock::SystemClock;
    SystemClock.now().plus_ms(2 * CLOSING_REST_MS)
}

#[test]
fn archives_are_closed_when_nobody_asks() {
    runtime().block_on(async {
        let Two { gateway, .. } = two_periods(Place::new()).await;
        let gateway = close(close(gateway).await).await;
        let by = gateway.caller(COMPLIANCE).await;
        let archives = &gateway.gate().archives;
        assert_eq!(archives.open_now_count(), 0);
        // Three are read, and never more than two are open.
        let (found, _) = pages(&by, all(), 200).await;
        assert!([4, 3, 2, 1].iter().all(|p| found.iter().any(|(period, _)| period == p)));
        assert_eq!(archives.open_now_count(), 2);
        archives.close_idle();
        assert_eq!(archives.open_now_count(), 2);
        gateway.clock.advance_ms(tollgate::limits::ARCHIVE_IDLE_MS);
        archives.close_idle();
        assert_eq!(archives.open_now_count(), 0);
        // And opened again.
        assert!(!pages(&by, of_period(1), 200).await.0.is_empty());
        end(gateway).await;
    });
}

#[test]
fn a_scope_holds_over_archives_too() {
    runtime().block_on(async {
        let place = Place::new();
        place.swap(
            "register.toml",
            "audit = { partners = [\"bank-a\"]",
            "audit = { partners = [\"bank-b\"]",
        );
        let Two { gateway, asked, .. } = two_periods(place).await;
        let auditor = gateway.caller(AUDITOR).await;
        // Of one partner, whatever the period.
        let (found, _) = pages(&auditor, all(), 200).await;
        assert!(found.is_empty(), "{found:?}");
        let named = v1::EntryFilter {
            partner: "bank-a".to_owned(),
            ..of_period(1)
        };
        for filter in [
            named,
            v1::EntryFilter {
                subject: Some(subject(2)),
                ..all()
            },
        ] {
            let call = auditor.call::<_, v1::SearchResponse>(SEARCH, search_for(filter));
            assert_eq!(refused(&gateway, &auditor, SEARCH, call).await.code, Code::OutOfScope);
        }
        let request = v1::GetEntryRequest {
            seq: asked[0],
            period: 1,
            ..v1::GetEntryRequest::default()
        };
        let call = auditor.call::<_, v1::GetEntryResponse>(GET_ENTRY, request);
        assert_eq!(
            refused(&gateway, &auditor, GET_ENTRY, call).await.code,
            Code::OutOfScope
        );
        end(gateway).await;
    });
}
