//! The files that belong to the project, and what may stand at the top level.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What the top level holds. Files whose name begins with a dot are free; the others serve the toolchain.
const TOP: [&str; 12] = [
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

/// Unit tests in a file of their own may do what unit tests may.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
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
    found
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
            found.push(File { path, text });
        }
    }
}

/// Not ours: git's own, what builds leave behind, what the key generator wrote, and top-level files a user put there.
fn is_foreign(path: &str, name: &str) -> bool {
    if matches!(name, ".git" | "target" | "node_modules" | "__pycache__") {
        return true;
    }
    if let Some(inside) = path.strip_prefix("keys-example/") {
        return !KEYS_EXAMPLE.contains(&inside);
    }
    false
}

fn top_level(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|n| !n.starts_with('.') && *n != "target" && !TOP.contains(&n.as_str()))
        .map(|n| {
            format!(
                "`{n}` does not belong at the top level: put code into src/, pages into docs/, samples into docs/sample/"
            )
        })
        .collect()
}

#[test]
fn the_top_level_holds_what_it_should() {
    let names: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    crate::assert_none(&top_level(&names));
}

#[test]
fn a_stranger_at_the_top_level_is_found() {
    let names = ["Cargo.toml", ".ci", "target", "scripts"].map(str::to_owned);
    let found = top_level(&names);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("`scripts`"));
}

#[test]
fn foreign_files_are_left_out() {
    assert!(is_foreign("tests/fuzz/target", "target"));
    assert!(is_foreign("keys-example/dev", "dev"));
    assert!(!is_foreign("keys-example/README.md", "README.md"));
    assert!(!is_foreign("src/lib.rs", "lib.rs"));
}
