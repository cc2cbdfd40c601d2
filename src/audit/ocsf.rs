//! An entry as an event of the Open Cybersecurity Schema Framework: API Activity, class 6003 of category 6, schema 1.4.0.
//!
//! From the leaf alone, which names nobody: a SIEM learns who called what and how it ended. What a leaf cannot show (the
//! outcome of a question about a person) stays unknown there too. The record's integrity travels with it: the leaf in
//! base64, its hash, and where in which log it stands, so that whoever has the log's key can check the event.
use crate::{
    crypto::sha256_parts,
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
        _ => (99, "Other"),
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
    let (activity_id, activity_name) = activity(leaf);
    let (status_id, status) = status(leaf);
    let (severity_id, severity) = severity(leaf);
    let (service, operation) = leaf.method.rsplit_once('/').unwrap_or(("", &leaf.method));
    let time = wire::millis(leaf.time.as_ref()).unwrap_or_default();
    let word = |name: &str, prefix: &str| name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
    let hash: String = sha256_parts(&[&[0], bytes])
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let mut event = json!({
        "category_uid": CATEGORY, "category_name": "Application Activity",
        "class_uid": CLASS, "class_name": "API Activity",
        "activity_id": activity_id, "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity_id, "type_name": format!("API Activity: {activity_name}"),
        "severity_id": severity_id, "severity": severity,
        "status_id": status_id, "status": status,
        "time": time,
        "message": format!("{} {}", leaf.peer, leaf.method),
        "actor": { "user": { "uid": leaf.peer, "name": leaf.partner, "type_id": 99, "type": "Member of the register" } },
        "api": { "operation": operation, "service": { "name": service.trim_start_matches('/') } },
        "src_endpoint": { "uid": leaf.peer, "name": leaf.partner },
        "metadata": {
            "version": SCHEMA,
            "product": { "name": "Tollgate", "vendor_name": "Tollgate", "version": env!("CARGO_PKG_VERSION") },
            "uid": format!("{origin}/{}", leaf.seq),
            "sequence": leaf.seq,
            "log_name": origin,
            "log_provider": "tollgate-audit",
        },
        "unmapped": {
            "kind": word(leaf.kind().as_str_name(), "ENTRY_KIND_"),
            "class": word(leaf.class().as_str_name(), "ENTRY_CLASS_"),
            "agreement": leaf.agreement,
            "policy_hash": hex(&leaf.policy_hash),
            "integrity": {
                "tree": "RFC 6962", "log": origin, "index": leaf.seq, "leaf_hash": hash, "leaf": STANDARD.encode(bytes),
                "checkpoint": checkpoint,
            },
        },
    });
    if let (false, Some(event)) = (leaf.refusal.is_empty(), event.as_object_mut()) {
        event.insert("status_code".to_owned(), leaf.refusal.clone().into());
        event.insert("status_detail".to_owned(), leaf.refusal.clone().into());
    }
    event
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{refusal::Code, wire::Message};

    /// The attributes that the schema requires of API Activity, with what each may be: a part of the published schema of
    /// version 1.4.0, kept beside the test.
    const REQUIRED: &str = include_str!("ocsf-1.4.0-api-activity.json");

    /// Checks a value against the part of JSON Schema that the file uses.
    fn fits(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{place}: {why} in {value}"));
        let is = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("string") => value.is_string(),
            _ => true,
        };
        if !is {
            return wrong("of another type");
        }
        if schema.get("const").is_some_and(|only| only != value) {
            return wrong("not the one value");
        }
        if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
            return wrong("not one of the values");
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if value.get(name.as_str().unwrap()).is_none() {
                return wrong(&format!("without {name}"));
            }
        }
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                fits(schema, value, &format!("{place}.{name}"))?;
            }
        }
        Ok(())
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
        let schema: Value = serde_json::from_str(REQUIRED).unwrap();
        let classes = [
            EntryClass::Sealed,
            EntryClass::Refused,
            EntryClass::Admin,
            EntryClass::Abandoned,
        ];
        let methods = [
            "",
            "tick",
            "/tollgate.v1.ExchangeService/Query",
            "/tollgate.v1.ConsentService/Grant",
            "/tollgate.v1.ConsentService/Get",
            "/tollgate.v1.ExchangeService/CloseSession",
        ];
        for kind in (1..=9).map(|n| EntryKind::try_from(n).unwrap()) {
            for class in classes {
                for method in methods {
                    for refusal in Code::ALL.iter().map(|c| c.name()).chain([""]) {
                        let leaf = leaf(kind, class, refusal, method);
                        let event = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
                        fits(&schema, &event, "event").unwrap();
                        assert_eq!(event["type_uid"], 600_300 + event["activity_id"].as_u64().unwrap());
                    }
                }
            }
        }
        // The test can fail.
        let leaf = leaf(EntryKind::Query, EntryClass::Sealed, "", "/a/B");
        let mut event = ocsf(&leaf.encode_to_vec(), &leaf, "log.example", None);
        event["class_uid"] = 6004.into();
        assert!(fits(&schema, &event, "event").is_err());
        event["class_uid"] = CLASS.into();
        event["actor"].as_object_mut().unwrap().remove("user");
        assert!(fits(&schema, &event, "event").is_err());
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
        assert_eq!(event["time"], 1_780_000_000_123_i64);
        let integrity = &event["unmapped"]["integrity"];
        assert_eq!(STANDARD.decode(integrity["leaf"].as_str().unwrap()).unwrap(), bytes);
        let hash = crate::crypto::sha256_parts(&[&[0], &bytes]);
        assert_eq!(integrity["leaf_hash"], hex(&hash));
        assert_eq!(integrity["checkpoint"], "note");
    }
}
