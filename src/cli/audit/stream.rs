//! `tollgate audit stream`: entries one after the other, for a SIEM. It goes on by itself where the connection was lost, and
//! with a state file where the last run ended.
use super::{shown, which};
use crate::{
    audit,
    cli::{Failure, Outcome, client_file, print, runtime},
    client::{ClientError, Staff, Streamed},
    limits::CONFIG_BYTES_MAX,
};
use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Pause before a stream that was cut off is opened again.
const PAUSE: Duration = Duration::from_secs(1);
/// Times that it is opened again without a message in between.
const TRIES: u32 = 60;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer or auditor.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Number of the first entry.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The period of the log, from 1 on, instead of the one that takes entries.
    #[arg(long, value_parser = which::one)]
    period: Option<u32>,
    /// Go on with entries as they are committed.
    #[arg(long, conflicts_with = "period")]
    follow: bool,
    /// A file that keeps where to go on: once it is there, it counts instead of `--from`. It is written after the entries
    /// are, so that a loss repeats entries and never skips one.
    #[arg(long)]
    state: Option<PathBuf>,
    /// As OCSF API Activity, one event a line.
    #[arg(long)]
    ocsf: bool,
}

/// How one connection ended.
enum Ended {
    Complete,
    Cut(Option<Failure>),
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let mut at = Place {
        next: match &args.state {
            Some(path) => kept(path)?.unwrap_or(args.from),
            None => args.from,
        },
        period: args.period.unwrap_or(0),
        state: args.state.as_deref(),
        json,
        ocsf: args.ocsf,
        origin: String::new(),
        begun: false,
        left_out: 0,
    };
    runtime()?.block_on(async {
        let mut tries = 0;
        loop {
            let before = at.next;
            match once(&args.client, &mut at, args.follow).await? {
                Ended::Complete => {
                    at.told();
                    return Ok(());
                }
                Ended::Cut(why) => {
                    tries = if at.next > before { 0 } else { tries + 1 };
                    if tries >= TRIES {
                        let why =
                            why.unwrap_or_else(|| Failure::connection("the gateway ends the stream again and again"));
                        return Err(why);
                    }
                    print::remark(format!("the stream was cut off before entry {}: once more", at.next));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}

/// Prints what one connection brings.
async fn once(client: &Path, at: &mut Place<'_>, follow: bool) -> Result<Ended, Failure> {
    let staff: Staff = match client_file::connect_staff(client).await {
        // A gateway that starts again is waited for; one that was never reached is a wrong address.
        Err(failure) if at.begun && failure.is_of_connection() => return Ok(Ended::Cut(Some(failure))),
        connected => connected?,
    };
    if at.period == 0 {
        at.origin = staff.origin().to_owned();
    } else if at.origin.is_empty() {
        let ended = staff.checkpoint(at.period, None).await.map_err(client_file::failure)?;
        at.origin = ended.origin().to_owned();
    }
    let mut entries = match staff.stream(at.period, at.next, follow).await {
        // The gateway may not have noticed yet that the last connection is gone.
        Err(error) if at.begun && (is_lost(&error) || error.is_code("STREAMS_EXHAUSTED")) => {
            return Ok(Ended::Cut(Some(client_file::failure(error))));
        }
        opened => opened.map_err(client_file::failure)?,
    };
    at.begun = true;
    loop {
        match entries.next().await {
            Ok(Some(message)) => {
                at.took(&message)?;
                if message.complete {
                    return Ok(Ended::Complete);
                }
            }
            Ok(None) => return Ok(Ended::Cut(None)),
            Err(error) if is_lost(&error) => return Ok(Ended::Cut(Some(client_file::failure(error)))),
            Err(error) => return Err(client_file::failure(error)),
        }
    }
}

fn is_lost(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable(_))
}

/// Where the stream stands.
struct Place<'a> {
    next: u64,
    period: u32,
    state: Option<&'a Path>,
    json: bool,
    ocsf: bool,
    /// The log's name.
    origin: String,
    /// A stream was open before.
    begun: bool,
    /// Entries that were not shown, because an auditor may not see them.
    left_out: u64,
}

impl Place<'_> {
    fn took(&mut self, message: &Streamed) -> Outcome {
        for hit in &message.entries {
            if self.ocsf {
                print::json(&audit::ocsf(&hit.summary.leaf, &hit.leaf, &self.origin, None));
            } else if self.json {
                print::json(&shown::json(hit));
            } else {
                print::line(shown::row(hit).join("  "));
            }
        }
        self.next = message.next_seq;
        self.left_out = self.left_out.saturating_add(message.left_out);
        match self.state {
            Some(path) => keep(path, self.next),
            None => Ok(()),
        }
    }

    fn told(&self) {
        // Of events only, so that every line is one.
        if self.ocsf {
            return;
        }
        if self.json {
            print::json(&serde_json::json!({ "next": self.next, "left_out": self.left_out }));
            return;
        }
        print::line(format!("  the next entry will be {}", self.next));
        if self.left_out > 0 {
            print::line(format!("  {} entries were left out: not in your scope", self.left_out));
        }
    }
}

fn kept(path: &Path) -> Result<Option<u64>, Failure> {
    let mut text = String::new();
    match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened
            .and_then(|file| file.take(CONFIG_BYTES_MAX).read_to_string(&mut text))
            .map_err(|e| Failure::file(format!("cannot read `{}`: {e}", path.display())))?,
    };
    let number = text.trim().parse();
    number.map(Some).map_err(|_| {
        Failure::file(format!(
            "`{}` does not hold the number of an entry: remove it, and say `--from`",
            path.display()
        ))
    })
}

fn keep(path: &Path, next: u64) -> Outcome {
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|mut file| {
        writeln!(file, "{next}")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.map_err(|e| Failure::file(format!("cannot write `{}`: {e}", path.display())))
}
