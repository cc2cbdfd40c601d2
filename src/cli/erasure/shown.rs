//! How it stands with a person, as people and programs read it.
use crate::{
    cli::{audit::moment, print},
    clock::Time,
    limits::EPOCH_TURN_MS,
    wire::{
        Timestamp, millis, timestamp,
        v1::{self, ErasureStatus, HoldReason},
    },
};

/// The headings of [`row`].
pub(super) const HEAD: [&str; 4] = ["erasure", "requested (UTC)", "stage", "what comes next"];

/// Everything, a line each.
pub(super) fn show(erasure: &v1::Erasure, now: Time) {
    let day = |at: &Option<Timestamp>| moment::shown(at.as_ref());
    let rows = [
        ("erasure", print::hex(&erasure.erasure_id)),
        ("stage", stage(erasure).to_owned()),
        ("requested", day(&erasure.requested_at)),
        ("removed", day(&erasure.record_removed_at)),
        ("erased", day(&erasure.record_erased_at)),
        ("provable to", day(&erasure.link_until)),
        ("next", next(erasure, now)),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        print::line(print::wrapped(&format!("  {name:<12}"), value));
    }
    if !erasure.holds.is_empty() {
        let rows: Vec<_> = erasure.holds.iter().map(hold_row).collect();
        print::table(&["hold", "reason", "until (UTC)", "case", "placed (UTC)", "by"], &rows);
    }
}

/// One of a list.
pub(super) fn row(erasure: &v1::Erasure, now: Time) -> Vec<String> {
    vec![
        print::hex(&erasure.erasure_id),
        moment::shown(erasure.requested_at.as_ref()),
        stage(erasure).to_owned(),
        next(erasure, now),
    ]
}

/// The same for programs.
pub(super) fn json(erasure: &v1::Erasure, now: Time) -> serde_json::Value {
    let time = |at: &Option<Timestamp>| {
        at.as_ref()
            .map(|at| moment::shown(Some(at)).replacen(' ', "T", 1) + "Z")
    };
    let holds: Vec<_> = erasure
        .holds
        .iter()
        .map(|hold| {
            serde_json::json!({
                "hold_id": hold.hold_id, "reason": reason(hold), "placed_at": time(&hold.placed_at),
                "until": time(&hold.until), "case_number": hold.case_number, "placed_by": hold.placed_by,
            })
        })
        .collect();
    let status = erasure.status().as_str_name();
    serde_json::json!({
        "erasure_id": print::hex(&erasure.erasure_id),
        "status": status.strip_prefix("ERASURE_STATUS_").unwrap_or(status).to_ascii_lowercase(),
        "stage": stage(erasure), "next": next(erasure, now), "requested_at": time(&erasure.requested_at),
        "record_removed_at": time(&erasure.record_removed_at), "record_erased_at": time(&erasure.record_erased_at),
        "link_until": time(&erasure.link_until), "holds": holds,
    })
}

/// Whether the next turn of the epoch erases something of it.
pub(super) fn is_ready(erasure: &v1::Erasure, now: Time) -> bool {
    match erasure.status() {
        ErasureStatus::Blocked => erasure.record_removed_at.is_some() || held(erasure, now).is_none(),
        ErasureStatus::LinkRemoved => true,
        ErasureStatus::RecordErased | ErasureStatus::None | ErasureStatus::Unspecified => false,
    }
}

fn stage(erasure: &v1::Erasure) -> &'static str {
    match erasure.status() {
        ErasureStatus::Blocked if erasure.record_removed_at.is_some() => {
            "the record is removed; old bytes of it would still open"
        }
        ErasureStatus::Blocked => "blocked: the record is stored and not used",
        ErasureStatus::RecordErased => "the record is erased; the log's link to the person stands",
        ErasureStatus::LinkRemoved => "the link is removed too; old bytes of it would still open",
        ErasureStatus::None | ErasureStatus::Unspecified => "no erasure is requested",
    }
}

fn next(erasure: &v1::Erasure, now: Time) -> String {
    let held = held(erasure, now);
    match erasure.status() {
        ErasureStatus::Blocked => match millis(erasure.record_removed_at.as_ref()) {
            Some(removed) => {
                let by = timestamp(removed.saturating_add(EPOCH_TURN_MS));
                format!(
                    "it is erased when the epoch turns: from {} on, or with `run-now`",
                    moment::shown(Some(&by))
                )
            }
            None => match held {
                Some(held) => format!("the record is removed {held}"),
                None => "the record is removed within half a minute".to_owned(),
            },
        },
        ErasureStatus::RecordErased => match (erasure.link_until.as_ref(), held) {
            (None, _) => "the log is searched for what was last told".to_owned(),
            (Some(until), Some(held)) => {
                format!("the link is removed after {}, and {held}", moment::shown(Some(until)))
            }
            (Some(until), None) => format!("the link is removed after {}", moment::shown(Some(until))),
        },
        ErasureStatus::LinkRemoved => {
            "it is erased when the epoch turns: within twelve hours, or with `run-now`".to_owned()
        }
        ErasureStatus::None | ErasureStatus::Unspecified => String::new(),
    }
}

/// When what holds it now does so no longer; `None` if nothing does.
fn held(erasure: &v1::Erasure, now: Time) -> Option<String> {
    let ends = erasure.holds.iter().map(|hold| (hold, millis(hold.until.as_ref())));
    // `None` is the latest end of all.
    let last = ends
        .filter(|(_, until)| until.is_none_or(|until| now.0 <= until))
        .max_by_key(|(_, until)| until.unwrap_or(i64::MAX))?;
    Some(match last {
        // It stands in the case list and has no number here.
        (hold, None) if hold.hold_id == 0 => format!("when request {} is closed ({})", hold.case_number, reason(hold)),
        (hold, None) => format!("when hold {} is released ({})", hold.hold_id, reason(hold)),
        (hold, Some(_)) => format!("after {} ({})", moment::shown(hold.until.as_ref()), reason(hold)),
    })
}

fn reason(hold: &v1::Hold) -> &'static str {
    match hold.reason() {
        HoldReason::Legal => "legal hold",
        HoldReason::Dispute => "dispute",
        HoldReason::Retention => "retention duty",
        HoldReason::Unspecified => "a reason that this program does not know",
    }
}

fn hold_row(hold: &v1::Hold) -> Vec<String> {
    let until = match &hold.until {
        None if hold.hold_id == 0 => "it is closed".to_owned(),
        None => "it is released".to_owned(),
        until => moment::shown(until.as_ref()),
    };
    vec![
        if hold.hold_id == 0 {
            "–".to_owned()
        } else {
            hold.hold_id.to_string()
        },
        reason(hold).to_owned(),
        until,
        hold.case_number.clone(),
        moment::shown(hold.placed_at.as_ref()),
        hold.placed_by.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(hold_id: u32, until_ms: Option<i64>) -> v1::Hold {
        v1::Hold {
            hold_id,
            reason: HoldReason::Dispute as i32,
            until: until_ms.map(timestamp),
            ..Default::default()
        }
    }

    #[test]
    fn each_stage_says_what_it_waits_for() {
        let hour = Time(3_600_000);
        let mut erasure = v1::Erasure {
            status: ErasureStatus::Blocked as i32,
            ..Default::default()
        };
        assert!(is_ready(&erasure, hour));
        assert_eq!(next(&erasure, hour), "the record is removed within half a minute");
        // What has ended holds nothing; of two that hold, the later counts.
        erasure.holds = vec![hold(1, Some(1)), hold(2, Some(7_200_000)), hold(3, Some(5_000_000))];
        assert!(!is_ready(&erasure, hour));
        assert_eq!(
            next(&erasure, hour),
            "the record is removed after 1970-01-01 02:00:00 (dispute)"
        );
        erasure.holds.push(hold(4, None));
        assert_eq!(
            next(&erasure, hour),
            "the record is removed when hold 4 is released (dispute)"
        );
        erasure.holds = vec![v1::Hold {
            case_number: "ab".to_owned(),
            ..hold(0, None)
        }];
        assert_eq!(
            next(&erasure, hour),
            "the record is removed when request ab is closed (dispute)"
        );
        erasure.holds = vec![hold(4, None)];
        // What is removed is not held any more.
        erasure.record_removed_at = Some(timestamp(0));
        assert!(is_ready(&erasure, hour));
        assert!(next(&erasure, hour).contains("from 1970-01-01 12:00:00 on"));
        erasure.set_status(ErasureStatus::RecordErased);
        assert!(!is_ready(&erasure, hour));
        assert!(next(&erasure, hour).contains("is searched"));
        erasure.link_until = Some(timestamp(0));
        assert_eq!(
            next(&erasure, hour),
            "the link is removed after 1970-01-01 00:00:00, and when hold 4 is released (dispute)"
        );
        erasure.set_status(ErasureStatus::LinkRemoved);
        assert!(is_ready(&erasure, hour));
        erasure.set_status(ErasureStatus::None);
        assert_eq!(next(&erasure, hour), "");
        assert!(!is_ready(&erasure, hour));
    }
}
