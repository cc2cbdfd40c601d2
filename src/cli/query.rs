//! `tollgate query`: a real client. Opens a session, asks, verifies the receipt, prints a table.
use super::{Failure, Outcome, client_file, print, runtime};
use crate::{
    client::Verified,
    wire::v1::{self, SignalOutcome},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{net::SocketAddr, path::PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file: address, certificates, keys.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Ask there instead of the address in the file.
    #[arg(long)]
    address: Option<SocketAddr>,
    #[command(flatten)]
    person: Person,
    /// What the answer is for.
    #[arg(long)]
    purpose: String,
    /// The agreement.
    #[arg(long)]
    agreement: String,
    /// The consent, 32 hexadecimal digits.
    #[arg(long)]
    consent: String,
    /// Ask in one-shot mode instead of a session.
    #[arg(long)]
    one_shot: bool,
    /// Keep the receipt in this file: `tollgate audit verify FILE --key KEY` checks it, today and in years.
    #[arg(long)]
    receipt: Option<PathBuf>,
    /// Signals, `name@version`, at most eight.
    #[arg(required = true)]
    signals: Vec<String>,
}

/// A person, by one of the schemes.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Person {
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

impl Person {
    pub(super) fn subject(&self) -> v1::Subject {
        let (scheme, value) = match (&self.resident_id, &self.mobile, &self.opaque) {
            (Some(value), ..) => (v1::SubjectScheme::CnResidentId, value),
            (_, Some(value), _) => (v1::SubjectScheme::CnMobile, value),
            (_, _, Some(value)) => (v1::SubjectScheme::Opaque, value),
            _ => (v1::SubjectScheme::Unspecified, &String::new()),
        };
        v1::Subject {
            scheme: scheme as i32,
            value: value.clone(),
        }
    }
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let consent_id = consent_id(&args.consent)?;
    let verified = runtime()?.block_on(async {
        let client = client_file::connect(&args.client, args.address).await?;
        if !args.one_shot {
            client
                .open_session(v1::Evidence::Request)
                .await
                .map_err(client_file::failure)?;
        }
        let query = v1::Query {
            header: None,
            subject: Some(args.person.subject()),
            purpose: args.purpose,
            signals: args.signals,
            agreement_id: args.agreement,
            consent_id,
        };
        let verified = client.query(query).await.map_err(client_file::failure)?;
        // The answer is here and proven: a session that cannot be closed any more ends by itself.
        let _ = client.close().await;
        Ok(verified)
    })?;
    if let Some(path) = &args.receipt {
        std::fs::write(path, &verified.receipt.proof)
            .map_err(|e| Failure::file(format!("cannot write the receipt `{}`: {e}", path.display())))?;
    }
    if json {
        print::json(&as_json(&verified));
    } else {
        show(&verified);
    }
    Ok(())
}

pub(super) fn consent_id(text: &str) -> Result<Vec<u8>, Failure> {
    let digits: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|p| u8::from_str_radix(p, 16).ok())
        })
        .collect();
    digits
        .filter(|bytes| bytes.len() == 16 && text.len() == 32)
        .ok_or_else(|| Failure::file("a consent id has 32 hexadecimal digits"))
}

/// The word for an outcome.
pub(super) fn word(outcome: i32) -> &'static str {
    match SignalOutcome::try_from(outcome) {
        Ok(SignalOutcome::Band) => "band",
        Ok(SignalOutcome::NoValidConsent) => "no valid consent",
        Ok(SignalOutcome::NoFile) => "no file",
        Ok(SignalOutcome::BudgetSpent) => "budget spent",
        Ok(SignalOutcome::NotAvailable) => "not available",
        Ok(SignalOutcome::Unspecified) | Err(_) => "?",
    }
}

pub(super) fn show(verified: &Verified<v1::Answer>) {
    let answer = &verified.answer;
    let rows: Vec<Vec<String>> = answer
        .signals
        .iter()
        .map(|s| {
            let said = if s.band.is_empty() { word(s.outcome) } else { &s.band };
            vec![s.signal.clone(), said.to_owned(), s.reason_codes.join(" ")]
        })
        .collect();
    print::table(&["signal", "answer", "reasons"], &rows);
    if answer.disputed {
        print::line("  disputed    the person disputes what is told here, and the dispute is not settled");
    }
    print::line(format!("  reference   {}", verified.reference));
    print::line(format!("  read        {}", list(&answer.fields_read)));
    print::line(format!("  withheld    {}", list(&answer.fields_withheld)));
    print::line(format!(
        "  receipt     verified: entry {} in a log of {}",
        verified.receipt.index, verified.receipt.head.size
    ));
    print::line(format!("  log root    {}", print::hex(&verified.receipt.head.root)));
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

pub(super) fn as_json(verified: &Verified<v1::Answer>) -> serde_json::Value {
    let signals: Vec<_> = verified
        .answer
        .signals
        .iter()
        .map(|s| {
            serde_json::json!({
                "signal": s.signal,
                "outcome": word(s.outcome),
                "band": s.band,
                "band_index": s.band_index,
                "reason_codes": s.reason_codes,
            })
        })
        .collect();
    serde_json::json!({
        "signals": signals,
        "disputed": verified.answer.disputed,
        "reference": verified.reference,
        "fields_read": verified.answer.fields_read,
        "fields_withheld": verified.answer.fields_withheld,
        "policy_hash": print::hex(&verified.answer.policy_hash),
        "receipt": {
            "verified": true,
            "index": verified.receipt.index,
            "log_size": verified.receipt.head.size,
            "root": STANDARD.encode(verified.receipt.head.root),
            "proof": verified.receipt.proof,
        },
    })
}
