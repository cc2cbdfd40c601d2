//! A client of the library beside the binary, where a test must hold a connection open or see its randomness; and the
//! log as the institution reads it.
use super::{Site, site::person};
use std::sync::Arc;
use tollgate::{
    app::{self, Kept, site::GATEWAY},
    audit,
    channel::{Credential, client::Connector},
    client::{Client, Partnership, Pinned},
    clock::{Clock, SystemClock},
    config::Config,
    crypto::{Ed25519Signer, Rng, Suite, SystemRng, VerifyKey},
    source::LossRule,
    wire::{Message, v1},
};

/// `bank-a` by the library.
pub(crate) async fn connect(site: &Site, gateway: std::net::SocketAddr, rng: Arc<dyn Rng>) -> Client {
    let folder = site.at("pki/partners/bank-a");
    let credential = Credential::load(&folder.join("tls.pem"), &folder.join("tls.key")).unwrap();
    let roots = site.text("pki/trust/tollgate.example/root.pem");
    let connector = Connector::new(roots.as_bytes(), &credential, GATEWAY).unwrap();
    let signer = Ed25519Signer::from_pkcs8_pem(&site.text("pki/partners/bank-a/signing.key")).unwrap();
    let partnership = Partnership {
        pinned: Pinned {
            gateway: GATEWAY.to_owned(),
            identity: VerifyKey::from_spki_pem(&site.text("pki/gateway/identity.pub")).unwrap(),
        },
        partner: "bank-a".to_owned(),
        signing_key_id: "bank-a-1".to_owned(),
        signer: Arc::new(signer),
        suite: Suite::XWing,
    };
    let clock = Arc::new(SystemClock);
    let client = Client::connect(gateway, connector, partnership, None, clock, rng).await;
    client.map_err(|e| e.to_string()).unwrap()
}

/// A consent's id.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// A question about row `row` of the sample.
pub(crate) fn query(row: u64, consent: &str, signal: &str) -> v1::Query {
    v1::Query {
        header: None,
        subject: Some(v1::Subject {
            scheme: v1::SubjectScheme::CnResidentId as i32,
            value: person(row),
        }),
        purpose: "credit.origination".to_owned(),
        signals: vec![signal.to_owned()],
        agreement_id: "bank-a-2026".to_owned(),
        consent_id: bytes(consent),
    }
}

/// One entry, as far as these tests look.
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) method: String,
    pub(crate) note: String,
}

/// Every entry of the log of a gateway that does not run. Details of a person's entry stay closed: their note is empty.
pub(crate) fn entries(site: &Site) -> Vec<Entry> {
    let config = Config::load(&site.at("gateway.toml")).unwrap();
    let view = app::judge_by(&config).unwrap();
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
    let kept = Kept::open(&config, &view.catalogue, LossRule::Refuse, &clock, &rng).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = kept.log.entry(entries.len() as u64).unwrap() {
        let leaf = v1::Leaf::decode(entry.leaf.as_slice()).unwrap();
        let key = kept.keyring.period_detail();
        let details = audit::open_details(&key, kept.log.origin(), &entry.leaf, &entry.details);
        entries.push(Entry {
            index: leaf.seq,
            method: leaf.method,
            note: details.map(|d| d.i.note).unwrap_or_default(),
        });
    }
    drop(kept.log);
    kept.worker.close().unwrap();
    entries
}
