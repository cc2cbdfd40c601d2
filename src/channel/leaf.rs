//! A newer certificate of the gateway's own, for a gateway that runs.
//!
//! Who may write the files may renew a certificate and do nothing else: what is taken is a leaf of the same SPIFFE identity,
//! issued no earlier than the one in use, whose key is beside it, whose chain leads to a root that is in force, and that
//! no list in force names as revoked. Anything else, a half-written file too, changes nothing.
use super::{
    credential::{Credential, CredentialError},
    trust::{Anchors, Trust, TrustError},
    verifier::unix,
};
use crate::{
    clock::Time,
    identity::{Leaf, Side, SpiffeId},
};
use rustls::{crypto::ring, sign::CertifiedKey};
use rustls_pki_types::CertificateDer;
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

/// Why a certificate does not take the place of the one in use.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// The files.
    #[error(transparent)]
    Files(#[from] CredentialError),
    /// Chain and key do not belong together.
    #[error("key and certificate do not belong together: {0}; write both, then send SIGHUP")]
    Key(rustls::Error),
    /// It cannot be read, or is not one of a server.
    #[error("{0}")]
    Leaf(String),
    /// Another gateway's.
    #[error("it names `{0}`: another identity needs a restart")]
    OtherIdentity(String),
    /// An old one was put back.
    #[error("it was issued before the one in use: put the newest one there")]
    Older,
    /// Its time is over.
    #[error("it has expired: renew it")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet: check this machine's clock")]
    Early,
    /// A list says so.
    #[error("it is revoked: issue another for a new key")]
    Revoked,
    /// No root of the gateway's own domain.
    #[error(
        "its chain leads to no root of the gateway's own domain that is in force: {0}; put its issuing CAs behind it"
    )]
    Chain(String),
}

/// How long a certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its beginning.
    pub not_before: Time,
    /// Its end.
    pub not_after: Time,
}

impl Validity {
    /// What is left of it in whole days, if that is less than a third of it: time to renew.
    pub fn days_left_if_few(&self, now: Time) -> Option<i64> {
        let (whole, left) = (self.not_after.since(self.not_before), self.not_after.since(now));
        (left < whole / 3).then_some(left.max(0) / 86_400_000)
    }
}

impl Credential {
    /// When its leaf is valid.
    pub(super) fn validity(&self) -> Result<Validity, LeafError> {
        let leaf = Leaf::parse(self.leaf(), Side::Server).map_err(|why| LeafError::Leaf(why.to_string()))?;
        Ok(Validity {
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
        })
    }
}

impl Trust {
    /// Whether `fresh` may take the place of `current` at `now`.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_follow(&self, current: &Credential, fresh: &Credential, now: Time) -> Result<Validity, LeafError> {
        CertifiedKey::from_der(fresh.chain(), fresh.key(), &ring::default_provider()).map_err(LeafError::Key)?;
        let (old, new) = (identity(current)?, identity(fresh)?);
        if old != new {
            return Err(LeafError::OtherIdentity(new.to_string()));
        }
        let (was, is) = (current.validity()?, fresh.validity()?);
        // Looked at before the chain, so that the text is the one that helps.
        match now {
            now if is.not_after <= now => return Err(LeafError::Expired),
            now if now < is.not_before => return Err(LeafError::Early),
            _ if is.not_before < was.not_before => return Err(LeafError::Older),
            _ => {}
        }
        let own = self.domains.iter().find(|domain| domain.own);
        let own = own.ok_or_else(|| LeafError::Chain(TrustError::Own.to_string()))?;
        let chain = fresh.chain();
        let (leaf, intermediates) = chain
            .split_first()
            .ok_or(LeafError::Files(CredentialError::NoCertificate))?;
        verify(&own.anchors, leaf, intermediates, now).map_err(|error| match error {
            Error::CertRevoked => LeafError::Revoked,
            error => LeafError::Chain(error.to_string()),
        })?;
        Ok(is)
    }
}

fn identity(credential: &Credential) -> Result<SpiffeId, LeafError> {
    let refuse = |why: crate::identity::IdentityError| LeafError::Leaf(why.to_string());
    let leaf = Leaf::parse(credential.leaf(), Side::Server).map_err(refuse)?;
    leaf.spiffe()
        .map_err(refuse)?
        .ok_or_else(|| refuse(crate::identity::IdentityError::NoUri))
}

fn verify(
    own: &Anchors,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: Time,
) -> Result<(), Error> {
    let anchors = own.roots.iter().map(anchor_from_trusted_cert);
    let anchors = anchors.collect::<Result<Vec<_>, _>>()?;
    let read = |der: &[u8]| OwnedCertRevocationList::from_der(der).map(CertRevocationList::from);
    let lists = own.crls.iter().map(|crl| read(crl.der().as_ref()));
    let lists = lists.collect::<Result<Vec<_>, _>>()?;
    let lists: Vec<_> = lists.iter().collect();
    // A list that has ended, or says nothing of the issuer, is no reason to let the gateway's certificate end too: health
    // says it, and partners judge for themselves.
    let revocation = RevocationOptionsBuilder::new(&lists).map(|options| {
        options
            .with_status_policy(UnknownStatusPolicy::Allow)
            .with_expiration_policy(ExpirationPolicy::Ignore)
            .build()
    });
    EndEntityCert::try_from(leaf)?
        .verify_for_usage(
            ring::default_provider().signature_verification_algorithms.all,
            &anchors,
            intermediates,
            unix(now),
            KeyUsage::server_auth(),
            revocation.ok(),
            None,
        )
        .map(drop)
}
