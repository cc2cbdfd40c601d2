//! Lists of revoked certificates (RFC 5280, section 5) and the memory that keeps them from going back.
//!
//! webpki checks signature, issuer and expiry of a list when it verifies a chain. It keeps no CRL numbers: without a
//! memory, an old list put back in place would un-revoke a certificate for as long as that list is valid. The memory
//! learns from lists whose signature is verified here and from no others: see `issuers`.
use super::{
    issuers::Issuers,
    trust::{TrustError, at_most, read},
};
use crate::{
    clock::Time,
    crypto::sha256,
    limits::{CRL_BYTES_MAX, CRL_NUMBERS_MAX, CRLS_PER_DOMAIN_MAX},
    state::{Effect, State, StateError, Table},
};
use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject};
use std::{collections::HashMap, path::PathBuf};
use x509_parser::{
    prelude::{CertificateRevocationList, FromDer},
    revocation_list::TbsCertList,
};

/// Longest CRL number that RFC 5280 allows, in bytes.
const NUMBER_BYTES_MAX: usize = 20;
/// `id-ce-issuingDistributionPoint`.
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
/// Rows read from the store at a time.
const PAGE: usize = 1_024;

/// The highest CRL number seen of each CA.
#[derive(Default)]
pub struct CrlMemory(HashMap<Vec<u8>, Vec<u8>>);

impl CrlMemory {
    /// What entries of the log have written.
    pub fn load(state: &dyn State) -> Result<Self, StateError> {
        let mut memory = Self::default();
        let mut after: Option<Vec<u8>> = None;
        while memory.0.len() < CRL_NUMBERS_MAX {
            let rows = state.rows(Table::CrlNumber, &[], after.as_deref(), PAGE)?;
            let Some((last, _)) = rows.last() else {
                return Ok(memory);
            };
            after = Some(last.clone());
            memory.0.extend(rows);
        }
        Err(StateError(format!("more than {CRL_NUMBERS_MAX} CRL numbers")))
    }

    /// Takes over what an entry has recorded.
    pub fn apply(&mut self, effects: &[Effect]) {
        for effect in effects.iter().filter(|effect| effect.table == Table::CrlNumber) {
            match &effect.value {
                Some(number) => self.0.insert(effect.key.clone(), number.clone()),
                None => self.0.remove(&effect.key),
            };
        }
    }

    fn is_ahead_of(&self, crl: &Crl) -> bool {
        self.0.get(&crl.row).is_some_and(|seen| rank(seen) > rank(&crl.number))
    }
    fn is_behind(&self, crl: &Crl) -> bool {
        self.0.get(&crl.row).is_none_or(|seen| rank(seen) < rank(&crl.number))
    }
}

/// Numbers without leading zeros are ordered by length, then by bytes.
fn rank(number: &[u8]) -> (usize, &[u8]) {
    (number.len(), number)
}

/// One list, read.
pub(super) struct Crl {
    der: CertificateRevocationListDer<'static>,
    /// DER of the CA's name.
    pub(super) issuer: Vec<u8>,
    /// The CA's name as text, for messages.
    pub(super) issuer_text: String,
    /// The list is current until here.
    pub(super) next_update: Time,
    number: Vec<u8>,
    /// Key of the row that remembers the number.
    row: Vec<u8>,
}

impl Crl {
    /// Reads a list that stands for a CA of the trust domain `domain`.
    fn read(domain: &str, der: CertificateRevocationListDer<'static>) -> Result<Self, &'static str> {
        let (rest, list) = CertificateRevocationList::from_der(&der).map_err(|_| "it is not a CRL in PEM or DER")?;
        if !rest.is_empty() {
            return Err("it has bytes after the CRL");
        }
        let number = list
            .crl_number()
            .ok_or("it has no CRL number (RFC 5280, 5.2.3)")?
            .to_bytes_be();
        if number.len() > NUMBER_BYTES_MAX {
            return Err("its CRL number is longer than 20 bytes");
        }
        let next_update = list.next_update().ok_or("it has no `nextUpdate`")?.timestamp();
        let issuer = list.issuer().as_raw().to_vec();
        Ok(Self {
            row: row(domain, &issuer, &list.tbs_cert_list),
            issuer_text: list.issuer().to_string(),
            next_update: Time(next_update.saturating_mul(1000)),
            number: number.into_iter().skip_while(|byte| *byte == 0).collect(),
            issuer,
            der: der.clone(),
        })
    }

    /// Whether it takes the place of `other`: the same CA, and the same part of its list.
    pub(super) fn stands_for(&self, other: &Crl) -> bool {
        self.row == other.row
    }

    /// Its number in hexadecimal.
    pub(super) fn number_text(&self) -> String {
        self.number.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn der(&self) -> CertificateRevocationListDer<'static> {
        self.der.clone()
    }
}

/// A CA may cut its list into parts, each with its distribution point and its own numbers.
fn row(domain: &str, issuer: &[u8], list: &TbsCertList<'_>) -> Vec<u8> {
    let part = list
        .extensions()
        .iter()
        .find(|extension| extension.oid.to_id_string() == ISSUING_DISTRIBUTION_POINT)
        .map(|extension| extension.value)
        .unwrap_or_default();
    let mut row = domain.as_bytes().to_vec();
    row.push(0);
    row.extend_from_slice(&sha256(issuer));
    row.extend_from_slice(&sha256(part));
    row
}

/// All lists in one file: PEM, one or more, or a single one in DER.
fn read_all(domain: &str, file: &str, bytes: &[u8]) -> Result<Vec<Crl>, TrustError> {
    let refuse = |why: &'static str| TrustError::Crl {
        file: file.to_owned(),
        why,
    };
    let pem = bytes.windows(10).any(|window| window == b"-----BEGIN");
    let ders: Vec<CertificateRevocationListDer<'static>> = if pem {
        CertificateRevocationListDer::pem_slice_iter(bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| refuse("its PEM is broken"))?
    } else {
        vec![bytes.to_vec().into()]
    };
    if ders.is_empty() {
        return Err(refuse("it has no section `X509 CRL`"));
    }
    ders.into_iter()
        .map(|der| Crl::read(domain, der).map_err(refuse))
        .collect()
}

/// The lists of one set of roots, in their files.
pub(super) fn read_files(domain: &str, files: &[PathBuf]) -> Result<Vec<Crl>, TrustError> {
    let mut crls = Vec::new();
    for path in files {
        let bytes = read(path, CRL_BYTES_MAX)?;
        crls.extend(read_all(domain, &path.display().to_string(), &bytes)?);
    }
    at_most(domain, "CRLs", crls.len(), CRLS_PER_DOMAIN_MAX)?;
    if crls.is_empty() {
        return Err(TrustError::NoCrl(domain.to_owned()));
    }
    check_distinct(domain, &crls)?;
    Ok(crls)
}

/// Refuses two lists of one CA: webpki takes the first that fits, and the first may be the older.
fn check_distinct(domain: &str, crls: &[Crl]) -> Result<(), TrustError> {
    let mut rows: Vec<&[u8]> = crls.iter().map(|crl| crl.row.as_slice()).collect();
    rows.sort_unstable();
    let doubled = rows.windows(2).any(|pair| pair.first() == pair.last());
    if doubled {
        return Err(TrustError::CrlTwice {
            domain: domain.to_owned(),
        });
    }
    Ok(())
}

/// Refuses a list older than one seen before, and one that its CA has not signed; otherwise what the memory has to
/// learn. Nothing is learned from a list whose CA's certificate is not known yet.
pub(super) fn advance(crls: &[Crl], memory: &CrlMemory, issuers: &Issuers) -> Result<Vec<Effect>, TrustError> {
    let mut effects = Vec::new();
    for crl in crls {
        let issuer = || crl.issuer_text.clone();
        match issuers.signed(&crl.issuer, &crl.der) {
            Some(false) => return Err(TrustError::CrlForged { issuer: issuer() }),
            _ if memory.is_ahead_of(crl) => return Err(TrustError::CrlWentBack { issuer: issuer() }),
            Some(true) if memory.is_behind(crl) => {
                effects.push(Effect::put(Table::CrlNumber, crl.row.clone(), crl.number.clone()));
            }
            _ => {}
        }
    }
    Ok(effects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        assert!(rank(&[2]) > rank(&[1]));
        assert!(rank(&[1, 0]) > rank(&[255]));
        assert!(rank(&[]) < rank(&[1]));
    }

    proptest! {
        #[test]
        fn hostile_lists_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(read_all("a.example", "f", &bytes).is_err());
        }
    }
}
