//! The commands of `docs/operating/reports.md`, as they stand there, beside a running gateway.
use super::{Site, site::person};
use std::process::Command;

const PAGE: &str = include_str!("../../docs/operating/reports.md");

fn run(block: &str, site: &Site) -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-euc", block])
        .env("PATH", path)
        .current_dir(site.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{block}\n{said}");
    said
}

#[test]
fn reports_packs_and_notices_go_as_the_page_says() {
    let site = Site::loaded(3);
    let gateway = site.serve();
    site.point("compliance", gateway.staff);
    site.point("auditor", gateway.staff);
    let consent = site.consent(&person(1));
    let asked = [
        "query",
        "-c",
        "bank-a.toml",
        "--resident-id",
        &person(1),
        "--purpose",
        "credit.origination",
        "--agreement",
        "bank-a-2026",
        "--consent",
        &consent,
        "worst_overdue_6m@1",
        "risk_band@1",
    ];
    site.run(&asked).ends(0);
    let blocks: Vec<&str> = PAGE
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [report, explain, pack, notices, siem] = blocks[..] else {
        panic!("five blocks were expected");
    };
    let said = run(report, &site);
    assert_eq!(said.matches("the report holds").count(), 3, "{said}");
    assert!(site.text("report.html").contains("关于您的查询与提供情况报告"));
    let said = run(explain, &site);
    assert!(said.contains("Entry 3, ") && said.contains("条目 3，"), "{said}");
    let said = run(pack, &site);
    assert!(
        said.contains("the pack holds") && said.contains("manifest.proof"),
        "{said}"
    );
    let said = run(notices, &site);
    assert!(
        said.contains("no notices: nothing that you rely on was corrected"),
        "{said}"
    );
    run(siem, &site);
    for file in ["events.jsonl", "stream.jsonl"] {
        let text = site.text(file);
        let mut lines = 0_u64;
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (event["class_uid"].as_u64(), event["metadata"]["sequence"].as_u64()),
                (Some(6003), Some(lines))
            );
            lines += 1;
        }
        assert!(lines > 10, "{file}: {lines}");
    }

    // What was changed is found, and says what.
    let changed = site.text("report.html").replacen("31-60 days", "current", 1);
    site.write("changed.html", &changed);
    let ran = site.run(&["audit", "verify", "changed.html", "--key", "log.vkey"]);
    ran.ends(4).says(&["the page does not show what was proven"]);
    let mut bytes = std::fs::read(site.at("pack.tar")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(site.at("changed.tar"), &bytes).unwrap();
    site.run(&["audit", "verify", "changed.tar", "--key", "log.vkey"])
        .ends(4);
    // An auditor gets no report, by its code.
    let ran = site.run(&[
        "audit",
        "report",
        "-c",
        "auditor.toml",
        "--subject-file",
        "person.txt",
        "-o",
        "none.html",
    ]);
    ran.ends(1).says(&["OUT_OF_SCOPE"]);
    assert!(!site.at("none.html").exists());
    gateway.stop();
}
