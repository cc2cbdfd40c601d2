//! Files of lines: CSV (RFC 4180, one record to a line) and JSON Lines. A line has a limit and fails alone.
use super::{Cell, Reject};
use crate::limits::{COLUMNS_MAX, LINE_BYTES_MAX};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::{
    fmt,
    io::{self, BufRead, Read},
};
use zeroize::Zeroize;

/// Lines of at most [`LINE_BYTES_MAX`] bytes; a longer one is skipped to its end and reported.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

/// A line as it came.
pub(super) enum Line<'a> {
    Text(&'a str),
    Bad(&'static str),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The next line that is not empty, with its number; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            self.buffer.zeroize();
            let limit = LINE_BYTES_MAX as u64 + 1;
            if self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.buffer.len() > LINE_BYTES_MAX && self.buffer.last() != Some(&b'\n') {
                self.skip()?;
                return Ok(Some((self.number, Line::Bad("the line is longer than 64 KiB"))));
            }
            if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.drain(..3);
            }
            while self.buffer.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
                self.buffer.pop();
            }
            if !self.buffer.is_empty() {
                break;
            }
        }
        let line = std::str::from_utf8(&self.buffer).map_or(Line::Bad("the line is not UTF-8"), Line::Text);
        Ok(Some((self.number, line)))
    }

    fn skip(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.reader.fill_buf()?;
            let (used, ended) = match chunk.iter().position(|b| *b == b'\n') {
                Some(newline) => (newline + 1, true),
                None => (chunk.len(), chunk.is_empty()),
            };
            self.reader.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

/// The cells of one line of CSV.
pub(super) fn csv_cells(line: u64, text: &str) -> Result<Vec<String>, Reject> {
    if !text.contains('"') {
        // Without quotes RFC 4180 is a split, and this is most lines.
        return Ok(text.split(',').take(COLUMNS_MAX + 1).map(str::to_owned).collect());
    }
    if text.matches('"').count() % 2 == 1 {
        return Err(Reject::new(line, None, "a quote does not end: a record is one line"));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(text.len())
        .from_reader(text.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        _ => Err(Reject::new(line, None, "the line is not CSV")),
    }
}

/// A cell of CSV: empty is missing.
pub(super) fn csv_cell(text: String) -> Cell {
    match text.is_empty() {
        true => Cell::Missing,
        false => Cell::Text(text),
    }
}

/// The members of one line of JSON, in their order; a repeated name is refused, since a parser would keep one silently.
pub(super) fn json_cells(line: u64, text: &str) -> Result<Vec<(String, Cell)>, Reject> {
    let members: Members = serde_json::from_str(text).map_err(|error| {
        let reason = match error.is_data() {
            true => "expected one flat object of numbers (15 digits at most), texts and nulls, each name once",
            false => "the line is not JSON",
        };
        Reject::new(line, None, reason)
    })?;
    Ok(members.0)
}

struct Members(Vec<(String, Cell)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat;
        impl<'de> Visitor<'de> for Flat {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a flat object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Cell)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.len() >= COLUMNS_MAX || members.iter().any(|(known, _)| *known == name) {
                        map.next_value::<IgnoredAny>()?;
                        return Err(A::Error::custom("name"));
                    }
                    let cell = match map.next_value::<serde_json::Value>()? {
                        serde_json::Value::Null => Cell::Missing,
                        serde_json::Value::String(text) => Cell::Text(text),
                        serde_json::Value::Number(n) => match n.as_i64() {
                            Some(whole) => Cell::Whole(whole),
                            None => Cell::Text(exact(n.to_string()).ok_or_else(|| A::Error::custom("value"))?),
                        },
                        _ => return Err(A::Error::custom("value")),
                    };
                    members.push((name, cell));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Flat)
    }
}

/// The parser holds a fraction as a 64-bit float, which keeps 15 decimal digits: more could come out changed.
fn exact(text: String) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (digits <= 15).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_fails_alone_and_numbers_stay_true() {
        let long = "x".repeat(LINE_BYTES_MAX + 10);
        let file = format!("\u{feff}a,b\r\n\n{long}\n1,2");
        let mut lines = Lines::new(file.as_bytes());
        assert!(matches!(lines.next().unwrap(), Some((1, Line::Text("a,b")))));
        assert!(matches!(lines.next().unwrap(), Some((3, Line::Bad(_)))));
        assert!(matches!(lines.next().unwrap(), Some((4, Line::Text("1,2")))));
        assert!(lines.next().unwrap().is_none());
        assert!(matches!(
            Lines::new(&b"\xff\n"[..]).next().unwrap(),
            Some((1, Line::Bad(_)))
        ));
    }

    #[test]
    fn quoted_cells_and_open_quotes() {
        assert_eq!(csv_cells(1, r#"a,"b,""c""",d"#).unwrap(), ["a", "b,\"c\"", "d"]);
        assert!(csv_cells(1, r#"a,"b"#).is_err());
        assert_eq!(csv_cells(1, "a,,").unwrap().len(), 3);
    }

    #[test]
    fn json_lines_are_flat_and_name_things_once() {
        assert_eq!(json_cells(1, r#"{"a":1,"b":"x","c":null}"#).unwrap().len(), 3);
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":[1]}"#,
            r#"[1]"#,
            r#"{"a":"#,
            "{\"a\":true}",
            r#"{"a":123456789012345.67}"#,
        ] {
            assert!(json_cells(1, bad).is_err(), "{bad}");
        }
    }
}
