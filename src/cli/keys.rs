//! `tollgate keys`: the gateway's keys as they are while it serves, and where their root comes from.
mod moving;

use super::{Failure, Outcome, admin::state, audit::moment::shown as moment, client_file, print, runtime};
use crate::wire::{millis, v1};
use clap::Subcommand;
use std::path::PathBuf;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file of somebody of security, of an operator, or (to look) of a compliance officer.
    /// Not for `move`.
    #[arg(long, short = 'c')]
    client: Option<PathBuf>,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Every key: class, version, state, age, validity.
    Status,
    /// A compromised exchange key opens nothing any more: at once, by one person of role security.
    Revoke {
        /// The key's id, 16 hex digits.
        key: String,
        /// Why, at most 128 bytes; no names of people.
        #[arg(long)]
        reason: String,
    },
    /// Move the keyring to the root that the configuration names. The gateway must be stopped.
    Move(moving::Args),
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    if let Act::Move(args) = &args.act {
        return moving::run(args, json);
    }
    let file = args
        .client
        .ok_or_else(|| Failure::file("name the client's file: `tollgate keys -c FILE …`"))?;
    runtime()?.block_on(async {
        let client = client_file::connect_admin(&file).await?;
        match args.act {
            Act::Move(_) => {}
            Act::Status => {
                let status = client.status().await.map_err(client_file::failure)?;
                match json {
                    true => print::json(&as_json(&status)),
                    false => show(&status),
                }
            }
            Act::Revoke { key, reason } => {
                let id = super::pki::bytes(&key).ok_or_else(|| Failure::file("the id is not hexadecimal"))?;
                let job = client.revoke_exchange_key(&id, &reason).await;
                let job = job.map_err(client_file::failure)?;
                match json {
                    true => print::json(&serde_json::json!({ "job": print::hex(&job.id), "state": state(&job) })),
                    false => print::line(format!(
                        "  the exchange key {key} is revoked by the job {}: {}; `tollgate keys status` shows it",
                        print::hex(&job.id),
                        state(&job)
                    )),
                }
            }
        }
        Ok(())
    })
}

/// `3 d`, `5 h`, or nothing for less: what is younger than an hour is new.
fn age(now: Option<i64>, key: &v1::KeyStatus) -> String {
    let age = now.zip(millis(key.created.as_ref())).map(|(now, then)| now - then);
    match age {
        Some(age) if age >= DAY_MS => format!("{} d", age / DAY_MS),
        Some(age) if age >= HOUR_MS => format!("{} h", age / HOUR_MS),
        Some(_) => "new".to_owned(),
        None => String::new(),
    }
}

fn as_json(status: &v1::GetStatusResponse) -> serde_json::Value {
    let now = millis(status.now.as_ref());
    let keys = status.keys.iter().map(|key| {
        let created = millis(key.created.as_ref());
        serde_json::json!({
            "class": key.class, "id": print::hex(&key.key_id), "version": key.version, "state": key.state,
            "suite": key.suite, "created": moment(key.created.as_ref()), "not_before": moment(key.not_before.as_ref()),
            "not_after": moment(key.not_after.as_ref()),
            "age_s": now.zip(created).map(|(now, then)| (now - then) / 1_000),
        })
    });
    serde_json::json!({ "keys": keys.collect::<Vec<_>>() })
}

fn show(status: &v1::GetStatusResponse) {
    let now = millis(status.now.as_ref());
    let rows = status.keys.iter().map(|key| {
        let class = match key.suite.as_str() {
            "" => key.class.clone(),
            suite => format!("{} {suite}", key.class),
        };
        let until = moment(key.not_after.as_ref());
        vec![
            class,
            print::hex(&key.key_id),
            key.version.to_string(),
            key.state.clone(),
            age(now, key),
            until.get(..16).unwrap_or_default().to_owned(),
        ]
    });
    let head = ["class", "id", "version", "state", "age", "until (UTC)"];
    print::table(&head, &rows.collect::<Vec<_>>());
}
