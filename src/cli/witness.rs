//! `tollgate witness`: the key that a witness cosigns with.
use super::{Failure, Outcome, print};
use crate::{
    app,
    audit::{cosignature::WitnessKey, note::name_is_valid},
    config::Config,
    crypto::SystemRng,
    pki,
};
use clap::Subcommand;
use std::path::PathBuf;

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
