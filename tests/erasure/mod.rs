//! What is left of somebody who was erased, looked for with every key that remains.
mod carver;
mod interrupted;
mod whole;

use crate::support::{Caller, Gateway, question, subject};
use tollgate::wire::v1;

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

/// The outcome of each signal, by one question.
pub(crate) async fn outcomes(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8]) -> Vec<i32> {
    let sent = bank.one_shot(crate::path::QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    let told = crate::support::answered(gateway, bank, sent).await;
    let answer = <v1::Answer as tollgate::wire::Message>::decode(&told.body.answer[..]).unwrap();
    answer.signals.iter().map(|signal| signal.outcome).collect()
}
