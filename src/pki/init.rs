//! A whole development PKI in one folder: one authority per institution, and every key that the parts need.
use super::{
    Authority, LeafPlan, PkiError, Usage,
    files::{self, Secrecy},
    layout,
};
use crate::{
    channel::{DomainFile, TrustFile},
    clock::Time,
    crypto::{Ed25519Signer, Rng, Signer, ed25519_public_pem},
    domain::PartnerId,
    identity::{SpiffeId, check_trust_domain},
    keyring::delegate,
    limits::KEY_LIST_DELEGATION_S,
    seal::frame::Parties,
    wire::Message,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// The people of staff that a development PKI has: id and folder, role, name in the URI. Two of role security: what one shuts
/// out, two let in again.
pub const STAFF: [(&str, &str, &str); 5] = [
    ("compliance", "compliance", "officer"),
    ("security", "security", "officer"),
    ("security-deputy", "security", "deputy"),
    ("operator", "operator", "officer"),
    ("auditor", "auditor", "officer"),
];

/// What to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The gateway's trust domain; its URI is `spiffe://<own_domain>/gateway`.
    pub own_domain: String,
    /// Partner banks, each with a trust domain of its own.
    pub partners: Vec<PartnerPlan>,
    /// The data holder's own systems, in the gateway's domain.
    pub providers: Vec<PartnerId>,
    /// DNS names and IP addresses of the gateway.
    pub hosts: Vec<String>,
}

/// One partner.
#[derive(Debug, Clone)]
pub struct PartnerPlan {
    /// Its id in the register.
    pub id: PartnerId,
    /// Its trust domain.
    pub domain: String,
}

/// What was made. Public parts only.
#[derive(Debug, Clone)]
pub struct Made {
    /// The folder.
    pub dir: PathBuf,
    /// `G`: the gateway's SPIFFE URI.
    pub gateway_uri: String,
    /// The gateway-identity key, to be pinned.
    pub gateway_identity: [u8; 32],
    /// In the plan's order.
    pub partners: Vec<MadePartner>,
    /// In the plan's order.
    pub providers: Vec<MadePartner>,
    /// The people of [`STAFF`]: their URIs.
    pub staff: Vec<String>,
}

/// One registered party: what the register needs to know of it.
#[derive(Debug, Clone)]
pub struct MadePartner {
    /// Its id.
    pub id: PartnerId,
    /// Its SPIFFE URI.
    pub uri: String,
    /// `signing_key_id` of its messages.
    pub signing_key_id: String,
    /// Ed25519.
    pub signing_key: [u8; 32],
    /// Signature over `ctx("register-key", G, P, key_id, pk)`.
    pub possession: [u8; 64],
}

/// Makes the folder `dir` and everything in it. Refused when it exists and is not empty. If it fails half-way, what was
/// written stays: remove the folder and begin again.
pub fn init(dir: &Path, plan: &Plan, now: Time, rng: &dyn Rng) -> Result<Made, PkiError> {
    check(plan)?;
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(PkiError::Exists(dir.display().to_string()));
    }
    let run = Run { dir, plan, now, rng };
    let mut trust = TrustFile::default();
    let own = run.authority(&plan.own_domain)?;
    let gateway_identity = run.gateway(&own)?;
    let providers = plan.providers.iter().map(|id| {
        let place = format!("provider/{id}");
        run.party(&own, id, &plan.own_domain, &place)
    });
    let providers = providers.collect::<Result<Vec<_>, _>>()?;
    let (staff_domain, staff) = run.staff()?;
    let own_domain = run.trust_domain(own, &plan.own_domain, "")?;
    trust.domains.push(DomainFile {
        own: true,
        allow: plan.providers.iter().map(|id| format!("/provider/{id}")).collect(),
        staff_roots: staff_domain.roots,
        staff_crls: staff_domain.crls,
        ..own_domain
    });
    let mut partners = Vec::new();
    for PartnerPlan { id, domain } in &plan.partners {
        let place = format!("partners/{id}");
        let authority = run.authority(domain)?;
        partners.push(run.party(&authority, id, domain, &place)?);
        trust.domains.push(DomainFile {
            allow: vec![format!("/partner/{id}")],
            ..run.trust_domain(authority, domain, "")?
        });
    }
    let text = toml::to_string(&trust).map_err(|error| PkiError::Certificate(error.to_string()))?;
    run.public("trust.toml", &text)?;
    run.public("README.txt", layout::README)?;
    files::sync_tree(dir)?;
    Ok(Made {
        dir: dir.to_owned(),
        gateway_uri: run.gateway_uri(),
        gateway_identity,
        partners,
        providers,
        staff,
    })
}

fn check(plan: &Plan) -> Result<(), PkiError> {
    let domains = plan.partners.iter().map(|partner| partner.domain.as_str());
    let mut seen = HashSet::new();
    for domain in std::iter::once(plan.own_domain.as_str()).chain(domains) {
        check_trust_domain(domain).map_err(|why| PkiError::Name(domain.to_owned(), why.to_string()))?;
        if !seen.insert(domain) {
            return Err(PkiError::Twice(domain.to_owned()));
        }
    }
    let mut ids = HashSet::new();
    for id in plan.partners.iter().map(|partner| &partner.id).chain(&plan.providers) {
        if !ids.insert(id) {
            return Err(PkiError::Twice(id.to_string()));
        }
    }
    Ok(())
}

struct Run<'a> {
    dir: &'a Path,
    plan: &'a Plan,
    now: Time,
    rng: &'a dyn Rng,
}

impl Run<'_> {
    fn gateway_uri(&self) -> String {
        format!("spiffe://{}/gateway", self.plan.own_domain)
    }

    fn public(&self, place: &str, text: &str) -> Result<(), PkiError> {
        files::write_new(&self.dir.join(place), text.as_bytes(), Secrecy::Public)
    }

    fn secret(&self, place: &str, text: &str) -> Result<(), PkiError> {
        files::write_new(&self.dir.join(place), text.as_bytes(), Secrecy::Secret)
    }

    fn authority(&self, name: &str) -> Result<Authority, PkiError> {
        Authority::create(name, self.now, self.rng)
    }

    /// Writes the CA's folder, which remembers the numbers of its first lists, then root and lists for the gateway.
    fn trust_domain(&self, mut authority: Authority, domain: &str, prefix: &str) -> Result<DomainFile, PkiError> {
        let root = format!("trust/{domain}/{prefix}root.pem");
        let crl = format!("trust/{domain}/{prefix}crl.pem");
        let crls = authority.crls_pem(self.now, self.now.plus_ms(layout::CRL_MS))?;
        authority.write_new(&self.dir.join(self.ca_place(domain, prefix)))?;
        self.public(&root, authority.root_pem())?;
        self.public(&crl, &crls)?;
        Ok(DomainFile {
            name: domain.to_owned(),
            roots: vec![root.into()],
            crls: vec![crl.into()],
            ..DomainFile::default()
        })
    }

    fn ca_place(&self, domain: &str, prefix: &str) -> String {
        let partner = self.plan.partners.iter().find(|partner| partner.domain == domain);
        match partner {
            Some(partner) => format!("partners/{}/ca", partner.id),
            None if prefix.is_empty() => "gateway/ca".to_owned(),
            None => "staff/ca".to_owned(),
        }
    }

    fn leaf(&self, authority: &Authority, plan: &LeafPlan, place: &str) -> Result<(), PkiError> {
        let issued = authority.issue(plan, self.rng)?;
        self.public(&format!("{place}/tls.pem"), &issued.chain_pem)?;
        self.secret(&format!("{place}/tls.key"), &issued.key_pem)
    }

    fn signing_key(&self, private: &str, public: Option<&str>) -> Result<Ed25519Signer, PkiError> {
        let signer = Ed25519Signer::generate(self.rng)?;
        self.secret(private, &signer.to_pkcs8_pem())?;
        if let Some(public) = public {
            self.public(public, &ed25519_public_pem(&signer.public_key()))?;
        }
        Ok(signer)
    }

    fn gateway(&self, own: &Authority) -> Result<[u8; 32], PkiError> {
        let mut plan = LeafPlan::new(&self.gateway_uri(), Usage::Server, self.now);
        plan.hosts = self.plan.hosts.clone();
        self.leaf(own, &plan, "gateway")?;
        let identity = self.signing_key("gateway/identity.key", Some("gateway/identity.pub"))?;
        let online = self.signing_key("gateway/keylist-online.key", None)?;
        let delegation = delegate(
            &identity,
            &self.gateway_uri(),
            &online.public_key(),
            self.now,
            KEY_LIST_DELEGATION_S,
        )?;
        let text = format!("{}\n", STANDARD.encode(delegation.encode_to_vec()));
        self.public("gateway/keylist-delegation.b64", &text)?;
        Ok(identity.public_key())
    }

    fn staff(&self) -> Result<(DomainFile, Vec<String>), PkiError> {
        let domain = &self.plan.own_domain;
        let authority = self.authority(&format!("{domain} staff"))?;
        let mut uris = Vec::new();
        for (id, role, name) in STAFF {
            let uri = format!("spiffe://{domain}/{role}/{name}");
            let place = format!("staff/{id}");
            self.leaf(&authority, &LeafPlan::new(&uri, Usage::Client, self.now), &place)?;
            self.signing_key(&format!("{place}/signing.key"), Some(&format!("{place}/signing.pub")))?;
            uris.push(uri);
        }
        Ok((self.trust_domain(authority, domain, "staff-")?, uris))
    }

    fn party(&self, authority: &Authority, id: &PartnerId, domain: &str, place: &str) -> Result<MadePartner, PkiError> {
        let role = if place.starts_with("provider/") {
            "provider"
        } else {
            "partner"
        };
        let uri = format!("spiffe://{domain}/{role}/{id}");
        SpiffeId::parse(&uri).map_err(|why| PkiError::Name(uri.clone(), why.to_string()))?;
        self.leaf(authority, &LeafPlan::new(&uri, Usage::Client, self.now), place)?;
        let (private, public) = (format!("{place}/signing.key"), format!("{place}/signing.pub"));
        let signer = self.signing_key(&private, Some(&public))?;
        let signing_key_id = format!("{id}-1");
        let key = signer.public_key();
        let parties = Parties {
            gateway: &self.gateway_uri(),
            partner: id.as_str(),
        };
        let possession = signer.sign(&parties.register_key(&signing_key_id, &key))?;
        let made = MadePartner {
            id: id.clone(),
            uri,
            signing_key_id,
            signing_key: key,
            possession,
        };
        self.public(&format!("{place}/registration.toml"), &registration(&made, role))?;
        Ok(made)
    }
}

/// What a partner sends to the gateway's operator: its lines of the register.
fn registration(made: &MadePartner, role: &str) -> String {
    format!(
        "[[members]]\nid = \"{}\"\nrole = \"{role}\"\nuri = \"{}\"\nsuites = [\"x-wing\", \"x25519\"]\n\n\
         [[members.signing_keys]]\nid = \"{}\"\nalgorithm = \"ed25519\"\npublic_key = \"{}\"\nproof = \"{}\"\n",
        made.id,
        made.uri,
        made.signing_key_id,
        STANDARD.encode(made.signing_key),
        STANDARD.encode(made.possession),
    )
}
