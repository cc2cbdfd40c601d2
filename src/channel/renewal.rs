//! New lists of revoked certificates for a gateway that runs, and nothing else.
//!
//! A list lives for days, so lists must reach a running gateway; whom it trusts is changed by an approved entry only. So
//! the files that the trust file named at the start are read anew, and domains, roots, paths and pins stay what they
//! were, whatever the trust file says by now.
use super::{
    crl::{self, Crl},
    trust::{Anchors, Domain, Trust, TrustError},
};

impl Trust {
    /// The same trust with the lists as their files are now. Refused as a whole when one cannot be read, or one is gone.
    pub fn with_lists_read_anew(&self) -> Result<Self, TrustError> {
        let domains = self.domains.iter().map(|domain| {
            let staff = domain.staff.as_ref().map(|staff| read_anew(&domain.name, staff));
            Ok(Domain {
                name: domain.name.clone(),
                own: domain.own,
                pinned_only: domain.pinned_only,
                allow: domain.allow.clone(),
                anchors: read_anew(&domain.name, &domain.anchors)?,
                staff: staff.transpose()?,
            })
        });
        Ok(Self {
            domains: domains.collect::<Result<_, TrustError>>()?,
            pins: self.pins.clone(),
        })
    }

    /// The CAs whose lists are other bytes in `self` than in `before`.
    pub fn lists_that_differ(&self, before: &Self) -> Vec<String> {
        let old: Vec<_> = before.lists().map(Crl::der).collect();
        let new = self.lists().filter(|list| !old.contains(&list.der()));
        new.map(|list| list.issuer_text.clone()).collect()
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = &Crl> {
        let anchors = self.domains.iter().flat_map(|d| [Some(&d.anchors), d.staff.as_ref()]);
        anchors.flatten().flat_map(|anchors| &anchors.crls)
    }
}

fn read_anew(domain: &str, before: &Anchors) -> Result<Anchors, TrustError> {
    let crls = crl::read_files(domain, &before.crl_files)?;
    let gone = before
        .crls
        .iter()
        .find(|old| !crls.iter().any(|new| new.stands_for(old)));
    if let Some(gone) = gone {
        // Fails closed without it, for everybody below that CA: more likely a file half copied than a wish.
        return Err(TrustError::CrlGone {
            issuer: gone.issuer_text.clone(),
        });
    }
    Ok(Anchors {
        roots: before.roots.clone(),
        crls,
        crl_files: before.crl_files.clone(),
    })
}
