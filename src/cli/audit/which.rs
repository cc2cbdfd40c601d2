//! `--period`: which period of the log is looked at.

/// One or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// By its number; 0 is the one that takes entries.
    One(u32),
    /// All that are kept.
    All,
}

/// Reads a number from 1 on, or `all`.
pub(super) fn which(text: &str) -> Result<Which, String> {
    match text {
        "all" => Ok(Which::All),
        text => one(text).map(Which::One),
    }
}

/// Reads a number from 1 on.
pub(super) fn one(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a period is a number from 1 on: see `tollgate audit archive list`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_from_one_on() {
        assert_eq!(which("all"), Ok(Which::All));
        assert_eq!(which("2"), Ok(Which::One(2)));
        for bad in ["", "0", "-1", "ALL", "4294967296", "1,2"] {
            assert!(which(bad).is_err(), "{bad}");
        }
        assert!(one("all").is_err());
    }
}
