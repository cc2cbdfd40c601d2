//! What a partner bank and the data holder do in the demo.
use super::{Failure, Outcome, Tour, print};
use crate::{
    app::site::{PROVIDER, Site},
    cli::{client_file, query},
    client::{Client, ClientError, Verified},
    clock::{Clock, SystemClock},
    crypto::sha256,
    source::ingest::test_identity,
    wire::{
        timestamp,
        v1::{self, SignalOutcome},
    },
};
use std::time::Instant;

pub(super) const AGREEMENT: &str = "bank-a-2026";
pub(super) const ORIGINATION: &str = "credit.origination";
const SIGNALS: [&str; 4] = [
    "worst_overdue_6m@1",
    "utilisation_coarse@1",
    "limit_band@1",
    "risk_band@1",
];
/// Asked for, and left out of the table.
const NOT_SHOWN: &str = "limit_band@1";
/// Rows of the sample that differ well.
const CLIENTS: [u64; 5] = [1, 2, 3, 14, 50];
/// A row number past the sample: somebody whom nobody has a record of.
const NOBODY: u64 = 900_001;
const DAY_MS: i64 = 86_400_000;

/// The test identity of a row.
pub(super) fn person(row: u64) -> Option<String> {
    test_identity(row)
}

fn subject(row: u64) -> Option<v1::Subject> {
    person(row).map(|value| v1::Subject {
        scheme: v1::SubjectScheme::CnResidentId as i32,
        value,
    })
}

/// The whole play.
pub(super) async fn play(site: &Site, started: Instant, tour: &mut Tour, json: bool) -> Outcome {
    let bank = client_file::connect(&site.client("bank-a"), None).await?;
    let lender = client_file::connect(&site.client(PROVIDER), None).await?;
    for client in [&bank, &lender] {
        client
            .open_session(v1::Evidence::Request)
            .await
            .map_err(client_file::failure)?;
    }
    let unasked = ask(&bank, 1, &[0; 16], ORIGINATION, &SIGNALS)
        .await
        .map_err(client_file::failure)?;
    tour.start_to_first_answer_ms = started.elapsed().as_secs_f64() * 1000.0;
    print::remark(format!(
        "   start to first verified answer: {:.0} ms",
        tour.start_to_first_answer_ms
    ));
    print::remark("4  bank-a asks");
    tour.check(
        "without consent: a sealed answer with nothing in it, no record read",
        every(&unasked, SignalOutcome::NoValidConsent) && unasked.answer.fields_read.is_empty(),
    );
    let mut rows = Vec::new();
    for client in CLIENTS {
        let consent = granted(&bank, &lender, client, tour).await?;
        let verified = ask(&bank, client, &consent, ORIGINATION, &SIGNALS)
            .await
            .map_err(client_file::failure)?;
        tour.check(
            format!("client no. {client}, with a confirmed consent: bands, and a receipt that verifies"),
            every(&verified, SignalOutcome::Band) && verified.receipt.index < verified.receipt.head.size,
        );
        rows.push(row(client, &verified));
        tour.answers.push(query::as_json(&verified));
    }
    if !json {
        print::table(&["client", "delay", "utilisation", "risk", "reasons"], &rows);
    }
    print::remark("5  what is refused");
    refusals(&bank, &lender, tour, json).await?;
    let continued = bank.check_log().await;
    tour.check("the log proves that it only grew while we asked", continued.is_ok());
    for client in [&bank, &lender] {
        client.close().await.map_err(client_file::failure)?;
    }
    Ok(())
}

async fn refusals(bank: &Client, lender: &Client, tour: &mut Tour, json: bool) -> Outcome {
    let consent = granted(bank, lender, 7, tour).await?;
    let purpose = ask(bank, 7, &consent, "credit.limit_review", &SIGNALS).await;
    let finer = ask(bank, 7, &consent, ORIGINATION, &["utilisation@1"]).await;
    let mut rows = Vec::new();
    for (what, expected, outcome) in [
        ("a purpose outside the agreement", "PURPOSE_NOT_AGREED", purpose),
        ("a signal finer than agreed", "GRANULARITY_TOO_FINE", finer),
    ] {
        let (code, reference) = match outcome {
            Err(ClientError::Refused { code, reference, .. }) => (code, reference),
            Err(other) => (other.to_string(), String::new()),
            Ok(_) => ("answered".to_owned(), String::new()),
        };
        tour.check(
            format!("{what}: refused with its own code, and recorded"),
            code == expected && !reference.is_empty(),
        );
        rows.push(vec![what.to_owned(), code.clone(), reference.clone()]);
        tour.refusals
            .push(serde_json::json!({ "what": what, "code": code, "reference": reference }));
    }
    let nobody = granted(bank, lender, NOBODY, tour).await?;
    let verified = ask(bank, NOBODY, &nobody, ORIGINATION, &SIGNALS)
        .await
        .map_err(client_file::failure)?;
    tour.check(
        "no record is told as no file, never as clean",
        every(&verified, SignalOutcome::NoFile),
    );
    rows.push(vec![
        "somebody without a record".to_owned(),
        "sealed: no file".to_owned(),
        verified.reference,
    ]);
    withdraw(bank, 7, &consent).await?;
    let verified = ask(bank, 7, &consent, ORIGINATION, &SIGNALS)
        .await
        .map_err(client_file::failure)?;
    tour.check(
        "a withdrawal counts from the next question",
        every(&verified, SignalOutcome::NoValidConsent),
    );
    rows.push(vec![
        "a consent that was withdrawn".to_owned(),
        "sealed: no valid consent".to_owned(),
        verified.reference,
    ]);
    if !json {
        print::table(&["asked for", "outcome", "reference"], &rows);
    }
    Ok(())
}

async fn ask(
    bank: &Client,
    row: u64,
    consent: &[u8],
    purpose: &str,
    signals: &[&str],
) -> Result<Verified<v1::Answer>, ClientError> {
    bank.query(v1::Query {
        header: None,
        subject: subject(row),
        purpose: purpose.to_owned(),
        signals: signals.iter().map(|s| (*s).to_owned()).collect(),
        agreement_id: AGREEMENT.to_owned(),
        consent_id: consent.to_vec(),
    })
    .await
}

/// The bank records that the person agreed; the data holder confirms it.
async fn granted(bank: &Client, lender: &Client, row: u64, tour: &mut Tour) -> Result<Vec<u8>, Failure> {
    let family = |family: &str, granularity_max| v1::ConsentedFamily {
        family: family.to_owned(),
        granularity_max,
    };
    let granted = bank
        .grant(v1::GrantConsent {
            header: None,
            subject: subject(row),
            terms: Some(v1::ConsentTerms {
                recipient: "bank-a".to_owned(),
                purposes: vec![ORIGINATION.to_owned()],
                families: vec![
                    family("overdue", 1),
                    family("utilisation", 1),
                    family("limit", 1),
                    family("risk", 1),
                ],
                look_back_days: 365,
                frequency_per_month: 0,
                not_after: Some(timestamp(SystemClock.now().plus_ms(90 * DAY_MS).0)),
                notice_version: "demo-1".to_owned(),
                notice_sha256: sha256(b"the notice that the demo's person was shown").to_vec(),
                basis: v1::ConsentBasis::Consent as i32,
                separate: true,
                evidence_sha256: sha256(b"the letter that the demo's person signed").to_vec(),
            }),
        })
        .await
        .map_err(client_file::failure)?;
    let consent_id = granted.answer.consent_id;
    let read = v1::GetConsent {
        header: None,
        subject: subject(row),
        consent_id: consent_id.clone(),
    };
    let shown = lender.consent(read).await.map_err(client_file::failure)?.answer;
    let confirmed = lender
        .confirm(subject(row), &shown)
        .await
        .map_err(client_file::failure)?;
    let active = confirmed.answer.status == v1::ConsentStatus::Active as i32;
    if granted.answer.status != v1::ConsentStatus::Pending as i32 || !active {
        tour.check("a grant is pending until the data holder confirms it", false);
    }
    Ok(consent_id)
}

async fn withdraw(bank: &Client, row: u64, consent: &[u8]) -> Outcome {
    let request = v1::WithdrawConsent {
        header: None,
        subject: subject(row),
        consent_id: consent.to_vec(),
    };
    bank.withdraw(request).await.map(drop).map_err(client_file::failure)
}

fn every(verified: &Verified<v1::Answer>, outcome: SignalOutcome) -> bool {
    let signals = &verified.answer.signals;
    !signals.is_empty() && signals.iter().all(|s| s.outcome == outcome as i32)
}

fn row(client: u64, verified: &Verified<v1::Answer>) -> Vec<String> {
    let signals = &verified.answer.signals;
    let reasons = signals.iter().flat_map(|s| s.reason_codes.iter().cloned());
    // Narrow enough for a terminal of 80 columns; `--json` has all of it.
    let shown = signals.iter().filter(|s| s.signal != NOT_SHOWN);
    std::iter::once(format!("no. {client}"))
        .chain(shown.map(|s| s.band.clone()))
        .chain([reasons.collect::<Vec<_>>().join(" ")])
        .collect()
}
