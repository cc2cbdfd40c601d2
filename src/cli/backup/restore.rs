//! `tollgate backup check` and `restore`.
use super::super::{Failure, Outcome, print, runtime};
use crate::{
    app::{self, Checked, Files, Stage},
    clock::{Clock, SystemClock},
    config::{Config, read_text},
    crypto::{Rng, SystemRng},
};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// The key that opens backups.
    #[arg(long, short = 'i')]
    identity: PathBuf,
    /// The file of keys.
    #[arg(long)]
    keys: PathBuf,
    /// The gateway's configuration file.
    #[arg(long, default_value = "gateway.toml")]
    config: PathBuf,
    /// The backup.
    backup: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    of: CheckArgs,
    /// The newest checkpoint that anybody outside has of the log: a partner's, a witness's.
    #[arg(long)]
    checkpoint: PathBuf,
    /// The backup ends before that checkpoint and there is no newer one: begin a new period, whose first entry says what is
    /// lost.
    #[arg(long)]
    accept_loss: bool,
}

type Sources = (Arc<dyn Clock>, Arc<dyn Rng>);

fn sources() -> Sources {
    (Arc::new(SystemClock), Arc::new(SystemRng::default()))
}

/// A count for each stage, on standard error.
struct Counts(indicatif::ProgressBar);

impl Counts {
    fn new() -> Self {
        Self(print::counter("records read"))
    }

    fn tell(&self, stage: Stage) {
        let (done, what) = match stage {
            Stage::Unpacked(rows) => (rows, "records read"),
            Stage::Verified(entries) => (entries, "entries verified"),
            Stage::Opened(rows) => (rows, "records opened"),
        };
        self.0.set_message(what);
        self.0.set_position(done);
    }
}

pub(super) fn check(args: &CheckArgs, json: bool) -> Outcome {
    let config = Config::load(&args.config).map_err(Failure::file)?;
    let identity = super::identity(&args.identity)?;
    let files = Files {
        backup: &args.backup,
        keys: &args.keys,
        identity: &identity,
    };
    let ((clock, rng), counts, started) = (sources(), Counts::new(), Instant::now());
    let checked = app::check_backup(&config, &files, (&clock, &rng), &mut |stage| counts.tell(stage));
    counts.0.finish_and_clear();
    show(
        &checked.map_err(Failure::app)?,
        started.elapsed(),
        &*clock,
        Vec::new(),
        json,
    );
    Ok(())
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let config = Config::load(&args.of.config).map_err(Failure::file)?;
    let identity = super::identity(&args.of.identity)?;
    let known = read_text(&args.checkpoint).map_err(Failure::file)?;
    let files = Files {
        backup: &args.of.backup,
        keys: &args.of.keys,
        identity: &identity,
    };
    let ((clock, rng), counts, started) = (sources(), Counts::new(), Instant::now());
    let mut told = |stage| counts.tell(stage);
    let back = runtime()?.block_on(app::restore_backup(
        &config,
        &files,
        (&known, args.accept_loss),
        (&clock, &rng),
        &mut told,
    ));
    counts.0.finish_and_clear();
    let back = back.map_err(Failure::app)?;
    let mut more = vec![("log", back.origin)];
    if let Some((from, until)) = back.lost {
        more.push(("lost entries", format!("{from} to {}", until - 1)));
    }
    show(&back.checked, started.elapsed(), &*clock, more, json);
    if !json {
        print::line("\n  It is not the gateway that it was: consents given before count for nothing, and partners are");
        print::line(
            "  suspended, until withdrawals and suspensions are told again and confirmed: docs/operating/backup.md",
        );
    }
    Ok(())
}

/// RPO: what a loss at this moment would take. RTO: how long it takes to come back.
fn show(checked: &Checked, took: Duration, clock: &dyn Clock, more: Vec<(&str, String)>, json: bool) {
    let rpo_s = clock.now().since(checked.newest) / 1_000;
    if json {
        let mut value = serde_json::json!({
            "entries": checked.entries, "rows": checked.held.rows, "subjects": checked.held.people,
            "checkpoint": checked.manifest.checkpoint, "made_at": checked.manifest.made_at, "rpo_s": rpo_s,
            "rto_s": took.as_secs_f64(),
        });
        if let Some(object) = value.as_object_mut() {
            object.extend(
                more.into_iter()
                    .map(|(name, text)| (name.replace(' ', "_"), text.into())),
            );
        }
        print::json(&value);
        return;
    }
    let mut rows = vec![
        vec!["made at".to_owned(), checked.manifest.made_at.clone()],
        vec!["entries, verified".to_owned(), checked.entries.to_string()],
        vec!["records, opened".to_owned(), checked.held.rows.to_string()],
        vec!["subjects".to_owned(), checked.held.people.to_string()],
        vec!["RPO: age of the newest entry".to_owned(), format!("{rpo_s} s")],
        vec![
            "RTO: time of the restore".to_owned(),
            format!("{:.1} s", took.as_secs_f64()),
        ],
    ];
    rows.extend(more.into_iter().map(|(name, text)| vec![name.to_owned(), text]));
    print::table(&["backup", ""], &rows);
}
