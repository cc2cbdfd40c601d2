//! A disk that fails under a gateway that serves: nothing is answered, the process ends by itself so that whatever runs
//! it starts it again, and the start needs nobody's hand.
use super::{Site, site::person, skip};
use std::{
    fs,
    process::{Command, Stdio},
};

#[test]
fn a_failed_write_ends_the_gateway_and_the_next_start_goes_on() {
    let prlimit = |words: &[String]| Command::new("prlimit").args(words).output();
    if !prlimit(&["--version".to_owned()]).is_ok_and(|o| o.status.success()) {
        return skip("`prlimit` is not there");
    }
    let site = Site::loaded(3);
    // The signal that comes with the limit would end the process; ignored, the write fails as on a broken disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_tollgate")]);
    command
        .current_dir(site.path())
        .env_remove("TOLLGATE_LOG")
        .stdin(Stdio::null());
    let gateway = site.serving(command);
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    let journal: u64 = fs::read_dir(site.at("data/journal"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    // Half an entry fits.
    let limit = format!("--fsize={0}:{0}", journal + 200);
    let limited = prlimit(&[format!("--pid={}", gateway.process.id()), limit]).unwrap();
    assert!(limited.status.success(), "{}", String::from_utf8_lossy(&limited.stderr));
    let refused = site.ask(&person(1), &consent, &["limit_band@1"]);
    assert!(refused.code == 1 || refused.code == 5, "{}", refused.err);
    // Its stop cannot be recorded either; what counts is that it ends, and says why.
    let ended = gateway
        .process
        .end()
        .ends(1)
        .says(&["the audit log", "start the gateway again"]);
    assert!(
        !ended.out.contains("panicked") && !ended.err.contains("panicked"),
        "{}",
        ended.err
    );

    let gateway = site.serve();
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    let said = gateway.stop();
    assert!(said.contains("the log: ") && said.contains(" entries, "), "{said}");
    site.verify();
}
