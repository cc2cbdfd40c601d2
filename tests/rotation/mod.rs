//! Rotations under load: while partners ask in a loop, the log's key and the gateway's certificate are changed. No call fails,
//! and every receipt verifies.
use crate::support::{BANK_A, Entry, Gateway, LENDER, Place, agreed, entries, lib_client, load_sample, question};
use std::{
    fs,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::RwLock;
use tollgate::{
    app::{LogKeys, site},
    audit::{note::VerifierKey, verify},
    clock::{Clock, SystemClock},
    crypto::{Suite, SystemRng},
    keyring::{LogKeyTerms, State},
    pki::{self, LeafPlan, Usage},
    rotation::Due,
    wire::v1,
};

/// The clock goes on by this at once: a key list lives four times as long, and is renewed after two.
const JUMP_MS: i64 = 6 * 3_600_000;
const DAY_S: i64 = 86_400;
/// Beyond what it takes, many times.
const JUMPS_MAX: usize = 60;
/// Between two questions of one asker: a peer has a rate.
const PAUSE: Duration = Duration::from_millis(20);

/// What all askers share.
struct Load {
    gateway: Gateway,
    /// A call has it for its time, and the clock jumps while nobody has: else a request would be days old on arrival.
    clock: RwLock<()>,
    over: AtomicBool,
    asked: AtomicU64,
    connected: AtomicU64,
    receipts: Mutex<Vec<String>>,
}

impl Load {
    /// Over one connection from beginning to end.
    async fn ask(self: Arc<Self>, row: u64, consent: Vec<u8>) {
        let bank = lib_client(&self.gateway, BANK_A, Suite::X25519).await;
        while !self.over.load(Ordering::Relaxed) {
            {
                let _still = self.clock.read().await;
                let answer = bank.query(question(row, &consent)).await;
                let answer = answer.unwrap_or_else(|e| panic!("a call failed: {e}"));
                self.receipts.lock().unwrap().push(answer.receipt.proof);
                self.asked.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A new connection each time, and a proof that the log goes on.
    async fn connect(self: Arc<Self>) {
        while !self.over.load(Ordering::Relaxed) {
            {
                let _still = self.clock.read().await;
                let lender = lib_client(&self.gateway, LENDER, Suite::X25519).await;
                lender
                    .check_log()
                    .await
                    .unwrap_or_else(|e| panic!("a call failed: {e}"));
                lender
                    .open_session(v1::Evidence::Request)
                    .await
                    .unwrap_or_else(|e| panic!("a call failed: {e}"));
                lender.close().await.unwrap_or_else(|e| panic!("a call failed: {e}"));
                self.connected.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(5 * PAUSE).await;
        }
    }

    async fn jump(&self) {
        {
            let _alone = self.clock.write().await;
            self.gateway.clock.advance_ms(JUMP_MS);
        }
        self.keys().look();
        let asked = self.asked.load(Ordering::Relaxed);
        // Calls run beside each step, and behind it.
        for _ in 0..2_000 {
            if self.asked.load(Ordering::Relaxed) >= asked + 20 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nobody asks any more");
    }

    fn keys(&self) -> &LogKeys {
        self.gateway.running.log_keys()
    }

    /// And waits until it is used.
    async fn renew_certificate(&self) {
        let place = &self.gateway.place;
        let plan = LeafPlan {
            hosts: vec!["localhost".to_owned()],
            // Certificates are judged by the system's time at the caller's end.
            ..LeafPlan::new(site::GATEWAY, Usage::Server, SystemClock.now())
        };
        let before = self.gateway.size();
        let leaf = pki::issue_leaf(&place.path("pki/gateway/ca"), &plan, &SystemRng::default()).unwrap();
        for (name, text) in [("tls.pem", leaf.chain_pem.as_str()), ("tls.key", leaf.key_pem.as_str())] {
            let path = place.path("pki/gateway").join(name);
            fs::write(path.with_extension("new"), text).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }
        let sent = Command::new("kill")
            .args(["-HUP", &std::process::id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let renewed = |entry: &Entry| entry.i.note.contains("certificate is renewed");
        for _ in 0..2_000 {
            if entries(&self.gateway, before).iter().any(renewed) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the certificate was not renewed");
    }
}

#[test]
fn the_logs_key_and_the_certificate_change_under_load_and_no_call_fails() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let load = Arc::new(Load {
            gateway,
            clock: RwLock::default(),
            over: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            connected: AtomicU64::new(0),
            receipts: Mutex::default(),
        });
        let mut askers = tokio::task::JoinSet::new();
        for row in 1..=3 {
            let consent = agreed(&load.gateway, row).await;
            askers.spawn(Arc::clone(&load).ask(row, consent));
        }
        askers.spawn(Arc::clone(&load).connect());
        load.keys().begin(LogKeyTerms::new(DAY_S, DAY_S).unwrap()).unwrap();
        let mut renewed = 0;
        for jump in 0..JUMPS_MAX {
            if matches!(load.keys().due(), Due::Nothing) {
                break;
            }
            load.jump().await;
            // In the middle of the overlap too.
            if jump % 4 == 2 {
                load.renew_certificate().await;
                renewed += 1;
            }
        }
        load.jump().await;
        load.over.store(true, Ordering::Relaxed);
        while let Some(asker) = askers.join_next().await {
            asker.unwrap();
        }
        let states: Vec<_> = load.keys().keys().iter().map(|key| key.state).collect();
        assert_eq!(states, [State::Revoked, State::Active]);
        let load = Arc::into_inner(load).unwrap();
        let place = load.gateway.stop().await;
        let keyring = tollgate::keyring::Keyring::open(&place.config().gateway.data_dir.join("keyring"), &place.config().keys).unwrap();
        let keys = keyring.log_verifier("tollgate.example/log", 1).unwrap();
        let old = VerifierKey::parse(place.site().log_verifier_key()).unwrap();
        let receipts = load.receipts.into_inner().unwrap();
        let by_old = receipts.iter().filter(|text| verify::receipt(text, &old).is_ok()).count();
        for text in &receipts {
            verify::receipt(text, &keys).unwrap();
        }
        assert!(by_old > 0 && by_old < receipts.len(), "before, between and after");
        let verified = verify::dir(&place.config().gateway.data_dir, &keys, &mut |_| ()).unwrap();
        assert_eq!(verified.signed, verified.entries);
        println!(
            "rotation under load: {} questions and {} new connections, 0 failed; {} receipts verify, {by_old} of them by the old \
             key alone; {renewed} certificates renewed",
            load.asked.into_inner(),
            load.connected.into_inner(),
            receipts.len(),
        );
    });
}
