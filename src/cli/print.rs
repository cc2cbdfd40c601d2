//! What people see: tables first, JSON on request. The only place that writes to the terminal.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal program")]
use serde::Serialize;
use std::io::IsTerminal;

/// What a terminal shows in one line where nobody made it wider.
const TERMINAL_COLUMNS: usize = 80;

/// A line of text.
pub(super) fn line(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

/// A heading.
pub(super) fn heading(text: &str) {
    let bold = std::io::stdout().is_terminal();
    if bold {
        println!("\n\x1b[1m{text}\x1b[0m");
    } else {
        println!("\n{text}");
    }
}

/// What must not be overlooked: red where a terminal shows colours.
pub(super) fn red(text: &str) -> String {
    match std::io::stdout().is_terminal() {
        true => format!("\x1b[31m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// How wide a cell is on a terminal: without what only colours it.
fn width(cell: &str) -> usize {
    let coloured = cell.starts_with("\x1b[");
    cell.chars().count() - if coloured { "\x1b[31m\x1b[0m".chars().count() } else { 0 }
}

/// Progress and remarks: on standard error, so that standard output stays for results.
pub(super) fn remark(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// A question, on the line that is answered.
pub(super) fn prompt(text: &str) {
    eprint!("{text}");
}

/// What went wrong, and what to do.
pub(super) fn failure(text: &str) {
    eprintln!("tollgate: {text}");
}

/// One JSON object on one line.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => failure(&format!("cannot write JSON: {error}")),
    }
}

/// Columns as wide as their widest cell, two spaces between; a line a cell where they are wider than a terminal is.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(self::width(cell));
        }
    }
    if widths.iter().map(|width| width + 2).sum::<usize>() > TERMINAL_COLUMNS {
        let name_width = head.iter().map(|h| h.chars().count()).max().unwrap_or(0);
        for row in rows {
            for (name, cell) in head.iter().zip(row) {
                println!("{}", format!("  {name:<name_width$}  {cell}").trim_end());
            }
            println!();
        }
        return;
    }
    let write = |cells: &mut dyn Iterator<Item = &str>| {
        let line: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(self::width(cell)))))
            .collect();
        println!("  {}", line.join("  ").trim_end());
    };
    write(&mut head.iter().copied());
    let rules: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
    write(&mut rules.iter().map(String::as_str));
    for row in rows {
        write(&mut row.iter().map(String::as_str));
    }
}

/// Text in lines of at most 80 characters, the first behind `begin`, the others indented as far as `begin` is.
pub(super) fn wrapped(begin: &str, text: &str) -> String {
    let indent = begin.chars().count() - begin.trim_start().chars().count();
    let mut out = begin.trim_end().to_owned();
    let mut column = out.chars().count();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column + 1 + length > TERMINAL_COLUMNS {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2));
            column = indent + 2;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// A bar for work of known size, on standard error; silent when nobody looks.
pub(super) fn bar(total: u64, what: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(total);
    let style = indicatif::ProgressStyle::with_template("  {msg} {wide_bar} {percent} % ({eta} left)");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

/// A running count, for work whose size is not known before; on standard error.
pub(super) fn counter(what: &str) -> indicatif::ProgressBar {
    let count = indicatif::ProgressBar::new_spinner();
    if let Ok(style) = indicatif::ProgressStyle::with_template("  {spinner} {pos} {msg} ({per_sec})") {
        count.set_style(style);
    }
    count.set_message(what.to_owned());
    count
}

/// Bytes as hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
