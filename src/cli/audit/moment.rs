//! Points in time on the command line.
use crate::wire::{Timestamp, timestamp};

/// Reads a time stamp such as `2026-03-01T08:00:00+08:00`, or a day, which begins at midnight UTC.
pub(in crate::cli) fn moment(text: &str) -> Result<Timestamp, String> {
    // A time without its zone would be read as its day.
    let day = || {
        let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == "2026-03-01".len())?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let at: Option<jiff::Timestamp> = text.parse().ok().or_else(day);
    let at = at.ok_or("write a day such as `2026-03-01`, or a time such as `2026-03-01T08:00:00+08:00`")?;
    Ok(timestamp(at.as_millisecond()))
}

/// As people read it: UTC, to the second.
pub(in crate::cli) fn shown(time: Option<&Timestamp>) -> String {
    let time = crate::wire::millis(time).and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(String::new, |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_and_nothing_else() {
        let day = moment("2026-03-01").unwrap();
        assert_eq!(moment("2026-03-01T08:00:00+08:00").unwrap(), day);
        assert_eq!(shown(Some(&day)), "2026-03-01 00:00:00");
        for bad in ["", "yesterday", "2026-02-30", "2026-03-01T08:00:00", "1"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
