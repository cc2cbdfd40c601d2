//! kill -9 in the middle of a turn: this test runs itself as the gateway that is killed.
use super::{
    carver::{carve, open_all},
    outcomes, request,
};
use crate::support::{BANK_A, COMPLIANCE, Gateway, Place, SAMPLE_ROWS, agreed, load_sample, person, runtime, until};
use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tollgate::{
    app,
    clock::{ManualClock, Time},
    config::Config,
    crypto::{Rng, SeededRng, SystemRng},
    wire::v1,
};

const CONFIG: &str = "TOLLGATE_TEST_ERASURE_CONFIG";
const AT: &str = "TOLLGATE_TEST_ERASURE_AT";
const BAND: i32 = v1::SignalOutcome::Band as i32;
const KILLS: u64 = 10;
const STAYS: u64 = 40;
const SEED: u64 = 20_261_127;

/// Not a test of its own: the gateway that [`killed_in_the_middle_of_a_turn`] kills.
#[test]
fn child() {
    let (Ok(config), Ok(at)) = (env::var(CONFIG), env::var(AT)) else {
        return;
    };
    runtime().block_on(async {
        let clock = Arc::new(ManualClock::new(Time(at.parse().unwrap())));
        let config = Config::load(config.as_ref()).unwrap();
        let running = app::start_with(&config, clock, Arc::new(SystemRng::default()))
            .await
            .unwrap();
        let gate = Arc::clone(running.gate());
        println!("\nSTARTED");
        gate.erasing.at_once();
        until("everything is erased", || {
            gate.erasing.at_once();
            gate.erasing.register.page(None, 99, |_| true).is_empty() && !gate.person_keys.epochs.is_turning()
        })
        .await;
        drop(gate);
        running.stop().await.unwrap();
        println!("\nERASED");
    });
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(place: &Place, at: Time) -> (Killed, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "erasure::killed::child", "--nocapture", "--test-threads=1"])
        .env(CONFIG, place.site().config())
        .env(AT, at.0.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (Killed(child), out)
}

/// Reads on until this line; whether it came.
fn said(out: &mut impl BufRead, line: &str) -> bool {
    out.lines().map_while(Result::ok).any(|read| read == line)
}

#[test]
fn killed_in_the_middle_of_a_turn() {
    println!("seed {SEED}");
    let rng = SeededRng::new(SEED);
    let (mut place, mut now) = (Place::new(), None);
    let (mut turning, mut waiting) = (0, 0);
    let mut consent = Vec::new();
    for row in 0..KILLS {
        (place, now) = runtime().block_on(async {
            let gateway = match now {
                None => Gateway::start(place).await,
                Some(now) => Gateway::start_at(place, now).await,
            };
            let bank = gateway.caller(BANK_A).await;
            if row == 0 {
                load_sample(&gateway).await;
                consent = agreed(&gateway, STAYS).await;
                for row in 0..SAMPLE_ROWS {
                    outcomes(&bank, row, &[7; 16]).await;
                }
            }
            let gate = gateway.gate();
            turning += u64::from(gate.person_keys.epochs.is_turning());
            waiting += u64::from(gate.erasing.register.waits_since().is_some());
            assert_eq!(outcomes(&bank, STAYS, &consent).await, [BAND; 4]);
            request(&gateway.caller(COMPLIANCE).await, row).await;
            gateway.clock.advance_ms(11_000);
            let now = gateway.now();
            (gateway.stop().await, Some(now))
        });
        let (child, mut out) = spawn(&place, now.unwrap());
        assert!(said(&mut out, "STARTED"));
        let mut byte = [0];
        rng.fill(&mut byte).unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(byte[0]) / 2));
        drop(child);
    }
    let (_child, mut out) = spawn(&place, now.unwrap());
    assert!(said(&mut out, "STARTED") && said(&mut out, "ERASED"));
    drop(_child);
    let size = place.verify_log();
    let carved = carve(&place);
    let found = open_all(&carved.boxes, &carved);
    println!(
        "{KILLS} kills: {turning} left an epoch turning, {waiting} something that waits for its end; {size} entries \
         verified, {} boxes, {} tries, {} people open",
        carved.boxes.len(),
        found.tried,
        found.people.len()
    );
    let (gone, stays) = runtime().block_on(async {
        let gateway = Gateway::start_at(place, now.unwrap()).await;
        let bank = gateway.caller(BANK_A).await;
        assert_eq!(outcomes(&bank, STAYS, &consent).await, [BAND; 4]);
        let gone: Vec<_> = (0..KILLS).map(|row| person(&gateway, row).0).collect();
        let stays = person(&gateway, STAYS).0;
        gateway.stop().await.verify_log();
        (gone, stays)
    });
    for token in gone {
        assert!(
            !found.people.contains_key(&token[..]),
            "{:?}",
            found.people.get(&token[..])
        );
    }
    let other = &found.people[&stays[..]];
    assert!(other.links > 0 && other.records > 0 && other.consents > 0 && other.details > 0);
    assert!(turning > 0 || waiting > 0, "no kill came in the middle of anything");
}
