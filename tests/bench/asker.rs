//! A partner bank in two forms: one that only seals, sends and opens, so that the client's checks do not hide what the
//! gateway costs; and the real client, with every check.
use super::{echo, place::Place};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tollgate::{
    app::site::{GATEWAY, PROVIDER},
    client::{Client, Draft, KeyList, Opening, Session, seal_one_shot},
    clock::{Clock, SystemClock},
    crypto::{Signer, Suite, SystemRng, sha256},
    limits::{CHANGES_PER_PEER_PER_S_MAX, REPLIES_BYTES_MAX},
    seal::{frame::Parties, signed::SigningIdentity},
    source::ingest::test_identity,
    wire::{decode_canonical, timestamp, v1},
};
use tonic::transport::{Channel, Endpoint};

pub(crate) const BANK: &str = "bank-a";
const QUERY: &str = "/tollgate.v1.ExchangeService/Query";
const PURPOSE: &str = "credit.origination";
const SIGNALS: [&str; 4] = [
    "worst_overdue_6m@1",
    "utilisation_coarse@1",
    "limit_band@1",
    "risk_band@1",
];
const DAY_MS: i64 = 86_400_000;

/// A person who agreed, and the consent.
#[derive(Clone)]
pub(crate) struct Consented {
    pub(crate) row: u64,
    pub(crate) consent_id: Vec<u8>,
}

fn subject(row: u64) -> v1::Subject {
    v1::Subject {
        scheme: v1::SubjectScheme::CnResidentId as i32,
        value: test_identity(row).unwrap(),
    }
}

/// The agreement that accepts this evidence.
fn agreement(evidence: v1::Evidence) -> &'static str {
    match evidence {
        v1::Evidence::Session => "bank-a-session",
        _ => "bank-a-2026",
    }
}

/// The question that is asked throughout: four signals.
pub(crate) fn question(person: &Consented, evidence: v1::Evidence) -> v1::Query {
    v1::Query {
        header: None,
        subject: Some(subject(person.row)),
        purpose: PURPOSE.to_owned(),
        signals: SIGNALS.map(str::to_owned).to_vec(),
        agreement_id: agreement(evidence).to_owned(),
        consent_id: person.consent_id.clone(),
    }
}

/// Lets `number` people of the sample consent, each by a grant of the bank and a confirmation of the data holder.
pub(crate) async fn consents(place: &Place, address: SocketAddr, number: u64) -> Arc<Vec<Consented>> {
    let bank = Arc::new(place.client(BANK, address).await);
    let lender = Arc::new(place.client(PROVIDER, address).await);
    for client in [&bank, &lender] {
        client.open_session(v1::Evidence::Request).await.unwrap();
    }
    // Spread over the sample, so that records come from all over the vault.
    let step = (30_000 / number.max(1)).max(1);
    let rows: Vec<u64> = (0..number).map(|n| 1 + n * step).collect();
    let mut tasks = Vec::new();
    // Below the rate at which one member may change things: the data holder reads each grant and confirms it.
    let mut pace = tokio::time::interval(Duration::from_micros(2_500_000 / u64::from(CHANGES_PER_PEER_PER_S_MAX)));
    for row in rows {
        pace.tick().await;
        let (bank, lender) = (Arc::clone(&bank), Arc::clone(&lender));
        tasks.push(tokio::spawn(async move { consent(&bank, &lender, row).await }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    Arc::new(all)
}

async fn consent(bank: &Client, lender: &Client, row: u64) -> Consented {
    let family = |family: &str, granularity_max| v1::ConsentedFamily {
        family: family.to_owned(),
        granularity_max,
    };
    let grant = v1::GrantConsent {
        header: None,
        subject: Some(subject(row)),
        terms: Some(v1::ConsentTerms {
            recipient: BANK.to_owned(),
            purposes: vec![PURPOSE.to_owned()],
            families: vec![
                family("overdue", 1),
                family("utilisation", 1),
                family("limit", 1),
                family("risk", 1),
            ],
            look_back_days: 365,
            frequency_per_month: 0,
            not_after: Some(timestamp(SystemClock.now().plus_ms(90 * DAY_MS).0)),
            notice_version: "bench-1".to_owned(),
            notice_sha256: sha256(b"notice").to_vec(),
            basis: v1::ConsentBasis::Consent as i32,
            separate: true,
            evidence_sha256: sha256(b"letter").to_vec(),
        }),
    };
    let consent_id = bank.grant(grant).await.unwrap().answer.consent_id;
    let get = v1::GetConsent {
        header: None,
        subject: Some(subject(row)),
        consent_id: consent_id.clone(),
    };
    let shown = lender.consent(get).await.unwrap().answer;
    let confirmed = lender.confirm(Some(subject(row)), &shown).await.unwrap();
    assert_eq!(confirmed.answer.status, v1::ConsentStatus::Active as i32);
    Consented { row, consent_id }
}

/// A connection over which nothing was said yet.
pub(crate) async fn channel(place: &Place, address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .tcp_nodelay(true)
        .initial_connection_window_size(REPLIES_BYTES_MAX)
        .connect_with_connector(place.connector(BANK))
        .await
        .unwrap()
}

/// Seals, sends, opens. No receipt is checked.
pub(crate) struct Asker {
    channel: Channel,
    session: Session,
    evidence: v1::Evidence,
    keys: KeyList,
    signer: Arc<dyn Signer>,
    rng: SystemRng,
}

fn parties() -> Parties<'static> {
    Parties {
        gateway: GATEWAY,
        partner: BANK,
    }
}

impl Asker {
    /// One connection with one session.
    pub(crate) async fn new(place: &Place, address: SocketAddr, evidence: v1::Evidence) -> Self {
        let channel = channel(place, address).await;
        let (signer, rng) = (place.signer(BANK), SystemRng::default());
        let list = call_key_list(channel.clone()).await;
        let keys = KeyList::verify(&list, &place.pinned(), SystemClock.now()).unwrap();
        let identity = SigningIdentity {
            key_id: "bank-a-1",
            signer: &*signer,
        };
        let now = SystemClock.now();
        let key = keys.exchange(Suite::XWing, now).unwrap();
        let (open, opening) = Opening::new(parties(), key, &identity, evidence, now, &rng).unwrap();
        let accepted = call_open(channel.clone(), open).await;
        let (session, _, _) = opening.accept(parties(), &accepted, now).unwrap();
        Self {
            channel,
            session,
            evidence,
            keys,
            signer,
            rng,
        }
    }

    fn draft(&self, person: &Consented, one_shot: bool) -> Draft {
        let identity = SigningIdentity {
            key_id: "bank-a-1",
            signer: &*self.signer,
        };
        let unsigned = !one_shot && self.session.opening_is_evidence();
        let make = |header| v1::Query {
            header: Some(header),
            ..question(person, self.evidence)
        };
        let time = (SystemClock.now(), &self.rng as _);
        Draft::new(parties(), QUERY, one_shot, (!unsigned).then_some(&identity), time, make).unwrap()
    }

    /// One question in the session.
    pub(crate) async fn ask(&self, person: &Consented) {
        self.exchange(person).await;
    }

    /// One question, and what went over the wire.
    pub(crate) async fn exchange(&self, person: &Consented) -> (v1::QueryRequest, v1::QueryResponse) {
        let draft = self.draft(person, false);
        let (request, pending) = self.session.seal(&draft, SystemClock.now(), &self.rng).unwrap();
        let request = v1::QueryRequest {
            sealed: Some(v1::SealedRequest {
                mode: Some(v1::sealed_request::Mode::Session(request)),
            }),
        };
        let reply = echo::unary(self.channel.clone(), QUERY, request.clone()).await.unwrap();
        let body = pending.open(parties(), reply.sealed.as_ref().unwrap()).unwrap();
        assert!(!body.answer.is_empty());
        (request, reply)
    }

    /// One question without a session.
    pub(crate) async fn ask_one_shot(&self, person: &Consented) {
        let draft = self.draft(person, true);
        let key = self.keys.exchange(Suite::XWing, SystemClock.now()).unwrap();
        let (request, pending) = seal_one_shot(parties(), &draft, key, &self.rng).unwrap();
        let request = v1::QueryRequest {
            sealed: Some(v1::SealedRequest {
                mode: Some(v1::sealed_request::Mode::OneShot(request)),
            }),
        };
        let reply = echo::unary(self.channel.clone(), QUERY, request).await.unwrap();
        let body = pending.open(parties(), reply.sealed.as_ref().unwrap()).unwrap();
        assert!(!body.answer.is_empty());
    }

    /// That an answer of this gateway has a band for each signal: what is measured is the whole path.
    pub(crate) async fn check_answer(&self, person: &Consented) {
        let draft = self.draft(person, false);
        let (request, pending) = self.session.seal(&draft, SystemClock.now(), &self.rng).unwrap();
        let request = v1::QueryRequest {
            sealed: Some(v1::SealedRequest {
                mode: Some(v1::sealed_request::Mode::Session(request)),
            }),
        };
        let reply = echo::unary(self.channel.clone(), QUERY, request).await.unwrap();
        let body = pending.open(parties(), reply.sealed.as_ref().unwrap()).unwrap();
        let answer: v1::Answer = decode_canonical(&body.answer).unwrap();
        let band = v1::SignalOutcome::Band as i32;
        assert!(answer.signals.len() == SIGNALS.len() && answer.signals.iter().all(|s| s.outcome == band));
    }
}

async fn call_key_list(channel: Channel) -> v1::GetKeyListResponse {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/tollgate.v1.ExchangeService/GetKeyList");
    let codec = tonic_prost::ProstCodec::default();
    let request = tonic::Request::new(v1::GetKeyListRequest {});
    grpc.unary(request, path, codec).await.unwrap().into_inner()
}

async fn call_open(channel: Channel, open: v1::OpenSessionRequest) -> v1::OpenSessionResponse {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/tollgate.v1.ExchangeService/OpenSession");
    let codec = tonic_prost::ProstCodec::default();
    grpc.unary(tonic::Request::new(open), path, codec)
        .await
        .unwrap()
        .into_inner()
}
