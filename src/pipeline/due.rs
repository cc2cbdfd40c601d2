//! When a period of the log should be closed: a log that is never closed is never archived, and grows until it cannot be
//! kept as one piece.
use crate::{clock::Time, domain::Language};

const DAY_MS: i64 = 86_400_000;

/// How long a period may be, by the configuration, and when it began.
#[derive(Debug, Clone, Copy)]
pub struct PeriodBound {
    /// Time of its first entry.
    pub began: Time,
    /// Days.
    pub days: u32,
    /// Entries.
    pub entries: u64,
}

/// Why a period should be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is older than it may be: its days, and those that it may have.
    Old(i64, u32),
    /// It has more entries than it may have, and how many it may have.
    Large(u64, u64),
}

impl PeriodBound {
    /// The reason, if there is one.
    pub fn due(&self, now: Time, entries: u64) -> Option<Due> {
        let days = now.since(self.began).div_euclid(DAY_MS);
        if days >= i64::from(self.days) {
            return Some(Due::Old(days, self.days));
        }
        (entries >= self.entries).then_some(Due::Large(entries, self.entries))
    }
}

impl Due {
    /// In plain words.
    pub fn words(self, language: Language) -> String {
        let (english, chinese) = match self {
            Due::Old(days, of) => (
                format!("the log's period has taken entries for {days} days, and {of} are configured"),
                format!("本期日志已使用 {days} 天，配置为 {of} 天"),
            ),
            Due::Large(entries, of) => (
                format!("the log's period has {entries} entries, and {of} are configured"),
                format!("本期日志已有 {entries} 条，配置为 {of} 条"),
            ),
        };
        match language {
            Language::English => format!("{english}: close it with `tollgate audit close-period`, the gateway stopped"),
            Language::Chinese => format!("{chinese}：请停止网关后运行 `tollgate audit close-period` 结束本期"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_due_when_it_is_old_or_large() {
        let bound = PeriodBound {
            began: Time(5),
            days: 2,
            entries: 100,
        };
        assert_eq!(bound.due(Time(2 * DAY_MS + 4), 99), None);
        assert_eq!(bound.due(Time(2 * DAY_MS + 5), 0), Some(Due::Old(2, 2)));
        assert_eq!(bound.due(Time(5), 100), Some(Due::Large(100, 100)));
        // A clock that was set back.
        assert_eq!(bound.due(Time(0), 1), None);
        for due in [Due::Old(2, 2), Due::Large(100, 100)] {
            for language in [Language::English, Language::Chinese] {
                assert!(due.words(language).contains("close-period"));
            }
        }
    }
}
