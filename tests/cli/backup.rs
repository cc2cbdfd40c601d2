//! Backups as an operator makes them: the drill as the page says it, under load, killed in the middle, opened by others' tools.
use super::{Ran, Site, Spawned, by_hand, program, site::person, skip};
use std::{
    fs,
    io::Read,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};
use tollgate::crypto::age::{Encryptor, Identity};

const PAGE: &str = include_str!("../../docs/operating/backup.md");
/// Enough for a copy that takes seconds.
const MANY: usize = 12_000;
const CREATE: [&str; 7] = [
    "backup",
    "create",
    "-c",
    "operator.toml",
    "--keys",
    "newest.keys",
    "backups",
];

fn configured(site: &Site) {
    site.run(&["backup", "key", "-o", "offline.key"]).ends(0);
    let key = site.text("offline.key");
    let recipient = key.lines().next().unwrap().strip_prefix("# public key: ").unwrap();
    let text = site.text("gateway.toml");
    site.write(
        "gateway.toml",
        &format!("{text}\n[backup]\nrecipients = [\"{recipient}\"]\n"),
    );
}

fn spawn(site: &Site, words: &[&str]) -> Spawned {
    let mut command = program();
    command.args(words).current_dir(site.path());
    Spawned::start(command)
}

fn names(folder: &Path, extension: &str) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path());
    let mut names: Vec<String> = listed
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Waits until there is something of it.
fn wait_for(what: &str, mut it: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !it() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn begun(site: &Site) -> bool {
    let folder = site.at("backups");
    let parts = names(&folder, "part");
    parts
        .iter()
        .any(|name| fs::metadata(folder.join(name)).is_ok_and(|m| m.len() > 0))
}

/// A backup of which something is there. One that comes too soon after others is turned away: then again.
fn creating(site: &Site) -> Spawned {
    let mut creating = spawn(site, &CREATE);
    wait_for("a part of a backup", || {
        if !creating.runs() {
            creating = spawn(site, &CREATE);
        }
        begun(site)
    });
    creating
}

fn check(site: &Site) -> Ran {
    let name = names(&site.at("backups"), "backup").pop().unwrap();
    let backup = format!("backups/{name}");
    site.run(&[
        "--json",
        "backup",
        "check",
        "-i",
        "offline.key",
        "--keys",
        "newest.keys",
        &backup,
    ])
}

#[test]
fn the_drill_goes_as_the_page_says() {
    let site = Site::loaded(20);
    let blocks = by_hand::blocks(PAGE);
    let [key, configure, nightly, checking, restore, after] = blocks[..] else {
        panic!("six blocks were expected, {} are there", blocks.len())
    };
    let temporary = tempfile::tempdir().unwrap();
    let run = |block| by_hand::run(block, &site.path(), temporary.path());
    run(key);
    let said = run(configure);
    assert!(said.contains("is sound: the gateway would start"), "{said}");
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["risk_band@1"]).ends(0);
    let said = run(nightly);
    for word in ["read back", "the same", "opens"] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    let said = run(checking);
    for word in [
        "RPO",
        "RTO",
        "records, opened               20",
        "subjects                      20",
    ] {
        assert!(said.contains(word.trim_end()), "`{word}`:\n{said}");
    }
    gateway.stop();
    let said = run(restore);
    assert!(said.contains("RTO") && said.contains("the log holds"), "{said}");

    let gateway = site.serve();
    let ask = || site.ask(&person(1), &consent, &["risk_band@1"]);
    ask().ends(1).says(&["`PARTNER_SUSPENDED`"]);
    // An operator cannot say that nothing was lost.
    site.run(&["backup", "confirm", "-c", "operator.toml", "suspensions"])
        .ends(1)
        .says(&["`METHOD_NOT_ALLOWED`"]);
    site.run(&["backup", "confirm", "-c", "security.toml", "suspensions"])
        .ends(0);
    let told = ask().ends(0).json();
    assert!(told.to_string().contains("no valid consent"), "{told}");
    let said = run(after);
    assert!(
        said.contains("nothing was waiting for it") && said.contains("confirmed"),
        "{said}"
    );
    let told = ask().ends(0).json();
    assert!(!told.to_string().contains("no valid consent"), "{told}");
    let listed = site.run(&["--json", "backup", "list", "backups"]).ends(0).json();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 2);
    gateway.stop();
    site.verify();
}

#[test]
fn no_call_fails_while_a_backup_is_made() {
    let site = Site::loaded(MANY);
    configured(&site);
    let gateway = site.serve();
    let consents: Vec<String> = (1..=3).map(|row| site.consent(&person(row))).collect();
    let (done, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let created = thread::scope(|scope| {
        for (row, consent) in (1..).zip(&consents) {
            // Each with a memory of its own: one file is one client's.
            let file = format!("bank-a-{row}.toml");
            site.write(
                &file,
                &site
                    .text("bank-a.toml")
                    .replace("bank-a.serial", &format!("bank-a-{row}.serial")),
            );
            let (site, done, asked) = (&site, &done, &asked);
            scope.spawn(move || {
                let who = person(row);
                let mut words = vec![
                    "--json",
                    "query",
                    "-c",
                    &file,
                    "--resident-id",
                    &who,
                    "--consent",
                    consent,
                ];
                words.extend([
                    "--purpose",
                    "credit.origination",
                    "--agreement",
                    "bank-a-2026",
                    "risk_band@1",
                ]);
                while !done.load(Ordering::Acquire) {
                    let told = site.run(&words).ends(0).json();
                    assert!(told.to_string().contains("risk_band"), "{told}");
                    asked.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        let mut words = vec!["--json"];
        words.extend(CREATE);
        let created = spawn(&site, &words).end();
        // Also where it failed: the others would ask for ever.
        done.store(true, Ordering::Release);
        created
    });
    let created = created.ends(0).json();
    assert_eq!(created["rows"], MANY);
    let checked = check(&site).ends(0).json();
    assert_eq!((&checked["rows"], &checked["subjects"]), (&MANY.into(), &MANY.into()));
    assert_eq!(checked["entries"], created["entries"]);
    println!(
        "{} questions answered meanwhile, none failed; RPO {} s, RTO {} s, {} bytes",
        asked.load(Ordering::Acquire),
        checked["rpo_s"],
        checked["rto_s"],
        created["bytes"]
    );
    assert!(asked.load(Ordering::Acquire) >= 3);
    gateway.stop();
    site.verify();
}

#[test]
fn what_was_killed_in_the_middle_is_no_backup_and_no_restore_and_the_next_try_works() {
    let site = Site::loaded(MANY);
    configured(&site);
    let gateway = site.serve();
    let folder = site.at("backups");
    creating(&site).kill();
    assert_eq!((names(&folder, "backup"), names(&folder, "json")), (vec![], vec![]));
    assert!(!site.at("newest.keys").exists());
    // The gateway notices that its reader is gone, and lets the next one in.
    wait_for("the next backup", || site.run(&CREATE).code == 0);
    assert_eq!((names(&folder, "backup").len(), names(&folder, "part").len()), (1, 0));
    let keys = fs::read(site.at("newest.keys")).unwrap();

    // The gateway dies.
    let unfinished = creating(&site);
    gateway.kill();
    assert_ne!(unfinished.end().code, 0);
    assert_eq!(names(&folder, "backup").len(), 1);
    assert_eq!(
        fs::read(site.at("newest.keys")).unwrap(),
        keys,
        "the older backup keeps its keys"
    );
    let checked = check(&site).ends(0).json();

    let name = names(&folder, "backup").pop().unwrap();
    site.write("known.note", checked["checkpoint"].as_str().unwrap());
    fs::rename(site.at("data"), site.at("lost")).unwrap();
    let backup = format!("backups/{name}");
    let words = [
        "--json",
        "backup",
        "restore",
        "-i",
        "offline.key",
        "--keys",
        "newest.keys",
    ];
    let words = [&words[..], &["--checkpoint", "known.note", &backup]].concat();
    for part in [
        "data.restoring/keyring",
        "data.restoring/journal/00000001.journal",
        "data.restoring/head",
    ] {
        let restoring = spawn(&site, &words);
        wait_for(part, || site.at(part).exists());
        restoring.kill();
        assert!(
            !site.at("data").exists(),
            "not a directory that a gateway would start on"
        );
    }
    let restored = site.run(&words).ends(0).json();
    assert_eq!(
        (&restored["rows"], &restored["entries"]),
        (&MANY.into(), &checked["entries"])
    );
    assert!(!site.at("data.restoring").exists());
    // Over what is there nothing is restored.
    site.run(&words).ends(3).says(&["is not empty"]);
    let gateway = site.serve();
    site.run(&["backup", "confirm", "-c", "security.toml", "suspensions"])
        .ends(0);
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["risk_band@1"]).ends(0);
    gateway.stop();
    site.verify();
}

#[test]
fn what_goes_wrong_says_why() {
    let site = Site::new();
    let gateway = site.serve();
    site.run(&CREATE).ends(1).says(&["`BACKUP_NOT_CONFIGURED`"]);
    gateway.stop();
    configured(&site);
    site.run(&["backup", "key", "-o", "offline.key"])
        .ends(3)
        .says(&["offline.key"]);
    let gateway = site.serve();
    let mut words = CREATE;
    words[3] = "auditor.toml";
    site.run(&words).ends(1).says(&["`METHOD_NOT_ALLOWED`"]);
    site.run(&CREATE).ends(0);
    gateway.stop();
    site.run(&CREATE).ends(5);
    let folder = site.at("backups");
    let path = folder.join(names(&folder, "backup").pop().unwrap());
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    check(&site).ends(4).says(&["damaged or cut off"]);
    let listed = site.run(&["--json", "backup", "list", "backups"]).ends(0).json();
    assert_eq!(listed["backups"][0]["state"], "cut off");
    fs::write(&path, &good).unwrap();
    check(&site).ends(0);
    fs::rename(site.at("newest.keys"), site.at("elsewhere")).unwrap();
    check(&site).ends(3).says(&["newest.keys"]);
    fs::rename(site.at("elsewhere"), site.at("newest.keys")).unwrap();
    fs::remove_file(site.at("offline.key")).unwrap();
    site.run(&["backup", "key", "-o", "offline.key"]).ends(0);
    check(&site).ends(4).says(&["another recipient"]);
    site.edit("gateway.toml", "recipients = [\"age1", "recipients = [\"age2");
    site.run(&["check-config"])
        .ends(3)
        .says(&["is no recipient", "[backup]"]);
}

/// The reference tool, if there is one on this machine.
fn age() -> Option<std::ffi::OsString> {
    let program = std::env::var_os("TOLLGATE_AGE").unwrap_or_else(|| "age".into());
    Command::new(&program).arg("--version").output().ok().map(|_| program)
}

#[test]
fn tools_of_others_open_a_backup() {
    let Some(age) = age() else {
        return skip("no `age` on this machine");
    };
    let site = Site::loaded(20);
    configured(&site);
    let gateway = site.serve();
    site.run(&CREATE).ends(0);
    gateway.stop();
    let decrypt = |path: &Path, key: &Path| {
        let output = Command::new(&age)
            .arg("-d")
            .arg("-i")
            .arg(key)
            .arg(path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let key = site.at("offline.key");
    let folder = site.at("backups");
    let archive = site.at("opened.tar");
    let backup = folder.join(names(&folder, "backup").pop().unwrap());
    for (file, wanted) in [
        (backup, "journal/00000001.journal"),
        (site.at("newest.keys"), "keyring.sealed"),
    ] {
        fs::write(&archive, decrypt(&file, &key)).unwrap();
        let listed = Command::new("tar").arg("-tf").arg(&archive).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.lines().any(|line| line == wanted), "{listed}");
    }
    // At the edges of its chunks, both ways.
    let identity = Identity::parse(&site.text("offline.key")).unwrap();
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let plain: Vec<u8> = (0..length).map(|i: u32| i as u8).collect();
        let mut encryptor = Encryptor::new(&tollgate::crypto::SystemRng::default(), &[identity.recipient()]).unwrap();
        let mut file = encryptor.push(&plain).unwrap();
        file.extend(encryptor.finish().unwrap());
        fs::write(&archive, file).unwrap();
        assert_eq!(decrypt(&archive, &key), plain, "{length}");
        let back = site.at("back.age");
        fs::write(&archive, &plain).unwrap();
        let recipient = identity.recipient().to_string();
        let mut command = Command::new(&age);
        let sealed = command
            .args(["-r", &recipient, "-o"])
            .arg(&back)
            .arg(&archive)
            .status()
            .unwrap();
        assert!(sealed.success());
        let mut opened = Vec::new();
        let file = fs::File::open(&back).unwrap();
        let mut decryptor = tollgate::crypto::age::Decryptor::new(file, &identity).unwrap();
        decryptor.read_to_end(&mut opened).unwrap();
        assert_eq!(opened, plain, "{length}");
    }
}
