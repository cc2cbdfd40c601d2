//! Conversions of one cell. Exact: no floating point, no rounding, no silent default.
use super::Cell;
use crate::domain::check_character;
use std::collections::BTreeMap;

/// How a cell becomes a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Convert {
    /// A whole number as it stands.
    #[default]
    Whole,
    /// An amount in units of money, at most two decimals: times 100.
    Minor,
    /// A code of a stated table.
    Codes(BTreeMap<String, i64>),
}

impl Convert {
    /// `Ok(None)` if the cell is missing. The error says what was expected, never what was there.
    pub(super) fn apply(&self, cell: &Cell) -> Result<Option<i64>, &'static str> {
        let number = match (self, cell) {
            (_, Cell::Missing) => return Ok(None),
            (Convert::Whole, Cell::Whole(number)) => *number,
            (Convert::Whole, Cell::Text(text)) => text.parse().map_err(|_| "expected a whole number")?,
            (Convert::Minor, Cell::Whole(number)) => number.checked_mul(100).ok_or("the amount is too large")?,
            (Convert::Minor, Cell::Text(text)) => minor(text)?,
            (Convert::Codes(table), Cell::Text(text)) => coded(table, text)?,
            (Convert::Codes(table), Cell::Whole(number)) => coded(table, &number.to_string())?,
        };
        Ok(Some(number))
    }
}

fn coded(table: &BTreeMap<String, i64>, code: &str) -> Result<i64, &'static str> {
    table.get(code).copied().ok_or("the code is not in the mapping's table")
}

/// `-12.5` → -1250. Exponents, separators, signs other than `-` and a third decimal are refused.
fn minor(text: &str) -> Result<i64, &'static str> {
    const EXPECTED: &str = "expected an amount with at most two decimals";
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (units, cents) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(units) || !all_digits(cents) || cents.len() > 2 {
        return Err(EXPECTED);
    }
    let tens = if cents.len() == 1 { 10 } else { 1 };
    let parse = |part: &str| part.parse::<i64>().map_err(|_| "the amount is too large");
    let amount = parse(units)?
        .checked_mul(100)
        .and_then(|units| units.checked_add(parse(cents).ok()? * tens))
        .ok_or("the amount is too large")?;
    Ok(if negative { -amount } else { amount })
}

/// A resident number that nobody has, for tests and demonstrations: region 999999, which GB/T 2260 gives to no place,
/// birth dates from 1850-01-01 on, a valid check character. `None` past 18,000,000.
pub fn test_identity(n: u64) -> Option<String> {
    const PER_DAY: u64 = 1_000;
    const DAYS: u64 = 18_000;
    let days = i64::try_from(n / PER_DAY).ok().filter(|d| *d < DAYS as i64)?;
    let date = jiff::civil::date(1850, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .ok()?;
    let digits = format!(
        "999999{:04}{:02}{:02}{:03}",
        date.year(),
        date.month(),
        date.day(),
        n % PER_DAY
    );
    Some(format!("{digits}{}", check_character(&digits)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Scheme, SubjectRef};
    use std::collections::HashSet;

    fn text(t: &str) -> Cell {
        Cell::Text(t.to_owned())
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        let minor = |t: &str| Convert::Minor.apply(&text(t));
        for (from, to) in [
            ("20000", 2_000_000),
            ("-3.5", -350),
            ("0.07", 7),
            ("-0.01", -1),
            ("1.23", 123),
        ] {
            assert_eq!(minor(from), Ok(Some(to)), "{from}");
        }
        for bad in [
            "",
            "1.234",
            "1e3",
            "1,000",
            "+1",
            ".5",
            "5.",
            "--1",
            "9223372036854775807",
            "NaN",
            "1 ",
        ] {
            assert!(minor(bad).is_err(), "{bad}");
        }
        assert_eq!(Convert::Minor.apply(&Cell::Whole(-7)), Ok(Some(-700)));
        assert!(Convert::Minor.apply(&Cell::Whole(i64::MAX)).is_err());
    }

    #[test]
    fn codes_outside_the_table_are_refused() {
        let codes = Convert::Codes(BTreeMap::from([("1".to_owned(), 30)]));
        assert_eq!(codes.apply(&text("1")), Ok(Some(30)));
        assert_eq!(codes.apply(&Cell::Whole(1)), Ok(Some(30)));
        assert_eq!(codes.apply(&Cell::Missing), Ok(None));
        assert!(codes.apply(&text("01")).is_err());
    }

    #[test]
    fn test_identities_are_valid_distinct_and_nobodys() {
        let all: HashSet<String> = (0..3_000).filter_map(test_identity).collect();
        assert_eq!(all.len(), 3_000);
        for id in &all {
            assert!(id.starts_with("999999"));
            assert!(SubjectRef::parse(Scheme::CnResidentId, id).is_ok(), "{id}");
        }
        assert!(test_identity(17_999_999).is_some());
        assert_eq!(test_identity(18_000_000), None);
        assert_eq!(test_identity(u64::MAX), None);
    }
}
