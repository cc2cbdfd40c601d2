//! A complete example site in one folder: development keys, the sample policy, a register, client files.
//!
//! What `tollgate demo` runs on, what the tests run on, and a place to start from. Every key in it is made when it is
//! made; it is for development, and says so in its keyring.
use crate::{
    app::{self, AppError},
    clock::Time,
    config::Config,
    crypto::Rng,
    domain::PartnerId,
    pki::{self, Made, PartnerPlan, PkiError},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The gateway's trust domain.
pub const DOMAIN: &str = "tollgate.example";
/// The gateway's SPIFFE URI.
pub const GATEWAY: &str = "spiffe://tollgate.example/gateway";
/// The id of the data holder's own systems.
pub const PROVIDER: &str = "lender";
/// The partner banks, with their trust domains.
pub const BANKS: [(&str, &str); 2] = [("bank-a", "bank-a.example"), ("bank-b", "bank-b.example")];

const FIELDS: &str = include_str!("../../docs/sample/fields.toml");
const SIGNALS: &str = include_str!("../../docs/sample/signals.toml");
const MAPPING: &str = include_str!("../../docs/sample/mapping-uci.toml");
const GATEWAY_FILE: &str = include_str!("../../docs/sample/gateway.toml");
const CLIENT_BANK_A: &str = include_str!("../../docs/sample/bank-a.toml");
const CLIENT_LENDER: &str = include_str!("../../docs/sample/lender.toml");
const CLIENT_COMPLIANCE: &str = include_str!("../../docs/sample/compliance.toml");
const CLIENT_AUDITOR: &str = include_str!("../../docs/sample/auditor.toml");
const CLIENT_SECURITY: &str = include_str!("../../docs/sample/security.toml");
const CLIENT_DEPUTY: &str = include_str!("../../docs/sample/security-deputy.toml");
const CLIENT_OPERATOR: &str = include_str!("../../docs/sample/operator.toml");
/// Addresses in the sample files.
const SAMPLE_PARTNERS: &str = "127.0.0.1:7443";
const SAMPLE_STAFF: &str = "127.0.0.1:7444";
const SAMPLE_CONSOLE: &str = "127.0.0.1:7445";
const AGREEMENT_BANK_A: &str = include_str!("../../docs/sample/agreement-bank-a.toml");

/// Why the site could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// Keys and certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A file.
    #[error("cannot write `{path}`: {why}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A name that no member may have.
    #[error("`{0}` cannot name a member")]
    Name(String),
    /// Data directory and keyring.
    #[error(transparent)]
    App(#[from] Box<AppError>),
}

fn partner((id, domain): &(&str, &str)) -> Result<PartnerPlan, SiteError> {
    Ok(PartnerPlan {
        id: self::id(id)?,
        domain: (*domain).to_owned(),
    })
}

fn id(text: &str) -> Result<PartnerId, SiteError> {
    text.parse().map_err(|_| SiteError::Name(text.to_owned()))
}

/// Where things are in a site.
pub struct Site {
    folder: PathBuf,
    log_verifier_key: String,
}

impl Site {
    /// Makes a site in `folder`, which must be empty or absent. The gateway will listen on these addresses.
    pub fn make(
        folder: &Path,
        partners: SocketAddr,
        staff: SocketAddr,
        now: Time,
        rng: &dyn Rng,
    ) -> Result<Self, SiteError> {
        let pki_folder = folder.join("pki");
        fs::create_dir_all(folder).map_err(|why| file(folder, why))?;
        let plan = pki::Plan {
            own_domain: DOMAIN.to_owned(),
            providers: vec![id(PROVIDER)?],
            partners: BANKS.iter().map(partner).collect::<Result<_, _>>()?,
            hosts: vec!["localhost".to_owned()],
        };
        let made = pki::init(&pki_folder, &plan, now, rng)?;
        write(folder, "fields.toml", FIELDS)?;
        write(folder, "signals.toml", SIGNALS)?;
        write(folder, "mapping-uci.toml", MAPPING)?;
        write(folder, "agreement-bank-a.toml", AGREEMENT_BANK_A)?;
        write(folder, "register.toml", &register(&made, now))?;
        write(folder, "gateway.toml", &gateway_file(partners, staff))?;
        for (id, _) in BANKS {
            let file = client_file(&CLIENT_BANK_A.replace("bank-a", id), partners);
            write(folder, &format!("{id}.toml"), &file)?;
        }
        write(
            folder,
            &format!("{PROVIDER}.toml"),
            &client_file(CLIENT_LENDER, partners),
        )?;
        for (id, sample) in [
            ("compliance", CLIENT_COMPLIANCE),
            ("auditor", CLIENT_AUDITOR),
            ("security", CLIENT_SECURITY),
            ("security-deputy", CLIENT_DEPUTY),
            ("operator", CLIENT_OPERATOR),
        ] {
            let file = sample.replace(SAMPLE_STAFF, &staff.to_string());
            write(folder, &format!("{id}.toml"), &file)?;
        }
        let config = Config::load(&folder.join("gateway.toml")).map_err(|e| Box::new(AppError::from(e)))?;
        let log_verifier_key = app::create_data(&config, now, true).map_err(Box::new)?;
        write(folder, "log.vkey", &format!("{log_verifier_key}\n"))?;
        Ok(Self {
            folder: folder.to_owned(),
            log_verifier_key,
        })
    }

    /// `gateway.toml`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("gateway.toml")
    }
    /// The client file of a member.
    pub fn client(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.toml"))
    }
    /// The mapping of the sample data.
    pub fn mapping(&self) -> PathBuf {
        self.folder.join("mapping-uci.toml")
    }
    /// The folder of keys and certificates.
    pub fn pki(&self) -> PathBuf {
        self.folder.join("pki")
    }
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// What the log is verified with.
    pub fn log_verifier_key(&self) -> &str {
        &self.log_verifier_key
    }
}

fn file(path: &Path, why: io::Error) -> SiteError {
    SiteError::File {
        path: path.to_owned(),
        why,
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), SiteError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|why| file(&path, why))
}

fn register(made: &Made, now: Time) -> String {
    let mut out = String::from("# Who may call. Each key comes with a proof that its owner holds the private half.\n");
    for (members, role) in [(&made.partners, "partner"), (&made.providers, "provider")] {
        for member in members {
            let _ = write!(
                out,
                "\n[[members]]\nid = \"{}\"\nrole = \"{role}\"\nuri = \"{}\"\nsuites = [\"x-wing\", \"x25519\"]\n\
                 [[members.signing_keys]]\nid = \"{}\"\nalgorithm = \"ed25519\"\npublic_key = \"{}\"\nproof = \"{}\"\n",
                member.id,
                member.uri,
                member.signing_key_id,
                STANDARD.encode(member.signing_key),
                STANDARD.encode(member.possession)
            );
        }
    }
    for ((id, role, _), uri) in pki::STAFF.iter().zip(&made.staff) {
        let _ = write!(
            out,
            "\n[[members]]\nid = \"{id}\"\nrole = \"{role}\"\nuri = \"{uri}\"\n"
        );
        match *role {
            "auditor" => out.push_str(&audit_scope(now)),
            // In the example each is somebody else.
            _ => out.push_str(&format!("person = \"{id}\"\n")),
        }
    }
    out
}

/// The auditor reads what was asked by the first bank, a year either way, and may do so for a year.
fn audit_scope(now: Time) -> String {
    let at = |days: i64| {
        let time = jiff::Timestamp::from_millisecond(now.plus_ms(days * 86_400_000).0);
        time.unwrap_or_default().strftime("%Y-%m-%dT00:00:00Z").to_string()
    };
    format!(
        "audit = {{ partners = [\"{}\"], from = \"{}\", until = \"{}\", expires = \"{}\" }}\n",
        BANKS.first().map_or("bank-a", |(id, _)| id),
        at(-366),
        at(366),
        at(366)
    )
}

fn gateway_file(partners: SocketAddr, staff: SocketAddr) -> String {
    let text = GATEWAY_FILE.replace(SAMPLE_PARTNERS, &partners.to_string());
    // On the staff's own machine, at any free port: `serve` says which.
    let console = SocketAddr::new(staff.ip(), 0).to_string();
    text.replace(SAMPLE_STAFF, &staff.to_string())
        .replace(SAMPLE_CONSOLE, &console)
}

fn client_file(sample: &str, address: SocketAddr) -> String {
    sample.replace(SAMPLE_PARTNERS, &address.to_string())
}
