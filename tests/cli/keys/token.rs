//! A PKCS#11 token as the root, with the log's key and the epochs in it.
use super::*;
use std::sync::Arc;
use tollgate::{
    clock::{Clock, SystemClock, Time},
    crypto::SystemRng,
    keyring::{Keyring, RootSource, end_tokens},
};

/// A site whose keys are made under the token from the beginning.
fn site(hsm: &SoftHsm) -> Site {
    let site = Site::new();
    fs::remove_dir_all(site.at("data")).unwrap();
    keys(
        &site,
        &format!(
            "root = \"pkcs11\"\n{}log_key = \"tollgate-log\"\nepochs = true\n",
            hsm.table()
        ),
    );
    fs::remove_file(site.at("log.vkey")).unwrap();
    run(&site, hsm, &["init", "--dev", "--key-file", "log.vkey"]).ends(0);
    site
}

fn run(site: &Site, hsm: &SoftHsm, words: &[&str]) -> Ran {
    let environment = hsm.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    with(site, &environment, words)
}

fn serve(site: &Site, hsm: &SoftHsm) -> crate::cli::Gateway {
    let mut command = program();
    command.arg("serve").current_dir(site.path()).envs(hsm.environment());
    site.serving(command)
}

#[test]
fn a_gateway_whose_keys_are_in_a_token_answers_and_its_log_verifies() {
    let temp = tempfile::tempdir().unwrap();
    let Some(hsm) = SoftHsm::new(&temp.path().join("hsm")) else {
        return;
    };
    let site = site(&hsm);
    assert!(!site.at("data/keyring/root.key").exists());
    site.write("clients.csv", &crate::cli::site::sample_rows(1..=5));
    run(&site, &hsm, &["ingest", "--mapping", "mapping-uci.toml", "clients.csv"]).ends(0);
    let (person, erased) = (crate::cli::site::person(1), crate::cli::site::person(2));
    site.write("subject.txt", &format!("resident-id {erased}\n"));
    let mut entries = 0;
    let mut keys_before = hsm.objects();
    // The root, two halves of the log's key, an epoch.
    assert_eq!(keys_before.len(), 4);
    for _ in 0..2 {
        let gateway = serve(&site, &hsm);
        let consent = site.consent(&person);
        site.ask(&person, &consent, &["risk_band@1"]).ends(0);
        // An erasure turns the epoch: its key in the token is another one after it.
        site.run(&[
            "erasure",
            "request",
            "-c",
            "compliance.toml",
            "--subject-file",
            "subject.txt",
        ])
        .ends(0);
        let words = ["--json", "erasure", "run-now", "-c", "compliance.toml", "--wait"];
        assert_eq!(site.run(&words).ends(0).json()["erased"], 1);
        let keys = hsm.objects();
        assert_eq!((keys.len(), keys.difference(&keys_before).count()), (4, 1));
        keys_before = keys;
        gateway.stop();
        // By the verifier key alone, which is the token's.
        let now = site.verify();
        assert!(now > entries);
        entries = now;
        site.write("subject.txt", &format!("resident-id {}\n", crate::cli::site::person(3)));
    }
    // A second log under the same label is refused: a log's key signs one log.
    fs::rename(site.at("data"), site.at("data-of-before")).unwrap();
    run(&site, &hsm, &["init", "--dev"])
        .ends(3)
        .says(&["something labelled `tollgate-log` already"]);
}

#[test]
fn a_token_that_does_not_open_says_why_and_nothing_starts() {
    let temp = tempfile::tempdir().unwrap();
    let Some(hsm) = SoftHsm::new(&temp.path().join("hsm")) else {
        return;
    };
    let site = site(&hsm);
    run(&site, &hsm, &["check-config"]).ends(0);
    let good = site.text("gateway.toml");
    for (from, to, said) in [
        (
            "label = \"tollgate\"",
            "label = \"another\"",
            "no token is labelled `another`: plug it in",
        ),
        (
            hsm.module,
            "/nowhere/module.so",
            "the PKCS#11 module `/nowhere/module.so` cannot be loaded",
        ),
        ("root = \"pkcs11\"", "root = \"file\"", "sealed under the root `pkcs11`"),
    ] {
        site.edit("gateway.toml", from, to);
        for command in ["check-config", "serve"] {
            run(&site, &hsm, &[command]).ends(3).says(&[said]);
        }
        site.write("gateway.toml", &good);
    }
    secret(&hsm.folder.join("pin"), b"000000\n");
    run(&site, &hsm, &["serve"])
        .ends(3)
        .says(&["the PIN of the token is wrong"]);
    secret(&hsm.folder.join("pin"), PIN.as_bytes());
    run(&site, &hsm, &["check-config"]).ends(0);
    // Another token of the same label: the key is not there.
    fs::rename(hsm.tokens(), hsm.folder.join("away")).unwrap();
    fs::create_dir(hsm.tokens()).unwrap();
    run(&site, &hsm, &["serve"])
        .ends(3)
        .says(&["no token is labelled `tollgate`"]);
    hsm.make_token("tollgate");
    run(&site, &hsm, &["serve"])
        .ends(3)
        .says(&["the token holds no key for this keyring"]);
    // And two of one label.
    hsm.make_token("tollgate");
    run(&site, &hsm, &["serve"])
        .ends(3)
        .says(&["several tokens are labelled `tollgate`"]);
    fs::remove_dir_all(hsm.tokens()).unwrap();
    fs::rename(hsm.folder.join("away"), hsm.tokens()).unwrap();
    run(&site, &hsm, &["check-config"]).ends(0);
}

#[test]
fn a_token_that_goes_while_it_serves_ends_the_log_and_nothing_is_answered() {
    let temp = tempfile::tempdir().unwrap();
    let Some(hsm) = SoftHsm::new(&temp.path().join("hsm")) else {
        return;
    };
    let site = site(&hsm);
    let gateway = serve(&site, &hsm);
    fs::rename(hsm.tokens(), hsm.folder.join("away")).unwrap();
    // The next entry is not signed: the caller learns that there is no log, and the process ends and says why.
    site.run(&["audit", "checkpoint", "-c", "bank-a.toml", "-o", "checkpoint.note"]);
    let ran = gateway.process.end();
    assert_eq!(ran.code, 1, "{}", ran.err);
    let ran = ran.says(&["the log cannot be signed", "the audit log could not be written"]);
    assert!(ran.err.contains("the token"), "{}", ran.err);
    fs::rename(hsm.folder.join("away"), hsm.tokens()).unwrap();
    serve(&site, &hsm).stop();
    site.verify();
}

#[test]
fn a_keyring_moves_into_a_token_and_out_again() {
    let temp = tempfile::tempdir().unwrap();
    let Some(hsm) = SoftHsm::new(&temp.path().join("hsm")) else {
        return;
    };
    let site = Site::new();
    let file = site.text("gateway.toml");
    keys(&site, &format!("root = \"pkcs11\"\n{}", hsm.table()));
    run(&site, &hsm, &["keys", "move"]).ends(0);
    serve(&site, &hsm).stop();
    // The token alone does not open it, nor does the configuration without the token.
    run(&site, &hsm, &["check-config"]).ends(0);
    site.run(&["check-config"]).ends(3);
    fs::rename(site.at("gateway.toml"), site.at("before.toml")).unwrap();
    site.write("gateway.toml", &file);
    run(&site, &hsm, &["keys", "move", "--from", "before.toml"]).ends(0);
    site.serve().stop();
    site.verify();
}

const EPOCHS: &str = "TOLLGATE_TOKEN_EPOCHS";
const STEP: &str = "TOLLGATE_TOKEN_STEP";

/// In processes of their own: a module reads its environment once, and forgets nothing.
#[test]
fn an_epoch_that_a_token_wraps_is_gone_when_its_key_is() {
    let temp = tempfile::tempdir().unwrap();
    let Some(hsm) = SoftHsm::new(&temp.path().join("hsm")) else {
        return;
    };
    let table = format!("root = \"pkcs11\"\n{}epochs = true\n", hsm.table());
    fs::write(temp.path().join("keys.toml"), table.replace("[keys.token]", "[token]")).unwrap();
    for step in ["loose", "turn", "destroy", "turn again", "go on"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["cli::keys::token::epochs_in_a_token", "--exact", "--nocapture"]);
        command.envs(hsm.environment()).env(EPOCHS, temp.path()).env(STEP, step);
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{step}: {said}");
    }
}

#[test]
fn epochs_in_a_token() {
    let Some(folder) = std::env::var_os(EPOCHS).map(PathBuf::from) else {
        return;
    };
    let source: RootSource = toml::from_str(&fs::read_to_string(folder.join("keys.toml")).unwrap()).unwrap();
    let (dir, rng, now): (_, _, Time) = (folder.join("keyring"), SystemRng::default(), SystemClock.now());
    let (sealed, copy, boxed) = (dir.join("keyring.sealed"), folder.join("copy"), folder.join("boxed"));
    let open = || Keyring::open(&dir, &source);
    match std::env::var(STEP).unwrap().as_str() {
        "loose" => {
            let token = source.token.as_ref().unwrap();
            loose_key(&token.module, "loose");
            let mut loose = source.clone();
            loose.token.as_mut().unwrap().key = "loose".to_owned();
            let refused = Keyring::create(&dir, &loose, now, &rng, false)
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("the key `loose` in the token is of another kind"),
                "{refused}"
            );
        }
        "turn" => {
            let keyring = Keyring::create(&dir, &source, now, &rng, false).unwrap();
            let first = keyring.epochs().active().unwrap();
            fs::write(boxed, first.seal(&rng, b"place", b"somebody's key".to_vec()).unwrap()).unwrap();
            assert!(keyring.turn_epoch(now, &rng).unwrap().is_some());
        }
        "destroy" => {
            // What a disk or a backup may have kept.
            fs::copy(&sealed, &copy).unwrap();
            let keyring = open().unwrap();
            let before = Arc::clone(&keyring.epochs().all()[1]);
            assert_eq!(
                before.open(b"place", &fs::read(boxed).unwrap()).unwrap(),
                b"somebody's key"
            );
            assert_eq!(keyring.destroy_epochs(&rng).unwrap(), [before.id()]);
            assert_eq!(open().unwrap().epochs().all().len(), 1);
            // Root, PIN and the old file together do not bring it back: the key that wrapped it is destroyed.
            let now = fs::read(&sealed).unwrap();
            fs::copy(&copy, &sealed).unwrap();
            let refused = open().map(drop).unwrap_err().to_string();
            assert!(refused.contains("the token holds no key for this keyring"), "{refused}");
            fs::write(&sealed, now).unwrap();
        }
        "turn again" => {
            let keyring = open().unwrap();
            let first = keyring.epochs().active().unwrap();
            fs::write(boxed, first.seal(&rng, b"place", b"another's key".to_vec()).unwrap()).unwrap();
            keyring.turn_epoch(now, &rng).unwrap().unwrap();
            // The token goes in the middle: it is revoked on disk, and not yet destroyed.
            fs::rename(folder.join("hsm/tokens"), folder.join("hsm/away")).unwrap();
            keyring.destroy_epochs(&rng).unwrap_err();
            fs::rename(folder.join("hsm/away"), folder.join("hsm/tokens")).unwrap();
        }
        _ => {
            let keyring = open().unwrap();
            assert!(keyring.epochs().is_turning(), "the turn goes on");
            let before = Arc::clone(&keyring.epochs().all()[1]);
            assert!(
                before.open(b"place", &fs::read(boxed).unwrap()).is_err(),
                "and it opens nothing"
            );
            assert_eq!(keyring.turn_epoch(now, &rng).unwrap(), None, "one turn at a time");
            assert_eq!(keyring.destroy_epochs(&rng).unwrap(), [before.id()]);
            assert!(!open().unwrap().epochs().is_turning());
        }
    }
    end_tokens();
}

/// An AES key in the token that can be taken out: no root.
fn loose_key(module: &Path, label: &str) {
    use cryptoki::{
        context::{CInitializeArgs, CInitializeFlags, Pkcs11},
        mechanism::Mechanism,
        object::Attribute,
        session::UserType,
        types::AuthPin,
    };
    let context = Pkcs11::new(module).unwrap();
    context
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
    let template = [
        Attribute::Token(true),
        Attribute::ValueLen(32.into()),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Extractable(true),
        Attribute::Sensitive(false),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(vec![1; 16]),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}
