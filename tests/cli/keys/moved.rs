//! A move that is killed: one of the two roots opens the keyring, and the same command finishes.
use super::*;
use std::{process::Stdio, time::Instant};

/// Kills, spread over the time that a move takes and a little more.
const ROUNDS: u32 = 16;

#[test]
fn a_killed_move_leaves_one_root_that_opens_and_is_finished_by_the_same_command() {
    let site = Site::new();
    site.serve().stop();
    let folder = site.at("credentials");
    fs::create_dir(&folder).unwrap();
    secret(&folder.join("root"), &[3; 32]);
    let environment = [("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())];
    let file = site.text("gateway.toml");
    keys(&site, "root = \"credential\"\ncredential = \"root\"\n");
    let credential = site.text("gateway.toml");
    site.write("file.toml", &file);
    site.write("credential.toml", &credential);
    let opens = |name: &str| with(&site, &environment, &["check-config", name]).code == 0;
    let moves = |from: &str, to: &str| with(&site, &environment, &["keys", "move", to, "--from", from]).ends(0);
    let start = Instant::now();
    moves("file.toml", "credential.toml");
    let whole = start.elapsed();
    let (mut before, mut after) = (0, 0);
    for round in 0..ROUNDS {
        let (from, to) = match round % 2 {
            0 => ("credential.toml", "file.toml"),
            _ => ("file.toml", "credential.toml"),
        };
        let mut command = program();
        command
            .args(["keys", "move", to, "--from", from])
            .current_dir(site.path());
        command.envs(environment).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * round / (ROUNDS - 4));
        child.kill().unwrap();
        child.wait().unwrap();
        match (opens(from), opens(to)) {
            (true, false) => before += 1,
            (false, true) => after += 1,
            both => panic!("round {round}: {both:?}"),
        }
        moves(from, to);
        assert!(opens(to));
        assert_eq!(site.at("data/keyring/root.key").exists(), to == "file.toml");
    }
    eprintln!("killed before the rename {before} times, after it {after} times");
    site.verify();
}

#[test]
fn a_gateway_that_serves_keeps_its_root() {
    let site = Site::new();
    let gateway = site.serve();
    secret(&site.at("passphrase"), b"a passphrase for later");
    keys(&site, "root = \"passphrase\"\npassphrase_file = \"passphrase\"\n");
    site.run(&["keys", "move"]).ends(3).says(&["in use by another process"]);
    gateway.stop();
    site.run(&["keys", "move"]).ends(0);
    site.serve().stop();
}
