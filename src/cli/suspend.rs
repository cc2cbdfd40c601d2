//! `tollgate suspend`: out at once, by one person.
use super::{
    Failure, Outcome,
    admin::{suspension_json, target},
    client_file, print, runtime,
};
use crate::{identity::CertificateNames, wire::v1};
use std::{fs, path::PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file of somebody of role security.
    #[arg(long, short = 'c')]
    client: PathBuf,
    #[command(flatten)]
    whom: Whom,
    /// Why, at most 128 bytes; no names of people.
    #[arg(long)]
    reason: String,
}

/// Who or what.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whom {
    /// A partner or provider, by its id in the register.
    #[arg(long)]
    member: Option<String>,
    /// One certificate: its file, PEM or DER; of a chain the first.
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// Every certificate over the key of this certificate: its file.
    #[arg(long)]
    key_of: Option<PathBuf>,
    /// Every certificate over a key: SHA-256 of its subject public key info, 64 hex digits.
    #[arg(long)]
    key: Option<String>,
}

impl Whom {
    /// As sent.
    pub(super) fn target(&self) -> Result<v1::target::Target, Failure> {
        use v1::target::Target;
        Ok(match (&self.member, &self.certificate, &self.key_of, &self.key) {
            (Some(member), ..) => Target::Member(member.clone()),
            (_, Some(file), ..) => {
                let CertificateNames { issuer, serial, .. } = certificate(file)?;
                Target::Certificate(v1::CertificateTarget { issuer, serial })
            }
            (_, _, Some(file), _) => Target::KeySha256(certificate(file)?.key_sha256.to_vec()),
            (.., Some(hex)) => {
                let bytes = super::pki::bytes(hex).filter(|bytes| bytes.len() == 32);
                let bytes = bytes.ok_or_else(|| Failure::file("`--key` takes 64 hex digits: SHA-256 of the key"))?;
                Target::KeySha256(bytes)
            }
            _ => {
                return Err(Failure::file(
                    "say who: `--member`, `--certificate`, `--key-of` or `--key`",
                ));
            }
        })
    }
}

fn certificate(file: &PathBuf) -> Result<CertificateNames, Failure> {
    let wrong = |why: String| Failure::file(format!("`{}`: {why}", file.display()));
    let bytes = fs::read(file).map_err(|e| wrong(e.to_string()))?;
    CertificateNames::read(&bytes).map_err(|e| wrong(e.to_string()))
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    runtime()?.block_on(async {
        let whom = args.whom.target()?;
        let client = client_file::connect_admin(&args.client).await?;
        let done = client.suspend(whom, &args.reason).await.map_err(client_file::failure)?;
        if json {
            let mut told = suspension_json(&done.suspension);
            if let Some(fields) = told.as_object_mut() {
                fields.insert("connections_ended".to_owned(), done.connections.into());
                fields.insert("sessions_ended".to_owned(), done.sessions.into());
            }
            print::json(&told);
            return Ok(());
        }
        print::line(format!(
            "  {} is shut out: {} connections and {} sessions were ended",
            target(done.suspension.target.as_ref()),
            done.connections,
            done.sessions
        ));
        print::line("  to let it in again takes two: `tollgate admin propose lift`");
        Ok(())
    })
}
