//! What is left of somebody who was erased, looked for with every key that remains.
pub(crate) mod carver;
mod interrupted;
mod killed;
mod whole;

use crate::support::{Caller, question, subject};
use tollgate::wire::{Message, v1};

pub(crate) const REQUEST: &str = "/tollgate.v1.PersonsService/RequestErasure";
pub(crate) const STANDS: &str = "/tollgate.v1.PersonsService/GetErasure";
pub(crate) const RUN: &str = "/tollgate.v1.PersonsService/RunErasures";

pub(crate) async fn request(officer: &Caller, row: u64) -> v1::Erasure {
    let asked = v1::RequestErasureRequest {
        subject: Some(subject(row)),
    };
    let told: v1::RequestErasureResponse = officer.call(REQUEST, asked).await.unwrap();
    told.erasure.unwrap()
}

pub(crate) async fn stands(officer: &Caller, row: u64) -> v1::Erasure {
    let asked = v1::GetErasureRequest {
        subject: Some(subject(row)),
    };
    let told: v1::GetErasureResponse = officer.call(STANDS, asked).await.unwrap();
    told.erasure.unwrap()
}

pub(crate) async fn run_now(officer: &Caller) {
    let _: v1::RunErasuresResponse = officer.call(RUN, v1::RunErasuresRequest {}).await.unwrap();
}

/// The outcome of each signal, by one question. Not by its entry: the gateway writes others at the same time, about people
/// whose key is gone a moment later.
pub(crate) async fn outcomes(bank: &Caller, row: u64, consent: &[u8]) -> Vec<i32> {
    let sent = bank.one_shot(crate::path::QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    let (reply, pending) = bank.exchange(sent).await.unwrap();
    let body = pending.open(bank.parties(), &reply).unwrap();
    let answer = v1::Answer::decode(&body.answer[..]).unwrap();
    answer.signals.iter().map(|signal| signal.outcome).collect()
}
