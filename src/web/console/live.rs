//! The live view: new entries as they are recorded. That somebody follows is one entry, and no entry makes another.
//!
//! A follower reads at its own pace and holds up nobody: one message waits for it, and one that takes none for a while is
//! cut. Its certificate and its role are looked at again each time.
use super::{
    Console, assets, by, moment, names,
    shell::{Place, Sheet},
    visitor::Visitor,
    words::Text,
};
use crate::{
    clock::Time,
    inspect::{self, At, Following, STREAM},
    limits::{
        FOLLOW_BACK_ENTRIES, FOLLOW_BEAT_MS, FOLLOW_LOOK_MS, FOLLOW_MS_MAX, FOLLOW_STALL_MS, FOLLOWS_PER_MEMBER_MAX,
    },
    pipeline::StaffCall,
    refusal::Code,
    wire::{self, v1::Leaf},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;
use serde::Serialize;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc::{self, error::SendTimeoutError},
    time::Instant,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

const PAGE: StaffCall = by("/tollgate.console/Live", STREAM);
const EVENTS: StaffCall = by("/tollgate.console/Follow", STREAM);

pub(super) async fn page(State(console): State<Console>, visitor: Visitor) -> Response {
    let reading = inspect::head(Arc::clone(&console.gate), visitor.peer.clone(), PAGE);
    let receipt = match console.read(&visitor, reading).await {
        Ok((_, receipt)) => receipt,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::Live).to_owned(),
        place: Place::Live,
        script: Some(&assets::LIVE),
        recorded: Some(receipt.index),
    };
    let say = |text| visitor.say(text);
    let heads = [
        Text::Number,
        Text::Time,
        Text::Kind,
        Text::Class,
        Text::Partner,
        Text::Method,
    ];
    let body = html! {
        h1 { (say(Text::Live)) }
        section class="panel" id="live" data-on=(say(Text::LiveOn)) data-paused=(say(Text::LivePaused))
            data-lost=(say(Text::LiveLost)) data-pause=(say(Text::Pause)) data-resume=(say(Text::Resume)) {
            p class="note" { (say(Text::LiveExplained)) }
            noscript { p { (say(Text::NeedsScript)) } }
            p class="actions" {
                button type="button" id="pause" hidden { (say(Text::Pause)) }
                span id="state" role="status" {}
            }
            div class="scroll" tabindex="0" role="region" aria-label=(say(Text::Live)) {
                table {
                    thead { tr { @for head in heads { th scope="col" { (say(head)) } } } }
                    tbody id="rows" {}
                }
            }
        }
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// How many views each member has open.
#[derive(Default)]
pub(super) struct Followers(Mutex<HashMap<String, usize>>);

impl Followers {
    /// One more, unless there are too many.
    fn begin(self: &Arc<Self>, member: &str) -> Option<Open> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(member.to_owned()).or_insert(0);
        if *open >= FOLLOWS_PER_MEMBER_MAX {
            return None;
        }
        *open += 1;
        Some(Open {
            all: Arc::clone(self),
            member: member.to_owned(),
        })
    }
}

/// Room for one open view. Dropped, it makes room.
struct Open {
    all: Arc<Followers>,
    member: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(&self.member) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.member);
            }
        }
    }
}

/// Server-sent events (HTML standard, section 9.2).
pub(super) async fn events(State(console): State<Console>, visitor: Visitor, headers: HeaderMap) -> Response {
    let Some(open) = console.followers.begin(visitor.peer.uri()) else {
        return console.refuse(&visitor, EVENTS, Code::StreamsExhausted.into()).await;
    };
    let size = console.gate.log.head().size;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let next = last.and_then(|id| id.parse::<u64>().ok()?.checked_add(1));
    // Whoever was away for long begins near the end: the search is for what lies before.
    let oldest = size.saturating_sub(FOLLOW_BACK_ENTRIES);
    let from = next.unwrap_or(oldest).clamp(oldest, size);
    let at = At { period: 0, index: from };
    let opening = Following::open(Arc::clone(&console.gate), visitor.peer.clone(), EVENTS, at);
    let following = match console.read(&visitor, opening).await {
        Ok(following) => following,
        Err(page) => return page,
    };
    let (send, receive) = mpsc::channel(1);
    let tasks = console.tasks.clone();
    tasks.spawn(async move {
        let mut following = following;
        let end = show(&console, &visitor, &mut following, send).await;
        drop(open);
        // The log itself is failing then, and its health says so.
        let _ = match end {
            Ok(how) => following.end(how).await,
            Err(code) => following.refuse(code).await.map(|_| ()),
        };
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let stream = ReceiverStream::new(receive).map(Ok::<String, Infallible>);
    (headers, Body::from_stream(stream)).into_response()
}

/// Shows entries until something ends it; says what.
async fn show(
    console: &Console,
    visitor: &Visitor,
    following: &mut Following,
    send: mpsc::Sender<String>,
) -> Result<&'static str, Code> {
    let end = Instant::now() + Duration::from_millis(FOLLOW_MS_MAX);
    let (beat, stall) = (
        Duration::from_millis(FOLLOW_BEAT_MS),
        Duration::from_millis(FOLLOW_STALL_MS),
    );
    let mut spoke = Instant::now();
    // A browser asks again after three seconds.
    let mut text = "retry: 3000\n\n".to_owned();
    loop {
        if text.is_empty() && spoke.elapsed() >= beat {
            text.push_str(":\n\n");
        }
        if !text.is_empty() {
            match send.send_timeout(std::mem::take(&mut text), stall).await {
                Ok(()) => spoke = Instant::now(),
                Err(SendTimeoutError::Timeout(_)) => return Ok("the reader took nothing"),
                Err(SendTimeoutError::Closed(_)) => return Ok("the reader left"),
            }
        }
        tokio::select! {
            () = console.stopping.cancelled() => return Ok("the gateway stops"),
            () = send.closed() => return Ok("the reader left"),
            () = tokio::time::sleep_until(end) => return Ok("its time was over"),
            () = tokio::time::sleep(Duration::from_millis(FOLLOW_LOOK_MS)) => {}
        }
        visitor.info.caller(&console.denylist, console.gate.clock.now())?;
        if following.next() < console.gate.log.head().size {
            let step = following.step().await?;
            text = step.entries.iter().map(|entry| event(visitor, &entry.leaf)).collect();
        }
    }
}

/// What the script shows of a leaf, in words.
#[derive(Serialize)]
struct Shown<'a> {
    seq: u64,
    time: String,
    kind: &'a str,
    class: &'a str,
    said: &'a str,
    refusal: &'a str,
    partner: &'a str,
    method: &'a str,
}

fn event(visitor: &Visitor, leaf: &Leaf) -> String {
    let (class, text) = names::class(leaf.class());
    let shown = Shown {
        seq: leaf.seq,
        time: moment::stamp(Time(wire::millis(leaf.time.as_ref()).unwrap_or_default())),
        kind: visitor.say(names::kind(leaf.kind())),
        class,
        said: visitor.say(text),
        refusal: &leaf.refusal,
        partner: &leaf.partner,
        method: &leaf.method,
    };
    // JSON has no line feed in it, so one `data` line is one event.
    match serde_json::to_string(&shown) {
        Ok(json) => format!("id: {}\ndata: {json}\n\n", leaf.seq),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_a_few_views_open_at_once() {
        let followers = Arc::<Followers>::default();
        let mut open: Vec<_> = (0..FOLLOWS_PER_MEMBER_MAX)
            .map(|_| followers.begin("a").unwrap())
            .collect();
        assert!(followers.begin("a").is_none());
        assert!(followers.begin("b").is_some());
        open.pop();
        assert!(followers.begin("a").is_some());
        drop(open);
        assert!(followers.0.lock().unwrap().is_empty(), "nothing is left of who is gone");
    }
}
