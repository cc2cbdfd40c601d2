//! `tollgate witness`: the key that a witness cosigns with.
use super::{Failure, Outcome, client_file, print, runtime};
use crate::{
    app,
    audit::{
        cosignature::{self, WitnessKey, cosignatures},
        note::{Checkpoint, name_is_valid},
    },
    clock::{Clock, SystemClock},
    config::{Config, read_text},
    crypto::{Ed25519Signer, Signer, SystemRng},
    pki,
    store::replace_file,
};
use clap::Subcommand;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Make the key of a witness and print its verifier key, which those whose logs it cosigns configure.
    Key {
        /// The witness's name, such as `bank-b.example/witness`; it stands in every cosignature.
        name: String,
        /// The file to write; it must not exist.
        #[arg(long, short = 'o')]
        output: PathBuf,
    },
    /// Witness a gateway's log as a partner without a gateway of one's own: fetch the newest checkpoint, prove that it
    /// continues the one that was cosigned last, and cosign it. For a timer; the file is what is known and what is shown.
    Cosign {
        /// The client's file: address, certificates, keys.
        #[arg(long, short = 'c')]
        client: PathBuf,
        /// The witness's name.
        #[arg(long)]
        name: String,
        /// Its key, made by `tollgate witness key`.
        #[arg(long)]
        key: PathBuf,
        /// The newest cosigned checkpoint: read, and replaced. Absent only the first time, when the log is taken as it is.
        #[arg(long)]
        note: PathBuf,
    },
    /// Print the verifier key of a gateway that is a witness.
    Show {
        /// The gateway's configuration file.
        #[arg(default_value = "gateway.toml")]
        config: PathBuf,
    },
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let key = match &args.act {
        Act::Key { name, output } => {
            if !name_is_valid(name) {
                return Err(Failure::file(
                    "the name is 1 to 96 printable characters without white space or `+`",
                ));
            }
            let public = pki::witness_key(output, &SystemRng::default()).map_err(Failure::work)?;
            WitnessKey::encode(name, &public)
        }
        Act::Cosign {
            client,
            name,
            key,
            note,
        } => return cosign(client, name, key, note, json),
        Act::Show { config } => {
            let config = Config::load(config).map_err(Failure::file)?;
            let role = config.witness.as_ref();
            let role =
                role.ok_or_else(|| Failure::file("this gateway is no witness: its configuration has no `[witness]`"))?;
            app::witness_key(role).map_err(Failure::app)?
        }
    };
    if json {
        print::json(&serde_json::json!({ "witness_verifier_key": key }));
    } else {
        print::line(key);
    }
    Ok(())
}

fn cosign(client: &Path, name: &str, key: &Path, path: &Path, json: bool) -> Outcome {
    let wrong = |why: String| Failure::file(format!("`{}`: {why}", key.display()));
    let signer = Ed25519Signer::from_pkcs8_pem(&read_text(key).map_err(Failure::file)?)
        .map_err(|_| wrong("not an Ed25519 key in PEM".to_owned()))?;
    let own = WitnessKey::new(name, &signer.public_key()).map_err(|e| wrong(e.to_string()))?;
    let known = match path.try_exists() {
        Ok(false) => None,
        // A file that cannot be looked at is no reason to begin anew.
        _ => Some(read_text(path).map_err(Failure::file)?),
    };
    if let Some(known) = &known {
        let signed = cosignatures(known, std::slice::from_ref(&own));
        if !signed.is_ok_and(|signed| signed.len() == 1) {
            return Err(Failure::proof(format!(
                "`{}` is not cosigned by this witness: give the file that it wrote last; without it nobody knows what it has \
                 seen",
                path.display()
            )));
        }
    }
    let head = runtime()?.block_on(async {
        let client = client_file::connect(client, None).await?;
        match &known {
            Some(known) => client.continuation(known).await.map(|(_, newest)| newest),
            None => client.check_log().await,
        }
        .map_err(client_file::failure)
    })?;
    let origin = head.note.split('\n').next().unwrap_or_default().to_owned();
    let checkpoint = Checkpoint {
        origin,
        size: head.size,
        root: head.root,
    };
    let time_s = u64::try_from(SystemClock.now().seconds()).unwrap_or(0);
    let line =
        cosignature::cosign(&signer, name, &checkpoint, time_s).map_err(|_| Failure::work("the key does not sign"))?;
    // What is known and what was cosigned are one file, replaced in one step: neither can be ahead of the other.
    replace_file(path, format!("{}{line}", head.note).as_bytes())
        .map_err(|e| Failure::work(format!("cannot write `{}`: {e}", path.display())))?;
    if json {
        print::json(
            &serde_json::json!({ "log": checkpoint.origin, "entries": checkpoint.size, "root": print::hex(&checkpoint.root), "file": path }),
        );
    } else {
        print::line(format!(
            "cosigned {} entries of `{}`",
            checkpoint.size, checkpoint.origin
        ));
    }
    Ok(())
}
