//! `tollgate admin`: what two people change, and how it stands.
mod shown;

use super::{Failure, Outcome, client_file, print, runtime, suspend::Whom};
use crate::{
    client::AdminClient,
    wire::v1::{self, change},
};
use clap::Subcommand;
use std::path::PathBuf;

pub(super) use shown::{state, suspension_json, target};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file of somebody of security, of an operator, or (to look) of a compliance officer.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Propose a change. It does nothing until another person approves it, within a day.
    #[command(subcommand)]
    Propose(Propose),
    /// Approve what somebody else proposed.
    Approve {
        /// The proposal's id, or its beginning.
        id: String,
        /// The digest that you read in the list, or its beginning: nothing else is then approved.
        #[arg(long, default_value = "")]
        digest: String,
    },
    /// Reject a proposal, or withdraw your own.
    Reject {
        /// The proposal's id, or its beginning.
        id: String,
    },
    /// Every proposal that is kept, the newest first.
    List,
    /// Who and what is shut out, lists of revoked certificates, and what ends when.
    Status,
}

#[derive(Subcommand)]
enum Propose {
    /// Let a member, a certificate or a key in again: two people of role security.
    Lift {
        #[command(flatten)]
        whom: Whom,
        /// Why, at most 128 bytes; no names of people.
        #[arg(long)]
        reason: String,
    },
    /// Another log key: published ahead, then both sign, then the old one is retired. Two people of role security.
    RotateLogKey {
        /// How long the new key is published before it signs, in hours: 24 to 2160.
        #[arg(long, default_value_t = 48)]
        ahead_h: u32,
        /// How long the old key signs beside it, in hours: 24 to 2160.
        #[arg(long, default_value_t = 336)]
        overlap_h: u32,
        /// Why, at most 128 bytes; no names of people.
        #[arg(long)]
        reason: String,
    },
    /// New exchange keys now; what is under way opens with the old ones for 48 hours. Security or operators.
    RotateExchangeKeys {
        /// Why, at most 128 bytes; no names of people.
        #[arg(long)]
        reason: String,
    },
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    runtime()?.block_on(async {
        let change = match args.act {
            Act::Propose(ref propose) => Some(asked(propose)?),
            _ => None,
        };
        let client = client_file::connect_admin(&args.client).await?;
        let told = match (args.act, change) {
            (Act::List, _) => return list(&client, json).await,
            (Act::Status, _) => return status(&client, json).await,
            (Act::Propose(_), Some((change, reason))) => client.propose(change, &reason).await,
            (Act::Propose(_), None) => return Ok(()),
            (Act::Approve { id, digest }, _) => {
                let proposal = find(&client, &id).await?;
                if !print::hex(&proposal.digest).starts_with(&digest) {
                    return Err(Failure::work(
                        "the gateway lists another digest than the one you read: nothing was approved",
                    ));
                }
                client.approve(&proposal).await
            }
            (Act::Reject { id }, _) => client.reject(&find(&client, &id).await?.id).await,
        };
        let proposal = told.map_err(client_file::failure)?;
        match json {
            true => print::json(&shown::json(&proposal)),
            false => shown::show(&proposal),
        }
        Ok(())
    })
}

fn asked(propose: &Propose) -> Result<(change::Change, String), Failure> {
    Ok(match propose {
        Propose::Lift { whom, reason } => {
            let lift = v1::Lift {
                target: Some(v1::Target {
                    target: Some(whom.target()?),
                }),
                suspension_id: Vec::new(),
            };
            (change::Change::Lift(lift), reason.clone())
        }
        Propose::RotateLogKey {
            ahead_h,
            overlap_h,
            reason,
        } => {
            let rotate = v1::RotateLogKey {
                key_id: Vec::new(),
                ahead_s: ahead_h.saturating_mul(3_600),
                overlap_s: overlap_h.saturating_mul(3_600),
            };
            (change::Change::RotateLogKey(rotate), reason.clone())
        }
        Propose::RotateExchangeKeys { reason } => {
            let rotate = v1::RotateExchangeKeys::default();
            (change::Change::RotateExchangeKeys(rotate), reason.clone())
        }
    })
}

/// The one proposal whose id begins so.
async fn find(client: &AdminClient, id: &str) -> Result<v1::Proposal, Failure> {
    let all = client.proposals().await.map_err(client_file::failure)?;
    let mut found = all.into_iter().filter(|p| print::hex(&p.id).starts_with(id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::work("no proposal has this id: `tollgate admin list`")),
        (Some(_), Some(_)) => Err(Failure::work("more than one proposal begins so: write more of the id")),
    }
}

async fn list(client: &AdminClient, json: bool) -> Outcome {
    let all = client.proposals().await.map_err(client_file::failure)?;
    if json {
        let proposals: Vec<_> = all.iter().map(shown::json).collect();
        print::json(&serde_json::json!({ "proposals": proposals }));
        return Ok(());
    }
    all.iter().for_each(shown::show);
    print::line(format!("  {} proposals", all.len()));
    Ok(())
}

async fn status(client: &AdminClient, json: bool) -> Outcome {
    let status = client.status().await.map_err(client_file::failure)?;
    match json {
        true => print::json(&shown::status_json(&status)),
        false => shown::status(&status),
    }
    Ok(())
}
