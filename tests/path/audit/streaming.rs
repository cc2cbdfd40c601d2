//! The stream of entries: contiguous, resumable, bounded, and never in anybody's way.
use super::{STREAM, asked_about, leaf, officer, one_more, paced};
use crate::support::{
    BANK_A, COMPLIANCE, Caller, Entry, Gateway, OPERATOR, Place, SECURITY, agreed, entries, load_sample, on_shared,
    question, refused, runtime, until,
};
use std::time::Duration;
use tollgate::{
    admin::Target,
    limits::{FOLLOW_STALL_MS, FOLLOW_STEP_ENTRIES, FOLLOWS_PER_MEMBER_MAX},
    refusal::Code,
    wire::v1,
};
use tonic::{Status, Streaming, transport::Endpoint};

type Messages = Streaming<v1::StreamEntriesResponse>;

async fn open(by: &Caller, from_seq: u64, follow: bool) -> Result<Messages, Status> {
    let asked = v1::StreamEntriesRequest {
        from_seq,
        follow,
        period: 0,
    };
    paced(by.listen(STREAM, asked)).await
}

/// The stream's entries since `before`: what each says.
fn looks(gateway: &Gateway, before: u64) -> Vec<Entry> {
    let all = entries(gateway, before).into_iter();
    all.filter(|e| e.leaf.method == STREAM).collect()
}

fn words(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|e| e.i.outcomes.concat()).collect()
}

/// One message; its entries must be the next ones, without a gap.
async fn next(messages: &mut Messages, at: &mut u64) -> v1::StreamEntriesResponse {
    let patience = Duration::from_secs(20);
    let message = tokio::time::timeout(patience, messages.message())
        .await
        .expect("no message came");
    let message = message.unwrap().expect("the stream ended");
    for entry in &message.entries {
        assert_eq!(leaf(entry).seq, *at);
        *at += 1;
    }
    assert_eq!(message.next_seq, *at);
    message
}

#[test]
fn everything_in_order_with_one_entry_at_each_end() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let (_, asked) = asked_about(gateway, 56).await;
        while gateway.size() < 2 * FOLLOW_STEP_ENTRIES {
            one_more(&officer).await;
        }
        for from in [0, 1, asked.index, gateway.size()] {
            let before = gateway.size();
            let mut messages = open(&officer, from, false).await.unwrap();
            let mut at = from;
            loop {
                let message = next(&mut messages, &mut at).await;
                if let Some(hit) = message.entries.iter().find(|e| leaf(e).seq == asked.index) {
                    assert!(hit.opened && hit.outcomes == asked.i.outcomes && hit.inclusion.is_empty());
                }
                if message.complete {
                    break;
                }
            }
            assert!(
                messages.message().await.unwrap().is_none(),
                "after the last message nothing follows"
            );
            assert!(at >= before, "all that was there when it was opened: {at} of {before}");
            // However many messages: it was opened, and it ended.
            let looks = looks(gateway, before);
            assert_eq!(words(&looks), ["stream-opened", "stream-ended"]);
            assert_eq!(looks[0].i.note, format!("stream from entry {from}"));
            assert_eq!(
                looks[1].i.note,
                format!("stream from entry {from} ended before {at}: all was shown")
            );
            assert_eq!(looks[1].i.count, at - from);
        }
    });
}

#[test]
fn a_number_that_the_log_does_not_have_yet() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        for from in [gateway.size() + 2, u64::MAX] {
            let refused = refused(gateway, &officer, STREAM, open(&officer, from, true)).await;
            assert_eq!(refused.code, Code::LogRange);
        }
        for who in [SECURITY, OPERATOR] {
            let by = gateway.caller(who).await;
            let refused = refused(gateway, &by, STREAM, open(&by, 0, false)).await;
            assert_eq!(refused.code, Code::MethodNotAllowed, "{who:?}");
        }
    });
}

#[test]
fn it_follows_the_log_and_does_not_feed_on_itself() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (officer, bank) = (officer(&gateway).await, gateway.caller(BANK_A).await);
        let from = gateway.size();
        let mut messages = open(&officer, from, true).await.unwrap();
        let mut second = open(&officer, from, true).await.unwrap();
        let (mut at, mut also) = (from, from);
        for _ in 0..5 {
            one_more(&bank).await;
            let size = gateway.size();
            while at < size {
                assert!(!next(&mut messages, &mut at).await.complete);
            }
            while also < size {
                next(&mut second, &mut also).await;
            }
        }
        // The gateway's own first entries may come late.
        let made = || {
            entries(&gateway, from)
                .iter()
                .filter(|e| e.leaf.peer != "gateway")
                .count()
        };
        // Two openings and five calls, and then it is quiet: no stream makes entries of what another shows.
        assert_eq!(made(), 7);
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(made(), 7);
        // Taken up where it was left, after a loss.
        drop(messages);
        until("the end is recorded", || looks(&gateway, from).len() == 3).await;
        let ended = &looks(&gateway, from)[2];
        assert_eq!(ended.i.outcomes, ["stream-ended"]);
        assert!(ended.i.note.ends_with("the reader left"), "{}", ended.i.note);
        let mut again = open(&officer, at, true).await.unwrap();
        next(&mut again, &mut at).await;
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(crate) fn as_many_streams_as_a_member_may_have() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = officer(&gateway).await;
        let mut held = Vec::new();
        for _ in 0..FOLLOWS_PER_MEMBER_MAX {
            held.push(open(&officer, 0, true).await.unwrap());
        }
        // Over another connection too.
        let again = gateway.caller(COMPLIANCE).await;
        for by in [&officer, &again] {
            let over = refused(&gateway, by, STREAM, open(by, 0, true)).await;
            assert_eq!(over.code, Code::StreamsExhausted);
        }
        // Whoever may not have one is told that.
        let operator = gateway.caller(OPERATOR).await;
        let barred = refused(&gateway, &operator, STREAM, open(&operator, 0, true)).await;
        assert_eq!(barred.code, Code::MethodNotAllowed);
        // One that ends makes room.
        let before = gateway.size();
        held.pop();
        until("the end is recorded", || !looks(&gateway, before).is_empty()).await;
        let place = async || loop {
            if let Ok(stream) = open(&officer, 0, true).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        };
        held.push(tokio::time::timeout(Duration::from_secs(20), place()).await.unwrap());
        gateway.stop().await.verify_log();
    });
}

/// The stop of the gateway ends a stream at once, and the end is an entry before the log's last.
#[test]
fn a_stop_ends_it() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = officer(&gateway).await;
        let from = gateway.size();
        let mut messages = open(&officer, from, true).await.unwrap();
        let mut at = from;
        next(&mut messages, &mut at).await;
        let reading = tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                assert!(!message.complete, "cut off is not complete");
            }
        });
        let began = std::time::Instant::now();
        let gateway = gateway.restart().await;
        assert!(began.elapsed() < Duration::from_secs(8), "it waited for the stream");
        reading.await.unwrap();
        let looks = looks(&gateway, from);
        assert_eq!(words(&looks), ["stream-opened", "stream-ended"]);
        assert!(looks[1].i.note.ends_with("the gateway stopped"), "{}", looks[1].i.note);
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_revocation_ends_it() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = officer(&gateway).await;
        let from = gateway.size();
        let mut messages = open(&officer, from, true).await.unwrap();
        let peer = crate::path::members::peer(&gateway, COMPLIANCE.uri);
        let certificate = Target::Certificate {
            issuer: peer.issuer().to_vec(),
            serial: peer.serial().to_vec(),
        };
        assert_eq!(gateway.gate().admin.switch.shut(&certificate).unwrap().connections, 1);
        while let Ok(Some(_)) = messages.message().await {}
        until("the end is recorded", || looks(&gateway, from).len() == 2).await;
        gateway.stop().await.verify_log();
    });
}

/// A reader that takes nothing: questions are answered beside it as ever, and after a while its place is another's.
#[test]
fn a_hung_reader_is_in_nobodys_way() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let officer = officer(&gateway).await;
        // More than a connection of 64 KiB, and one message beside it, can hold.
        while gateway.size() < 5 * FOLLOW_STEP_ENTRIES {
            one_more(&officer).await;
        }
        let endpoint = Endpoint::from_shared(format!("http://{}", gateway.address(true))).unwrap();
        let endpoint = endpoint
            .initial_stream_window_size(65_535)
            .initial_connection_window_size(65_535);
        let connector = gateway.connector(&gateway.place.credential(COMPLIANCE));
        let channel = endpoint.connect_with_connector(connector).await.unwrap();
        let slow = Caller::new(&gateway, channel, COMPLIANCE);
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(&gateway, 2).await;
        let before = gateway.size();
        let hung = open(&slow, 0, true).await.unwrap();
        let began = std::time::Instant::now();
        let mut answered = 0;
        while looks(&gateway, before).len() < 2 {
            // The stream's own end may be recorded beside it.
            let sent = bank.one_shot(crate::path::QUERY, |header| v1::Query {
                header: Some(header),
                ..question(2, &consent)
            });
            assert!(bank.exchange(sent).await.is_ok(), "nobody waits for the reader");
            answered += 1;
            assert!(
                began.elapsed() < Duration::from_millis(4 * FOLLOW_STALL_MS),
                "it is never cut"
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        assert!(answered >= 4, "{answered} questions beside it");
        let ended = &looks(&gateway, before)[1];
        assert!(
            ended.i.note.ends_with("took no message for too long"),
            "{}",
            ended.i.note
        );
        drop(hung);
        gateway.stop().await.verify_log();
    });
}
