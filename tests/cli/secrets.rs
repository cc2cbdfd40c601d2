//! What must never be printed or lie in clear: a run at the most talkative level is scanned for every planted secret.
use super::{
    Site,
    bank::{connect, query},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};
use tollgate::{
    crypto::{Broken, Rng, SystemRng},
    domain::{Scheme, SubjectRef},
    keyring::{Keyring, RootSource},
    wire::v1,
};

/// The person as written by a caller, and normalised. The example of GB 11643-1999.
const PERSON: &str = "11010519491231002X";
const AS_WRITTEN: &str = "110105 19491231-002x";
/// Distinctive values, in whole and in minor units.
const LIMIT: u64 = 9_876_543_210;
const STATEMENT: u64 = 8_765_432_109;
const PAID: u64 = 7_654_321_098;

/// Remembers all that it gave: the client's session secrets, blinds and reply secrets come from it.
#[derive(Default)]
struct Recording {
    given: Mutex<Vec<Vec<u8>>>,
    system: SystemRng,
}

impl Rng for Recording {
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken> {
        self.system.fill(out)?;
        self.given.lock().unwrap().push(out.to_vec());
        Ok(())
    }
}

/// A secret: what it is, and every form in which it could be printed.
struct Planted {
    what: String,
    forms: Vec<Vec<u8>>,
}

impl Planted {
    fn text(what: &str, text: &str) -> Self {
        Self {
            what: what.to_owned(),
            forms: vec![text.as_bytes().to_vec()],
        }
    }

    /// In hex, upper and lower case, in base64, as a list of numbers as `Debug` prints one, and as it is.
    fn bytes(what: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 16, "{what}: too short to be told from chance");
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        // The tail depends on what follows it: all but the last whole group is the same in any base64.
        let base64 = STANDARD.encode(&bytes[..bytes.len() / 3 * 3]);
        let forms = [
            hex.to_uppercase(),
            hex,
            base64.clone(),
            base64.replace('+', "-").replace('/', "_"),
            list.join(", "),
        ];
        let mut forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
        forms.push(bytes.to_vec());
        Self {
            what: what.to_owned(),
            forms,
        }
    }
}

/// One pass over the text, by the first eight bytes of every form.
fn found<'a>(planted: &'a [Planted], text: &[u8]) -> Vec<&'a str> {
    let mut begins: HashMap<&[u8], Vec<(&[u8], &str)>> = HashMap::new();
    for secret in planted {
        for form in &secret.forms {
            let begin = form
                .get(..8)
                .unwrap_or_else(|| panic!("{}: a form is too short", secret.what));
            begins.entry(begin).or_default().push((form, &secret.what));
        }
    }
    let mut hits = Vec::new();
    for (at, window) in text.windows(8).enumerate() {
        let forms = begins.get(window).into_iter().flatten();
        hits.extend(
            forms
                .filter(|(form, _)| text[at..].starts_with(form))
                .map(|(_, what)| *what),
        );
    }
    hits.dedup();
    hits
}

/// Private keys of the PKI folder: the text of their files, and the last 32 bytes of what it holds.
fn keys(folder: &Path, out: &mut Vec<Planted>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            keys(&path, out);
        } else if path.extension().is_some_and(|e| e == "key") {
            let text = fs::read_to_string(&path).unwrap();
            let body: String = text.lines().filter(|l| !l.starts_with('-')).collect();
            let der = STANDARD.decode(&body).unwrap();
            let name = path.display().to_string();
            out.push(Planted::text(&name, &body[..40]));
            // Ed25519 in PKCS#8: 16 bytes, then the seed. P-256: the scalar begins at byte 36.
            let at = if der.len() < 100 { 16 } else { 36 };
            out.push(Planted::bytes(&name, &der[at..at + 32]));
        }
    }
}

fn planted(site: &Site) -> Vec<Planted> {
    let mut all = vec![
        Planted::text("the identity", PERSON),
        Planted::text("the identity as written", AS_WRITTEN),
        Planted::text("the identity in lower case", &PERSON.to_lowercase()),
        Planted::text("the identity without its check character", &PERSON[..17]),
    ];
    for (what, value) in [("limit", LIMIT), ("statement", STATEMENT), ("payment", PAID)] {
        all.push(Planted::text(what, &value.to_string()));
        all.push(Planted::text(
            &format!("{what} in minor units"),
            &(value * 100).to_string(),
        ));
    }
    let keyring = Keyring::open(&site.at("data/keyring"), &RootSource::default()).unwrap();
    let subject = SubjectRef::parse(Scheme::CnResidentId, PERSON).unwrap();
    all.push(Planted::bytes("the pseudonym", &subject.token(&keyring.pseudonym()).0));
    all.push(Planted::bytes("the pseudonym key", keyring.pseudonym().expose()));
    all.push(Planted::bytes(
        "the epoch key",
        keyring.epochs().active().unwrap().key().expose(),
    ));
    all.push(Planted::bytes("the detail key", keyring.period_detail().expose()));
    keys(&site.at("pki"), &mut all);
    all
}

const MAPPING: &str = r#"
[subject]
scheme = "cn-resident-id"
column = "id"
[as_of]
column = "day"
[[field]]
path = "card.limit_minor"
column = "limit"
convert = "minor"
[[field]]
path = "card.overdue_days"
columns = ["m0", "m1", "m2", "m3", "m4", "m5"]
[[field]]
path = "card.statement_minor"
columns = ["s0", "s1", "s2", "s3", "s4", "s5"]
convert = "minor"
[[field]]
path = "card.paid_minor"
columns = ["p0", "p1", "p2", "p3", "p4", "p5"]
convert = "minor"
"#;

/// Grant, confirm, questions, refusals, a load beside it, a withdrawal: what a day of a gateway has.
fn a_day(site: &Site, address: std::net::SocketAddr, rng: Arc<Recording>) {
    site.run(&[
        "ingest",
        "-c",
        "lender.toml",
        "--fields",
        "fields.toml",
        "--mapping",
        "person.toml",
        "person.csv",
    ])
    .ends(0);
    let consent = site.consent(AS_WRITTEN);
    let signals = [
        "worst_overdue_6m@1",
        "risk_band@1",
        "limit_band@1",
        "utilisation_coarse@1",
    ];
    let answer = site.ask(AS_WRITTEN, &consent, &signals).ends(0).json();
    assert_eq!(answer["signals"][2]["band"], "500 thousand and more");
    site.ask(PERSON, &consent, &["utilisation@1"]).ends(1);
    site.ask(PERSON, &consent, &["unknown@1"]).ends(1);
    site.ask(&PERSON.replace('X', "1"), &consent, &["risk_band@1"]).ends(1);
    site.ask(PERSON, &"00".repeat(16), &["risk_band@1"]).ends(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bank = connect(site, address, rng).await;
        bank.open_session(v1::Evidence::Request).await.unwrap();
        let mut question = query(1, &consent, "risk_band@1");
        question.subject.as_mut().unwrap().value = AS_WRITTEN.to_owned();
        let answer = bank.query(question).await.map_err(|e| e.to_string()).unwrap();
        assert_eq!(answer.answer.signals[0].outcome, v1::SignalOutcome::Band as i32);
        bank.check_log().await.map_err(|e| e.to_string()).unwrap();
        bank.close().await.map_err(|e| e.to_string()).unwrap();
    });
    site.run(&[
        "consent",
        "-c",
        "bank-a.toml",
        "withdraw",
        "--resident-id",
        PERSON,
        &consent,
    ])
    .ends(0);
    let answer = site.ask(PERSON, &consent, &signals).ends(0).json();
    assert_eq!(answer["signals"][0]["outcome"], "no valid consent");
    // The officer looks the person up, and at what was found.
    site.write("whom.txt", &format!("resident-id {PERSON}\n"));
    let search = [
        "--json",
        "audit",
        "search",
        "-c",
        "compliance.toml",
        "--subject-file",
        "whom.txt",
        "--outcome",
        "band",
    ];
    let found = site.run(&search).ends(0);
    let hit: serde_json::Value = serde_json::from_str(found.out.lines().next().unwrap()).unwrap();
    let number = hit["entry"].to_string();
    let shown = site.run(&["audit", "entry", "-c", "compliance.toml", &number]).ends(0);
    for said in [&found.out, &found.err, &shown.out, &shown.err] {
        assert!(!said.contains(&PERSON[..17]), "{said}");
    }
    site.run(&[
        "audit",
        "search",
        "-c",
        "compliance.toml",
        "--resident-id",
        &PERSON.replace('X', "1"),
    ])
    .ends(1);
}

#[test]
fn no_secret_is_printed_at_any_level_and_none_lies_in_clear() {
    let bands = [
        "31-60 days",
        "500 thousand and more",
        "highest risk",
        "lowest risk",
        "80 % and more",
        "under 80 %",
    ];
    for words in [&[][..], &["--log-json"]] {
        let site = Site::new();
        site.write("person.toml", MAPPING);
        let series = |n: u64| [n; 6].map(|n| n.to_string()).join(",");
        let rows = format!(
            "{PERSON},2026-10-31,{LIMIT},{},{},{}\n",
            series(45),
            series(STATEMENT),
            series(PAID)
        );
        let head = "id,day,limit,m0,m1,m2,m3,m4,m5,s0,s1,s2,s3,s4,s5,p0,p1,p2,p3,p4,p5";
        site.write("person.csv", &format!("{head}\n{rows}"));
        let rng = Arc::new(Recording::default());
        let gateway = site.serve_with(words, &[("TOLLGATE_LOG", "trace")]);
        a_day(&site, gateway.partners, Arc::clone(&rng));
        let said = gateway.stop();
        assert!(
            said.contains("TRACE") && said.len() > 10_000,
            "the log was not talkative:\n{said}"
        );
        if !words.is_empty() {
            let lines = said.lines().filter(|l| l.starts_with('{'));
            let parsed = lines.map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
            assert!(parsed.count() > 100, "{said}");
        }
        let mut planted = planted(&site);
        for given in rng.given.lock().unwrap().iter().filter(|g| g.len() >= 16) {
            planted.push(Planted::bytes("randomness of a client's session", given));
        }
        assert!(planted.len() > 40, "{}", planted.len());
        // What is in the data directory: no identity and no value, as text or as eight bytes in either order.
        let mut at_rest: Vec<Planted> = Vec::new();
        for value in [LIMIT * 100, STATEMENT * 100, PAID * 100] {
            let (big, little) = (value.to_be_bytes().to_vec(), value.to_le_bytes().to_vec());
            let forms = vec![big, little, value.to_string().into_bytes()];
            at_rest.push(Planted {
                what: format!("{value} at rest"),
                forms,
            });
        }
        at_rest.push(Planted::text("the identity at rest", &PERSON[..17]));
        scan(&site.at("data"), &at_rest);
        for band in bands {
            planted.push(Planted::text(band, band));
        }
        assert_eq!(found(&planted, said.as_bytes()), Vec::<&str>::new());
        // The scanner finds each of them where there is one, in each of its forms.
        planted.append(&mut at_rest);
        for secret in &planted {
            for form in &secret.forms {
                let text = [b"INFO asked subject=", form.as_slice(), b" and so on\n"].concat();
                assert!(
                    found(&planted, &text).contains(&secret.what.as_str()),
                    "{}",
                    secret.what
                );
            }
        }
    }
}

fn scan(folder: &Path, planted: &[Planted]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan(&path, planted);
        } else {
            assert_eq!(
                found(planted, &fs::read(&path).unwrap()),
                Vec::<&str>::new(),
                "{}",
                path.display()
            );
        }
    }
}
