//! Entries as people and programs read them.
use super::moment;
use crate::{
    cli::print,
    client::Hit,
    wire::v1::{self, EntryClass},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeSet;

/// `query`, as the command line and JSON say it.
pub(super) fn kind(leaf: &v1::Leaf) -> String {
    word(leaf.kind().as_str_name(), "ENTRY_KIND_")
}

/// `refused`.
pub(super) fn class(leaf: &v1::Leaf) -> String {
    word(leaf.class().as_str_name(), "ENTRY_CLASS_")
}

/// A name of an enum without what all of its names begin with.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

/// What the leaf shows, of an entry of this period.
pub(super) fn leaf_json(period: u32, leaf: &v1::Leaf) -> serde_json::Map<String, serde_json::Value> {
    let time = moment::shown(leaf.time.as_ref()).replacen(' ', "T", 1) + "Z";
    let value = serde_json::json!({
        "entry": leaf.seq, "period": period, "time": time, "kind": kind(leaf), "class": class(leaf), "refusal": leaf.refusal,
        "peer": leaf.peer, "partner": leaf.partner, "agreement": leaf.agreement, "method": leaf.method,
        "policy_hash": print::hex(&leaf.policy_hash), "key_ids": leaf.key_ids,
    });
    match value {
        serde_json::Value::Object(object) => object,
        _ => serde_json::Map::new(),
    }
}

/// A hit on one line.
pub(super) fn json(hit: &Hit) -> serde_json::Value {
    let mut object = leaf_json(hit.summary.period, &hit.leaf);
    let summary = &hit.summary;
    let more = [
        ("opened", summary.opened.into()),
        ("purpose", summary.purpose.clone().into()),
        ("signals", summary.signals.clone().into()),
        ("outcomes", summary.outcomes.clone().into()),
        ("reference", summary.reference.clone().into()),
        ("leaf", STANDARD.encode(&summary.leaf).into()),
    ];
    object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    object.into()
}

/// The headings of [`row`].
pub(super) const HEAD: [&str; 6] = ["period", "entry", "time (UTC)", "who", "call", "result"];

/// A hit as a row of a table.
pub(super) fn row(hit: &Hit) -> Vec<String> {
    let leaf = &hit.leaf;
    let who = match leaf.partner.as_str() {
        "" => leaf.peer.clone(),
        partner => partner.to_owned(),
    };
    let call = leaf.method.rsplit('/').next().unwrap_or_default().to_owned();
    vec![
        hit.summary.period.to_string(),
        leaf.seq.to_string(),
        moment::shown(leaf.time.as_ref()),
        who,
        call,
        result(hit),
    ]
}

fn result(hit: &Hit) -> String {
    let leaf = &hit.leaf;
    if leaf.class() == EntryClass::Refused {
        return leaf.refusal.clone();
    }
    if !hit.summary.opened {
        return format!("{}, not to be opened", class(leaf));
    }
    let words: BTreeSet<&str> = hit.summary.outcomes.iter().map(String::as_str).collect();
    let words: Vec<&str> = words.into_iter().collect();
    if words.is_empty() {
        class(leaf)
    } else {
        words.join(", ")
    }
}
