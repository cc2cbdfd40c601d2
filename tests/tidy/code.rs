//! Rust text, read just far enough: comments and literals blanked, test modules cut, paths and declared names listed.

/// A path such as `crate::wire::v1`, with groups of a `use` written out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Counted from one.
    pub(crate) line: usize,
    /// `["crate", "wire", "v1"]`.
    pub(crate) segments: Vec<String>,
}

impl Found {
    /// As it would be written.
    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// The same text with comments and the insides of literals replaced by blanks. Lines stay where they are.
pub(crate) fn bare(text: &str) -> String {
    let c: Vec<char> = text.chars().collect();
    let mut out = c.clone();
    let mut i = 0;
    while i < c.len() {
        let end = if c[i] == '/' && c.get(i + 1) == Some(&'/') {
            (i..c.len()).find(|&j| c[j] == '\n').unwrap_or(c.len())
        } else if c[i] == '/' && c.get(i + 1) == Some(&'*') {
            block_comment_end(&c, i)
        } else if c[i] == '"' {
            string_end(&c, i)
        } else if c[i] == 'r' && !is_word(c.get(i.wrapping_sub(1))) {
            raw_string_end(&c, i).unwrap_or(i)
        } else if c[i] == '\'' {
            char_end(&c, i).unwrap_or(i)
        } else {
            i
        };
        for blank in &mut out[i..end] {
            if *blank != '\n' {
                *blank = ' ';
            }
        }
        i = end.max(i + 1);
    }
    out.into_iter().collect()
}

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || *c == '_')
}

fn block_comment_end(c: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i + 1 < c.len() {
        match (c[i], c[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    c.len()
}

fn string_end(c: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < c.len() {
        match c[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    c.len()
}

fn raw_string_end(c: &[char], start: usize) -> Option<usize> {
    let hashes = c[start + 1..].iter().take_while(|x| **x == '#').count();
    let open = start + 1 + hashes;
    if c.get(open) != Some(&'"') {
        return None;
    }
    let closes = |j: &usize| c[*j] == '"' && c[j + 1..].iter().take(hashes).filter(|x| **x == '#').count() == hashes;
    Some((open + 1..c.len()).find(closes).map_or(c.len(), |j| j + 1 + hashes))
}

/// `'x'` and `'\n'` are literals; `'a` is a lifetime.
fn char_end(c: &[char], start: usize) -> Option<usize> {
    if c.get(start + 1) == Some(&'\\') {
        return (start + 3..c.len().min(start + 12))
            .find(|&j| c[j] == '\'')
            .map(|j| j + 1);
    }
    (c.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

/// How an item for tests begins.
pub(crate) const TEST_MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test,"];

/// Blanks every item under `#[cfg(test)]`. Give it bare text.
pub(crate) fn without_tests(bare: &str) -> String {
    let mut out = bare.to_owned();
    while let Some(at) = TEST_MARKS.iter().filter_map(|m| out.find(m)).min() {
        let end = item_end(&out[at..]).map_or(out.len(), |n| at + n);
        let blank: String = out[at..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(at..end, &blank);
    }
    out
}

fn item_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return Some(i + 1),
            '}' => depth -= 1,
            ';' if depth == 0 => return Some(i + 1),
            _ => {}
        }
    }
    None
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Sep,
    Mark(char),
}

fn tokens(bare: &str) -> Vec<(usize, Token)> {
    let c: Vec<char> = bare.chars().collect();
    let (mut out, mut line, mut i) = (Vec::new(), 1, 0);
    while i < c.len() {
        let start = i;
        if is_word(c.get(i)) {
            while is_word(c.get(i)) {
                i += 1;
            }
            out.push((line, Token::Word(c[start..i].iter().collect())));
            continue;
        }
        if c[i] == ':' && c.get(i + 1) == Some(&':') {
            out.push((line, Token::Sep));
            i += 2;
            continue;
        }
        line += usize::from(c[i] == '\n');
        if !c[i].is_whitespace() {
            out.push((line, Token::Mark(c[i])));
        }
        i += 1;
    }
    out
}

/// Every path of two segments and more, and everything that a `use` or `extern crate` names. Give it bare text.
pub(crate) fn paths(bare: &str) -> Vec<Found> {
    let t = tokens(bare);
    let (mut out, mut i) = (Vec::new(), 0);
    while i < t.len() {
        let before = i.checked_sub(1).map(|j| &t[j].1);
        let imports = matches!(before, Some(Token::Word(w)) if w == "use" || w == "crate");
        match &t[i].1 {
            Token::Word(_) if !matches!(before, Some(Token::Sep | Token::Mark('.'))) => {
                i = path(&t, i, &[], imports, &mut out);
            }
            // `::sled::open`, but not the end of `<T as Trait>::f`.
            Token::Sep if !matches!(before, Some(Token::Word(_) | Token::Mark('>' | ')'))) && i + 1 < t.len() => {
                i = path(&t, i + 1, &[], imports, &mut out);
            }
            Token::Mark('{') if imports => i = group(&t, i, &[], &mut out),
            _ => i += 1,
        }
    }
    out
}

fn path(t: &[(usize, Token)], mut i: usize, prefix: &[String], imports: bool, out: &mut Vec<Found>) -> usize {
    let (line, mut segments) = (t[i].0, prefix.to_vec());
    while let Some((_, Token::Word(word))) = t.get(i) {
        segments.push(word.clone());
        i += 1;
        if t.get(i).map(|x| &x.1) != Some(&Token::Sep) {
            break;
        }
        if t.get(i + 1).map(|x| &x.1) == Some(&Token::Mark('{')) {
            return group(t, i + 1, &segments, out);
        }
        i += 1;
    }
    if segments.len() > 1 || imports {
        out.push(Found { line, segments });
    }
    i.max(1)
}

fn group(t: &[(usize, Token)], open: usize, prefix: &[String], out: &mut Vec<Found>) -> usize {
    let mut i = open + 1;
    while i < t.len() {
        match &t[i].1 {
            Token::Mark('}') => return i + 1,
            Token::Word(w) if w == "as" => i += 2,
            Token::Word(_) => i = path(t, i, prefix, true, out),
            _ => i += 1,
        }
    }
    i
}

/// Names that are declared, with the keyword that declares them. Give it bare text.
pub(crate) fn declared(bare: &str) -> Vec<(usize, String, String)> {
    let t = tokens(bare);
    let keywords = ["fn", "struct", "enum", "trait", "type", "mod", "union"];
    t.windows(2)
        .filter_map(|pair| match (&pair[0].1, &pair[1].1) {
            (Token::Word(k), Token::Word(name)) if keywords.contains(&k.as_str()) => {
                Some((pair[1].0, k.clone(), name.clone()))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
fn texts(source: &str) -> Vec<String> {
    paths(&bare(source)).iter().map(Found::text).collect()
}

#[test]
fn comments_and_literals_are_blank() {
    let source = "a /* sled:: /* x */ */ \"sled::\\\"x\" r#\"sled:: \" \"# 'x' '\\n' '\"' fn f<'a>() // sled::\nb";
    let bare = bare(source);
    assert!(!bare.contains("sled"), "{bare}");
    assert!(bare.contains("fn f<'a>()") && bare.ends_with("\nb"), "{bare}");
}

#[test]
fn groups_are_written_out() {
    assert_eq!(
        texts("use crate::{wire::v1, case::{Case, After}, self as x};"),
        [
            "crate::wire::v1",
            "crate::case::Case",
            "crate::case::After",
            "crate::self"
        ]
    );
    assert_eq!(texts("use sled;"), ["sled"]);
    assert_eq!(texts("use {sled::Db, tokio};"), ["sled::Db", "tokio"]);
    assert_eq!(texts("let d = ::sled::open(p);"), ["sled::open"]);
    assert_eq!(
        texts("use tokio::{net, time::sleep}; x.sled(); y"),
        ["tokio::net", "tokio::time::sleep"]
    );
}

#[test]
fn lines_are_counted() {
    let found = paths(&bare("// one\nuse a::b;\n\n  c::d();\n"));
    assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn test_items_are_cut() {
    let source = "use a::b;\n#[cfg(test)]\nmod tests { use std::fs; fn f() { {} } }\nuse c::d;\n#[cfg(all(test, x))]\nmod more;\n";
    let cut = without_tests(&bare(source));
    assert_eq!(
        paths(&cut).iter().map(Found::text).collect::<Vec<_>>(),
        ["a::b", "c::d"]
    );
}
