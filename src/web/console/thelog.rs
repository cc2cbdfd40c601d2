//! The log as a whole: its newest checkpoint, the key that checks it, and that it goes on as a browser has seen it.
use super::{
    Console, assets, by, moment,
    shell::{Place, Sheet},
    trouble,
    visitor::Visitor,
    words::Text,
};
use crate::{
    audit::note::VerifierKey,
    crypto::sha256,
    inspect::{self, GET_ENTRY},
    pipeline::StaffCall,
    refusal::Code,
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const CALL: StaffCall = by("/tollgate.console/Log", GET_ENTRY);
const CONTINUATION: StaffCall = by("/tollgate.console/Continuation", GET_ENTRY);

pub(super) async fn page(State(console): State<Console>, visitor: Visitor) -> Response {
    let reading = inspect::head(Arc::clone(&console.gate), visitor.peer.clone(), CALL);
    let (head, receipt) = match console.read(&visitor, reading).await {
        Ok(read) => read,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::TheLog).to_owned(),
        place: Place::TheLog,
        script: Some(&assets::ENTRY),
        recorded: Some(receipt.index),
    };
    let origin = console.gate.log.origin();
    let body = html! {
        h1 { (visitor.say(Text::TheLog)) }
        section class="panel" aria-labelledby="checkpoint" {
            h2 id="checkpoint" { (visitor.say(Text::Checkpoint)) }
            dl class="facts" {
                div { dt { (visitor.say(Text::Origin)) } dd { code { (origin) } } }
                div { dt { (visitor.say(Text::Size)) } dd { (head.size) } }
                div { dt { (visitor.say(Text::Root)) } dd { code { (STANDARD.encode(head.root)) } } }
            }
            pre id="note" tabindex="0" { (head.note) }
        }
        (witnesses(&console, &visitor))
        section class="panel" aria-labelledby="key" {
            h2 id="key" { (visitor.say(Text::VerifierKey)) }
            (key_panel(&visitor, &(console.verifier_key)()))
        }
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// Who else has signed the log, and who should have.
fn witnesses(console: &Console, visitor: &Visitor) -> Markup {
    let rows = (console.witnesses)();
    let say = |text| visitor.say(text);
    html! {
        section class="panel" aria-labelledby="witnesses" {
            h2 id="witnesses" { (say(Text::Witnesses)) }
            @if rows.is_empty() { p { (say(Text::Unwitnessed)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="witnesses" {
                    table {
                        thead { tr {
                            @for head in [Text::Witnesses, Text::Cosigned, Text::When, Text::WhyNot] {
                                th scope="col" { (say(head)) }
                            }
                        } }
                        tbody { @for row in &rows {
                            tr class=[row.contradicts.then_some("bad")] {
                                th scope="row" { code { (row.name) } }
                                @match row.cosigned {
                                    Some((size, at)) => { td { (size) } td { (moment::stamp(at)) } }
                                    None => { td { "–" } td { "–" } }
                                }
                                td lang="en" { (row.error.as_deref().unwrap_or_default()) }
                            }
                        } }
                    }
                }
            }
        }
    }
}

/// In a few words, for the overview: good, or not, and what.
pub(super) fn witnessed(console: &Console) -> (bool, Text) {
    let rows = (console.witnesses)();
    match rows.as_slice() {
        [] => (false, Text::Unwitnessed),
        rows if rows.iter().any(|row| row.contradicts) => (false, Text::WitnessesContradict),
        rows if rows.iter().any(|row| row.error.is_some()) => (false, Text::WitnessesMissing),
        _ => (true, Text::WitnessesAgree),
    }
}

/// SHA-256 of the key's bytes, in groups that can be read over the telephone.
fn fingerprint(verifier_key: &str) -> String {
    let encoded = verifier_key.rsplit('+').next().unwrap_or_default();
    let key = STANDARD.decode(encoded).unwrap_or_default();
    let hash = sha256(key.get(1..).unwrap_or_default());
    let groups = hash
        .chunks(2)
        .map(|pair| pair.iter().map(|b| format!("{b:02x}")).collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}

/// The key that the gateway tells, and room for the one that the officer was given another way, which wins.
pub(super) fn key_panel(visitor: &Visitor, verifier_key: &str) -> Markup {
    let say = |text| visitor.say(text);
    // What cannot be read as a key is not shown as one.
    let known = VerifierKey::parse(verifier_key).is_ok();
    html! {
        @if known {
            details class="key" id="key-panel" open[visitor.uri.path() == "/log"]
                data-vkey=(verifier_key) data-kept=(say(Text::KeyKept)) data-none=(say(Text::KeyNotKept)) data-bad=(say(Text::KeyBad)) {
                summary { (say(Text::VerifierKey)) }
                dl class="facts" {
                    div { dt { (say(Text::KeyFromGateway)) } dd { code id="vkey" { (verifier_key) } } }
                    @for key in verifier_key.lines() {
                        div { dt { (say(Text::Fingerprint)) } dd { code { (fingerprint(key)) } } }
                    }
                }
                p class="note" { (visitor.write(Text::CompareKey)) }
                div class="script-only" hidden id="key-form" {
                    div class="field" {
                        label for="own-key" { (say(Text::YourKey)) }
                        textarea id="own-key" rows="2" maxlength="6000" autocomplete="off" spellcheck="false" {}
                    }
                    p class="actions" {
                        button type="button" id="keep-key" { (say(Text::KeepKey)) }
                        button type="button" id="drop-key" { (say(Text::DropKey)) }
                    }
                    p id="key-state" role="status" {}
                }
            }
        }
    }
}

/// Two sizes of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sizes {
    from: u64,
    to: u64,
    #[serde(default)]
    period: u32,
}

#[derive(Serialize)]
struct Continuation {
    from: u64,
    to: u64,
    proof: Vec<String>,
}

/// For the script: hashes that prove that the later tree extends the earlier.
pub(super) async fn continuation(
    State(console): State<Console>,
    visitor: Visitor,
    sizes: Result<Query<Sizes>, QueryRejection>,
) -> Response {
    let Ok(Query(sizes)) = sizes else {
        return console.refuse(&visitor, CONTINUATION, Code::FieldInvalid.into()).await;
    };
    let (from, to) = (sizes.from, sizes.to);
    // 0 means "the newest" further down, and here it is no size.
    if from == 0 || to < from {
        return console.refuse(&visitor, CONTINUATION, Code::LogRange.into()).await;
    }
    let (gate, peer) = (Arc::clone(&console.gate), visitor.peer.clone());
    let reading = inspect::continuation(gate, peer, CONTINUATION, sizes.period, (from, to));
    let proof = match console.read(&visitor, reading).await {
        Ok((proof, _)) => proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        Err(page) => return page,
    };
    let Ok(text) = serde_json::to_string(&Continuation { from, to, proof }) else {
        return trouble::counted(&visitor, Code::Internal);
    };
    let kind = HeaderValue::from_static("application/json");
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_the_key_alone() {
        let key = VerifierKey::encode("log.test/1", &[7; 32]);
        let printed = fingerprint(&key);
        assert_eq!(printed.len(), 16 * 5 - 1);
        assert_eq!(printed, fingerprint(&VerifierKey::encode("another.test", &[7; 32])));
        assert_ne!(printed, fingerprint(&VerifierKey::encode("log.test/1", &[8; 32])));
    }
}
