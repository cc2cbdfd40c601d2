//! One gateway for all tests that leave no state behind which another could see.
//!
//! A test has it to itself, so that every new entry is its own. It starts with the first test that needs it and ends
//! with the last that holds it; then the log of all of them is verified offline.
use super::{Gateway, Place, load_sample, runtime, swapped};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::runtime::Runtime;

struct Shared {
    runtime: Runtime,
    /// Taken at the end.
    gateway: Mutex<Option<Gateway>>,
}

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// Runs a test on the shared gateway.
pub(crate) fn on_shared(test: impl AsyncFnOnce(&Gateway)) {
    let shared = {
        let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let made = Arc::new(Shared::start());
            *known = Arc::downgrade(&made);
            made
        })
    };
    // A test that failed while it had the gateway left nothing that others see.
    let gateway = shared.gateway.lock().unwrap_or_else(PoisonError::into_inner);
    shared.runtime.block_on(test(gateway.as_ref().unwrap()));
}

impl Shared {
    fn start() -> Self {
        let runtime = runtime();
        let gateway = runtime.block_on(async {
            let gateway = Gateway::start(shared_place()).await;
            load_sample(&gateway).await;
            gateway
        });
        Self {
            runtime,
            gateway: Mutex::new(Some(gateway)),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let gateway = self.gateway.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(gateway), false) = (gateway, std::thread::panicking()) {
            let size = gateway.size();
            let place = self.runtime.block_on(gateway.stop());
            // The end is an entry too.
            assert_eq!(place.verify_log(), size + 1);
        }
    }
}

/// The sample site, with agreements and signals that are good for a refusal each.
fn shared_place() -> Place {
    let place = Place::new();
    let ended = ("2027-12-31T23:59:59+08:00", "2026-01-02T00:00:00+08:00");
    place.add_agreement("ended", &[ended]);
    place.add_agreement("unassessed", &[("impact_assessment = \"PIA-2026-014\"", "")]);
    place.add_agreement("narrow", &[("\nrisk = 1\n", "\n"), ("\nrisk = 50\n", "\n")]);
    place.add_agreement("abroad", &[("jurisdiction = \"cn\"", "jurisdiction = \"sg\"")]);
    place.add_agreement("insensitive", &[("sensitivity_max = 2", "sensitivity_max = 1")]);
    place.add_agreement("review", &[("\"account.monitoring\"", "\"credit.limit_review\"")]);
    place.add_agreement("attested", &[("evidence = \"request\"", "evidence = \"session\"")]);
    let signals = place.read("signals.toml");
    let limit = signal(&signals, "limit_band@1");
    let retired = swapped(&limit, "limit_band@1", "limit_old@1");
    let retired = swapped(&retired, "granularity = 1", "granularity = 1\nretired = true");
    let reviewed = swapped(&limit, "limit_band@1", "limit_review@1");
    let reviewed = swapped(&reviewed, "\"credit.origination\", ", "");
    place.write("signals.toml", &format!("{signals}\n{retired}\n{reviewed}"));
    place
}

/// One signal's text.
fn signal(all: &str, id: &str) -> String {
    let blocks = all.split("[[signal]]\n").skip(1);
    let mut own = blocks.filter(|block| block.starts_with(&format!("id = \"{id}\"")));
    let block = own.next().unwrap();
    let text = block.lines().take_while(|line| !line.starts_with('#'));
    format!("[[signal]]\n{}\n", text.collect::<Vec<_>>().join("\n"))
}
