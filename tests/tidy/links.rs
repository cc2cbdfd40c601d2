//! Every relative link of every page leads to a file and a heading that exist.
use crate::{
    assert_none,
    tree::{self, File},
};
use std::collections::HashSet;

/// The page with fenced blocks and inline code blanked: a link in there is an example.
fn prose(text: &str) -> String {
    let (mut out, mut fenced) = (String::new(), false);
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            for (i, part) in line.split('`').enumerate() {
                out.push_str(if i % 2 == 0 { part } else { "`" });
            }
        }
        out.push('\n');
    }
    out
}

/// Targets of `[text](target)` and of `[name]: target`, with their lines.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    for (i, line) in prose(text).lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let target: String = line[at + 2..].chars().take_while(|c| !matches!(c, ')' | ' ')).collect();
            out.push((i + 1, target));
        }
        if let Some(at) = line.find("]: ").filter(|_| line.starts_with('[')) {
            out.push((i + 1, line[at + 3..].split(' ').next().unwrap_or_default().to_owned()));
        }
    }
    out
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}

fn anchors(text: &str) -> HashSet<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    headings.map(|h| anchor(h.trim_start_matches('#').trim())).collect()
}

/// `docs/a/b.md` and `../c.md` → `docs/c.md`; `None` above the root.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

fn dead_links(
    page: &str,
    text: &str,
    exists: impl Fn(&str) -> bool,
    page_text: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, target) in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
        let path = if file.is_empty() {
            Some(page.to_owned())
        } else {
            resolve(page, file)
        };
        let Some(path) = path.filter(|p| exists(p)) else {
            findings.push(format!(
                "{page}:{line}: `{target}` leads nowhere: mend the link, or write the page first"
            ));
            continue;
        };
        let known = fragment.is_empty() || page_text(&path).is_none_or(|t| anchors(&t).contains(fragment));
        if !known {
            findings.push(format!(
                "{page}:{line}: `{path}` has no heading `#{fragment}`: mend the link"
            ));
        }
    }
    findings
}

/// Pages under docs/ that no other page leads to.
fn orphans(pages: &[(&str, &str)]) -> Vec<String> {
    let linked: HashSet<String> = pages
        .iter()
        .flat_map(|(page, text)| targets(text).into_iter().map(move |(_, t)| (*page, t)))
        .filter_map(|(page, target)| resolve(page, target.split('#').next()?).filter(|to| to != page))
        .collect();
    let lost = pages
        .iter()
        .filter(|(page, _)| page.starts_with("docs/") && !linked.contains(*page));
    lost.map(|(page, _)| format!("{page}: no page leads here: link it from docs/README.md or docs/decisions/README.md"))
        .collect()
}

#[test]
fn every_page_can_be_reached() {
    let files = tree::files();
    let pages: Vec<(&str, &str)> = files
        .iter()
        .filter(|f| f.path.ends_with(".md"))
        .map(|f| (f.path.as_str(), f.text.as_str()))
        .collect();
    assert_none(&orphans(&pages));
}

#[test]
fn a_lost_page_is_found() {
    let pages = [
        ("README.md", "[a](docs/a.md#x)"),
        ("docs/a.md", "[a](a.md)"),
        ("docs/b.md", "[b](b.md)"),
    ];
    let found = orphans(&pages);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("docs/b.md"));
}

#[test]
fn links_lead_somewhere() {
    let files = tree::files();
    let pages = |f: &&File| f.path.ends_with(".md");
    let text_of = |p: &str| files.iter().filter(pages).find(|f| f.path == p).map(|f| f.text.clone());
    let exists = |p: &str| tree::root().join(p).exists();
    let findings: Vec<String> = files
        .iter()
        .filter(pages)
        .flat_map(|f| dead_links(&f.path, &f.text, exists, text_of))
        .collect();
    assert!(
        files.iter().filter(pages).flat_map(|f| targets(&f.text)).count() > 20,
        "the pages were not read"
    );
    assert_none(&findings);
}

#[test]
fn a_dead_link_is_found() {
    let exists = |p: &str| ["docs/a.md", "docs/b.md", "src"].contains(&p);
    let text_of = |p: &str| (p == "docs/b.md").then(|| "# One two\n```\n# no\n```\n## 中文 (x)\n".to_owned());
    let check = |text: &str| dead_links("docs/a.md", text, exists, text_of).len();
    for fine in [
        "[x](b.md)",
        "[x](../src/)",
        "[x](b.md#one-two) [y](b.md#中文-x)",
        "[x](https://example.org/nowhere)",
        "`[x](gone.md)`",
        "```\n[x](gone.md)\n```",
        "[b]: b.md",
    ] {
        assert_eq!(check(fine), 0, "{fine}");
    }
    for dead in [
        "[x](gone.md)",
        "[x](b.md#three)",
        "[x](b.md#no)",
        "[x](../../b.md)",
        "[x]: gone.md",
        "ok\n\n[x](docs/b.md)",
    ] {
        assert_eq!(check(dead), 1, "{dead}");
    }
}
