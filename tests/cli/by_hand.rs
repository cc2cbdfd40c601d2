//! The commands of `docs/operating/README.md`, as they stand there, on the files of `docs/sample/`.
use super::{Spawned, program};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PAGE: &str = include_str!("../../docs/operating/README.md");

/// A page's blocks in `sh`.
pub(super) fn blocks(page: &str) -> Vec<&str> {
    let begun = page.split("```sh\n").skip(1);
    begun.map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Runs a block by `sh`, stopping at the first command that fails, with `tollgate` on the path.
#[track_caller]
pub(super) fn run(block: &str, folder: &Path, temporary: &Path) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-euc", block])
        .env("PATH", path)
        .env("TMPDIR", temporary)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{block}\n{said}");
    said
}

#[test]
fn the_first_start_goes_as_the_page_says() {
    let [first_start, asking] = blocks(PAGE)[..] else {
        panic!("two blocks were expected");
    };
    let temp = tempfile::tempdir().unwrap();
    let said = run(first_start, Path::new(env!("CARGO_MANIFEST_DIR")), temp.path());
    assert!(said.contains("is sound: the gateway would start"), "{said}");
    assert!(said.contains("loaded    30000"), "{said}");
    let mut made = fs::read_dir(temp.path()).unwrap().map(|e| e.unwrap().path());
    let site: PathBuf = made.next().unwrap();
    // The page's ports may be taken: the gateway takes free ones, and the clients are told.
    let edit = |name: &str, pairs: &[(&str, &str)]| {
        let mut text = fs::read_to_string(site.join(name)).unwrap();
        for (from, to) in pairs {
            assert!(text.contains(from), "{name}: {from}");
            text = text.replace(from, to);
        }
        fs::write(site.join(name), text).unwrap();
    };
    edit(
        "gateway.toml",
        &[
            ("127.0.0.1:7443", "127.0.0.1:0"),
            ("127.0.0.1:7444", "127.0.0.1:0"),
            ("127.0.0.1:7445", "127.0.0.1:0"),
        ],
    );
    let mut command = program();
    command.arg("serve").current_dir(&site);
    let gateway = Spawned::start(command);
    let line = gateway.wait_for("tollgate serves partners on ");
    let address = line.split_whitespace().nth(4).unwrap();
    for client in ["bank-a.toml", "lender.toml"] {
        edit(client, &[("127.0.0.1:7443", address)]);
    }
    let said = run(asking, &site, temp.path());
    for word in [
        "active",
        "31-60 days",
        "1 (highest risk)",
        "receipt     verified",
        "the log holds",
    ] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    gateway.terminate();
    gateway.end().ends(0);
}
