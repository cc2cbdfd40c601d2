use super::*;
use crate::{
    clock::Time,
    crypto::{Passphrase, SystemRng},
    keyring::{Keyring, Moved, file::SEALED, move_root},
};
use std::fs;

const NOW: Time = Time(1_700_000_000_000);
const WORDS: &str = "five random words are enough";

fn typed(words: &str) -> RootSource {
    let mut source: RootSource = toml::from_str("root = \"passphrase\"").unwrap();
    assert!(source.asks());
    source.type_in(Passphrase::from_line(words.as_bytes()).unwrap());
    assert!(!source.asks());
    source
}

fn made(dir: &Path, source: &RootSource) -> Keyring {
    Keyring::create(dir, source, NOW, &SystemRng::default(), false).unwrap()
}

fn why(dir: &Path, source: &RootSource) -> String {
    Keyring::open(dir, source).map(drop).unwrap_err().to_string()
}

#[test]
fn a_passphrase_opens_what_it_made_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    let pseudonym = made(dir.path(), &typed(WORDS)).pseudonym();
    assert!(!dir.path().join("root.key").exists());
    let again = Keyring::open(dir.path(), &typed(WORDS)).unwrap();
    assert!(again.pseudonym().same(pseudonym.expose()));
    // A change is written under the same root.
    again.turn_epoch(NOW, &SystemRng::default()).unwrap().unwrap();
    assert!(Keyring::open(dir.path(), &typed(WORDS)).unwrap().epochs().is_turning());
    assert!(why(dir.path(), &typed("five random words are enougH")).contains("does not open the keyring: try again"));
    let nobody = toml::from_str("root = \"passphrase\"").unwrap();
    assert!(why(dir.path(), &nobody).contains("there is no passphrase"));
    assert!(why(dir.path(), &RootSource::default()).contains("set `root = \"passphrase\"`"));
}

#[test]
fn a_short_passphrase_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SystemRng::default();
    let made = Keyring::create(dir.path(), &typed("too short"), NOW, &rng, false);
    assert!(
        made.map(drop)
            .unwrap_err()
            .to_string()
            .contains("shorter than 12 bytes")
    );
    assert!(!dir.path().join(SEALED).exists());
}

/// Whoever can write the file gains nothing by it: every byte before the sealed part is bound, costs are bounded.
#[test]
fn a_changed_head_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(made(dir.path(), &typed(WORDS)));
    let path = dir.path().join(SEALED);
    let whole = fs::read(&path).unwrap();
    let (head, sealed) = split(&whole).unwrap();
    let head = head.unwrap();
    assert_eq!(
        (head.message.memory_kib, head.message.passes, head.message.lanes),
        (65_536, 3, 4)
    );
    let refused = |change: &dyn Fn(&mut v1::RootHead)| {
        let mut message = head.message.clone();
        change(&mut message);
        fs::write(&path, [Head::of(&message).unwrap().bytes.as_slice(), sealed].concat()).unwrap();
        why(dir.path(), &typed(WORDS))
    };
    for said in [
        refused(&|head| head.memory_kib = u32::MAX),
        refused(&|head| head.passes = 1 << 30),
        refused(&|head| head.salt.truncate(15)),
        refused(&|head| head.root = "none".to_owned()),
    ] {
        assert!(said.contains("the head of `keyring.sealed` is damaged"), "{said}");
    }
    // Cheaper guesses do not help: the key is another one.
    let said = refused(&|head| head.memory_kib = 64);
    assert!(said.contains("does not open"), "{said}");
    let said = refused(&|head| head.token_key = vec![1]);
    assert!(said.contains("does not open"), "{said}");
    for at in [16, 17, 18, 40, 100, whole.len() - 1] {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        why(dir.path(), &typed(WORDS));
        fs::write(&path, &whole[..at]).unwrap();
        why(dir.path(), &typed(WORDS));
    }
    // The head of one keyring before the sealed part of another, both of one passphrase.
    let other = tempfile::tempdir().unwrap();
    drop(made(other.path(), &typed(WORDS)));
    let their = fs::read(other.path().join(SEALED)).unwrap();
    let (their, _) = split(&their).unwrap();
    fs::write(&path, [their.unwrap().bytes.as_slice(), sealed].concat()).unwrap();
    assert!(why(dir.path(), &typed(WORDS)).contains("it is damaged"));
}

#[test]
fn a_keyring_moves_from_root_to_root_and_the_old_one_opens_it_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SystemRng::default();
    let (file, first, second) = (RootSource::default(), typed(WORDS), typed("another five random words"));
    let before = made(dir.path(), &file);
    for (from, to) in [(&file, &first), (&first, &second), (&second, &file)] {
        assert_eq!(move_root(dir.path(), from, to, &rng).unwrap(), Moved::Now);
        let after = Keyring::open(dir.path(), to).unwrap();
        assert!(after.pseudonym().same(before.pseudonym().expose()));
        assert_eq!(after.log_keys(), before.log_keys());
        assert!(Keyring::open(dir.path(), from).is_err());
        assert_eq!(dir.path().join("root.key").exists(), to.root == Form::File);
        // Again is no harm.
        assert_eq!(move_root(dir.path(), from, to, &rng).unwrap(), Moved::Before);
    }
    let wrong = move_root(dir.path(), &first, &second, &rng).unwrap_err().to_string();
    assert!(
        wrong.contains("sealed under the root `file`"),
        "the old root's reason is given: {wrong}"
    );
    assert!(move_root(dir.path(), &file, &file, &rng).is_err());
}

/// What each step of a move leaves behind, if it is the last: one root opens the keyring, and the command finishes.
#[test]
fn a_move_that_was_cut_off_is_finished() {
    let rng = SystemRng::default();
    let (file, typed) = (RootSource::default(), typed(WORDS));
    // Before the rename: a whole or a half file beside, and for a move to a file a root key under which nothing is.
    for half in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let pseudonym = made(dir.path(), &file).pseudonym();
        let root = Root::create(dir.path(), &typed, &rng).unwrap();
        let (_, ring) = file::read(&dir.path().join(SEALED), &file).unwrap();
        let beside = file::write_beside(&dir.path().join(SEALED), &root, &ring, &rng).unwrap();
        if half {
            let whole = fs::read(&beside).unwrap();
            fs::write(&beside, &whole[..whole.len() / 2]).unwrap();
        }
        assert!(Keyring::open(dir.path(), &file).is_ok(), "the old root opens it");
        assert_eq!(move_root(dir.path(), &file, &typed, &rng).unwrap(), Moved::Now);
        // After the rename: the old root key is still there.
        fs::write(dir.path().join("root.key"), [7; 32]).unwrap();
        assert_eq!(move_root(dir.path(), &file, &typed, &rng).unwrap(), Moved::Before);
        assert!(!dir.path().join("root.key").exists());
        // To a file: a root key was made, and nothing sealed under it.
        fs::write(dir.path().join("root.key"), [7; 32]).unwrap();
        assert_eq!(move_root(dir.path(), &typed, &file, &rng).unwrap(), Moved::Now);
        let again = Keyring::open(dir.path(), &file).unwrap();
        assert!(again.pseudonym().same(pseudonym.expose()));
        assert_ne!(fs::read(dir.path().join("root.key")).unwrap(), [7; 32]);
    }
}

#[test]
fn a_table_that_does_not_fit_together_is_refused() {
    let table = |text: &str| {
        let source: Result<RootSource, _> = toml::from_str(text);
        source
            .map_err(|e| e.to_string())
            .and_then(|source| source.check().map_err(str::to_owned))
    };
    let token = "[token]\nmodule = \"m.so\"\nlabel = \"t\"\n";
    for fine in [
        "",
        "root = \"file\"",
        "root = \"passphrase\"",
        "root = \"passphrase\"\npassphrase_file = \"p\"",
        "root = \"credential\"\ncredential = \"tollgate-root\"",
        &format!("root = \"pkcs11\"\n{token}pin_file = \"pin\""),
        &format!("{token}pin_credential = \"pin\"\nlog_key = \"log\"\nepochs = true"),
    ] {
        assert_eq!(table(fine), Ok(()), "{fine}");
    }
    for (bad, said) in [
        ("root = \"tpm\"", "unknown variant"),
        ("passphrase_file = \"p\"", "of use only with"),
        (
            "root = \"passphrase\"\npassphrase_file = \"p\"\npassphrase_credential = \"p\"",
            "keep one",
        ),
        ("root = \"credential\"", "add `credential`"),
        ("credential = \"x\"", "of use only with"),
        ("root = \"credential\"\ncredential = \"../x\"", "name of one file"),
        ("root = \"credential\"\ncredential = \"..\"", "name of one file"),
        ("root = \"pkcs11\"", "[keys.token]"),
        (&format!("root = \"pkcs11\"\n{token}"), "needs the PIN"),
        (
            &format!("root = \"pkcs11\"\n{token}pin_file = \"a\"\npin_credential = \"b\""),
            "not both",
        ),
        (
            &format!("root = \"pkcs11\"\n{token}pin_file = \"a\"\nlog_key = \"\""),
            "1 to 64 bytes",
        ),
    ] {
        let refused = table(bad).unwrap_err();
        assert!(refused.contains(said), "{bad}: {refused}");
    }
}

#[test]
fn a_module_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = "root = \"pkcs11\"\n[token]\nmodule = \"/nowhere/lib.so\"\nlabel = \"t\"\npin_file = \"p\"";
    let source: RootSource = toml::from_str(text).unwrap();
    let made = Keyring::create(dir.path(), &source, NOW, &SystemRng::default(), false);
    let said = made.map(drop).unwrap_err().to_string();
    assert!(said.contains("`/nowhere/lib.so` cannot be loaded: install"), "{said}");
}
