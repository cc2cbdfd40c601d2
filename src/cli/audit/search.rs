//! `tollgate audit search`: the conditions as flags, the person never in them unless one insists.
use super::{
    moment::moment,
    shown,
    which::{Which, which},
};
use crate::{
    cli::{Failure, Outcome, client_file, print, query::consent_id, runtime},
    client::{Hits, Staff},
    limits::SEARCH_PAGE_MAX,
    wire::{
        Timestamp,
        v1::{self, EntryClass, EntryKind},
    },
};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// Pause before a page is asked for again.
const WAIT: Duration = Duration::from_millis(200);
/// Pauses in a row: then somebody else asks with the same certificate.
const WAITS_MAX: u32 = 50;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer or auditor.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(flatten)]
    filter: Filter,
    /// A period of the log, from 1 on, or `all`, the newest first; instead of the one that takes entries.
    #[arg(long, value_parser = which)]
    period: Option<Which>,
    #[command(flatten)]
    person: Whom,
    /// Entries on a page, at most 200.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// Go on after an earlier page of the same search.
    #[arg(long, conflicts_with = "all")]
    page_token: Option<String>,
    /// All pages.
    #[arg(long)]
    all: bool,
    /// Have each entry proven, and check the proofs with the log's key.
    #[arg(long)]
    prove: bool,
}

/// Conditions that must all hold.
#[derive(clap::Args)]
struct Filter {
    /// Entries from here on: a day (midnight UTC), or a time with its zone.
    #[arg(long, value_parser = moment)]
    from: Option<Timestamp>,
    /// Entries before this.
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
    /// What they are about: lifecycle, query, session, consent, records, read, keys, configuration, counted.
    #[arg(long, value_parser = kind)]
    kind: Option<EntryKind>,
    /// How they ended: sealed, refused, admin, abandoned.
    #[arg(long, value_parser = class)]
    class: Option<EntryClass>,
    /// A refusal code, such as `QUOTA_SPENT`.
    #[arg(long, default_value = "")]
    refusal: String,
    /// A member of the register.
    #[arg(long, default_value = "")]
    partner: String,
    /// An agreement.
    #[arg(long, default_value = "")]
    agreement: String,
    /// A method path, such as `/tollgate.v1.ExchangeService/Query`.
    #[arg(long, default_value = "")]
    method: String,
    /// A purpose.
    #[arg(long, default_value = "")]
    purpose: String,
    /// A word of an outcome, such as `band` or `no_valid_consent`.
    #[arg(long, default_value = "")]
    outcome: String,
    /// A signal, `name@version`.
    #[arg(long, default_value = "")]
    signal: String,
    /// A consent, 32 hexadecimal digits.
    #[arg(long)]
    consent: Option<String>,
    /// A request id, 32 hexadecimal digits.
    #[arg(long)]
    request: Option<String>,
}

/// A person, if one is named.
#[derive(clap::Args)]
#[group(multiple = false)]
pub(in crate::cli) struct Whom {
    /// A file with one line, such as `resident-id 999999185001010019`, `mobile …` or `opaque …`; `-` is standard input.
    /// Better than the flags below: a command line is seen by others on the machine, and kept by the shell.
    #[arg(long)]
    subject_file: Option<PathBuf>,
    /// Resident identity number, 18 characters.
    #[arg(long)]
    resident_id: Option<String>,
    /// Mobile number.
    #[arg(long)]
    mobile: Option<String>,
    /// An identifier that you and the institution agreed on.
    #[arg(long)]
    opaque: Option<String>,
}

fn kind(text: &str) -> Result<EntryKind, String> {
    let found = EntryKind::from_str_name(&format!("ENTRY_KIND_{}", text.to_ascii_uppercase()));
    found
        .filter(|kind| *kind != EntryKind::Unspecified)
        .ok_or_else(|| "no such kind: see `--help`".to_owned())
}

fn class(text: &str) -> Result<EntryClass, String> {
    let found = EntryClass::from_str_name(&format!("ENTRY_CLASS_{}", text.to_ascii_uppercase()));
    found
        .filter(|class| *class != EntryClass::Unspecified)
        .ok_or_else(|| "no such class: see `--help`".to_owned())
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let mut filter = filter(args.filter, args.person)?;
    (filter.period, filter.all_periods) = match args.period {
        None => (0, false),
        Some(Which::One(period)) => (period, false),
        Some(Which::All) => (0, true),
    };
    runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        let first = v1::SearchRequest {
            filter: Some(filter),
            page_size: args.page_size,
            page_token: args.page_token.unwrap_or_default(),
            prove: args.prove,
        };
        pages(&staff, first, args.all, json).await
    })
}

async fn pages(staff: &Staff, first: v1::SearchRequest, all: bool, json: bool) -> Outcome {
    let counter = print::counter("entries found");
    let (mut asked, mut found, mut waited) = (first, 0, 0);
    if all {
        asked.page_size = u32::try_from(SEARCH_PAGE_MAX).unwrap_or(u32::MAX);
    }
    loop {
        let page = match staff.search(asked.clone()).await {
            // Pages come faster than a member may ask for them.
            Err(error) if all && waited < WAITS_MAX && error.is_code("RATE_LIMITED") => {
                waited += 1;
                tokio::time::sleep(WAIT).await;
                continue;
            }
            page => page.map_err(client_file::failure)?,
        };
        waited = 0;
        found += page.entries.len() as u64;
        counter.set_position(found);
        counter.suspend(|| show(&page, json));
        if all && !page.next.is_empty() {
            asked.page_token = page.next;
            continue;
        }
        counter.finish_and_clear();
        summary(&page, found, json);
        return Ok(());
    }
}

fn show(page: &Hits, json: bool) {
    if json {
        page.entries.iter().for_each(|hit| print::json(&shown::json(hit)));
    } else if !page.entries.is_empty() {
        let rows: Vec<_> = page.entries.iter().map(shown::row).collect();
        print::table(&shown::HEAD, &rows);
    }
}

fn summary(last: &Hits, found: u64, json: bool) {
    let proven = last.head.as_ref().map(|head| head.size);
    if json {
        print::json(&serde_json::json!({
            "found": found, "log_size": last.log_size, "next_page_token": last.next, "proven": proven.is_some(),
        }));
        return;
    }
    print::line(format!("  {found} entries of a log of {}", last.log_size));
    if let Some(size) = proven {
        print::line(format!(
            "  each is in the log: proven under a checkpoint of {size} entries that the log's key signed"
        ));
    }
    if !last.next.is_empty() {
        print::line(format!("  there are more: --page-token {}", last.next));
    }
}

fn filter(filter: Filter, person: Whom) -> Result<v1::EntryFilter, Failure> {
    let id = |text: Option<String>| match text {
        None => Ok(Vec::new()),
        Some(text) => consent_id(&text),
    };
    Ok(v1::EntryFilter {
        from: filter.from,
        until: filter.until,
        kind: filter.kind.unwrap_or_default() as i32,
        class: filter.class.unwrap_or_default() as i32,
        refusal: filter.refusal,
        partner: filter.partner,
        agreement: filter.agreement,
        method: filter.method,
        purpose: filter.purpose,
        outcome: filter.outcome,
        signal: filter.signal,
        consent_id: id(filter.consent)?,
        request_id: id(filter.request)?,
        subject: subject(person)?,
        ..v1::EntryFilter::default()
    })
}

/// The person that is named, if one is.
pub(in crate::cli) fn subject(person: Whom) -> Result<Option<v1::Subject>, Failure> {
    let (scheme, value) = match person {
        Whom {
            subject_file: Some(path),
            ..
        } => return from_file(&path).map(Some),
        Whom {
            resident_id: Some(value),
            ..
        } => (v1::SubjectScheme::CnResidentId, value),
        Whom {
            mobile: Some(value), ..
        } => (v1::SubjectScheme::CnMobile, value),
        Whom {
            opaque: Some(value), ..
        } => (v1::SubjectScheme::Opaque, value),
        _ => return Ok(None),
    };
    Ok(Some(v1::Subject {
        scheme: scheme as i32,
        value,
    }))
}

/// The person in a file's first line.
fn from_file(path: &Path) -> Result<v1::Subject, Failure> {
    let unreadable = |e: std::io::Error| Failure::file(format!("cannot read `{}`: {e}", path.display()));
    let mut line = Zeroizing::new(String::new());
    if path == Path::new("-") {
        std::io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    } else {
        let file = File::open(path).map_err(unreadable)?;
        BufReader::new(file).read_line(&mut line).map_err(unreadable)?;
    }
    let (scheme, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let scheme = match scheme {
        "resident-id" => v1::SubjectScheme::CnResidentId,
        "mobile" => v1::SubjectScheme::CnMobile,
        "opaque" => v1::SubjectScheme::Opaque,
        // What stands there instead may be the person: it is not said again.
        _ => {
            return Err(Failure::file(
                "the first line of the subject file must be `resident-id`, `mobile` or `opaque`, a space, and the value",
            ));
        }
    };
    Ok(v1::Subject {
        scheme: scheme as i32,
        value: value.trim().to_owned(),
    })
}
