//! `tollgate consent`: what a person agreed to, as the partner or as the provider.
use super::{
    Failure, Outcome, client_file, print,
    query::{Person, consent_id},
    runtime,
};
use crate::{
    client::Client,
    clock::{Clock, SystemClock},
    wire::{millis, timestamp, v1},
};
use clap::Subcommand;
use std::{net::SocketAddr, path::PathBuf};

const DAY_MS: i64 = 86_400_000;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file: address, certificates, keys.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Ask there instead of the address in the file.
    #[arg(long)]
    address: Option<SocketAddr>,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Record that a person agreed; pending until the provider confirms it. As a partner.
    Grant(Box<Grant>),
    /// Confirm a pending consent with the terms that `get` shows. As the provider.
    Confirm(One),
    /// Withdraw a consent. As its recipient, or as the provider.
    Withdraw(One),
    /// Show one consent.
    Get(One),
    /// Show a person's consents that were given to you.
    List(Listed),
}

#[derive(clap::Args)]
struct Grant {
    #[command(flatten)]
    person: Person,
    /// Your own id: a consent has exactly one recipient.
    #[arg(long)]
    recipient: String,
    /// What for; may be repeated.
    #[arg(long = "purpose", required = true)]
    purposes: Vec<String>,
    /// A family of signals and the finest granularity, such as `overdue:2`; may be repeated.
    #[arg(long = "family", required = true, value_parser = family)]
    families: Vec<v1::ConsentedFamily>,
    /// Days until it ends; at most 731.
    #[arg(long, default_value_t = 180)]
    days: i64,
    /// How far back records may go, in days.
    #[arg(long, default_value_t = 365)]
    look_back_days: u32,
    /// Version of the notice that was shown.
    #[arg(long)]
    notice_version: String,
    /// The notice that was shown: its SHA-256 is recorded.
    #[arg(long)]
    notice: PathBuf,
    /// The signed original: its SHA-256 is recorded.
    #[arg(long)]
    evidence: PathBuf,
    /// The consent was given separately for this disclosure (PIPL articles 23 and 29).
    #[arg(long)]
    separate: bool,
}

#[derive(clap::Args)]
struct One {
    #[command(flatten)]
    person: Person,
    /// The consent, 32 hexadecimal digits.
    consent: String,
}

#[derive(clap::Args)]
struct Listed {
    #[command(flatten)]
    person: Person,
}

fn family(text: &str) -> Result<v1::ConsentedFamily, String> {
    let (family, granularity) = text
        .split_once(':')
        .ok_or("write `family:granularity`, such as `overdue:2`")?;
    Ok(v1::ConsentedFamily {
        family: family.to_owned(),
        granularity_max: granularity.parse().map_err(|_| "the granularity is a whole number")?,
    })
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let states = runtime()?.block_on(async {
        let client = client_file::connect(&args.client, args.address).await?;
        perform(&client, args.act).await
    })?;
    if json {
        let consents: Vec<_> = states.iter().map(as_json).collect();
        print::json(&serde_json::json!({ "consents": consents }));
    } else {
        show(&states);
    }
    Ok(())
}

async fn perform(client: &Client, act: Act) -> Result<Vec<v1::ConsentState>, Failure> {
    let failed = client_file::failure;
    match act {
        Act::Grant(grant) => {
            let granted = client.grant(request(&grant)?).await.map_err(failed)?.answer;
            Ok(vec![v1::ConsentState {
                consent_id: granted.consent_id,
                status: granted.status,
                ..Default::default()
            }])
        }
        Act::Confirm(one) => {
            let shown = client.consent(get(&one)?).await.map_err(failed)?.answer;
            // None that we may see: there is nothing to confirm.
            if shown.terms.is_none() {
                return Ok(vec![shown]);
            }
            let confirmed = client.confirm(Some(one.person.subject()), &shown).await;
            Ok(vec![confirmed.map_err(failed)?.answer])
        }
        Act::Withdraw(one) => {
            let request = v1::WithdrawConsent {
                header: None,
                subject: Some(one.person.subject()),
                consent_id: consent_id(&one.consent)?,
            };
            Ok(vec![client.withdraw(request).await.map_err(failed)?.answer])
        }
        Act::Get(one) => Ok(vec![client.consent(get(&one)?).await.map_err(failed)?.answer]),
        Act::List(listed) => all(client, &listed.person).await,
    }
}

fn get(one: &One) -> Result<v1::GetConsent, Failure> {
    Ok(v1::GetConsent {
        header: None,
        subject: Some(one.person.subject()),
        consent_id: consent_id(&one.consent)?,
    })
}

async fn all(client: &Client, person: &Person) -> Result<Vec<v1::ConsentState>, Failure> {
    let mut consents = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListConsents {
            header: None,
            subject: Some(person.subject()),
            page_size: 0,
            page_token,
        };
        let page = client.consents(request).await.map_err(client_file::failure)?.answer;
        consents.extend(page.consents);
        if page.next_page_token.is_empty() {
            return Ok(consents);
        }
        page_token = page.next_page_token;
    }
}

fn request(grant: &Grant) -> Result<v1::GrantConsent, Failure> {
    let digest = |path: &PathBuf| {
        std::fs::read(path)
            .map(|bytes| crate::crypto::sha256(&bytes).to_vec())
            .map_err(|e| Failure::file(format!("cannot read `{}`: {e}", path.display())))
    };
    let end = SystemClock.now().plus_ms(grant.days.saturating_mul(DAY_MS));
    Ok(v1::GrantConsent {
        header: None,
        subject: Some(grant.person.subject()),
        terms: Some(v1::ConsentTerms {
            recipient: grant.recipient.clone(),
            purposes: grant.purposes.clone(),
            families: grant.families.clone(),
            look_back_days: grant.look_back_days,
            frequency_per_month: 0,
            not_after: Some(timestamp(end.0)),
            notice_version: grant.notice_version.clone(),
            notice_sha256: digest(&grant.notice)?,
            basis: v1::ConsentBasis::Consent as i32,
            separate: grant.separate,
            evidence_sha256: digest(&grant.evidence)?,
        }),
    })
}

fn status(state: &v1::ConsentState) -> &'static str {
    match v1::ConsentStatus::try_from(state.status) {
        Ok(v1::ConsentStatus::Pending) => "pending",
        Ok(v1::ConsentStatus::Active) => "active",
        Ok(v1::ConsentStatus::Withdrawn) => "withdrawn",
        Ok(v1::ConsentStatus::Expired) => "expired",
        Ok(v1::ConsentStatus::Unspecified) | Err(_) => "none that you may see",
    }
}

fn day(state: &v1::ConsentState) -> String {
    let end = state.terms.as_ref().and_then(|t| millis(t.not_after.as_ref()));
    let end = end.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    end.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn show(states: &[v1::ConsentState]) {
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|s| {
            let terms = s.terms.clone().unwrap_or_default();
            let families: Vec<String> = terms
                .families
                .iter()
                .map(|f| format!("{}:{}", f.family, f.granularity_max))
                .collect();
            vec![
                print::hex(&s.consent_id),
                status(s).to_owned(),
                terms.purposes.join(" "),
                families.join(" "),
                day(s),
            ]
        })
        .collect();
    print::table(&["consent", "status", "purposes", "families", "until"], &rows);
}

fn as_json(state: &v1::ConsentState) -> serde_json::Value {
    let terms = state.terms.clone().unwrap_or_default();
    serde_json::json!({
        "consent_id": print::hex(&state.consent_id),
        "status": status(state),
        "recipient": terms.recipient,
        "purposes": terms.purposes,
        "not_after": day(state),
    })
}
