//! A client's own file: where the gateway is, who it must be, and with which keys to talk to it. A partner's has signing
//! keys; that of an officer or auditor has the log's verifier key instead.
use super::Failure;
use crate::{
    audit::note::VerifierKey,
    channel::{Credential, client::Connector},
    client::{AdminClient, CaseList, Client, ClientError, LogHolds, Partnership, Pinned, Staff},
    clock::SystemClock,
    config::read_text,
    crypto::{Ed25519Signer, Suite, SystemRng, VerifyKey},
    document,
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    address: SocketAddr,
    gateway: String,
    member: String,
    suite: SuiteName,
    /// Keeps the highest key-list serial over runs.
    serial_memory: Option<PathBuf>,
    tls: Tls,
    keys: Keys,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum SuiteName {
    XWing,
    X25519,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    roots: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    gateway_identity: PathBuf,
    signing_key: PathBuf,
    signing_key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StaffFile {
    address: SocketAddr,
    gateway: String,
    /// The log's verifier key: a file.
    log_key: PathBuf,
    tls: Tls,
}

/// Just enough of either file to tell which it is.
#[derive(Deserialize)]
struct Either {
    log_key: Option<PathBuf>,
}

/// Whether this is the file of an officer or auditor.
pub(super) fn is_of_staff(path: &Path) -> Result<bool, Failure> {
    let either: Either = document::read(&read_text(path).map_err(Failure::file)?).map_err(|e| wrong(path, e))?;
    Ok(either.log_key.is_some())
}

/// Reads the file of an officer or auditor: where to connect, with what, and the log's verifier key.
fn read_staff(path: &Path) -> Result<(SocketAddr, Connector, VerifierKey), Failure> {
    let file: StaffFile = document::read(&read_text(path).map_err(Failure::file)?).map_err(|e| wrong(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let connector = connector(folder, &file.tls, &file.gateway)?;
    let key_path = folder.join(&file.log_key);
    let key = VerifierKey::parse(read_text(&key_path).map_err(Failure::file)?.trim());
    let key = key.map_err(|e| wrong(&key_path, e))?;
    Ok((file.address, connector, key))
}

/// Reads the file of an officer or auditor and connects to the staff listener.
pub(super) async fn connect_staff(path: &Path) -> Result<Staff, Failure> {
    let (address, connector, key) = read_staff(path)?;
    Staff::connect(address, connector, key).await.map_err(failure)
}

/// Reads the file of an officer and connects to the case list; also gives the log's verifier key.
pub(super) async fn connect_cases(path: &Path) -> Result<(CaseList, VerifierKey), Failure> {
    let (address, connector, key) = read_staff(path)?;
    Ok((CaseList::connect(address, connector).await.map_err(failure)?, key))
}

/// Reads the file of an officer and connects to the holds.
pub(super) async fn connect_holds(path: &Path) -> Result<LogHolds, Failure> {
    let (address, connector, _) = read_staff(path)?;
    LogHolds::connect(address, connector).await.map_err(failure)
}

/// Reads the file of somebody of security, of an operator or of an officer, and connects to the administration.
pub(super) async fn connect_admin(path: &Path) -> Result<AdminClient, Failure> {
    let (address, connector, _) = read_staff(path)?;
    AdminClient::connect(address, connector).await.map_err(failure)
}

fn connector(folder: &Path, tls: &Tls, gateway: &str) -> Result<Connector, Failure> {
    let credential = Credential::load(&folder.join(&tls.chain), &folder.join(&tls.key)).map_err(Failure::file)?;
    let roots = read_text(&folder.join(&tls.roots)).map_err(Failure::file)?;
    Connector::new(roots.as_bytes(), &credential, gateway).map_err(Failure::file)
}

/// Reads the file and connects; `address` replaces the one in it.
pub(super) async fn connect(path: &Path, address: Option<SocketAddr>) -> Result<Client, Failure> {
    let file: File = document::read(&read_text(path).map_err(Failure::file)?).map_err(|e| wrong(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let text = |p: &Path| read_text(&folder.join(p)).map_err(Failure::file);
    let connector = connector(folder, &file.tls, &file.gateway)?;
    let signer =
        Ed25519Signer::from_pkcs8_pem(&text(&file.keys.signing_key)?).map_err(|e| wrong(&file.keys.signing_key, e))?;
    let identity = VerifyKey::from_spki_pem(&text(&file.keys.gateway_identity)?)
        .map_err(|e| wrong(&file.keys.gateway_identity, e))?;
    let address = address.unwrap_or(file.address);
    let partnership = Partnership {
        pinned: Pinned {
            gateway: file.gateway,
            identity,
        },
        partner: file.member,
        signing_key_id: file.keys.signing_key_id,
        signer: Arc::new(signer),
        suite: match file.suite {
            SuiteName::XWing => Suite::XWing,
            SuiteName::X25519 => Suite::X25519,
        },
    };
    let memory = file.serial_memory.map(|p| folder.join(p));
    Client::connect(
        address,
        connector,
        partnership,
        memory.as_deref(),
        Arc::new(SystemClock),
        Arc::new(SystemRng::default()),
    )
    .await
    .map_err(failure)
}

/// A client's error with its exit code.
pub(super) fn failure(error: ClientError) -> Failure {
    match &error {
        ClientError::Unreachable(_) => Failure::connection(error),
        ClientError::Refused { reference, .. } if !reference.is_empty() => {
            Failure::work(format!("{error} (reference {reference})"))
        }
        ClientError::KeyList(_) | ClientError::Receipt(_) | ClientError::Log(_) => Failure::proof(error),
        ClientError::Setting(..) => Failure::file(error),
        _ => Failure::work(error),
    }
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::file(format!("`{}`: {why}", path.display()))
}
