//! `tollgate audit close-period`, `archive` and `hold`: the end of a period of the log, and what becomes of it.
use super::{Failure, Outcome, ask, client_file, print, runtime};
use crate::{
    app::{self, Archived, Deletable, Kept, NextLogKey, Step},
    clock::{Clock, SystemClock},
    config::Config,
    crypto::{Rng, SystemRng},
    source::LossRule,
    wire::v1,
};
use clap::Subcommand;
use std::{path::PathBuf, sync::Arc};

#[derive(clap::Args)]
pub(super) struct CloseArgs {
    /// The gateway's configuration file. The gateway must be stopped.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
    /// Do it. Without this it only says what it would do.
    #[arg(long)]
    yes: bool,
    /// Somebody may have a copy of the log's key: the next period is signed by a new one, and the old one is destroyed.
    #[arg(long)]
    log_key_compromised: bool,
}

#[derive(Subcommand)]
pub(super) enum Archive {
    /// Every period that is over.
    List(OfSite),
    /// Check a whole archived log against its final checkpoint.
    Verify {
        /// The period's number.
        period: u32,
        #[command(flatten)]
        site: OfSite,
    },
    /// Delete an archived log whose retention is over. Its final checkpoint stays. The gateway must be stopped.
    Delete {
        /// The period's number.
        period: u32,
        #[command(flatten)]
        site: OfSite,
        /// Do it. Without this it only says what it would do.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(clap::Args)]
pub(super) struct OfSite {
    /// The gateway's configuration file.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct HoldArgs {
    /// The officer's file: address, certificates, the log's key.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(subcommand)]
    act: Hold,
}

#[derive(Subcommand)]
enum Hold {
    /// Keep a period, or all archives for the sake of a partner, until it is released.
    Place {
        #[command(flatten)]
        scope: Scope,
        /// The number under which you keep the reason; no names.
        #[arg(long)]
        case: String,
    },
    /// Take a hold away.
    Release(Scope),
    /// Every hold.
    List,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// A period of the log, by its number.
    #[arg(long)]
    period: Option<u32>,
    /// A partner, by its id.
    #[arg(long)]
    partner: Option<String>,
}

impl Scope {
    fn wire(self) -> v1::LogHoldScope {
        v1::LogHoldScope {
            period: self.period.unwrap_or_default(),
            partner: self.partner.unwrap_or_default(),
        }
    }
}

type Sources = (Arc<dyn Clock>, Arc<dyn Rng>);

fn sources() -> Sources {
    (Arc::new(SystemClock), Arc::new(SystemRng::default()))
}

pub(super) fn close(args: &CloseArgs, json: bool) -> Outcome {
    let config = ask::configuration(&args.config)?;
    if !args.yes {
        print::line("  This ends the period of the log. With `--yes` it");
        print::line("    1. writes a last entry and signs the final checkpoint;");
        print::line(
            "    2. begins a new log, whose first entry holds that checkpoint, with everything that is in force;",
        );
        if args.log_key_compromised {
            print::line("       a new key signs it, and the log's keys of today are destroyed;");
        }
        print::line(format!(
            "    3. moves the old log to `{}`, read-only.",
            config.gateway.data_dir.join("archive").display()
        ));
        print::line(
            "  The gateway must be stopped. What stops it on the way can be run again; it cannot be taken back.",
        );
        return Ok(());
    }
    let (clock, rng) = sources();
    let count = print::counter("rows carried over");
    let mut progress = |step: Step| {
        if let Step::Carried(rows) = step {
            count.set_position(rows);
        }
    };
    let log_key = match args.log_key_compromised {
        true => NextLogKey::Another,
        false => NextLogKey::TheSame,
    };
    let closed = app::close_period_for(log_key, &config, &clock, &rng, &mut progress);
    let closed = runtime()?.block_on(closed);
    count.finish_and_clear();
    let closed = closed.map_err(Failure::app)?;
    if json {
        print::json(&serde_json::json!({
            "needs_verifier_key": who_needs_the_key(&config),
            "period": closed.period, "entries": closed.entries, "checkpoint": closed.checkpoint, "rows": closed.rows,
            "origin": closed.origin, "verifier_key": closed.verifier_key, "archive": closed.archive,
        }));
        return Ok(());
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    print::table(
        &["the period is closed", ""],
        &[
            row("period", closed.period.to_string()),
            row("entries", closed.entries.to_string()),
            row("rows carried over", closed.rows.to_string()),
            row("archive", closed.archive.display().to_string()),
            row("the log goes on as", closed.origin),
        ],
    );
    print::line("\n  The new log's verifier key, for officers and auditors (partners get it with the key list):");
    print::line(format!("  {}", closed.verifier_key));
    print::line("\n  Who needs it:");
    for who in who_needs_the_key(&config) {
        print::line(format!("    {who}"));
    }
    print::line("\n  The final checkpoint: keep it outside of this machine.\n");
    print::line(&closed.checkpoint);
    Ok(())
}

/// To whom the next period is a new log: they refuse it, or do not cosign it, until they have its key. The old one stays
/// beside it, for archives.
fn who_needs_the_key(config: &Config) -> Vec<String> {
    let staff = "officers and auditors: the file that `log_key` in a client file names, such as `log.vkey`";
    let witnesses = config.witnesses.iter().flat_map(|asked| &asked.list);
    let witnesses = witnesses.map(|witness| {
        let name = witness.key.split('+').next().unwrap_or_default();
        format!("witness {name} at {}: `logs` under `[witness]`", witness.address)
    });
    std::iter::once(staff.to_owned()).chain(witnesses).collect()
}

pub(super) fn archive(act: &Archive, json: bool) -> Outcome {
    match act {
        Archive::List(site) => {
            let config = ask::configuration(&site.config)?;
            list(&app::archives(&config).map_err(Failure::app)?, json);
            Ok(())
        }
        Archive::Verify { period, site } => {
            let config = ask::configuration(&site.config)?;
            let archived = find(&config, *period)?;
            let count = print::counter("entries verified");
            let verified = app::verify_archive(&config, &archived, &mut |done| count.set_position(done));
            count.finish_and_clear();
            let verified = verified.map_err(Failure::app)?;
            match json {
                true => print::json(&super::audit::as_json(&verified)),
                false => super::audit::show(&verified),
            }
            Ok(())
        }
        Archive::Delete { period, site, yes } => delete(*period, site, *yes, json),
    }
}

fn find(config: &Config, period: u32) -> Result<Archived, Failure> {
    let all = app::archives(config).map_err(Failure::app)?;
    let found = all.into_iter().find(|archived| archived.period == period);
    found.ok_or_else(|| {
        Failure::work(format!(
            "there is no archive of period {period}: `tollgate audit archive list`"
        ))
    })
}

fn list(all: &[Archived], json: bool) {
    if json {
        let archives: Vec<_> = all
            .iter()
            .map(|a| {
                serde_json::json!({
                    "period": a.period, "origin": a.origin, "entries": a.entries, "deleted": a.deleted, "opens": a.opens,
                    "path": a.path,
                })
            })
            .collect();
        print::json(&serde_json::json!({ "archives": archives }));
        return;
    }
    let row = |a: &Archived| {
        let state = match (a.deleted, a.opens) {
            (true, _) => "deleted",
            (false, true) => "kept",
            (false, false) => "kept, its key is destroyed",
        };
        vec![
            a.period.to_string(),
            a.origin.clone(),
            a.entries.to_string(),
            state.to_owned(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    print::table(&["period", "log", "entries", "state"], &rows);
}

fn delete(period: u32, site: &OfSite, yes: bool, json: bool) -> Outcome {
    let config = ask::configuration(&site.config)?;
    let archived = find(&config, period)?;
    if !yes {
        print::line(format!(
            "  With `--yes` this deletes the log `{}` of {} entries and destroys the key of its details.",
            archived.origin, archived.entries
        ));
        print::line("  Its final checkpoint and a certificate stay, and the gateway's log gets an entry of it first.");
        return Ok(());
    }
    let (clock, rng) = sources();
    let view = app::judge_by(&config).map_err(Failure::app)?;
    let kept = Kept::open(&config, &view.catalogue, LossRule::Refuse, &clock, &rng).map_err(Failure::app)?;
    let deleted = runtime()?.block_on(app::delete_archive(&config, &kept, &archived, clock.now(), &*rng));
    kept.worker.close().map_err(Failure::work)?;
    match deleted.map_err(Failure::app)? {
        Deletable::Yes => {}
        Deletable::Held(hold) => {
            return Err(Failure::work(format!(
                "a legal hold keeps it ({}, {}): release that first",
                hold.held, hold.case_number
            )));
        }
        Deletable::PersonHeld(case) => {
            return Err(Failure::work(format!(
                "a hold on a person keeps it ({case}): `tollgate erasure` shows and releases it"
            )));
        }
        Deletable::From(time) => {
            let day = jiff::Timestamp::from_millisecond(time.0).map(|t| t.strftime("%Y-%m-%d").to_string());
            return Err(Failure::work(format!(
                "it must be kept until {}: `keep_years` under `[retention]` says so",
                day.unwrap_or_default()
            )));
        }
    }
    if json {
        print::json(&serde_json::json!({ "deleted": period }));
    } else {
        print::line(format!(
            "  period {period} is deleted; what is left is in `{}`",
            archived.path.display()
        ));
    }
    Ok(())
}

pub(super) fn hold(args: HoldArgs, json: bool) -> Outcome {
    let failed = client_file::failure;
    let holds = runtime()?.block_on(async {
        let holds = client_file::connect_holds(&args.client).await?;
        match args.act {
            Hold::Place { scope, case } => holds.place(scope.wire(), &case).await.map_err(failed)?,
            Hold::Release(scope) => {
                if !holds.release(scope.wire()).await.map_err(failed)? {
                    print::remark("  there was no such hold");
                }
            }
            Hold::List => {}
        }
        holds.list().await.map_err(failed)
    })?;
    if json {
        let all: Vec<_> = holds
            .iter()
            .map(|hold| {
                let scope = hold.scope.clone().unwrap_or_default();
                serde_json::json!({ "period": scope.period, "partner": scope.partner, "case": hold.case_number })
            })
            .collect();
        print::json(&serde_json::json!({ "holds": all }));
        return Ok(());
    }
    let row = |hold: &v1::LogHold| {
        let scope = hold.scope.clone().unwrap_or_default();
        let held = match scope.period {
            0 => format!("partner {}", scope.partner),
            period => format!("period {period}"),
        };
        vec![held, hold.case_number.clone()]
    };
    let rows: Vec<_> = holds.iter().map(row).collect();
    print::table(&["held", "case"], &rows);
    Ok(())
}
