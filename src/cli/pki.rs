//! `tollgate pki`: certificates and keys for development, and lists of revoked certificates.
use super::{Failure, Outcome, print};
use crate::{
    clock::{Clock, SystemClock},
    crypto::SystemRng,
    pki::{self, PartnerPlan, Plan},
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
    /// Make a development PKI: one authority per institution, certificates, revocation lists, signing keys.
    Init(Init),
    /// Revoke a certificate and print the CA's new revocation lists.
    Revoke(Revoke),
    /// Print new revocation lists of a CA: they end after seven days.
    RenewCrls {
        /// Folder of the CA.
        ca: PathBuf,
    },
}

#[derive(clap::Args)]
struct Init {
    /// A folder that does not exist yet.
    dir: PathBuf,
    /// The gateway's trust domain.
    #[arg(long, default_value = "tollgate.example")]
    domain: String,
    /// A partner and its trust domain, such as `bank-a=bank-a.example`; may be repeated.
    #[arg(long = "partner", value_parser = partner, default_values = ["bank-a=bank-a.example", "bank-b=bank-b.example"])]
    partners: Vec<PartnerPlan>,
    /// The data holder's own systems; may be repeated.
    #[arg(long = "provider", default_value = "lender")]
    providers: Vec<String>,
    /// DNS name or address of the gateway; may be repeated.
    #[arg(long = "host", default_value = "localhost")]
    hosts: Vec<String>,
}

#[derive(clap::Args)]
struct Revoke {
    /// Folder of the CA.
    ca: PathBuf,
    /// Serial number, hexadecimal.
    serial: String,
}

fn partner(text: &str) -> Result<PartnerPlan, String> {
    let (id, domain) = text
        .split_once('=')
        .ok_or("write `id=domain`, such as `bank-a=bank-a.example`")?;
    Ok(PartnerPlan {
        id: id.parse().map_err(|e| format!("`{id}`: {e}"))?,
        domain: domain.to_owned(),
    })
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let now = SystemClock.now();
    match args.act {
        Act::Init(init) => make(init, json),
        Act::Revoke(revoke) => {
            let serial = bytes(&revoke.serial).ok_or_else(|| Failure::file("the serial number is not hexadecimal"))?;
            print::line(pki::revoke(&revoke.ca, &serial, now).map_err(Failure::work)?);
            Ok(())
        }
        Act::RenewCrls { ca } => {
            print::line(pki::renew_crls(&ca, now).map_err(Failure::work)?);
            Ok(())
        }
    }
}

pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|p| u8::from_str_radix(p, 16).ok())
        })
        .collect()
}

fn make(init: Init, json: bool) -> Outcome {
    let providers: Result<Vec<_>, _> = init.providers.iter().map(|id| id.parse()).collect();
    let plan = Plan {
        own_domain: init.domain,
        partners: init.partners,
        providers: providers.map_err(Failure::file)?,
        hosts: init.hosts,
    };
    let made = pki::init(&init.dir, &plan, SystemClock.now(), &SystemRng::default()).map_err(Failure::work)?;
    let members: Vec<_> = made.partners.iter().chain(&made.providers).collect();
    if json {
        let members: Vec<_> = members
            .iter()
            .map(|m| serde_json::json!({ "id": m.id.to_string(), "uri": m.uri, "signing_key_id": m.signing_key_id }))
            .collect();
        print::json(
            &serde_json::json!({ "dir": made.dir, "gateway": made.gateway_uri, "members": members, "staff": made.staff }),
        );
        return Ok(());
    }
    let mut rows = vec![vec!["gateway".to_owned(), made.gateway_uri.clone()]];
    rows.extend(members.iter().map(|m| vec![m.id.to_string(), m.uri.clone()]));
    rows.extend(made.staff.iter().map(|uri| vec!["staff".to_owned(), uri.clone()]));
    print::table(&["who", "identity"], &rows);
    print::line(format!(
        "  keys and certificates are in `{}`; README.txt there says what each file is",
        made.dir.display()
    ));
    Ok(())
}
