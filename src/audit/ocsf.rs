//! An entry as an event of the Open Cybersecurity Schema Framework: API Activity, class 6003 of category 6, schema 1.4.0.
//!
//! From the leaf alone, which names nobody: a SIEM learns who called what and how it ended. What a leaf cannot show (the
//! outcome of a question about a person) stays unknown there too. The record's integrity travels with it: the leaf in
//! base64, its hash, and where in which log it stands, so that whoever has the log's key can check the event. It stands under
//! `unmapped`: the schema has a place for the hash of a record (`raw_data_hash`) from 1.6.0 on only, `enrichments` are for
//! what another source says, and `observables` for what is looked for.
use crate::{
    crypto::sha256_parts,
    refusal::Code,
    wire::{
        self,
        v1::{EntryClass, EntryKind, Leaf},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The version of the schema.
pub const SCHEMA: &str = "1.4.0";
const CATEGORY: u32 = 6;
const CLASS: u32 = 6003;
/// What the schema calls all that it has no number for.
const OTHER: u32 = 99;

/// What was done, in the schema's numbers for API Activity.
fn activity(leaf: &Leaf) -> (u32, &'static str) {
    let call = leaf.method.rsplit('/').next().unwrap_or_default();
    match (leaf.kind(), call) {
        (EntryKind::Consent, "Grant") | (EntryKind::Session, "OpenSession") | (EntryKind::Records, "Load") => {
            (1, "Create")
        }
        (EntryKind::Query | EntryKind::Read, _) | (EntryKind::Consent, "Get" | "List") => (2, "Read"),
        (EntryKind::Consent | EntryKind::Records | EntryKind::Keys | EntryKind::Configuration, _) => (3, "Update"),
        (EntryKind::Session, "CloseSession") => (4, "Delete"),
        _ => (OTHER, "Other"),
    }
}

/// How it ended: 1 success, 2 failure, 0 where the leaf does not tell.
fn status(leaf: &Leaf) -> (u32, &'static str) {
    match leaf.class() {
        EntryClass::Refused | EntryClass::Abandoned => (2, "Failure"),
        EntryClass::Admin => (1, "Success"),
        EntryClass::Sealed | EntryClass::Unspecified => (0, "Unknown"),
    }
}

/// 1 informational, 2 low, 3 medium: who is refused for what he is may be somebody who tries.
fn severity(leaf: &Leaf) -> (u32, &'static str) {
    match (leaf.class(), leaf.refusal.as_str()) {
        (EntryClass::Refused, "SIGNATURE_INVALID" | "PEER_REVOKED" | "PARTNER_SUSPENDED" | "METHOD_NOT_ALLOWED") => {
            (3, "Medium")
        }
        (EntryClass::Refused | EntryClass::Abandoned, _) => (2, "Low"),
        _ => (1, "Informational"),
    }
}

/// The event of a leaf of the log `origin`. `bytes` is the leaf as it was hashed; `checkpoint`, if given, is one that covers
/// it.
pub fn ocsf(bytes: &[u8], leaf: &Leaf, origin: &str, checkpoint: Option<&str>) -> Value {
    let (activity_id, activity) = activity(leaf);
    let (status_id, status) = status(leaf);
    let (severity_id, severity) = severity(leaf);
    let time = wire::millis(leaf.time.as_ref()).unwrap_or_default();
    let word = |name: &str, prefix: &str| name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
    let kind = word(leaf.kind().as_str_name(), "ENTRY_KIND_");
    // "Other" says in its name what the source calls it.
    let activity_name = if activity_id == OTHER { &kind } else { activity };
    let mut event = json!({
        "category_uid": CATEGORY, "category_name": "Application Activity",
        "class_uid": CLASS, "class_name": "API Activity",
        "activity_id": activity_id, "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity_id, "type_name": format!("API Activity: {activity}"),
        "severity_id": severity_id, "severity": severity,
        "status_id": status_id, "status": status,
        "time": time,
        "message": format!("{} {}", leaf.peer, if leaf.method.is_empty() { &kind } else { &leaf.method }).trim(),
        "actor": { "user": user(leaf) },
        "api": api(leaf, &kind),
        "src_endpoint": caller(leaf),
        "metadata": {
            "version": SCHEMA,
            "product": { "name": "Tollgate", "vendor_name": "Tollgate", "version": env!("CARGO_PKG_VERSION") },
            "uid": format!("{origin}/{}", leaf.seq),
            "sequence": leaf.seq,
            "log_name": origin,
            "log_provider": "tollgate-audit",
        },
        "unmapped": {
            "kind": kind,
            "class": word(leaf.class().as_str_name(), "ENTRY_CLASS_"),
            "agreement": leaf.agreement,
            "policy_hash": hex(&leaf.policy_hash),
            "integrity": {
                "tree": "RFC 6962", "log": origin, "index": leaf.seq,
                "leaf_hash": hex(&sha256_parts(&[&[0], bytes])), "leaf": STANDARD.encode(bytes),
                "checkpoint": checkpoint,
            },
        },
    });
    if let (false, Some(event)) = (leaf.refusal.is_empty(), event.as_object_mut()) {
        event.insert("status_code".to_owned(), leaf.refusal.clone().into());
        if let Some(code) = Code::ALL.iter().find(|code| code.name() == leaf.refusal) {
            event.insert("status_detail".to_owned(), code.message().into());
        }
    }
    event
}

/// Who called, by what the certificate says and, where it is known, what the register says. The schema wants one of the two;
/// entries that nobody caused say `gateway`.
fn caller(leaf: &Leaf) -> Value {
    let mut caller = json!({ "uid": if leaf.peer.is_empty() { "unknown" } else { &leaf.peer } });
    if let (false, Some(caller)) = (leaf.partner.is_empty(), caller.as_object_mut()) {
        caller.insert("name".to_owned(), leaf.partner.clone().into());
    }
    caller
}

/// A member of the register is none of the schema's kinds of user; whoever the register does not know is of none at all.
fn user(leaf: &Leaf) -> Value {
    let (type_id, kind) = match (leaf.partner.as_str(), leaf.peer.as_str()) {
        ("", "gateway") => (3, "System"),
        ("", _) => (0, "Unknown"),
        _ => (OTHER, "Member of the register"),
    };
    let mut user = caller(leaf);
    if let Some(user) = user.as_object_mut() {
        user.insert("type_id".to_owned(), type_id.into());
        user.insert("type".to_owned(), kind.into());
    }
    user
}

/// Method and service; what the gateway does by itself has no service, and an entry without a method is called by its kind.
fn api(leaf: &Leaf, kind: &str) -> Value {
    let (service, operation) = leaf.method.rsplit_once('/').unwrap_or(("", &leaf.method));
    let service = service.trim_start_matches('/');
    let mut api = json!({ "operation": if operation.is_empty() { kind } else { operation } });
    if let (false, Some(api)) = (service.is_empty(), api.as_object_mut()) {
        api.insert("service".to_owned(), json!({ "name": service }));
    }
    api
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{refusal::Code, wire::Message};

    /// A part of the published schema of version 1.4.0; where it is from stands in the file.
    const PUBLISHED: &str = include_str!("ocsf-1.4.0-api-activity.json");

    /// Whether an event is what the schema says: every attribute known, of its type and no other, none missing that is
    /// required, numbers and their captions among those that are named.
    fn fits(schema: &Value, event: &Value) -> Result<(), String> {
        object(schema, &schema["class"], event, "event")
    }

    fn object(schema: &Value, of: &Value, value: &Value, place: &str) -> Result<(), String> {
        let attributes = of["attributes"].as_object().unwrap();
        let value = value.as_object().ok_or_else(|| format!("{place}: no object"))?;
        for (name, attribute) in attributes {
            if attribute["requirement"] == "required" && !value.contains_key(name) {
                return Err(format!("{place}: without `{name}`"));
            }
        }
        if let Some(any) = of["constraints"]["at_least_one"].as_array()
            && !any.iter().any(|name| value.contains_key(name.as_str().unwrap()))
        {
            return Err(format!("{place}: none of {any:?}"));
        }
        for (name, value) in value {
            let place = format!("{place}.{name}");
            let attribute = attributes.get(name).ok_or_else(|| format!("{place}: unknown"))?;
            if attribute.get("deprecated").is_some() || attribute.get("is_array").is_some() {
                return Err(format!("{place}: nothing of ours is deprecated or a list"));
            }
            let is = match attribute["type"].as_str().unwrap() {
                "integer_t" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
                "long_t" | "timestamp_t" => value.is_i64(),
                "string_t" | "username_t" => value.as_str().is_some_and(|text| !text.is_empty()),
                "object" => value.is_object(),
                kind => {
                    object(schema, &schema["objects"][kind], value, &place)?;
                    true
                }
            };
            if !is {
                return Err(format!("{place}: of another type: {value}"));
            }
            if let Some(captions) = attribute["enum"].as_object() {
                let caption = captions.get(&value.to_string());
                if caption.is_none() {
                    return Err(format!("{place}: not one of the values: {value}"));
                }
            }
        }
        Ok(())
    }

    /// The caption of a number of the class, as the schema has it.
    fn caption<'a>(schema: &'a Value, event: &Value, name: &str) -> &'a Value {
        &schema["class"]["attributes"][name]["enum"][event[name].to_string()]
    }

    fn leaf(kind: EntryKind, class: EntryClass, refusal: &str, method: &str) -> Leaf {
        Leaf {
            version: 1,
            seq: 7,
            time: Some(wire::timestamp(1_780_000_000_123)),
            kind: kind as i32,
            class: class as i32,
            refusal: refusal.to_owned(),
            peer: "spiffe://bank-a.example/partner/bank-a".to_owned(),
            partner: "bank-a".to_owned(),
            method: method.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn every_kind_of_entry_is_an_event_of_the_schema() {
        let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
        let classes = [
            EntryClass::Sealed,
            EntryClass::Refused,
            EntryClass::Admin,
            EntryClass::Abandoned,
        ];
        let methods = [
            "",
            "tick",
            "/add-checkpoint",
            "/tollgate.v1.ExchangeService/Query",
            "/tollgate.v1.ConsentService/Grant",
            "/tollgate.v1.ConsentService/Get",
            "/tollgate.v1.ExchangeService/CloseSession",
        ];
        for kind in (1..=99).filter_map(|n| EntryKind::try_from(n).ok()) {
            for class in classes {
                for method in methods {
                    for refusal in Code::ALL.iter().map(|c| c.name()).chain([""]) {
                        let leaf = leaf(kind, class, refusal, method);
                        let event = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
                        fits(&schema, &event).unwrap();
                        assert_eq!(event["type_uid"], 600_300 + event["activity_id"].as_u64().unwrap());
                        for (number, word) in [
                            ("category_uid", "category_name"),
                            ("class_uid", "class_name"),
                            ("severity_id", "severity"),
                            ("status_id", "status"),
                            ("type_uid", "type_name"),
                        ] {
                            assert_eq!(caption(&schema, &event, number), &event[word], "{number}");
                        }
                        if event["activity_id"] != OTHER {
                            assert_eq!(caption(&schema, &event, "activity_id"), &event["activity_name"]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_schema_refuses_what_is_none_of_its_events() {
        let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
        let leaf = leaf(EntryKind::Query, EntryClass::Sealed, "", "/a/B");
        let good = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
        fits(&schema, &good).unwrap();
        let spoiled: [(&str, Value); 10] = [
            ("/class_uid", json!(6004)),
            ("/severity_id", json!(7)),
            ("/time", json!("2026-01-01")),
            ("/type_uid", json!(600_305)),
            ("/status", json!(1)),
            ("/api", json!({})),
            ("/api/service", json!({ "version": "1" })),
            ("/actor", json!({})),
            ("/src_endpoint", json!({ "peer": "x" })),
            ("/metadata", json!({ "version": SCHEMA })),
        ];
        for (place, value) in spoiled {
            let mut event = good.clone();
            *event.pointer_mut(place).unwrap() = value;
            assert!(fits(&schema, &event).is_err(), "{place}");
        }
        let mut event = good.clone();
        event["integrity"] = json!({});
        assert!(fits(&schema, &event).is_err(), "an attribute of our own");
    }

    #[test]
    fn what_a_leaf_does_not_say_is_left_out() {
        let mut leaf = leaf(EntryKind::Lifecycle, EntryClass::Admin, "", "");
        (leaf.partner, leaf.peer) = (String::new(), String::new());
        let event = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
        let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
        fits(&schema, &event).unwrap();
        assert_eq!(event["api"], json!({ "operation": "lifecycle" }));
        assert_eq!(event["src_endpoint"], json!({ "uid": "unknown" }));
        assert_eq!(event["actor"]["user"]["type"], "Unknown");
        leaf.peer = "gateway".to_owned();
        let own = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
        assert_eq!(
            own["actor"]["user"],
            json!({ "uid": "gateway", "type_id": 3, "type": "System" })
        );
        let users = &schema["objects"]["user"]["attributes"]["type_id"]["enum"];
        assert_eq!((&users["0"], &users["3"]), (&json!("Unknown"), &json!("System")));
        assert_eq!(
            (&event["activity_id"], &event["activity_name"]),
            (&json!(99), &json!("lifecycle"))
        );
        assert_eq!(event["type_name"], "API Activity: Other");
    }

    #[test]
    fn an_event_tells_what_the_leaf_tells_and_can_be_checked() {
        let leaf = leaf(
            EntryKind::Query,
            EntryClass::Refused,
            "SIGNATURE_INVALID",
            "/tollgate.v1.ExchangeService/Query",
        );
        let bytes = leaf.encode_to_vec();
        let event = ocsf(&bytes, &leaf, "log.example", Some("note"));
        assert_eq!(event["metadata"]["uid"], "log.example/7");
        assert_eq!(event["api"]["operation"], "Query");
        assert_eq!(event["api"]["service"]["name"], "tollgate.v1.ExchangeService");
        assert_eq!(
            (&event["status_code"], &event["severity_id"]),
            (&json!("SIGNATURE_INVALID"), &json!(3))
        );
        assert_eq!(event["status_detail"], Code::SignatureInvalid.message());
        assert_eq!(event["time"], 1_780_000_000_123_i64);
        let integrity = &event["unmapped"]["integrity"];
        assert_eq!(STANDARD.decode(integrity["leaf"].as_str().unwrap()).unwrap(), bytes);
        let hash = crate::crypto::sha256_parts(&[&[0], &bytes]);
        assert_eq!(integrity["leaf_hash"], hex(&hash));
        assert_eq!(integrity["checkpoint"], "note");
    }
}
