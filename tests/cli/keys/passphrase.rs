//! A passphrase from a file, from a credential and from a terminal; a credential that is the root itself.
use super::*;

const WORDS: &str = "seven hundred blue tollgates";

fn moved_to_passphrase(site: &Site) {
    secret(&site.at("passphrase"), format!("{WORDS}\n").as_bytes());
    keys(site, "root = \"passphrase\"\npassphrase_file = \"passphrase\"\n");
    let said = site.run(&["keys", "move"]).ends(0).out;
    assert!(said.contains("under the root `passphrase` now"), "{said}");
    assert!(!site.at("data/keyring/root.key").exists());
}

#[test]
fn a_gateway_under_a_passphrase_serves_and_a_wrong_one_does_not() {
    let site = Site::new();
    site.serve().stop();
    moved_to_passphrase(&site);
    let before = site.verify();
    site.run(&["check-config"]).ends(0);
    site.serve().stop();
    assert!(site.verify() > before, "the log goes on, under the same key");
    secret(&site.at("passphrase"), b"seven hundred red tollgates\n");
    for command in ["check-config", "serve"] {
        site.run(&[command])
            .ends(3)
            .says(&["the passphrase does not open the keyring: try again"]);
    }
    fs::remove_file(site.at("passphrase")).unwrap();
    site.run(&["serve"]).ends(3).says(&["cannot read `passphrase`"]);
    secret(&site.at("passphrase"), WORDS.as_bytes());
    fs::set_permissions(site.at("passphrase"), fs::Permissions::from_mode(0o640)).unwrap();
    site.run(&["serve"])
        .ends(3)
        .says(&["`passphrase` can be read by others: run `chmod 600`"]);
    // Nobody is asked where nobody can answer.
    keys(&site, "root = \"passphrase\"\n");
    site.run(&["serve"])
        .ends(3)
        .says(&["there is no passphrase", "start from a terminal"]);
    // Neither root but the right one.
    keys(&site, "");
    site.run(&["serve"])
        .ends(3)
        .says(&["`[keys]` says `file`", "set `root = \"passphrase\"`"]);
    site.run(&["keys", "move"]).ends(3).says(&["nothing is to be moved"]);
}

/// By `script`, which gives the program a terminal.
#[test]
fn who_starts_it_from_a_terminal_is_asked_and_nothing_is_shown() {
    if Command::new("script").arg("--version").output().is_err() {
        return skip("`script` is not installed (Debian: bsdutils)");
    }
    let site = Site::new();
    moved_to_passphrase(&site);
    keys(&site, "root = \"passphrase\"\n");
    let typed = |command: &str, typed: &str| {
        let program = env!("CARGO_BIN_EXE_tollgate");
        // The program drops what was typed before it asked: the answer comes a little later, and is tried again if it
        // came too early all the same.
        let script = format!(
            "(sleep 1; printf '%s\\n' \"$TYPED\"; sleep 1; printf '%s\\n' \"$TYPED\"; sleep 1) | script -qec '{program} {command}' /dev/null"
        );
        let ran = Command::new("sh")
            .args(["-c", &script])
            .env("TYPED", typed)
            .current_dir(site.path())
            .output();
        let ran = ran.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let (code, said) = typed("check-config", WORDS);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("passphrase of the keyring: ") && said.contains("is sound"),
        "{said}"
    );
    let (code, said) = typed("check-config", "eight hundred blue tollgates");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the passphrase does not open"), "{said}");
}

#[test]
fn systemd_delivers_the_root_and_no_person_is_needed() {
    let site = Site::new();
    let folder = site.at("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let environment = [("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())];
    let root = folder.join("tollgate-root");
    secret(&root, &[0x5a; 32]);
    keys(&site, "root = \"credential\"\ncredential = \"tollgate-root\"\n");
    site.run(&["keys", "move"])
        .ends(3)
        .says(&["no credential `tollgate-root`", "LoadCredentialEncrypted="]);
    let moved = with(&site, &environment, &["--json", "keys", "move"]).ends(0).json();
    assert_eq!((&moved["root"], &moved["moved"]), (&"credential".into(), &true.into()));
    let again = with(&site, &environment, &["--json", "keys", "move"]).ends(0).json();
    assert_eq!(again["moved"], false);
    for _ in 0..2 {
        site.serve_with(&[], &environment).stop();
    }
    site.verify();
    for (bytes, said) in [
        (vec![0x5b; 32], "the credential does not open the keyring"),
        (vec![0x5a; 33], "exactly 32"),
    ] {
        secret(&root, &bytes);
        with(&site, &environment, &["serve"]).ends(3).says(&[said]);
    }
    secret(&root, &[0x5a; 32]);
    // systemd shows the mask of an access list as group bits, in a folder that nobody else enters.
    fs::set_permissions(&root, fs::Permissions::from_mode(0o440)).unwrap();
    with(&site, &environment, &["check-config"]).ends(0);
    for (path, mode) in [(&root, 0o444), (&folder, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    with(&site, &environment, &["serve"])
        .ends(3)
        .says(&["can be read by others"]);
    site.run(&["serve"]).ends(3).says(&["no credential `tollgate-root`"]);
}
