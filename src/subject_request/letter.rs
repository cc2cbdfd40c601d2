//! Letters to a person: plain words from the facts of the request, in Chinese or English, as text or as a page to print.
//! Nothing in them comes from anywhere but the request itself.
use super::{Kind, Outcome, State, numbered};
use crate::{clock::Time, domain::Language};

/// Which letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LetterKind {
    /// It arrived, and by when it will be answered.
    Receipt = 1,
    /// The deadline has passed.
    Delay = 2,
    /// What was done.
    Outcome = 3,
    /// What was not done, why, and what the person can do about it.
    Refusal = 4,
}

numbered! {
    LetterKind: Receipt = "receipt", Delay = "delay", Outcome = "outcome", Refusal = "refusal";
}

impl LetterKind {
    /// The letter that is due.
    pub fn due(state: State, ended: Option<Outcome>, overdue: bool) -> Self {
        match (state, ended) {
            (State::Closed, Some(outcome)) if outcome.needs_reason() => LetterKind::Refusal,
            (State::Closed, _) => LetterKind::Outcome,
            _ if overdue => LetterKind::Delay,
            _ => LetterKind::Receipt,
        }
    }
}

/// What a letter says.
pub struct LetterFacts<'a> {
    /// Who writes: the gateway's name.
    pub institution: &'a str,
    /// To whom; empty where it is not known.
    pub contact: &'a str,
    /// The request's.
    pub reference: &'a str,
    /// What was asked.
    pub kind: Kind,
    /// When it arrived.
    pub received: Time,
    /// By when it must be answered.
    pub due: Time,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: &'a str,
    /// Today.
    pub now: Time,
}

/// The letter as text.
pub fn write(letter: LetterKind, language: Language, facts: &LetterFacts<'_>) -> String {
    match language {
        Language::Chinese => chinese(letter, facts),
        Language::English => english(letter, facts),
    }
}

/// The day in China, where the deadlines of these laws run.
fn day(time: Time, form: &str) -> String {
    let offset = jiff::tz::Offset::constant(8);
    let at = jiff::Timestamp::from_millisecond(time.0).map(|t| offset.to_datetime(t));
    at.map(|t| t.strftime(form).to_string()).unwrap_or_default()
}

fn english(letter: LetterKind, f: &LetterFacts<'_>) -> String {
    let date = |time| day(time, "%Y-%m-%d");
    let asked = match f.kind {
        Kind::Access => "to know what is held about you and who was told what",
        Kind::Correction => "to correct information about you",
        Kind::Deletion => "to delete information about you",
        Kind::Dispute => "in which you dispute information about you",
        Kind::Explanation => "to explain a decision about you",
    };
    let mut text = format!(
        "{}\n\n{}\n\nReference: {}\nDate: {}\n\nYour request of {} {asked}\n\n",
        f.institution,
        f.contact,
        f.reference,
        date(f.now),
        date(f.received),
    );
    let body = match letter {
        LetterKind::Receipt => format!("We have your request and will answer it by {}.", date(f.due)),
        LetterKind::Delay => format!(
            "Your request was to be answered by {}. That day has passed and our answer is late. The deadline is not moved by \
             this letter: you may complain about the delay, see below.",
            date(f.due)
        ),
        LetterKind::Outcome => match f.outcome {
            Some(Outcome::Withdrawn) => "You have withdrawn your request. It is closed.".to_owned(),
            _ => "Your request was fulfilled. It is closed.".to_owned(),
        },
        LetterKind::Refusal => match f.outcome {
            Some(Outcome::Partly) => format!("Your request was fulfilled in part only. The reason: {}", f.reason),
            _ => format!("Your request was not fulfilled. The reason: {}", f.reason),
        },
    };
    text.push_str(&body);
    if f.kind == Kind::Dispute && matches!(letter, LetterKind::Receipt | LetterKind::Delay) {
        text.push_str("\n\nUntil it is settled, everything that is told about you is marked as disputed.");
    }
    if matches!(letter, LetterKind::Refusal | LetterKind::Delay) {
        text.push_str(
            "\n\nIf you do not agree: answer this letter; complain to the supervisory authority, the People's Bank of China at \
             your place (Regulation on the Credit Reporting Industry, article 26), or the authority that protects personal \
             information (PIPL article 65); or bring an action before a people's court (the same Regulation, article 26; PIPL \
             article 50).",
        );
    }
    text.push('\n');
    text
}

fn chinese(letter: LetterKind, f: &LetterFacts<'_>) -> String {
    let date = |time| day(time, "%Y年%-m月%-d日");
    let asked = match f.kind {
        Kind::Access => "查阅、复制个人信息的请求",
        Kind::Correction => "更正个人信息的请求",
        Kind::Deletion => "删除个人信息的请求",
        Kind::Dispute => "信息异议申请",
        Kind::Explanation => "要求说明理由的请求",
    };
    let mut text = format!(
        "{}\n\n{}\n\n编号：{}\n日期：{}\n\n关于您{}提出的{asked}\n\n",
        f.institution,
        f.contact,
        f.reference,
        date(f.now),
        date(f.received),
    );
    let body = match letter {
        LetterKind::Receipt => format!("我们已收到您的请求，将于{}前答复。", date(f.due)),
        LetterKind::Delay => format!(
            "您的请求应于{}前答复，现已逾期，我们尚未答复。本通知不延长法定期限，您可就此投诉，方式见下。",
            date(f.due)
        ),
        LetterKind::Outcome => match f.outcome {
            Some(Outcome::Withdrawn) => "您已撤回该请求，本请求已办结。".to_owned(),
            _ => "您的请求已按要求办理完毕。".to_owned(),
        },
        LetterKind::Refusal => match f.outcome {
            Some(Outcome::Partly) => format!("您的请求仅部分办理。理由：{}", f.reason),
            _ => format!("您的请求未予办理。理由：{}", f.reason),
        },
    };
    text.push_str(&body);
    if f.kind == Kind::Dispute && matches!(letter, LetterKind::Receipt | LetterKind::Delay) {
        text.push_str("\n\n核查期间，对外提供的有关您的信息均加注异议标注。");
    }
    if matches!(letter, LetterKind::Refusal | LetterKind::Delay) {
        text.push_str(
            "\n\n如有不同意见，您可以：回复本函；向所在地中国人民银行分支机构投诉（《征信业管理条例》第二十六条）；\
             向履行个人信息保护职责的部门投诉、举报（《个人信息保护法》第六十五条）；\
             或者依法向人民法院提起诉讼（《征信业管理条例》第二十六条、《个人信息保护法》第五十条）。",
        );
    }
    text.push('\n');
    text
}

/// The letter as a page to print: the same words, nothing loaded from anywhere.
pub fn html(text: &str, language: Language) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>{}</title><style>body{{font:12pt/1.6 serif;\
         max-width:17cm;margin:2cm auto;white-space:pre-wrap}}</style><body>",
        language.tag(),
        match language {
            Language::Chinese => "答复",
            Language::English => "Letter",
        }
    );
    page.push_str(&escaped(text));
    page.push_str("</body></html>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Whether words of a person or an officer may stand in a letter: within their bound also on a page, and without control
/// characters, which a printer or a terminal would obey.
pub fn words_fit(text: &str, bytes_max: usize) -> bool {
    escaped(text).len() <= bytes_max && text.chars().all(|c| c == '\n' || !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{SUBJECT_CONTACT_BYTES_MAX, SUBJECT_LETTER_BYTES_MAX, SUBJECT_REASON_BYTES_MAX};

    fn facts<'a>(kind: Kind, outcome: Option<Outcome>, contact: &'a str, reason: &'a str) -> LetterFacts<'a> {
        LetterFacts {
            institution: "spiffe://tollgate.example/gateway",
            contact,
            reference: "TG-0000-0000",
            kind,
            // 2026-09-21, 22:13 in UTC: the day after in China.
            received: Time(1_790_028_800_000),
            due: Time(1_790_028_800_000 + 20 * 86_400_000),
            outcome,
            reason,
            now: Time(1_790_028_800_000),
        }
    }

    #[test]
    fn every_letter_fits_its_entry_and_says_what_it_must() {
        let (contact, reason) = (
            "c".repeat(SUBJECT_CONTACT_BYTES_MAX),
            "r".repeat(SUBJECT_REASON_BYTES_MAX),
        );
        for language in Language::ALL {
            for letter in LetterKind::ALL {
                for kind in Kind::ALL {
                    for outcome in Outcome::ALL {
                        let f = facts(*kind, Some(*outcome), &contact, &reason);
                        let text = write(*letter, language, &f);
                        let page = html(&text, language);
                        assert!(page.len() <= SUBJECT_LETTER_BYTES_MAX, "{}: {text}", page.len());
                        assert!(text.contains("TG-0000-0000"));
                        let remedy = text.contains("article 26") || text.contains("第二十六条");
                        assert_eq!(
                            remedy,
                            matches!(letter, LetterKind::Refusal | LetterKind::Delay),
                            "{text}"
                        );
                        if *letter == LetterKind::Refusal {
                            assert!(text.contains(&reason));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn days_are_those_of_china_and_marks_do_not_leave_the_text() {
        let f = facts(Kind::Dispute, None, "<b>&\"", "");
        let text = write(LetterKind::Receipt, Language::English, &f);
        assert!(text.contains("Your request of 2026-09-22"), "{text}");
        assert!(
            text.contains("by 2026-10-12") && text.contains("marked as disputed"),
            "{text}"
        );
        let page = html(&text, Language::English);
        assert!(page.contains("&lt;b&gt;&amp;&quot;") && !page.contains("<b>"));
        assert!(write(LetterKind::Receipt, Language::Chinese, &f).contains("2026年9月22日"));
    }
}
