//! Times for people, always UTC and always said so, and times as forms give them.
use super::words::Text;
use crate::{clock::Time, domain::Language, limits::OVERVIEW_DAYS_MAX};
use jiff::{Timestamp, civil, tz::TimeZone};

/// A day.
pub(super) const DAY_MS: i64 = 86_400_000;

fn format(time: Time, form: &str) -> String {
    match Timestamp::from_millisecond(time.0) {
        Ok(at) => at.strftime(form).to_string(),
        // No entry has such a time; its number says more than nothing.
        Err(_) => time.0.to_string(),
    }
}

/// `2026-03-01 12:30:05 UTC`.
pub(super) fn stamp(time: Time) -> String {
    format(time, "%Y-%m-%d %H:%M:%S UTC")
}

/// `2026-03-01`.
pub(super) fn day(time: Time) -> String {
    format(time, "%Y-%m-%d")
}

/// For a machine: `2026-03-01T12:30:05Z`.
pub(super) fn machine(time: Time) -> String {
    format(time, "%Y-%m-%dT%H:%M:%SZ")
}

/// As `<input type="datetime-local">` has it.
pub(super) fn field(time: Time) -> String {
    format(time, "%Y-%m-%dT%H:%M")
}

/// On the axis of a chart with bars this wide.
pub(super) fn axis(time: Time, bucket_s: u32) -> String {
    let form = if i64::from(bucket_s) * 1000 >= DAY_MS {
        "%Y-%m-%d"
    } else {
        "%m-%d %H:%M"
    };
    format(time, form)
}

/// A day, or a day and a time of it, UTC.
pub(super) fn parse(text: &str) -> Option<Time> {
    if text.len() > 32 {
        return None;
    }
    let at: civil::DateTime = text.strip_suffix('Z').unwrap_or(text).parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?;
    let ms = at.timestamp().as_millisecond();
    (ms >= 0).then_some(Time(ms))
}

/// A period of an overview, cut into bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    /// Belongs to it.
    pub(super) from: Time,
    /// Does not.
    pub(super) until: Time,
    /// Width of a bar.
    pub(super) bucket_s: u32,
}

/// Widths that people can name.
const WIDTHS_S: [u32; 9] = [
    60,
    300,
    900,
    3_600,
    3 * 3_600,
    6 * 3_600,
    86_400,
    7 * 86_400,
    30 * 86_400,
];
/// Bars that fit a chart.
const BARS_MAX: i64 = 60;

impl Period {
    /// From here to there, in the narrowest bars of which a chart has room; they begin at full hours or days.
    pub(super) fn new(from: Time, until: Time) -> Option<Self> {
        let length = until.since(from);
        if from.0 < 0 || length <= 0 || length > OVERVIEW_DAYS_MAX * DAY_MS {
            return None;
        }
        let fits = |width: &&u32| length <= BARS_MAX * i64::from(**width) * 1000;
        let bucket_s = *WIDTHS_S.iter().find(fits).or(WIDTHS_S.last())?;
        let width = i64::from(bucket_s) * 1000;
        let from = Time(from.0.div_euclid(width).saturating_mul(width));
        Some(Self { from, until, bucket_s })
    }

    /// Starts of its bars, oldest first.
    pub(super) fn buckets(self) -> Vec<Time> {
        let width = i64::from(self.bucket_s) * 1000;
        let starts = (0..).map(|n| self.from.plus_ms(width.saturating_mul(n)));
        starts.take_while(|at| *at < self.until).collect()
    }

    /// How wide a bar is, for people.
    pub(super) fn width(self, language: Language) -> String {
        let (n, unit) = match self.bucket_s {
            s if s >= 86_400 => (s / 86_400, Text::Days),
            s if s >= 3_600 => (s / 3_600, Text::Hours),
            s => (s / 60, Text::Minutes),
        };
        format!("{n} {}", unit.said(language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::OVERVIEW_BUCKETS_MAX;
    use proptest::prelude::*;

    #[test]
    fn times_are_utc_and_round_trip() {
        let at = parse("2026-03-01T12:30").unwrap();
        assert_eq!(stamp(at), "2026-03-01 12:30:00 UTC");
        assert_eq!(field(at), "2026-03-01T12:30");
        assert_eq!(parse("2026-03-01"), Some(at.plus_ms(-12 * 3_600_000 - 30 * 60_000)));
        assert_eq!(parse(&machine(at)), Some(at));
        for bad in [
            "",
            "yesterday",
            "2026-13-01",
            "1969-12-31",
            "2026-03-01T25:00",
            &"1".repeat(40),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn periods_have_bars_that_cover_them(from in 0i64..2_000_000_000_000, length in 1i64..3_600 * DAY_MS) {
            let period = Period::new(Time(from), Time(from + length)).unwrap();
            let buckets = period.buckets();
            prop_assert!(i64::try_from(buckets.len()).unwrap() <= OVERVIEW_BUCKETS_MAX);
            prop_assert!(buckets[0].0 <= from && buckets.last().unwrap().0 < from + length);
        }
    }
}
