//! `tollgate cases`: requests of persons about their own data, as a compliance officer.
use super::{Failure, Outcome, client_file, print, query::Person, runtime};
use crate::{
    audit::note::VerifierKey,
    client::CaseList,
    clock::{Clock, SystemClock},
    evidence::{DocumentProof, verify_letter},
    subject_request::{Kind, LetterKind, Outcome as Ended, State},
    wire::{millis, timestamp, v1},
};
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

const DAY_MS: i64 = 86_400_000;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The officer's file: address, certificates, the log's key.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// The case list, nearest deadline first.
    List {
        /// Only those in this state.
        #[arg(long, value_parser = of_words(State::ALL, State::word))]
        state: Option<State>,
        /// Only those of this kind.
        #[arg(long, value_parser = of_words(Kind::ALL, Kind::word))]
        kind: Option<Kind>,
        /// Only those past their deadline.
        #[arg(long)]
        overdue: bool,
    },
    /// Take in a request and start its clock.
    Open {
        #[command(flatten)]
        person: Person,
        /// access, correction, deletion, dispute or explanation.
        #[arg(long, value_parser = of_words(Kind::ALL, Kind::word))]
        kind: Kind,
        /// Where letters go.
        #[arg(long, default_value = "")]
        contact: String,
        /// What the person asks, in their words.
        #[arg(long, default_value = "")]
        text: String,
        /// How many days ago it arrived.
        #[arg(long, default_value_t = 0)]
        days_ago: i64,
        /// The officer who answers for it; you, if not said.
        #[arg(long, default_value = "")]
        owner: String,
    },
    /// One request, with what names the person.
    Show {
        /// 32 hexadecimal digits.
        id: String,
    },
    /// Hand a request on, or say that it waits or goes on.
    Assign {
        /// 32 hexadecimal digits.
        id: String,
        /// The officer.
        #[arg(long, default_value = "")]
        owner: String,
        /// open or waiting.
        #[arg(long, value_parser = of_words(&[State::Open, State::Waiting], State::word))]
        state: Option<State>,
    },
    /// End a request.
    Close {
        /// 32 hexadecimal digits.
        id: String,
        /// fulfilled, partly, refused or withdrawn.
        #[arg(long, value_parser = of_words(Ended::ALL, Ended::word))]
        outcome: Ended,
        /// Why, in words for the person.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Write the letter that is due: receipt, delay, outcome or refusal. The log proves its bytes.
    Letter {
        /// 32 hexadecimal digits.
        id: String,
        /// zh or en.
        #[arg(long, value_enum, default_value_t = Lang::Zh)]
        lang: Lang,
        /// A page to print, instead of text.
        #[arg(long)]
        html: bool,
        /// The file to write; standard output, if not said.
        #[arg(long, short = 'o')]
        output: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Lang {
    Zh,
    En,
}

/// One of a closed list of words.
fn of_words<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| {
        let words: Vec<_> = all.iter().map(|v| word(*v)).collect();
        let found = all.iter().copied().find(|v| word(*v) == text);
        found.ok_or_else(|| format!("one of {}", words.join(", ")))
    }
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    runtime()?.block_on(async {
        let (list, key) = client_file::connect_cases(&args.client).await?;
        perform(&list, &key, args.act, json).await
    })
}

async fn perform(list: &CaseList, key: &VerifierKey, act: Act, json: bool) -> Outcome {
    let failed = client_file::failure;
    let wire = |n: u32| i32::try_from(n).unwrap_or_default();
    let one = match act {
        Act::List { state, kind, overdue } => {
            let wanted = v1::ListSubjectRequestsRequest {
                state: wire(state.map_or(0, State::number)),
                kind: wire(kind.map_or(0, Kind::number)),
                overdue,
                ..Default::default()
            };
            return listed(list, wanted, json).await;
        }
        Act::Show { id } => return shown(list, self::id(&id)?, json).await,
        Act::Letter { id, lang, html, output } => {
            let language = match lang {
                Lang::Zh => "zh",
                Lang::En => "en",
            };
            let request = v1::WriteSubjectLetterRequest {
                id: self::id(&id)?,
                language: language.to_owned(),
                html,
            };
            return written(list, key, request, output, json).await;
        }
        Act::Open {
            person,
            kind,
            contact,
            text,
            days_ago,
            owner,
        } => {
            let received = SystemClock.now().plus_ms(days_ago.saturating_mul(-DAY_MS));
            let request = v1::OpenSubjectRequestRequest {
                subject: Some(person.subject()),
                kind: wire(kind.number()),
                received_at: (days_ago != 0).then(|| timestamp(received.0)),
                contact,
                text,
                owner,
            };
            list.open(request).await.map_err(failed)?.request
        }
        Act::Assign { id, owner, state } => {
            let request = v1::AssignSubjectRequestRequest {
                id: self::id(&id)?,
                owner,
                state: wire(state.map_or(0, State::number)),
            };
            list.assign(request).await.map_err(failed)?.request
        }
        Act::Close { id, outcome, reason } => {
            let request = v1::CloseSubjectRequestRequest {
                id: self::id(&id)?,
                outcome: wire(outcome.number()),
                reason,
            };
            list.close(request).await.map_err(failed)?.request
        }
    };
    let one = one.unwrap_or_default();
    if json {
        print::json(&as_json(&one));
    } else {
        table(&[one]);
    }
    Ok(())
}

fn id(text: &str) -> Result<Vec<u8>, Failure> {
    super::query::consent_id(text).map_err(|_| Failure::file("the id of a request has 32 hexadecimal digits"))
}

async fn listed(list: &CaseList, mut wanted: v1::ListSubjectRequestsRequest, json: bool) -> Outcome {
    let mut all = Vec::new();
    let (open, overdue) = loop {
        let page = list.list(wanted.clone()).await.map_err(client_file::failure)?;
        all.extend(page.requests);
        if page.next_page_token.is_empty() {
            break (page.open_total, page.overdue_total);
        }
        wanted.page_token = page.next_page_token;
    };
    if json {
        let requests: Vec<_> = all.iter().map(as_json).collect();
        print::json(&serde_json::json!({ "requests": requests, "open": open, "overdue": overdue }));
    } else {
        table(&all);
        let late = format!("{overdue} overdue");
        let late = if overdue > 0 { print::red(&late) } else { late };
        print::line(format!("  {open} open, {late}"));
    }
    Ok(())
}

async fn shown(list: &CaseList, id: Vec<u8>, json: bool) -> Outcome {
    let found = list.get(v1::GetSubjectRequestRequest { id }).await;
    let found = found.map_err(client_file::failure)?;
    let request = found.request.unwrap_or_default();
    if json {
        let mut value = as_json(&request);
        if let Some(object) = value.as_object_mut() {
            object.insert("opened".into(), found.opened.into());
            object.insert("contact".into(), found.contact.into());
            object.insert("text".into(), found.text.into());
            object.insert("reason".into(), found.reason.into());
        }
        print::json(&value);
        return Ok(());
    }
    table(std::slice::from_ref(&request));
    if !found.opened {
        print::line("  The person was erased: nothing names them any more.");
    }
    for (name, text) in [
        ("contact", &found.contact),
        ("asks", &found.text),
        ("reason", &found.reason),
    ] {
        if !text.is_empty() {
            print::line(print::wrapped(&format!("  {name:<8}  "), text));
        }
    }
    for letter in &request.letters {
        let kind = LetterKind::from_number(u32::try_from(letter.kind).unwrap_or_default());
        print::line(format!(
            "  letter    {} {} ({}) SHA-256 {}",
            day(letter.written_at.as_ref()),
            kind.map_or("", LetterKind::word),
            letter.language,
            print::hex(&letter.sha256)
        ));
    }
    Ok(())
}

async fn written(
    list: &CaseList,
    key: &VerifierKey,
    request: v1::WriteSubjectLetterRequest,
    output: Option<PathBuf>,
    json: bool,
) -> Outcome {
    let letter = list.write(request).await.map_err(client_file::failure)?;
    let proof = DocumentProof::from_wire(letter.proof.clone().unwrap_or_default()).map_err(Failure::proof)?;
    let proven = verify_letter(&letter.document, &proof, key).map_err(Failure::proof)?;
    let entry = proven.leaf.seq;
    let kind = LetterKind::from_number(u32::try_from(letter.kind).unwrap_or_default()).map_or("", LetterKind::word);
    let text = String::from_utf8(letter.document.clone()).map_err(Failure::proof)?;
    if let Some(path) = &output {
        std::fs::write(path, &text).map_err(|e| Failure::file(format!("cannot write `{}`: {e}", path.display())))?;
    }
    if json {
        print::json(&serde_json::json!({
            "letter": kind, "entry": entry, "verified": true,
            "sha256": print::hex(&crate::crypto::sha256(&letter.document)), "document": text,
        }));
        return Ok(());
    }
    match output {
        Some(path) => print::line(format!("  the letter ({kind}) is in `{}`", path.display())),
        None => print::line(&text),
    }
    print::remark(format!("  proven by entry {entry} of the log"));
    Ok(())
}

fn day(time: Option<&crate::wire::Timestamp>) -> String {
    let at = millis(time).and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

struct Words {
    kind: &'static str,
    state: &'static str,
    outcome: &'static str,
    /// Days until it is due; negative when it is late. `None` when it is closed.
    days_left: Option<i64>,
}

fn words(request: &v1::SubjectRequestSummary) -> Words {
    let number = |n: i32| u32::try_from(n).unwrap_or_default();
    let state = State::from_number(number(request.state));
    let left = millis(request.due_at.as_ref()).map(|due| (due - SystemClock.now().0).div_euclid(DAY_MS));
    Words {
        kind: Kind::from_number(number(request.kind)).map_or("?", Kind::word),
        state: state.map_or("?", State::word),
        outcome: Ended::from_number(number(request.outcome)).map_or("", Ended::word),
        days_left: left.filter(|_| state != Some(State::Closed)),
    }
}

fn table(requests: &[v1::SubjectRequestSummary]) {
    let row = |request: &v1::SubjectRequestSummary| {
        let words = words(request);
        let left = match words.days_left {
            Some(days) if days < 0 => print::red(&format!("{} late", -days)),
            Some(days) => format!("{days} left"),
            None => words.outcome.to_owned(),
        };
        vec![
            print::hex(&request.id),
            words.kind.to_owned(),
            words.state.to_owned(),
            request.owner.clone(),
            day(request.due_at.as_ref()),
            left,
        ]
    };
    let rows: Vec<_> = requests.iter().map(row).collect();
    print::table(&["request", "kind", "state", "owner", "due", "days"], &rows);
}

fn as_json(request: &v1::SubjectRequestSummary) -> serde_json::Value {
    let words = words(request);
    serde_json::json!({
        "id": print::hex(&request.id),
        "kind": words.kind,
        "state": words.state,
        "owner": request.owner,
        "received": day(request.received_at.as_ref()),
        "due": day(request.due_at.as_ref()),
        "days_left": words.days_left,
        "outcome": words.outcome,
        "reference": request.reference,
        "letters": request.letters.len(),
    })
}
