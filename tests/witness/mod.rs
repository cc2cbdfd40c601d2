//! Witnesses: a gateway that cosigns, and a gateway whose log is cosigned. Both are real, in this process, over mTLS.
mod configuration;
pub(crate) mod gateways;
mod live;
pub(crate) mod statuses;

use crate::support::{BANK_A, Entry, Gateway, Place, Who, entries, runtime, swapped};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fs, path::Path};
use tollgate::{
    app::{Running, site},
    audit::{
        cosignature::WitnessKey,
        note::{self, Checkpoint, VerifierKey},
        proof::Continuation,
        verify,
    },
    channel::client::Connector,
    crypto::{Ed25519Signer, Secret, Signer, SystemRng, sha256},
    pki, web,
};

pub(crate) const WITNESS: &str = "bank-b.test/witness";
pub(crate) const ADD: &str = "/add-checkpoint";
/// A log that a test speaks for.
const LOG: &str = "bank-x.test/log";

pub(crate) fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(Secret::from([seed; 32])).unwrap()
}

/// The site of a witness of these logs. Its own log has another name than the sample's.
pub(crate) fn witness_place(logs: &[String]) -> (Place, WitnessKey) {
    let place = Place::new();
    place.swap("gateway.toml", "\"tollgate.example/log\"", "\"witness.example/log\"");
    let key = pki::witness_key(&place.path("witness.key"), &SystemRng::default()).unwrap();
    place.swap(
        "gateway.toml",
        "staff = \"127.0.0.1:0\"",
        "staff = \"127.0.0.1:0\"\nwitness = \"127.0.0.1:0\"",
    );
    let text = place.read("gateway.toml");
    let table = format!("\n[witness]\nname = \"{WITNESS}\"\nkey = \"witness.key\"\nlogs = {logs:?}\n");
    place.write("gateway.toml", &format!("{text}{table}"));
    (place, WitnessKey::new(WITNESS, &key).unwrap())
}

/// Text of `[witnesses]` for a log that one witness cosigns: its site's bank A is whom the log shows itself as.
pub(crate) fn asks(witness: &Place, key: &WitnessKey, address: std::net::SocketAddr) -> String {
    let public = fs::read_to_string(witness.path("witness.key")).unwrap();
    let public = Ed25519Signer::from_pkcs8_pem(&public).unwrap().public_key();
    let pki = witness.site().pki();
    let at = |place: &str| format!("{:?}", pki.join(place));
    format!(
        "\n[witnesses]\nmin = 1\nevery_s = 5\nchain = {}\nkey = {}\n[[witnesses.list]]\nkey = {:?}\n\
         address = \"https://{address}\"\nuri = {:?}\nroots = {}\n",
        at("partners/bank-a/tls.pem"),
        at("partners/bank-a/tls.key"),
        WitnessKey::encode(key.name(), &public),
        site::GATEWAY,
        at("trust/tollgate.example/root.pem"),
    )
}

/// The site of a gateway whose log is cosigned.
pub(crate) fn log_place(table: &str) -> Place {
    let place = Place::new();
    let text = place.read("gateway.toml");
    place.write("gateway.toml", &format!("{text}{table}"));
    place
}

/// A witness that runs, and what a test submits to it.
pub(crate) struct Bench {
    pub(crate) gateway: Gateway,
    pub(crate) key: WitnessKey,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let log = VerifierKey::encode(LOG, &signer(7).public_key());
        let (place, key) = witness_place(&[log]);
        let gateway = Gateway::start(place).await;
        Self { gateway, key }
    }

    /// Somebody of the register, with a connection for each question.
    pub(crate) fn server(&self, who: Who) -> web::Server {
        let place = &self.gateway.place;
        let connector = Connector::new(&place.roots(), &place.credential(who), site::GATEWAY).unwrap();
        let address = self.gateway.running.witness().unwrap();
        web::Server::new(connector, &format!("https://{address}")).unwrap()
    }

    pub(crate) async fn add(&self, body: &str) -> web::Answer {
        self.server(BANK_A).post(ADD, body.to_owned()).await.unwrap()
    }

    /// Posts, and gives the one entry that stands behind the answer.
    pub(crate) async fn entry_of(&self, body: &str) -> (web::Answer, Entry) {
        let before = self.gateway.size();
        let answer = self.add(body).await;
        let mut new = entries(&self.gateway, before);
        new.retain(|e| e.leaf.peer != "gateway");
        assert_eq!(new.len(), 1, "one checkpoint, one entry: {answer:?} {new:#?}");
        let entry = new.remove(0);
        assert_eq!(entry.leaf.method, ADD);
        assert_eq!(entry.leaf.partner, BANK_A.id);
        (answer, entry)
    }
}

/// A tree of up to two leaves, by RFC 6962's own words.
pub(crate) fn leaf(text: &str) -> [u8; 32] {
    sha256(&[&[0], text.as_bytes()].concat())
}
pub(crate) fn both(a: &str, b: &str) -> [u8; 32] {
    sha256(&[&[1][..], &leaf(a), &leaf(b)].concat())
}

/// What the test's log submits, signed by the key of this seed.
pub(crate) fn submission(old_size: u64, proof: &[[u8; 32]], size: u64, root: [u8; 32], seed: u8) -> String {
    let checkpoint = Checkpoint {
        origin: LOG.to_owned(),
        size,
        root,
    };
    Continuation {
        old_size,
        proof: proof.to_vec(),
        checkpoint: note::sign(&signer(seed), LOG, &checkpoint.body()).unwrap(),
    }
    .encode()
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn status_of(running: &Running) -> tollgate::witness::WitnessStatus {
    running.witnesses().unwrap().status().remove(0)
}

/// The whole log of a witness, offline: its origin is not the one that the site was made with. Gives its entries.
pub(crate) fn verified(place: &Place) -> u64 {
    let made = place.site().log_verifier_key();
    let bytes = STANDARD.decode(made.splitn(3, '+').nth(2).unwrap()).unwrap();
    let key = VerifierKey::new("witness.example/log", &bytes[1..]).unwrap();
    let verified = verify::dir(&place.config().gateway.data_dir, &key, &mut |_| ());
    verified.unwrap_or_else(|bad| panic!("{bad}")).entries
}

fn note_of(body: &str) -> String {
    let (_, note) = body.split_once("\n\n").unwrap();
    note.to_owned()
}

#[test]
fn a_witness_of_its_own_log_does_not_start() {
    runtime().block_on(async {
        let (place, _) = witness_place(&[]);
        let own = swapped(
            place.site().log_verifier_key(),
            "tollgate.example/log",
            "tollgate.example/log",
        );
        place.swap("gateway.toml", "\"witness.example/log\"", "\"tollgate.example/log\"");
        place.swap("gateway.toml", "logs = []", &format!("logs = [{own:?}]"));
        let error = tollgate::app::check_witnesses(&place.config()).unwrap_err().to_string();
        assert!(error.contains("no witness of its own log"), "{error}");
    });
}
