//! What the system says of a gateway's memory: secrets are locked, nothing is dumped, and a refused lock is not silent.
use super::*;

fn status(id: u32, file: &str, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no `{name}` in {text}")).to_owned()
}

#[test]
fn a_gateway_locks_its_keys_and_leaves_no_core() {
    let site = Site::new();
    let gateway = site.serve();
    let id = gateway.process.id();
    let locked = status(id, "status", "VmLck:");
    let kib: u64 = locked.split_whitespace().nth(1).unwrap().parse().unwrap();
    // Log key and its expanded form, pseudonym, epoch, period, two exchange keys, root: a page each.
    assert!(kib >= 8 * 4, "{locked}");
    let core = status(id, "limits", "Max core file size");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let said = gateway.stop();
    assert!(!said.contains("not locked in memory"), "{said}");
}

#[test]
fn where_memory_cannot_be_locked_it_is_said_with_what_to_do() {
    let site = Site::new();
    let limited = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args([
            "--bounding-set=-ipc_lock",
            "prlimit",
            "--memlock=0:0",
            env!("CARGO_BIN_EXE_tollgate"),
        ]);
        command.args(words).current_dir(site.path());
        command
    };
    let works = limited(&["--version"]).output().is_ok_and(|ran| ran.status.success());
    if !works {
        return skip("`setpriv` or `prlimit` cannot take the right to lock memory away (Debian: util-linux)");
    }
    let ran = Spawned::start(limited(&["check-config"])).end().ends(0);
    assert!(
        ran.out.contains("warning: ") && ran.out.contains("raise RLIMIT_MEMLOCK"),
        "{}",
        ran.out
    );
    let gateway = site.serving(limited(&["serve"]));
    gateway.process.wait_for_part("raise RLIMIT_MEMLOCK");
    gateway.stop();
}
