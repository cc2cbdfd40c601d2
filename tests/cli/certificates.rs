//! The commands of `docs/operating/certificates.md`, as they stand there, beside a gateway that serves.
use super::Site;
use std::{fs, path::Path, process::Command};
use tollgate::{
    app::site,
    clock::{Clock, SystemClock},
    crypto::SystemRng,
    pki::{self, LeafPlan, Usage},
};

const PAGE: &str = include_str!("../../docs/operating/certificates.md");

#[test]
fn a_certificate_is_renewed_while_the_gateway_serves() {
    let site = Site::new();
    let gateway = site.serve();
    let block = PAGE.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let renew = |uri: &str| {
        let plan = LeafPlan {
            hosts: vec!["localhost".to_owned()],
            ..LeafPlan::new(uri, Usage::Server, SystemClock.now())
        };
        let leaf = pki::issue_leaf(&site.at("pki/gateway/ca"), &plan, &SystemRng::default()).unwrap();
        fs::write(site.at("pki/gateway/tls.pem.new"), &leaf.chain_pem).unwrap();
        fs::write(site.at("pki/gateway/tls.key.new"), leaf.key_pem.as_bytes()).unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let done = Command::new("sh")
            .args(["-euc", block])
            .env("PATH", path)
            .env("PID", gateway.process.id().to_string())
            .current_dir(site.at("pki/gateway"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let said = |words: &str| {
        let waiting = (0..6_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            gateway.process.all().contains(words)
        });
        assert!(waiting, "`{words}` in:\n{}", gateway.process.all());
    };
    renew("spiffe://tollgate.example/another");
    said("the gateway's certificate stays what it was");
    said("names `spiffe://tollgate.example/another`: another identity needs a restart");
    site.run(&["check-config"]).ends(0);
    renew(site::GATEWAY);
    said("the gateway's certificate is renewed");
    site.run(&["check-config"]).ends(0);
    gateway.stop();
    assert!(site.verify() > 0);
}
