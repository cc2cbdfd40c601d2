//! A newer certificate reaches a running gateway, and nothing else does.
use super::*;
use crate::{
    app::{
        Kept,
        revocation::tests::alone,
        site,
        testing::{Place, until},
    },
    audit::Log,
    channel::client::Connector,
    clock::Clock,
    crypto::SystemRng,
    pki::{self, Issued, LeafPlan, Usage},
    wire::{self, v1},
};
use std::process::Command;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const DAY_MS: i64 = 86_400_000;

fn plan(place: &Place) -> LeafPlan {
    let mut plan = LeafPlan::new(site::GATEWAY, Usage::Server, place.clock.now());
    plan.hosts = vec!["localhost".to_owned()];
    plan
}

fn issued(place: &Place, ca: &str, plan: &LeafPlan) -> Issued {
    pki::issue_leaf(&place.path(ca), plan, &SystemRng::default()).unwrap()
}

fn own(place: &Place, plan: &LeafPlan) -> Issued {
    issued(place, "pki/gateway/ca", plan)
}

/// As a CA's client does: each file is written whole.
fn put(place: &Place, chain: &[u8], key: &[u8]) {
    for (file, bytes) in [("tls.pem", chain), ("tls.key", key)] {
        let path = place.path("pki/gateway").join(file);
        let beside = path.with_extension("new");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(beside, path).unwrap();
    }
}

fn put_issued(place: &Place, issued: &Issued) {
    put(place, issued.chain_pem.as_bytes(), issued.key_pem.as_bytes());
}

fn size(kept: &Kept) -> u64 {
    kept.log.head().size
}

/// Entries about the gateway's own certificate.
fn said(log: &Log) -> usize {
    let leaf = |index| log.entry(index).unwrap().unwrap().leaf;
    let leaves = (0..log.head().size).map(|index| wire::decode_canonical::<v1::Leaf>(&leaf(index)).unwrap());
    leaves.filter(|leaf| leaf.method == RENEW.path()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_handshakes_meet_a_renewed_certificate_and_a_live_connection_stays() {
    let place = Place::new();
    let running = place.start().await;
    let (partners, log) = (running.partners(), running.gate().log.clone());
    let roots = std::fs::read(place.path(&format!("pki/trust/{}/root.pem", site::DOMAIN))).unwrap();
    let connector = Connector::new(&roots, &place.credential("partners/bank-a"), site::GATEWAY).unwrap();
    let before = connector.leaf_of(partners).await.unwrap();
    let channel = place.channel(partners, "partners/bank-a").await.unwrap();
    let mut live = HealthClient::new(channel);
    let mut watched = live.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();

    let good = own(&place, &plan(&place));
    // What is half there is not taken, whatever is in it.
    let (half, _) = good.key_pem.as_bytes().split_at(good.key_pem.len() / 2);
    put(&place, good.chain_pem.as_bytes(), half);
    hang_up();
    until("the refusal is recorded", || said(&log) == 1).await;
    assert_eq!(connector.leaf_of(partners).await.unwrap(), before);
    put_issued(&place, &good);
    hang_up();
    until("it is recorded", || said(&log) == 2).await;
    let waited = tokio::time::timeout(crate::app::testing::PATIENCE, async {
        while connector.leaf_of(partners).await.unwrap() != good.leaf_der {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("new handshakes meet it");
    let staff = Connector::new(&roots, &place.credential("staff/compliance"), site::GATEWAY).unwrap();
    assert_eq!(staff.leaf_of(running.staff()).await.unwrap(), good.leaf_der);
    // Who was connected still is, and is answered.
    live.check(HealthCheckRequest::default()).await.unwrap();
    drop((watched, live, log));
    running.stop().await.unwrap();
    let notes = place.notes();
    for said in [
        "the gateway's certificate stays what it was: there is no private key",
        "the gateway's certificate is renewed, days left: 29",
    ] {
        assert_eq!(notes.iter().filter(|n| n.contains(said)).count(), 1, "{notes:?}");
    }
}

/// What an operator does who does not want to wait. The gateway is this process.
fn hang_up() {
    let sent = Command::new("kill")
        .args(["-HUP", &std::process::id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn revoked(place: &Place) -> Issued {
    let leaf = own(place, &plan(place));
    let crl = pki::revoke(&place.path("pki/gateway/ca"), &leaf.serial, place.clock.now()).unwrap();
    std::fs::write(place.path(&format!("pki/trust/{}/crl.pem", site::DOMAIN)), crl).unwrap();
    leaf
}

/// A chain, its key, and why it is not taken.
type Bad = (Vec<u8>, Vec<u8>, &'static str);

fn bad_ones(place: &Place) -> Vec<Bad> {
    let now = place.clock.now();
    let (good, other) = (own(place, &plan(place)), own(place, &plan(place)));
    let whole = |leaf: &Issued| (leaf.chain_pem.clone().into_bytes(), leaf.key_pem.as_bytes().to_vec());
    let bad = |edit: &dyn Fn(&mut LeafPlan)| {
        let mut plan = plan(place);
        edit(&mut plan);
        whole(&own(place, &plan))
    };
    let with = |(chain, key): (Vec<u8>, Vec<u8>), why| (chain, key, why);
    let (chain, key) = whole(&good);
    let leaf_only = &chain[..chain.windows(8).rposition(|w| w == b"-----BEG").unwrap()];
    vec![
        (
            chain.clone(),
            other.key_pem.as_bytes().to_vec(),
            "do not belong together",
        ),
        with(
            bad(&|p| p.uris = vec!["spiffe://tollgate.example/gateway-2".into()]),
            "another identity",
        ),
        with(
            bad(&|p| p.uris = vec!["spiffe://bank-a.example/gateway".into()]),
            "another identity",
        ),
        with(bad(&|p| p.uris.clear()), "no `spiffe://` URI name"),
        with(bad(&|p| p.usage = Usage::Client), "lacks `serverAuth`"),
        with(bad(&|p| p.authority = true), "that of a CA"),
        with(
            bad(&|p| (p.not_before, p.not_after) = (now.plus_ms(-2 * DAY_MS), now.plus_ms(-DAY_MS))),
            "it has expired",
        ),
        with(
            bad(&|p| (p.not_before, p.not_after) = (now.plus_ms(DAY_MS), now.plus_ms(2 * DAY_MS))),
            "not valid yet",
        ),
        with(
            bad(&|p| p.not_before = now.plus_ms(-DAY_MS)),
            "issued before the one in use",
        ),
        // Another institution's CA, that speaks for the gateway.
        with(
            whole(&issued(place, "pki/partners/bank-a/ca", &plan(place))),
            "no root of the gateway's own domain",
        ),
        (leaf_only.to_vec(), key.clone(), "no root of the gateway's own domain"),
        (chain[..chain.len() / 3].to_vec(), key.clone(), "no certificate in PEM"),
        (Vec::new(), key.clone(), "no certificate in PEM"),
        (chain.clone(), key[..key.len() / 2].to_vec(), "no private key in PEM"),
        (vec![b'x'; 70_000], key, "larger than 64 KiB"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_certificate_changes_nothing_and_says_why() {
    let place = Place::new();
    // Issued a while ago, as one that is renewed is.
    place.clock.advance_ms(3_600_000);
    let kept = place.kept();
    let mut gateway = alone(&place, &kept).await;
    gateway.renew().await.unwrap();
    let after_start = size(&kept);
    gateway.keep_certificate_current().await;
    assert_eq!(size(&kept), after_start, "nothing is new");
    let in_use: Vec<_> = gateway.swaps.iter().map(|swap| swap.current()).collect();
    let bad = bad_ones(&place);
    let count = bad.len();
    for (n, (chain, key, why)) in bad.into_iter().enumerate() {
        put(&place, &chain, &key);
        let refused = gateway.renew_certificate().await.unwrap_err().to_string();
        assert!(refused.contains(why), "{why}: {refused}");
        let before = size(&kept);
        gateway.keep_certificate_current().await;
        // Two of one reason, one after another, are one entry.
        let again = refused == gateway.files.told && size(&kept) == before;
        assert!(again || size(&kept) == before + 1, "{n}: {why}");
        gateway.keep_certificate_current().await;
        assert!(size(&kept) <= before + 1, "said once: {why}");
        for (swap, before) in gateway.swaps.iter().zip(&in_use) {
            assert!(Arc::ptr_eq(&swap.current(), before), "{why}");
        }
    }
    assert!(count >= 15 && size(&kept) >= after_start + 12);
    // A file that is gone.
    put_issued(&place, &own(&place, &plan(&place)));
    std::fs::remove_file(place.path("pki/gateway/tls.key")).unwrap();
    let refused = gateway.renew_certificate().await.unwrap_err().to_string();
    assert!(refused.contains("cannot be read"), "{refused}");
    let good = own(&place, &plan(&place));
    put_issued(&place, &good);
    let before = size(&kept);
    gateway.keep_certificate_current().await;
    assert_eq!(size(&kept), before + 1);
    for (swap, before) in gateway.swaps.iter().zip(&in_use) {
        assert!(!Arc::ptr_eq(&swap.current(), before), "on all listeners");
        assert!(swap.current().validity().not_after > before.validity().not_after);
    }
    gateway.keep_certificate_current().await;
    assert_eq!(size(&kept), before + 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_not_taken_and_lists_are_renewed_beside_a_bad_one() {
    let place = Place::new();
    let kept = place.kept();
    let mut gateway = alone(&place, &kept).await;
    let in_use = gateway.swaps[0].current();
    let leaf = revoked(&place);
    put_issued(&place, &leaf);
    // The list first, as housekeeping does.
    gateway.keep_current().await;
    assert!(!Arc::ptr_eq(&gateway.swaps[0].current(), &in_use), "the list is in use");
    let refused = gateway.renew_certificate().await.unwrap_err().to_string();
    assert!(refused.contains("it is revoked"), "{refused}");
}

/// A list that is older than the one in use changes nothing, and its refusal is an entry, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_is_refused_with_an_entry() {
    let place = Place::new();
    let kept = place.kept();
    let mut gateway = alone(&place, &kept).await;
    let path = place.path("pki/trust/bank-a.example/crl.pem");
    let old = std::fs::read(&path).unwrap();
    place.clock.advance_ms(DAY_MS);
    let ca = place.path("pki/partners/bank-a/ca");
    std::fs::write(&path, pki::renew_crls(&ca, place.clock.now()).unwrap()).unwrap();
    gateway.keep_current().await;
    let (in_use, before) = (gateway.swaps[0].current(), size(&kept));
    std::fs::write(&path, old).unwrap();
    for _ in 0..3 {
        gateway.keep_current().await;
        assert_eq!(size(&kept), before + 1, "said once");
    }
    assert!(Arc::ptr_eq(&gateway.swaps[0].current(), &in_use));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_how_many_days_are_left() {
    let place = Place::new();
    let now = place.clock.now();
    // Four days, of which two are left.
    let short = LeafPlan {
        not_before: now.plus_ms(-2 * DAY_MS),
        not_after: now.plus_ms(2 * DAY_MS),
        ..plan(&place)
    };
    put_issued(&place, &own(&place, &short));
    let running = place.start().await;
    let channel = place.channel(running.partners(), "partners/bank-a").await.unwrap();
    let mut health = HealthClient::new(channel);
    let asked = HealthCheckRequest {
        service: "tollgate.v1.certificate".to_owned(),
    };
    let mut watched = health.watch(asked).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    let validity = crate::channel::Validity {
        not_before: crate::clock::Time(0),
        not_after: crate::clock::Time(30 * DAY_MS),
    };
    let left = |days: i64| validity.days_left_if_few(crate::clock::Time(days * DAY_MS));
    assert_eq!(
        [left(19), left(21), left(29), left(31)],
        [None, Some(9), Some(1), Some(0)]
    );
    place.clock.advance_ms(DAY_MS);
    assert_eq!(watched.message().await.unwrap().unwrap().status, 2, "time to renew");
    put_issued(&place, &own(&place, &plan(&place)));
    hang_up();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    drop((watched, health));
    running.stop().await.unwrap();
}
