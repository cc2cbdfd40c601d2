//! `tollgate ingest`: loads a file into an idle data directory, or as the provider into a gateway that runs.
mod online;
mod rejects;

use super::{Failure, Outcome, ask, print, runtime};
use crate::{
    app::{self, Kept},
    audit::Event,
    clock::{Clock, SystemClock},
    config::{Config, read_text},
    crypto::{Rng, SystemRng},
    domain::Method,
    facts::{Facts, Kind},
    limits::{PRUNE_ROWS, STRIKES_PER_ENTRY_MAX},
    source::{
        Catalogue, LoadReport, LossRule, batch_id,
        ingest::{Format, Mapping, open},
        load,
    },
};
use rejects::RejectFile;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

const INGEST: Method = Method("/tollgate.internal/Ingest");

#[derive(clap::Args)]
pub(super) struct Args {
    /// How columns become fields.
    #[arg(long)]
    mapping: PathBuf,
    /// CSV, JSON Lines or Parquet; `.gz` is taken as it is.
    file: PathBuf,
    /// The gateway's configuration file; it names the data directory, which must be idle.
    #[arg(long, default_value = "gateway.toml", conflicts_with = "client")]
    config: PathBuf,
    /// Load into the running gateway instead, as the provider of this client file.
    #[arg(long, short = 'c', requires = "fields")]
    client: Option<PathBuf>,
    /// The gateway's `fields.toml`, when loading into a running gateway.
    #[arg(long, requires = "client")]
    fields: Option<PathBuf>,
    /// Where rejected rows are listed; beside the file by default.
    #[arg(long)]
    rejects: Option<PathBuf>,
    /// The vault lost records that the log names: load them anew.
    #[arg(long)]
    accept_loss: bool,
}

/// What was loaded, and how long it took.
pub(super) struct Loaded {
    pub(super) report: LoadReport,
    pub(super) synthetic: Option<String>,
    pub(super) took: Duration,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let rejects = args
        .rejects
        .clone()
        .unwrap_or_else(|| args.file.with_extension("rejects.jsonl"));
    if let (Some(client), Some(fields)) = (&args.client, &args.fields) {
        let loaded = online::ingest(client, fields, &args.mapping, &args.file, &rejects)?;
        show(&loaded, &rejects, json);
        return Ok(());
    }
    let config = ask::configuration(&args.config)?;
    let on_loss = if args.accept_loss {
        LossRule::Accept
    } else {
        LossRule::Refuse
    };
    let loaded = ingest(&config, &args.mapping, &args.file, &rejects, on_loss)?;
    show(&loaded, &rejects, json);
    Ok(())
}

/// Loads and makes visible, with a bar on standard error.
pub(super) fn ingest(
    config: &Config,
    mapping: &Path,
    file: &Path,
    rejects: &Path,
    on_loss: LossRule,
) -> Result<Loaded, Failure> {
    let view = app::judge_by(config).map_err(Failure::app)?;
    let mapping = read_mapping(mapping, &view.catalogue)?;
    let format = format_of(file)?;
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
    let kept = Kept::open(config, &view.catalogue, on_loss, &clock, &rng).map_err(Failure::app)?;
    let batch = batch_id(file, &mapping).map_err(|e| about(file, e))?;
    let started = Instant::now();
    let mut rows = open(file, format, Arc::clone(&mapping)).map_err(|e| about(file, e))?;
    let mut rejected = RejectFile::begin(rejects)?;
    let bar = print::bar(1, "loading");
    let report = load(
        &kept.vault,
        &mut rows,
        &kept.keyring.pseudonym(),
        &batch,
        &mut rejected,
        &mut |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        },
    );
    bar.finish_and_clear();
    rejected.settle(&report)?;
    let report = report.map_err(Failure::work)?;
    if !report.already_visible {
        make_visible(&kept, view.snapshot.hash(), &batch, &report)?;
    }
    let took = started.elapsed();
    kept.worker.close().map_err(Failure::work)?;
    Ok(Loaded {
        report,
        synthetic: mapping.synthetic().map(str::to_owned),
        took,
    })
}

fn read_mapping(path: &Path, catalogue: &Arc<Catalogue>) -> Result<Arc<Mapping>, Failure> {
    Mapping::load(
        &read_text(path).map_err(Failure::file)?,
        Arc::clone(catalogue),
        SystemClock.now(),
    )
    .map(Arc::new)
    .map_err(|e| Failure::file(format!("`{}`: {e}", path.display())))
}

fn about(file: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::file(format!("`{}`: {why}", file.display()))
}

fn format_of(file: &Path) -> Result<Format, Failure> {
    Format::of(file)
        .ok_or_else(|| Failure::file("the file's name must end in .csv, .jsonl, .parquet, or one of them with .gz"))
}

/// One entry of the log makes the whole batch visible.
fn make_visible(kept: &Kept, snapshot: [u8; 32], batch: &str, report: &LoadReport) -> Outcome {
    // In entries of their own: hundreds of lost batches do not fit one. What is cut off here is found lost again.
    for struck in kept.vault.forget_lost().chunks(STRIKES_PER_ENTRY_MAX) {
        let mut facts = Facts::new(Kind::Records, "gateway", INGEST, snapshot);
        facts.note = format!("{} batches that the vault lost are struck", struck.len());
        facts.count = struck.len() as u64;
        facts.effects = struck.to_vec();
        record(kept, facts)?;
    }
    let closing = kept.vault.close(batch).map_err(Failure::work)?;
    let mut facts = Facts::new(Kind::Records, "gateway", INGEST, snapshot);
    facts.effects = closing.effects();
    facts.count = report.rows_loaded;
    facts.note = format!(
        "batch {batch}: {} loaded, {} rejected",
        report.rows_loaded, report.rows_rejected
    );
    record(kept, facts)?;
    closing.recorded();
    while !kept.vault.prune(PRUNE_ROWS).map_err(Failure::work)?.done {}
    Ok(())
}

fn record(kept: &Kept, facts: Facts) -> Outcome {
    let recorded = runtime()?.block_on(kept.log.append(Event::new(facts)));
    recorded.map(drop).map_err(Failure::work)
}

fn show(loaded: &Loaded, rejects: &Path, json: bool) {
    let report = &loaded.report;
    let per_s = report.rows_read as f64 / loaded.took.as_secs_f64().max(1e-9);
    if json {
        print::json(
            &serde_json::json!({ "report": report, "seconds": loaded.took.as_secs_f64(), "rows_per_s": per_s }),
        );
        return;
    }
    if report.already_visible {
        print::line("this file was loaded before with this mapping: nothing to do");
        return;
    }
    let row = |name: &str, n: u64| vec![name.to_owned(), n.to_string()];
    print::table(
        &["rows", ""],
        &[
            row("read", report.rows_read),
            row("loaded", report.rows_loaded),
            row("rejected", report.rows_rejected),
        ],
    );
    print::line(format!("  {:.1} s, {per_s:.0} rows/s", loaded.took.as_secs_f64()));
    if report.rows_rejected > 0 {
        print::line(format!("  why rows were rejected: `{}`", rejects.display()));
    }
    if let Some(synthetic) = &loaded.synthetic {
        print::line(print::wrapped("  made up by the mapping: ", synthetic));
    }
}
