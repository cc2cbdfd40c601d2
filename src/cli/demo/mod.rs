//! `tollgate demo`: everything in one go, on real data, with nothing left out and nothing simulated.
//!
//! Makes keys and a data directory, loads 30,000 real records, starts the gateway, asks as a partner bank over mutual
//! TLS, shows what is refused, and verifies the log offline. With `--once` it ends then, with 0 only if all of it held.
mod scenes;

use super::{Failure, Outcome, audit, ingest, print, runtime};
use crate::{
    app::{self, site::Site},
    clock::{Clock, SystemClock},
    config::Config,
    crypto::SystemRng,
    source::LossRule,
};
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Instant,
};

/// The sample: "Default of Credit Card Clients", I-Cheng Yeh, CC BY 4.0. See `tests/data/README.md`.
const SAMPLE: &[u8] = include_bytes!("../../../tests/data/uci-credit-default.csv.gz");

#[derive(clap::Args)]
pub(super) struct Args {
    /// A folder that does not exist yet; a new one in the temporary folder by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Stop after the tour; exit with 0 only if everything held.
    #[arg(long)]
    once: bool,
}

/// One thing that must hold.
#[derive(serde::Serialize)]
struct Check {
    name: String,
    held: bool,
}

/// What the tour found.
#[derive(Default, serde::Serialize)]
struct Tour {
    checks: Vec<Check>,
    rows_loaded: u64,
    rows_per_s: f64,
    start_to_first_answer_ms: f64,
    answers: Vec<serde_json::Value>,
    refusals: Vec<serde_json::Value>,
    log: serde_json::Value,
}

impl Tour {
    fn check(&mut self, name: impl Into<String>, held: bool) {
        let name = name.into();
        print::remark(format!("  {} {name}", if held { "✓" } else { "✗" }));
        self.checks.push(Check { name, held });
    }
    fn all_held(&self) -> bool {
        self.checks.iter().all(|c| c.held)
    }
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let mine = args.dir.is_none();
    let folder = args
        .dir
        .unwrap_or_else(|| std::env::temp_dir().join(format!("tollgate-demo-{}", std::process::id())));
    let outcome = tour(&folder, args.once, json);
    if mine && args.once {
        // Its own folder, made a moment ago: nothing of anybody else is in it.
        let _ = std::fs::remove_dir_all(&folder);
    }
    outcome
}

fn tour(folder: &Path, once: bool, json: bool) -> Outcome {
    let mut tour = Tour::default();
    print::remark("1  keys, certificates, sample policy");
    let site = make_site(folder)?;
    print::remark(format!("   in `{}`", folder.display()));
    print::remark("2  records: 30,000 clients of a card issuer (UCI data set 350)");
    load_sample(&site, &mut tour)?;
    print::remark("3  the gateway");
    let config = Config::load(&site.config()).map_err(Failure::file)?;
    crate::telemetry::start(false, "warn");
    runtime()?.block_on(async {
        let started = Instant::now();
        let mut running = app::start(&config).await.map_err(Failure::app)?;
        scenes::play(&site, started, &mut tour, json).await?;
        print::remark("6  the log, verified offline");
        let verified = audit::check(&config.gateway.data_dir, site.log_verifier_key());
        let all_signed = verified.as_ref().is_ok_and(|v| v.signed == v.entries);
        tour.check("every entry verifies under the log's key, offline", all_signed);
        if let Ok(verified) = verified {
            tour.log = audit::as_json(&verified);
            if !json {
                audit::show(&verified);
            }
        }
        let told = if once {
            Ok(())
        } else {
            let mut signals = app::StopSignals::listen().map_err(Failure::app)?;
            invite(&site, &running);
            running.until_told_to_stop(&mut signals).await
        };
        told.and(running.stop().await).map_err(Failure::app)
    })?;
    let held = tour.all_held();
    if json {
        let mut value = serde_json::to_value(&tour).map_err(Failure::work)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("ok".to_owned(), held.into());
        }
        print::json(&value);
    }
    if held {
        Ok(())
    } else {
        Err(Failure::proof("something did not hold: see the lines marked with ✗"))
    }
}

fn make_site(folder: &Path) -> Result<Site, Failure> {
    let (partners, staff) = (free_port()?, free_port()?);
    Site::make(folder, partners, staff, SystemClock.now(), &SystemRng::default()).map_err(Failure::work)
}

fn free_port() -> Result<SocketAddr, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .map_err(Failure::work)
}

fn load_sample(site: &Site, tour: &mut Tour) -> Outcome {
    let file = site.folder().join("uci-credit-default.csv.gz");
    std::fs::write(&file, SAMPLE).map_err(Failure::work)?;
    let config = Config::load(&site.config()).map_err(Failure::file)?;
    let rejects = site.folder().join("rejects.jsonl");
    let loaded = ingest::ingest(&config, &site.mapping(), &file, &rejects, LossRule::Refuse)?;
    tour.rows_loaded = loaded.report.rows_loaded;
    tour.rows_per_s = loaded.report.rows_read as f64 / loaded.took.as_secs_f64().max(1e-9);
    print::remark(format!(
        "   {} loaded, {} rejected, {:.0} rows/s",
        loaded.report.rows_loaded, loaded.report.rows_rejected, tour.rows_per_s
    ));
    if let Some(synthetic) = &loaded.synthetic {
        print::remark(print::wrapped("   made up by the mapping: ", synthetic));
    }
    tour.check(
        "all 30,000 records are loaded, none is lost",
        loaded.report.rows_loaded == 30_000 && loaded.report.rows_rejected == 0,
    );
    Ok(())
}

fn invite(site: &Site, running: &app::Running) {
    let folder = site.folder();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let person = scenes::person(1).unwrap_or_default();
    print::heading("The gateway stays up. Try it by hand, in another terminal");
    print::line(format!("  cd {}", folder.display()));
    if let Ok(program) = std::env::current_exe() {
        print::line(format!("  alias tollgate={}", program.display()));
    }
    print::line(format!("  tollgate consent -c bank-a.toml list --resident-id {person}"));
    print::line(format!(
        "  tollgate query -c bank-a.toml --resident-id {person} \\\n    \
         --purpose {} --agreement {} \\\n    \
         --consent ID-FROM-THE-LIST worst_overdue_6m@1 risk_band@1",
        scenes::ORIGINATION,
        scenes::AGREEMENT
    ));
    print::line("  tollgate audit verify data --key log.vkey");
    print::line(format!(
        "  partners on {}, staff on {}; Ctrl-C stops and drains",
        running.partners(),
        running.staff()
    ));
}
