//! Whom the gateway believes about whom: per trust domain its roots, its lists of revoked certificates, and the paths
//! that it may name.
//!
//! webpki cannot constrain URI names, so with one set of roots for all a partner's CA could mint a security officer.
//! A configuration that would let one institution speak for another is refused here, before a port is bound.
use super::{
    credential::certificates,
    crl::{self, Crl, CrlMemory},
    issuers::{Issuers, SeenIssuers},
};
use crate::{
    clock::Time,
    crypto::sha256,
    document,
    identity::{SpiffeError, SpiffeId, check_trust_domain},
    limits::{
        CONFIG_BYTES_MAX, CRLS_PER_DOMAIN_MAX, DOMAINS_MAX, PATHS_PER_DOMAIN_MAX, PINS_MAX, ROOTS_PER_DOMAIN_MAX,
    },
    state::Effect,
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// `trust.toml`. Paths of files are relative to its folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    /// One per institution; exactly one is the gateway's own.
    pub domains: Vec<DomainFile>,
    /// Certificates without a SPIFFE URI.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<PinFile>,
}

/// One trust domain.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainFile {
    /// The trust domain.
    pub name: String,
    /// Root certificates, PEM.
    pub roots: Vec<PathBuf>,
    /// Lists of revoked certificates of *every* CA of the domain, root and issuing, PEM or DER.
    pub crls: Vec<PathBuf>,
    /// The gateway's own domain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// What its certificates may name on the partner listener: exactly one `/partner/<id>`; in the own domain
    /// `/provider/<id>`, or nothing.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Own domain only: the roots of staff, known to the staff listener alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staff_roots: Vec<PathBuf>,
    /// Own domain only: lists of revoked certificates of the staff's CAs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staff_crls: Vec<PathBuf>,
    /// Certificates of this domain are admitted by a pin only, never by a URI in them: for a commercial CA, which two
    /// domains may share.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned_only: bool,
}

/// Binds an issuer and a key to a partner, for a certificate without a SPIFFE URI.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinFile {
    /// SHA-256 of the issuer's name in DER, 64 hex digits.
    pub issuer_sha256: String,
    /// SHA-256 of the subject public key info in DER, 64 hex digits.
    pub key_sha256: String,
    /// Who it is: a URI of a domain above, with the path that the domain allows.
    pub uri: String,
}

/// Why a trust file is not accepted. Each text names the place and the mend.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    /// Over the bound.
    #[error("`{0}` is larger than {1} bytes")]
    TooLarge(String, u64),
    /// Not TOML of this shape.
    #[error("`{0}` is not a trust file: {1}")]
    Toml(String, String),
    /// More than the bound of a list.
    #[error("`{place}` lists more than {max} {what}")]
    TooMany {
        /// Where.
        place: String,
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// Not a trust domain.
    #[error("`{0}` is not accepted as a trust domain: {1}")]
    Domain(String, SpiffeError),
    /// Named twice.
    #[error("the trust domain `{0}` is listed twice: merge the two")]
    DomainTwice(String),
    /// Not exactly one own domain.
    #[error("exactly one domain must have `own = true`: the gateway's own")]
    Own,
    /// No roots.
    #[error("the trust domain `{0}` has no roots: add its root certificates to `roots`")]
    NoRoots(String),
    /// A root that is none.
    #[error("`{0}` has no usable root certificate in PEM: {1}")]
    Root(String, String),
    /// Two institutions under one root.
    #[error(
        "a root of `{0}` is also a root of `{1}`: each could then speak for the other; give each its own root, or set \
         `pinned_only = true` in both and pin issuer and key"
    )]
    RootShared(String, String),
    /// Without a list rustls checks nothing.
    #[error(
        "the trust domain `{0}` has no list of revoked certificates: add the CRLs of its root and its issuing CAs to \
         `crls` (an empty one is fine)"
    )]
    NoCrl(String),
    /// A list that is none.
    #[error("`{file}` is not accepted as a list of revoked certificates: {why}")]
    Crl {
        /// The file.
        file: String,
        /// Why.
        why: &'static str,
    },
    /// Two lists of one CA.
    #[error("the trust domain `{domain}` has two lists of revoked certificates of one CA: keep the newer only")]
    CrlTwice {
        /// The trust domain.
        domain: String,
    },
    /// An older list than one seen before.
    #[error(
        "the list of revoked certificates of `{issuer}` is older than one that was used before: fetch the newest one"
    )]
    CrlWentBack {
        /// The CA.
        issuer: String,
    },
    /// A list that its CA has not signed.
    #[error(
        "the list of revoked certificates of `{issuer}` is not signed by it: fetch it anew, and find out who put it there"
    )]
    CrlForged {
        /// The CA.
        issuer: String,
    },
    /// A list that was in use and is in no file any more.
    #[error("the list of revoked certificates of `{issuer}` is gone from its file: put the newest one back")]
    CrlGone {
        /// The CA.
        issuer: String,
    },
    /// Paths that a domain may not have.
    #[error("the trust domain `{0}` must allow {1}")]
    Paths(String, &'static str),
    /// Keys of the own domain in another's entry.
    #[error(
        "the trust domain `{0}` is not the gateway's own and must not have staff: remove `staff_roots`, `staff_crls`"
    )]
    ForeignStaff(String),
    /// A pin that binds nothing.
    #[error("the pin of `{0}` is not accepted: {1}")]
    Pin(String, &'static str),
    /// The gateway's certificate cannot be used.
    #[error("the gateway's certificate is not accepted: {0}")]
    Server(String),
}

/// A trust file with all that it names, checked.
pub struct Trust {
    pub(super) domains: Vec<Domain>,
    pub(super) pins: Vec<Pin>,
}

/// One trust domain, read.
pub(super) struct Domain {
    pub(super) name: String,
    pub(super) own: bool,
    pub(super) pinned_only: bool,
    pub(super) allow: HashSet<String>,
    pub(super) anchors: Anchors,
    pub(super) staff: Option<Anchors>,
}

/// Roots and lists that belong together.
pub(super) struct Anchors {
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) crls: Vec<Crl>,
    /// Where the lists are, to be read again.
    pub(super) crl_files: Vec<PathBuf>,
}

/// A pin, read.
#[derive(Clone)]
pub(super) struct Pin {
    pub(super) issuer_sha256: [u8; 32],
    pub(super) key_sha256: [u8; 32],
    pub(super) id: SpiffeId,
}

impl Pin {
    fn binds_what(&self, other: &Pin) -> bool {
        (self.issuer_sha256, self.key_sha256) == (other.issuer_sha256, other.key_sha256)
    }
}

impl Trust {
    /// Reads `trust.toml` and every file that it names.
    pub fn load(path: &Path) -> Result<Self, TrustError> {
        let bytes = read(path, CONFIG_BYTES_MAX)?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|_| TrustError::Toml(name.clone(), "not UTF-8".to_owned()))?;
        let file: TrustFile = document::read(&text).map_err(|error| TrustError::Toml(name, error.to_string()))?;
        Self::build(&file, path.parent().unwrap_or(Path::new("")))
    }

    /// Checks a trust file whose paths are relative to `folder`.
    pub fn build(file: &TrustFile, folder: &Path) -> Result<Self, TrustError> {
        at_most("trust file", "domains", file.domains.len(), DOMAINS_MAX)?;
        at_most("trust file", "pins", file.pins.len(), PINS_MAX)?;
        if file.domains.iter().filter(|domain| domain.own).count() != 1 {
            return Err(TrustError::Own);
        }
        let mut names = HashSet::new();
        for domain in &file.domains {
            if !names.insert(domain.name.as_str()) {
                return Err(TrustError::DomainTwice(domain.name.clone()));
            }
        }
        let domains: Vec<Domain> = file
            .domains
            .iter()
            .map(|d| read_domain(d, folder))
            .collect::<Result<_, _>>()?;
        check_roots_apart(&domains)?;
        let mut pins: Vec<Pin> = Vec::new();
        for pin in &file.pins {
            let read = read_pin(pin, &domains)?;
            if pins.iter().any(|other| other.binds_what(&read)) {
                return Err(TrustError::Pin(
                    pin.uri.clone(),
                    "another pin has the same issuer and key: one certificate is one partner's; remove one of the two",
                ));
            }
            pins.push(read);
        }
        Ok(Self { domains, pins })
    }

    /// Whether certificates of `domain` may name `path` on the partner listener.
    pub fn allows(&self, domain: &str, path: &str) -> bool {
        let named = self.domains.iter().find(|d| d.name == domain);
        named.is_some_and(|d| d.allow.contains(path))
    }

    /// What `memory` has to learn from these lists: to be recorded, then applied. Refused when a list went back, or is
    /// not signed by its CA. `seen`: how certificates of issuing CAs are known.
    pub fn crl_effects(&self, memory: &CrlMemory, seen: &SeenIssuers) -> Result<Vec<Effect>, TrustError> {
        let mut effects = Vec::new();
        for anchors in self
            .domains
            .iter()
            .flat_map(|d| [Some(&d.anchors), d.staff.as_ref()])
            .flatten()
        {
            let issuers = Issuers::of(&anchors.roots, &seen.certificates);
            effects.extend(crl::advance(&anchors.crls, memory, &issuers)?);
        }
        Ok(effects)
    }
}

impl Anchors {
    /// What is not as it should be, or will not be: the text, and until when it still holds.
    pub(super) fn watches(&self, domain: &str) -> Vec<(Time, String)> {
        let expiring = self.crls.iter().map(|crl| {
            let text = format!(
                "the list of revoked certificates of `{}` in `{domain}` has expired, so its certificates are refused: \
                 fetch a new one",
                crl.issuer_text
            );
            (crl.next_update, text)
        });
        let bare = self.roots.iter().filter_map(|root| {
            let (_, root) = X509Certificate::from_der(root).ok()?;
            let covered = self.crls.iter().any(|crl| crl.issuer == root.subject().as_raw());
            let text = format!(
                "the root `{}` in `{domain}` has no list of revoked certificates, so its certificates are refused: add one",
                root.subject()
            );
            (!covered).then_some((Time(i64::MIN), text))
        });
        expiring.chain(bare).collect()
    }
}

fn read_domain(file: &DomainFile, folder: &Path) -> Result<Domain, TrustError> {
    check_trust_domain(&file.name).map_err(|why| TrustError::Domain(file.name.clone(), why))?;
    at_most(&file.name, "paths", file.allow.len(), PATHS_PER_DOMAIN_MAX)?;
    check_paths(file)?;
    let has_staff = !file.staff_roots.is_empty() || !file.staff_crls.is_empty();
    if has_staff && !file.own {
        return Err(TrustError::ForeignStaff(file.name.clone()));
    }
    let staff = has_staff
        .then(|| read_anchors(&file.name, &file.staff_roots, &file.staff_crls, folder))
        .transpose()?;
    Ok(Domain {
        name: file.name.clone(),
        own: file.own,
        pinned_only: file.pinned_only,
        allow: file.allow.iter().cloned().collect(),
        anchors: read_anchors(&file.name, &file.roots, &file.crls, folder)?,
        staff,
    })
}

fn check_paths(file: &DomainFile) -> Result<(), TrustError> {
    let under = |role: &str, path: &str| {
        let whole = SpiffeId::parse(&format!("spiffe://{}{path}", file.name)).is_ok();
        let id = path.strip_prefix(role).is_some_and(|id| !id.contains('/'));
        whole && id
    };
    let refuse = |what| Err(TrustError::Paths(file.name.clone(), what));
    match (file.own, file.allow.as_slice()) {
        (false, [path]) if under("/partner/", path) => Ok(()),
        (false, _) => refuse("exactly one path, `/partner/<id>`"),
        (true, paths) if paths.iter().all(|path| under("/provider/", path)) => Ok(()),
        (true, _) => refuse("nothing but `/provider/<id>`: staff are admitted by `staff_roots`"),
    }
}

fn read_anchors(domain: &str, roots: &[PathBuf], crls: &[PathBuf], folder: &Path) -> Result<Anchors, TrustError> {
    at_most(domain, "root files", roots.len(), ROOTS_PER_DOMAIN_MAX)?;
    at_most(domain, "CRL files", crls.len(), CRLS_PER_DOMAIN_MAX)?;
    let mut anchors = Anchors {
        roots: Vec::new(),
        crls: Vec::new(),
        crl_files: crls.iter().map(|path| folder.join(path)).collect(),
    };
    for path in roots {
        let name = path.display().to_string();
        let pem = read(&folder.join(path), CONFIG_BYTES_MAX)?;
        let found = certificates(&pem)
            .ok_or_else(|| TrustError::Root(name, "no section `CERTIFICATE`, or a broken one".to_owned()))?;
        anchors.roots.extend(found);
    }
    at_most(domain, "roots", anchors.roots.len(), ROOTS_PER_DOMAIN_MAX)?;
    if anchors.roots.is_empty() {
        return Err(TrustError::NoRoots(domain.to_owned()));
    }
    anchors.crls = crl::read_files(domain, &anchors.crl_files)?;
    Ok(anchors)
}

/// One root, one institution; and staff's roots are nobody else's, not even the gateway's own.
fn check_roots_apart(domains: &[Domain]) -> Result<(), TrustError> {
    let mut owners: HashMap<[u8; 32], (String, bool)> = HashMap::new();
    for domain in domains {
        let staff_name = format!("{} (staff)", domain.name);
        let staff = domain.staff.iter().map(|anchors| (&staff_name, anchors));
        for (name, anchors) in std::iter::once((&domain.name, &domain.anchors)).chain(staff) {
            for root in &anchors.roots {
                let (_, read) = X509Certificate::from_der(root)
                    .map_err(|error| TrustError::Root(name.clone(), error.to_string()))?;
                let owner = (name.clone(), domain.pinned_only);
                match owners.insert(sha256(read.public_key().raw), owner) {
                    Some((other, pinned)) if other != *name && !(pinned && domain.pinned_only) => {
                        return Err(TrustError::RootShared(name.clone(), other));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn read_pin(file: &PinFile, domains: &[Domain]) -> Result<Pin, TrustError> {
    let refuse = |why| TrustError::Pin(file.uri.clone(), why);
    let id = SpiffeId::parse(&file.uri).map_err(|_| refuse("`uri` is not a SPIFFE identity"))?;
    let domain = domains
        .iter()
        .find(|domain| domain.name == id.trust_domain())
        .ok_or_else(|| refuse("its trust domain is not listed in `domains`"))?;
    if !domain.allow.contains(id.path()) {
        return Err(refuse("its path is not among those that its domain allows"));
    }
    let digest = |hex: &str| hex32(hex).ok_or_else(|| refuse("a digest is not 64 hex digits"));
    Ok(Pin {
        issuer_sha256: digest(&file.issuer_sha256)?,
        key_sha256: digest(&file.key_sha256)?,
        id,
    })
}

fn hex32(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(out)
}

pub(super) fn at_most(place: &str, what: &'static str, count: usize, max: usize) -> Result<(), TrustError> {
    if count > max {
        return Err(TrustError::TooMany {
            place: place.to_owned(),
            what,
            max,
        });
    }
    Ok(())
}

pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, TrustError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| TrustError::Unreadable(name.clone(), error))?;
    let mut bytes = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| TrustError::Unreadable(name.clone(), error))?;
    if bytes.len() as u64 > max {
        return Err(TrustError::TooLarge(name, max));
    }
    Ok(bytes)
}
