//! The register of members: one line per certificate identity, with the keys its messages verify under.
//!
//! A key counts only with a proof that its owner holds the private half: without it, a partner could register another
//! partner's public key and claim that partner's signed messages.
use super::{
    member::{AuditScope, Member, Role, SigningKey},
    text::{FileError, parse},
};
use crate::{
    clock::Time,
    crypto::{Suite, VerifyKey, sha256},
    domain::{OfficerId, PartnerId},
    limits::{ID_BYTES_MAX, KEYS_PER_MEMBER_MAX, MEMBER_URI_BYTES_MAX, MEMBERS_MAX},
    seal::frame::Parties,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Everybody who may call.
pub struct Register {
    by_uri: HashMap<String, Arc<Member>>,
    sha256: [u8; 32],
}

impl Register {
    /// Reads `register.toml`. `gateway` is this gateway's SPIFFE URI: possession of each key was proven to it.
    ///
    /// # Errors
    /// An unknown key, a URI, id or public key used twice, a weak key, a proof that does not verify.
    pub fn load(text: &str, gateway: &str) -> Result<Self, FileError> {
        let file: File = parse(FILE, text)?;
        if file.members.len() > MEMBERS_MAX {
            let mend = format!("more than {MEMBERS_MAX} members: split them over gateways");
            return Err(FileError::new(FILE, "members", mend));
        }
        let mut by_uri = HashMap::new();
        let mut ids = HashSet::new();
        let mut public_keys = HashSet::new();
        for (index, line) in file.members.into_iter().enumerate() {
            let place = format!("members[{index}]");
            let member = member(&place, line, gateway, &mut public_keys)?;
            if !ids.insert(member.id.clone()) {
                let mend = format!("`{}` is used by another member: give each its own", member.id);
                return Err(FileError::new(FILE, format!("{place}.id"), mend));
            }
            if by_uri.contains_key(&member.uri) {
                let mend = format!(
                    "`{}` is used by another member: one certificate identity, one member",
                    member.uri
                );
                return Err(FileError::new(FILE, format!("{place}.uri"), mend));
            }
            by_uri.insert(member.uri.clone(), Arc::new(member));
        }
        Ok(Self {
            by_uri,
            sha256: sha256(text.as_bytes()),
        })
    }

    /// The member with this certificate identity.
    pub fn by_uri(&self, uri: &str) -> Option<&Arc<Member>> {
        self.by_uri.get(uri)
    }
    /// The member of this name.
    pub fn by_id(&self, id: &PartnerId) -> Option<&Arc<Member>> {
        self.by_uri.values().find(|m| m.id == *id)
    }
    /// All members, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.by_uri.values()
    }
    /// SHA-256 of the file: part of the snapshot's hash.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

/// What a key's owner signs to register it.
pub fn possession(gateway: &str, member: &str, key_id: &str, public_key: &[u8]) -> Vec<u8> {
    let parties = Parties {
        gateway,
        partner: member,
    };
    parties.register_key(key_id, public_key)
}

const FILE: &str = "register.toml";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    members: Vec<Line>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: PartnerId,
    role: Role,
    uri: String,
    #[serde(default)]
    suites: Vec<String>,
    #[serde(default)]
    suspended: bool,
    person: Option<OfficerId>,
    #[serde(default)]
    signing_keys: Vec<KeyLine>,
    audit: Option<AuditLine>,
}

/// Dates as RFC 3339 time stamps.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditLine {
    #[serde(default)]
    partners: Vec<PartnerId>,
    from: jiff::Timestamp,
    until: jiff::Timestamp,
    expires: jiff::Timestamp,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    id: String,
    algorithm: Algorithm,
    public_key: String,
    proof: String,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Algorithm {
    Ed25519,
    P256,
}

fn member(place: &str, line: Line, gateway: &str, public_keys: &mut HashSet<Vec<u8>>) -> Result<Member, FileError> {
    check_uri(&line).map_err(|mend| FileError::new(FILE, format!("{place}.uri"), mend))?;
    let suites = suites(&line.suites).map_err(|mend| FileError::new(FILE, format!("{place}.suites"), mend))?;
    let seals = matches!(line.role, Role::Partner | Role::Provider);
    if seals && (suites.is_empty() || line.signing_keys.is_empty()) {
        let mend = "a partner or provider needs at least one of `suites` and one of `signing_keys`";
        return Err(FileError::new(FILE, place, mend));
    }
    check_person(&line).map_err(|mend| FileError::new(FILE, format!("{place}.person"), mend))?;
    let audit = audit_scope(&line).map_err(|mend| FileError::new(FILE, format!("{place}.audit"), mend))?;
    if line.signing_keys.len() > KEYS_PER_MEMBER_MAX {
        let mend = format!("more than {KEYS_PER_MEMBER_MAX} keys: remove those that are not used");
        return Err(FileError::new(FILE, format!("{place}.signing_keys"), mend));
    }
    let mut signing_keys: Vec<SigningKey> = Vec::new();
    for (index, key_line) in line.signing_keys.iter().enumerate() {
        let key = signing_key(key_line, &line.id, gateway)
            .and_then(|key| match signing_keys.iter().any(|k| k.id == key.id) {
                true => Err("`id` is used by another key of this member: give each its own".to_owned()),
                false => Ok(key),
            })
            .and_then(|key| match public_keys.insert(key.key.bytes().to_vec()) {
                true => Ok(key),
                false => Err("`public_key` is registered already: make a new key pair".to_owned()),
            })
            .map_err(|mend| FileError::new(FILE, format!("{place}.signing_keys[{index}]"), mend))?;
        signing_keys.push(key);
    }
    Ok(Member {
        id: line.id,
        role: line.role,
        uri: line.uri,
        signing_keys,
        suites,
        suspended: line.suspended,
        person: line.person,
        audit,
    })
}

/// Whoever may propose or approve is a person, or two lines of one person would be two people.
fn check_person(line: &Line) -> Result<(), &'static str> {
    match (line.role, &line.person) {
        (Role::Security | Role::Operator, None) => {
            Err("name the person, such as `person = \"li\"`: the same one in each of their lines, whatever the role")
        }
        (Role::Partner | Role::Provider | Role::Auditor, Some(_)) => {
            Err("only `compliance`, `security` and `operator` are people of this institution")
        }
        _ => Ok(()),
    }
}

/// An auditor reads within bounds or not at all.
fn audit_scope(line: &Line) -> Result<Option<AuditScope>, String> {
    let time = |t: jiff::Timestamp| Time(t.as_millisecond());
    match (line.role, &line.audit) {
        (Role::Auditor, Some(audit)) if audit.from >= audit.until => Err("`from` must lie before `until`".to_owned()),
        (Role::Auditor, Some(audit)) => Ok(Some(AuditScope {
            partners: audit.partners.clone(),
            from: time(audit.from),
            until: time(audit.until),
            expires: time(audit.expires),
        })),
        (Role::Auditor, None) => {
            Err("an auditor needs `from`, `until` and `expires`, and may have `partners`".to_owned())
        }
        (_, Some(_)) => Err("only the role `auditor` has a scope".to_owned()),
        (_, None) => Ok(None),
    }
}

/// The full grammar is `identity`'s; here the path must say the role, so that a line cannot lend a partner's certificate
/// the rights of staff.
fn check_uri(line: &Line) -> Result<(), String> {
    if line.uri.len() > MEMBER_URI_BYTES_MAX {
        return Err(format!("a member's URI has at most {MEMBER_URI_BYTES_MAX} bytes"));
    }
    let role = line.role.name();
    let path = line
        .uri
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .filter(|(domain, _)| !domain.is_empty() && *domain == domain.to_ascii_lowercase())
        .map(|(_, path)| path);
    match path
        .and_then(|p| p.strip_prefix(role))
        .and_then(|p| p.strip_prefix('/'))
    {
        Some(name) if !name.is_empty() && !name.contains(['/', '%', '?', '#', ' ']) => Ok(()),
        _ => Err(format!(
            "write `spiffe://<trust domain>/{role}/<name>` for the role `{role}`"
        )),
    }
}

fn suites(names: &[String]) -> Result<Vec<Suite>, String> {
    let mut out = Vec::new();
    for name in names {
        let suite = [Suite::XWing, Suite::X25519].into_iter().find(|s| s.name() == name);
        match suite {
            Some(suite) if !out.contains(&suite) => out.push(suite),
            Some(_) => return Err(format!("`{name}` is named twice")),
            None => return Err(format!("`{name}` is no suite: use `x-wing` or `x25519`")),
        }
    }
    Ok(out)
}

fn signing_key(line: &KeyLine, member: &PartnerId, gateway: &str) -> Result<SigningKey, String> {
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if line.id.is_empty() || line.id.len() > ID_BYTES_MAX || !line.id.bytes().all(ok) {
        return Err("`id` has 1 to 64 characters of A-Z, a-z, 0-9, `-`, `_` or `.`".to_owned());
    }
    let bytes = STANDARD
        .decode(&line.public_key)
        .map_err(|_| "`public_key` is not base64 with padding (RFC 4648 section 4)".to_owned())?;
    let proof = STANDARD
        .decode(&line.proof)
        .map_err(|_| "`proof` is not base64 with padding (RFC 4648 section 4)".to_owned())?;
    let key = match line.algorithm {
        Algorithm::Ed25519 => VerifyKey::ed25519(&bytes),
        Algorithm::P256 => VerifyKey::p256(&bytes),
    }
    .map_err(|_| "`public_key` is weak or not well formed: ed25519 has 32 bytes, p256 an uncompressed point of 65")?;
    key.verify(&possession(gateway, member.as_str(), &line.id, &bytes), &proof)
        .map_err(|_| "`proof` does not verify: sign ctx(\"register-key\", gateway, member, key id, public key)")?;
    Ok(SigningKey {
        id: line.id.clone(),
        key,
    })
}

#[cfg(test)]
mod tests;
