//! The library's own client, as a partner and the data holder use it.
use super::{BANK_A, Gateway, LENDER, SAMPLE_ROWS, Who, grant_of, subject, terms};
use std::{fs, sync::Arc};
use tollgate::{
    app::site,
    client::{Client, Partnership, Pinned},
    crypto::{Suite, SystemRng},
    source::{
        WireRow,
        ingest::{Format, Mapping, open},
        wire_row,
    },
    wire::v1,
};

/// A client by the gateway's clock.
pub(crate) async fn lib_client(gateway: &Gateway, who: Who, suite: Suite) -> Client {
    let place = &gateway.place;
    let partnership = Partnership {
        pinned: Pinned {
            gateway: site::GATEWAY.to_owned(),
            identity: place.gateway_identity(),
        },
        partner: who.id.to_owned(),
        signing_key_id: format!("{}-1", who.id),
        signer: Arc::new(place.signer(who)),
        suite,
    };
    let connected = Client::connect(
        gateway.address(who.staff),
        gateway.connector(&place.credential(who)),
        partnership,
        None,
        Arc::clone(&gateway.clock) as _,
        Arc::new(SystemRng::default()),
    );
    connected.await.unwrap()
}

/// The first rows of the real sample, by the real mapping.
pub(crate) fn sample_rows(gateway: &Gateway) -> Vec<WireRow> {
    const SAMPLE: &[u8] = include_bytes!("../data/uci-credit-default.csv.gz");
    let file = gateway.place.beside("uci-credit-default.csv.gz");
    fs::write(&file, SAMPLE).unwrap();
    let catalogue = Arc::clone(&gateway.gate().view.catalogue);
    let mapping = fs::read_to_string(gateway.place.site().mapping()).unwrap();
    let mapping = Arc::new(Mapping::load(&mapping, catalogue, gateway.now()).unwrap());
    let mut rows = open(&file, Format::of(&file).unwrap(), mapping).unwrap();
    let mut next = || rows.next_row().unwrap().unwrap().unwrap_or_else(|e| panic!("{e:?}"));
    (0..SAMPLE_ROWS).map(|_| wire_row(&next())).collect()
}

/// Loads them as the data holder does, into the running gateway.
pub(crate) async fn load_sample(gateway: &Gateway) {
    let lender = lib_client(gateway, LENDER, Suite::X25519).await;
    lender.open_session(v1::Evidence::Request).await.unwrap();
    let mut loading = lender.load().await.unwrap();
    let chunk = v1::LoadChunk {
        header: None,
        batch_id: "sample".to_owned(),
        first_row: 0,
        catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
        rows: sample_rows(gateway),
        commit: true,
    };
    let progress = loading.chunk(chunk).await.unwrap().answer;
    assert!(progress.visible && progress.rows_held == SAMPLE_ROWS, "{progress:?}");
    drop(loading);
    lender.close().await.unwrap();
}

/// A grant that nobody has confirmed.
pub(crate) async fn granted(bank: &Client, row: u64, terms: v1::ConsentTerms) -> Vec<u8> {
    bank.grant(grant_of(row, terms)).await.unwrap().answer.consent_id
}

/// Bank A's consent of this person, by [`terms`], confirmed by the data holder.
pub(crate) async fn agreed(gateway: &Gateway, row: u64) -> Vec<u8> {
    let bank = lib_client(gateway, BANK_A, Suite::X25519).await;
    let lender = lib_client(gateway, LENDER, Suite::X25519).await;
    let consent_id = granted(&bank, row, terms(BANK_A.id, gateway.now())).await;
    let confirmed = confirm(&lender, row, &consent_id).await;
    assert_eq!(confirmed.status(), v1::ConsentStatus::Active);
    consent_id
}

/// Confirmed as the data holder does: it reads the terms, and confirms what it read.
pub(crate) async fn confirm(lender: &Client, row: u64, consent: &[u8]) -> v1::ConsentState {
    let asked = v1::GetConsent {
        header: None,
        subject: Some(subject(row)),
        consent_id: consent.to_vec(),
    };
    let shown = lender.consent(asked).await.unwrap().answer;
    lender.confirm(Some(subject(row)), &shown).await.unwrap().answer
}
