//! Names and sizes: words that say nothing, files that nobody reads to the end, work that was left for later.
use crate::{
    assert_none, code,
    tree::{self, File},
};

/// Files aim at half of this.
const LINES_MAX: usize = 500;

fn size(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!(
        "{path}: {lines} lines, at most {LINES_MAX}: cut it along its steps into a folder of modules"
    )]
}

fn opens_with_its_purpose(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/") || text.starts_with("//!") {
        return Vec::new();
    }
    vec![format!(
        "{path}: begin with `//!`: what the module is for, and what it refuses to do"
    )]
}

/// The parts of `KeyManager` and of `key_manager`, in lower case.
fn parts(name: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            out.push(String::new());
        }
        if c != '_' {
            out.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    out.retain(|p| !p.is_empty());
    out
}

/// `rpcs` are the methods of the .proto files: the code that serves them bears their names.
fn words(path: &str, text: &str, rpcs: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, keyword, name) in code::declared(&code::bare(text)) {
        let parts = parts(&name);
        let first = parts.first().map(String::as_str);
        let has = |word: &str| parts.iter().any(|p| p == word || *p == format!("{word}s"));
        let at = format!("{path}:{line}: {keyword} `{name}`");
        if has("manager") || has("helper") || has("util") {
            findings.push(format!(
                "{at}: name it for what it is or proves, not manager, helper or util"
            ));
        } else if keyword == "fn" && first == Some("get") && parts.len() > 1 && !rpcs.contains(&name) {
            findings.push(format!("{at}: leave out `get_`: a noun alone reads better"));
        } else if parts.len() == 1 && (first == Some("data") || first == Some("process")) {
            findings.push(format!("{at}: say what it holds or which step it takes"));
        }
    }
    findings
}

fn left_for_later(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let bare = if path.ends_with(".rs") {
        code::bare(text)
    } else {
        String::new()
    };
    for (i, line) in text.lines().enumerate() {
        for word in [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:")] {
            if line.contains(word) {
                findings.push(format!("{path}:{}: `{word}`: do it now or file an issue", i + 1));
            }
        }
    }
    for (i, line) in bare.lines().enumerate() {
        for word in ["todo!", "unimplemented!"] {
            if line.contains(word) {
                findings.push(format!("{path}:{}: `{word}`: finish it, or leave the door out", i + 1));
            }
        }
        if line.contains("#[ignore") {
            findings.push(format!(
                "{path}:{}: an ignored test: skip with a printed reason, and fail under TOLLGATE_REQUIRE_ALL",
                i + 1
            ));
        }
    }
    findings
}

/// `rpc GetKeyList(...)` → `get_key_list`.
fn rpcs(proto: &str) -> Vec<String> {
    let names = proto
        .lines()
        .filter_map(|l| l.trim().strip_prefix("rpc ")?.split('(').next());
    names.map(|n| parts(n).join("_")).collect()
}

fn over_code(rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let files = tree::files();
    files
        .iter()
        .filter(|f| File::is_code(f))
        .flat_map(|f| rule(&f.path, &f.text))
        .collect()
}

#[test]
fn files_can_be_read_in_one_sitting() {
    assert_none(&over_code(size));
}

#[test]
fn modules_open_with_their_purpose() {
    let files = tree::files();
    let ours = files.iter().filter(|f| File::is_code(f) && !f.test);
    assert_none(
        &ours
            .flat_map(|f| opens_with_its_purpose(&f.path, &f.text))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn names_say_what_things_are() {
    let files = tree::files();
    let protos = files.iter().filter(|f| f.path.ends_with(".proto"));
    let rpcs: Vec<String> = protos.flat_map(|f| rpcs(&f.text)).collect();
    assert!(
        rpcs.iter().any(|r| r == "get_key_list"),
        "the .proto files were not read"
    );
    assert_none(&over_code(|path, text| words(path, text, &rpcs)));
}

#[test]
fn nothing_is_left_for_later() {
    let files = tree::files();
    let ours = files.iter().filter(|f| {
        let kinds = [".rs", ".md", ".proto", ".toml", ".sh", ".py", ".cedar", ".cedarschema"];
        !tree::is_generated(&f.path) && (kinds.iter().any(|k| f.path.ends_with(k)) || f.path.starts_with(".ci/"))
    });
    assert_none(&ours.flat_map(|f| left_for_later(&f.path, &f.text)).collect::<Vec<_>>());
}

#[test]
fn a_long_file_is_found() {
    assert!(size("a.rs", &"x\n".repeat(LINES_MAX)).is_empty());
    assert_eq!(size("a.rs", &"x\n".repeat(LINES_MAX + 1)).len(), 1);
}

#[test]
fn a_module_without_purpose_is_found() {
    assert!(opens_with_its_purpose("src/a.rs", "//! Why.\n").is_empty());
    assert_eq!(opens_with_its_purpose("src/a.rs", "use std::fs;\n").len(), 1);
}

#[test]
fn an_empty_word_is_found() {
    let rpcs = rpcs("  rpc GetKeyList(A) returns (B);");
    assert_eq!(rpcs, ["get_key_list"]);
    for fine in [
        "fn get_key_list() {}",
        "fn budget() {}",
        "struct DataDir;",
        "fn get(&self) {}",
        "// fn get_x",
    ] {
        assert!(words("a.rs", fine, &rpcs).is_empty(), "{fine}");
    }
    for bad in [
        "struct KeyManager;",
        "mod utils;",
        "fn seal_helper() {}",
        "enum SessionHelpers {}",
        "fn get_name(&self) {}",
        "mod data;",
        "fn process() {}",
        "struct Data;",
    ] {
        assert_eq!(words("a.rs", bad, &rpcs).len(), 1, "{bad}");
    }
}

#[test]
fn unfinished_work_is_found() {
    assert!(left_for_later("a.rs", "let s = \"todo!()\"; // done\n").is_empty());
    for bad in [
        concat!("// FIX", "ME later"),
        "fn f() { todo!() }",
        "#[ignore = \"slow\"]\nfn t() {}",
        "unimplemented!()",
    ] {
        assert_eq!(left_for_later("a.rs", bad).len(), 1, "{bad}");
    }
}
