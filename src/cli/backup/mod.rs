//! `tollgate backup`: make backups of a gateway that runs, check them by restoring, restore one.
mod create;
mod list;
mod restore;

use super::{Failure, Outcome, client_file, print, runtime};
use crate::{
    config::read_text,
    crypto::{SystemRng, age::Identity},
    wire::{timestamp, v1},
};
use clap::{Subcommand, ValueEnum};
use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Make a key that opens backups, to be kept offline; print whom to name in the configuration.
    Key {
        /// Where the key goes: a new file, readable by you only.
        #[arg(long, short = 'o')]
        out: PathBuf,
    },
    /// Make a backup of a running gateway, as an operator; read it back.
    Create(create::Args),
    /// Backups in a folder, and which of them the newest keys open. Needs no key.
    List {
        /// The folder.
        folder: PathBuf,
    },
    /// Restore a backup beside the data directory, verify its log, open every record, and remove it again.
    Check(restore::CheckArgs),
    /// Restore a backup into an absent or empty data directory.
    Restore(restore::Args),
    /// After a restore: confirm that what the backup could not know has been told again.
    Confirm {
        /// The officer's file: compliance confirms withdrawals, security confirms suspensions.
        #[arg(long, short = 'c')]
        client: PathBuf,
        /// What was told again.
        what: Replay,
        /// Up to when, RFC 3339; now unless said.
        #[arg(long)]
        up_to: Option<jiff::Timestamp>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Replay {
    /// Withdrawals of consents.
    Withdrawals,
    /// Suspensions of partners, and denied certificates and keys.
    Suspensions,
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    match args.act {
        Act::Key { out } => key(&out, json),
        Act::Create(args) => create::run(&args, json),
        Act::List { folder } => list::run(&folder, json),
        Act::Check(args) => restore::check(&args, json),
        Act::Restore(args) => restore::run(&args, json),
        Act::Confirm { client, what, up_to } => confirm(&client, what, up_to, json),
    }
}

fn key(out: &Path, json: bool) -> Outcome {
    let identity = Identity::random(&SystemRng::default()).map_err(Failure::work)?;
    let recipient = identity.recipient().to_string();
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(out);
    let written = opened.and_then(|mut file| {
        writeln!(file, "# public key: {recipient}")?;
        writeln!(file, "{}", *identity.to_text())?;
        file.sync_all()
    });
    written.map_err(|e| Failure::file(format!("`{}`: {e}", out.display())))?;
    if json {
        print::json(&serde_json::json!({ "recipient": recipient }));
        return Ok(());
    }
    print::line(recipient);
    print::remark(
        "  Name it in `recipients` under `[backup]`. Keep the key offline, in two places: without it no backup opens.",
    );
    Ok(())
}

fn confirm(client: &Path, what: Replay, up_to: Option<jiff::Timestamp>, json: bool) -> Outcome {
    let up_to = up_to.unwrap_or_else(jiff::Timestamp::now);
    let request = v1::ConfirmReplayRequest {
        what: match what {
            Replay::Withdrawals => v1::Replay::Withdrawals,
            Replay::Suspensions => v1::Replay::Suspensions,
        } as i32,
        up_to: Some(timestamp(up_to.as_millisecond())),
    };
    let confirmed = runtime()?.block_on(async {
        let backups = client_file::connect_backups(client).await?;
        backups.confirm(request).await.map_err(client_file::failure)
    })?;
    match (json, confirmed) {
        (true, _) => print::json(&serde_json::json!({ "confirmed": confirmed })),
        (false, true) => print::line("  confirmed"),
        (false, false) => print::line("  nothing was waiting for it"),
    }
    Ok(())
}

/// The key that opens backups.
fn identity(path: &Path) -> Result<Identity, Failure> {
    let text = zeroize::Zeroizing::new(read_text(path).map_err(Failure::file)?);
    let wrong = |_| {
        let why = "it is no key of backups: one line `AGE-SECRET-KEY-1...`";
        Failure::file(format!("`{}`: {why}", path.display()))
    };
    Identity::parse(&text).map_err(wrong)
}
