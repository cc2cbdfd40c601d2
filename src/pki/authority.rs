//! One institution's authority: a root, an issuing CA below it, and what they have revoked.
use super::{
    PkiError,
    files::{self, Secrecy},
    layout::{BACKDATE_MS, ISSUING_MS, LEAF_MS, ROOT_MS},
};
use crate::{clock::Time, crypto::Rng};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber,
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Root and issuing CA of one institution.
pub struct Authority {
    name: String,
    root: Ca,
    issuing: Ca,
    revoked: Vec<Revoked>,
}

/// What a leaf certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Extended key usage clientAuth.
    Client,
    /// Extended key usage serverAuth.
    Server,
}

/// What a leaf certificate is to say. The fields are open so that tests can make what must be refused.
#[derive(Debug, Clone)]
pub struct LeafPlan {
    /// URI names: one `spiffe://` URI in a good certificate.
    pub uris: Vec<String>,
    /// DNS names and IP addresses, for servers.
    pub hosts: Vec<String>,
    /// What it is for.
    pub usage: Usage,
    /// A CA's certificate instead: only for tests of its refusal.
    pub authority: bool,
    /// Begins.
    pub not_before: Time,
    /// Ends.
    pub not_after: Time,
}

impl LeafPlan {
    /// A good leaf: one URI, 30 days from `now`.
    pub fn new(uri: &str, usage: Usage, now: Time) -> Self {
        Self {
            uris: vec![uri.to_owned()],
            hosts: Vec::new(),
            usage,
            authority: false,
            not_before: now.plus_ms(-BACKDATE_MS),
            not_after: now.plus_ms(LEAF_MS),
        }
    }
}

/// A certificate and its key, fresh. No `Debug`: it holds the key.
pub struct Issued {
    /// Leaf and issuing CA, PEM.
    pub chain_pem: String,
    /// PKCS#8, PEM. Zeroised on drop.
    pub key_pem: Zeroizing<String>,
    /// The leaf, DER.
    pub leaf_der: Vec<u8>,
    /// Serial number, big endian.
    pub serial: Vec<u8>,
}

struct Ca {
    subject: String,
    key: KeyPair,
    pem: String,
    crl_number: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    serial: String,
    at_s: i64,
}

/// `state.toml` of a CA's folder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    name: String,
    root_crl_number: u64,
    issuing_crl_number: u64,
    revoked: Vec<Revoked>,
}

impl Authority {
    /// A fresh root for ten years and a fresh issuing CA for two. `name` is the institution's, shown in both.
    pub fn create(name: &str, now: Time, rng: &dyn Rng) -> Result<Self, PkiError> {
        let root = Ca::new(root_subject(name), None, now, ROOT_MS, rng)?;
        let issuing = Ca::new(issuing_subject(name), Some(&root), now, ISSUING_MS, rng)?;
        Ok(Self {
            name: name.to_owned(),
            root,
            issuing,
            revoked: Vec::new(),
        })
    }

    /// Writes a new CA folder, durably; refused when one is there.
    pub fn save_new(&self, folder: &Path) -> Result<(), PkiError> {
        self.write_new(folder)?;
        files::sync_tree(folder)
    }

    pub(super) fn write_new(&self, folder: &Path) -> Result<(), PkiError> {
        for (name, ca) in [("root", &self.root), ("issuing", &self.issuing)] {
            let key = Zeroizing::new(ca.key.serialize_pem());
            files::write_new(&folder.join(format!("{name}.key")), key.as_bytes(), Secrecy::Secret)?;
            files::write_new(&folder.join(format!("{name}.pem")), ca.pem.as_bytes(), Secrecy::Public)?;
        }
        files::write_new(&folder.join("state.toml"), self.state()?.as_bytes(), Secrecy::Secret)
    }

    /// Reads a CA folder.
    pub fn load(folder: &Path) -> Result<Self, PkiError> {
        let path = folder.join("state.toml");
        let damaged = || PkiError::Damaged(path.display().to_string());
        let state: StateFile = toml::from_str(&files::read(&path)?).map_err(|_| damaged())?;
        if state.revoked.iter().any(|revoked| unhex(&revoked.serial).is_none()) {
            return Err(damaged());
        }
        let root = Ca::load(folder, "root", root_subject(&state.name), state.root_crl_number)?;
        let issuing = Ca::load(
            folder,
            "issuing",
            issuing_subject(&state.name),
            state.issuing_crl_number,
        )?;
        Ok(Self {
            name: state.name,
            root,
            issuing,
            revoked: state.revoked,
        })
    }

    /// Replaces `state.toml` of a CA folder.
    pub fn save_state(&self, folder: &Path) -> Result<(), PkiError> {
        files::replace(&folder.join("state.toml"), self.state()?.as_bytes(), Secrecy::Secret)
    }

    /// The root certificate.
    pub fn root_pem(&self) -> &str {
        &self.root.pem
    }

    /// Issues a certificate for a fresh P-256 key.
    pub fn issue(&self, plan: &LeafPlan, rng: &dyn Rng) -> Result<Issued, PkiError> {
        let key = KeyPair::generate().map_err(made)?;
        self.issue_for(plan, &key, rng)
    }

    /// Issues a certificate for the key in `key_pem`: a renewal that keeps the key.
    pub fn issue_for_key(&self, plan: &LeafPlan, key_pem: &str, rng: &dyn Rng) -> Result<Issued, PkiError> {
        let key = KeyPair::from_pem(key_pem).map_err(made)?;
        self.issue_for(plan, &key, rng)
    }

    fn issue_for(&self, plan: &LeafPlan, key: &KeyPair, rng: &dyn Rng) -> Result<Issued, PkiError> {
        if plan.not_after < plan.not_before {
            return Err(PkiError::Validity);
        }
        let serial = serial(rng)?;
        let mut params = CertificateParams::new(plan.hosts.clone()).map_err(made)?;
        for uri in &plan.uris {
            let uri = uri.as_str().try_into().map_err(made)?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        params.distinguished_name = distinguished(plan.uris.first().map_or("workload", |uri| common_name(uri)));
        params.serial_number = Some(SerialNumber::from(serial.to_vec()));
        params.not_before = date(plan.not_before)?;
        params.not_after = date(plan.not_after)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match plan.usage {
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.is_ca = IsCa::ExplicitNoCa;
        if plan.authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        let leaf = params.signed_by(key, &self.issuing.issuer()).map_err(made)?;
        Ok(Issued {
            chain_pem: format!("{}{}", leaf.pem(), self.issuing.pem),
            key_pem: Zeroizing::new(key.serialize_pem()),
            leaf_der: leaf.der().to_vec(),
            serial: serial.to_vec(),
        })
    }

    /// Remembers a serial number as revoked; the next lists carry it. Twice is once.
    pub fn revoke(&mut self, serial: &[u8], now: Time) {
        let serial = hex(serial);
        if !self.revoked.iter().any(|revoked| revoked.serial == serial) {
            self.revoked.push(Revoked {
                serial,
                at_s: now.seconds(),
            });
        }
    }

    /// New lists of both CAs, PEM, with rising numbers: save the state before they are given away.
    pub fn crls_pem(&mut self, now: Time, next_update: Time) -> Result<String, PkiError> {
        let issuing = self.issuing.crl(&self.revoked, now, next_update)?;
        let root = self.root.crl(&[], now, next_update)?;
        Ok(format!("{issuing}{root}"))
    }

    fn state(&self) -> Result<String, PkiError> {
        let state = StateFile {
            name: self.name.clone(),
            root_crl_number: self.root.crl_number,
            issuing_crl_number: self.issuing.crl_number,
            revoked: self.revoked.clone(),
        };
        toml::to_string(&state).map_err(|error| PkiError::Certificate(error.to_string()))
    }
}

impl Ca {
    fn new(subject: String, above: Option<&Ca>, now: Time, life_ms: i64, rng: &dyn Rng) -> Result<Self, PkiError> {
        let key = KeyPair::generate().map_err(made)?;
        let mut params = ca_params(&subject, above.is_none());
        params.serial_number = Some(SerialNumber::from(serial(rng)?.to_vec()));
        params.not_before = date(now.plus_ms(-BACKDATE_MS))?;
        params.not_after = date(now.plus_ms(life_ms))?;
        let certificate = match above {
            None => params.self_signed(&key),
            Some(above) => {
                params.use_authority_key_identifier_extension = true;
                params.signed_by(&key, &above.issuer())
            }
        }
        .map_err(made)?;
        Ok(Self {
            subject,
            key,
            pem: certificate.pem(),
            crl_number: 0,
        })
    }

    fn load(folder: &Path, name: &str, subject: String, crl_number: u64) -> Result<Self, PkiError> {
        let key_path = folder.join(format!("{name}.key"));
        let pem = files::read(&folder.join(format!("{name}.pem")))?;
        let key = KeyPair::from_pem(&files::read(&key_path)?)
            .map_err(|_| PkiError::Damaged(key_path.display().to_string()))?;
        Ok(Self {
            subject,
            key,
            pem: String::clone(&pem),
            crl_number,
        })
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::new(ca_params(&self.subject, false), &self.key)
    }

    fn crl(&mut self, revoked: &[Revoked], now: Time, next_update: Time) -> Result<String, PkiError> {
        self.crl_number += 1;
        let mut revoked_certs = Vec::with_capacity(revoked.len());
        for revoked in revoked {
            let serial = unhex(&revoked.serial).ok_or_else(|| PkiError::Damaged("state.toml".to_owned()))?;
            revoked_certs.push(RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date(Time(revoked.at_s.saturating_mul(1_000)))?,
                reason_code: None,
                invalidity_date: None,
            });
        }
        let params = CertificateRevocationListParams {
            this_update: date(now.plus_ms(-BACKDATE_MS))?,
            next_update: date(next_update)?,
            crl_number: SerialNumber::from(self.crl_number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).and_then(|crl| crl.pem()).map_err(made)
    }
}

fn ca_params(subject: &str, root: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(subject);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Below the root one CA, below that leaves only.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(u8::from(root)));
    params
}

fn root_subject(name: &str) -> String {
    format!("{name} root CA")
}

fn issuing_subject(name: &str) -> String {
    format!("{name} issuing CA")
}

/// The part of a URI that fits into a common name (64 characters).
fn common_name(uri: &str) -> &str {
    uri.strip_prefix("spiffe://").unwrap_or(uri).get(..64).unwrap_or(uri)
}

fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// 16 random bytes, positive and without a leading zero.
fn serial(rng: &dyn Rng) -> Result<[u8; 16], PkiError> {
    let mut serial = [0; 16];
    rng.fill(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial)
}

fn date(at: Time) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| PkiError::Date)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn made(error: rcgen::Error) -> PkiError {
    PkiError::Certificate(error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let even = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !even {
        return None;
    }
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
        .collect()
}
