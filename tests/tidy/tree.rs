//! The files that belong to the project, and what may stand at the top level.
use crate::code;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the top level holds. Nothing else is read: what a user or an editor puts beside it is not ours.
const TOP: [&str; 15] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "docs",
    "keys-example",
    "proto",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "src",
    "tests",
];

/// What of `keys-example/` is kept in git; whatever a generator writes beside it is not read.
const KEYS_EXAMPLE: [&str; 3] = ["README.md", "generate.sh", ".gitignore"];

/// One text file.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Unit tests in a file of their own: declared under `#[cfg(test)]`, so they may do what unit tests may.
    pub(crate) test: bool,
}

impl File {
    /// Rust that people wrote.
    pub(crate) fn is_code(&self) -> bool {
        self.path.ends_with(".rs") && !is_generated(&self.path)
    }
}

/// Written by a generator; `tests/wire.rs` compares it.
pub(crate) fn is_generated(path: &str) -> bool {
    path.contains("/gen/")
}

/// The root of the package.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the project, in order of path. Binary files are left out.
pub(crate) fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.iter().any(|f| f.path == "src/lib.rs"), "the tree was not found");
    let tests: Vec<String> = found
        .iter()
        .filter(|f| f.is_code())
        .flat_map(|f| test_modules(&f.path, &f.text))
        .collect();
    for file in &mut found {
        file.test = tests
            .iter()
            .any(|t| file.path == format!("{t}.rs") || file.path.starts_with(&format!("{t}/")));
    }
    found
}

/// `#[cfg(test)] mod golden;` in `src/policy/mod.rs` → `src/policy/golden`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let roots = ["/mod.rs", "/lib.rs", "/main.rs"];
    let dir = roots
        .iter()
        .find_map(|r| path.strip_suffix(r))
        .unwrap_or(path.trim_end_matches(".rs"));
    let bare = code::bare(text);
    let items = code::TEST_MARKS.iter().flat_map(|mark| bare.split(mark).skip(1));
    let declared = items.filter_map(|item| item.split_once(';').map(|(head, _)| head).filter(|h| !h.contains('{')));
    declared
        .filter_map(|head| {
            head.rsplit_once("mod ")
                .map(|(_, name)| format!("{dir}/{}", name.trim()))
        })
        .collect()
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in fs::read_dir(dir).expect("a folder that can be read") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        if is_foreign(&path, &name) {
            continue;
        }
        if entry.file_type().expect("a file type").is_dir() {
            walk(&entry.path(), &path, found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.push(File {
                path,
                text,
                test: false,
            });
        }
    }
}

/// Not ours: what stands beside the project, what builds leave behind, what the key generator wrote.
fn is_foreign(path: &str, name: &str) -> bool {
    let top = path == name;
    let generated_key = path
        .strip_prefix("keys-example/")
        .is_some_and(|inside| !KEYS_EXAMPLE.contains(&inside));
    (top && !TOP.contains(&name)) || matches!(name, "target" | "node_modules" | "__pycache__") || generated_key
}

fn top_level(names: &[String]) -> Vec<String> {
    let strangers = names.iter().filter(|n| !TOP.contains(&n.as_str()));
    let advice = "code goes into src/, pages into docs/, samples into docs/sample/, tools' files begin with a dot \
                  and stand in `TOP` of tests/tidy/tree.rs";
    strangers
        .map(|n| format!("`{n}` does not belong at the top level: {advice}"))
        .collect()
}

/// What git keeps at the top level; without git, everything there but what builds leave behind.
fn kept() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    if let Some(listed) = listed.ok().filter(|l| l.status.success() && !l.stdout.is_empty()) {
        let paths = String::from_utf8_lossy(&listed.stdout).into_owned();
        let mut names: Vec<String> = paths
            .split('\0')
            .filter_map(|p| p.split('/').next())
            .map(str::to_owned)
            .collect();
        names.retain(|n| !n.is_empty());
        names.dedup();
        return names;
    }
    let entries = fs::read_dir(root()).expect("a folder that can be read");
    let names = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|n| !matches!(n.as_str(), "target" | ".git")).collect()
}

#[test]
fn the_top_level_holds_what_it_should() {
    let kept = kept();
    assert!(kept.iter().any(|n| n == "Cargo.toml"), "the top level was not read");
    crate::assert_none(&top_level(&kept));
}

#[test]
fn a_stranger_at_the_top_level_is_found() {
    let names = ["Cargo.toml", ".ci", "scripts"].map(str::to_owned);
    let found = top_level(&names);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("`scripts`"));
}

#[test]
fn foreign_files_are_left_out() {
    for (path, name) in [
        ("my-keys", "my-keys"),
        (".git", ".git"),
        ("tests/fuzz/target", "target"),
        ("keys-example/dev", "dev"),
    ] {
        assert!(is_foreign(path, name), "{path}");
    }
    for (path, name) in [
        ("keys-example/README.md", "README.md"),
        ("src/lib.rs", "lib.rs"),
        (".ci/run", "run"),
    ] {
        assert!(!is_foreign(path, name), "{path}");
    }
}

#[test]
fn modules_of_unit_tests_are_known() {
    let text = "mod a;\n#[cfg(all(test, feature = \"x\"))]\nmod golden;\n#[cfg(test)]\nmod tests { mod x; }\n#[cfg(test)]\nuse b::c;";
    assert_eq!(test_modules("src/policy/mod.rs", text), ["src/policy/golden"]);
    assert_eq!(test_modules("src/person.rs", text), ["src/person/golden"]);
}
