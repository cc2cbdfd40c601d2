//! Ed25519 keys as files: PKCS#8 version 1 (RFC 8410, what `openssl genpkey -algorithm ed25519` writes) and public keys
//! as SubjectPublicKeyInfo. Exactly these encodings are read; every other is refused.
use super::{Broken, Ed25519Signer, Secret, VerifyKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::{Zeroize, Zeroizing};

/// `SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (32 bytes) } }`, up to the seed.
const PRIVATE_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// `SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (32 bytes) }`, up to the key.
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Both encodings with their lines are under 150 bytes; a file may have some text around them.
const PEM_BYTES_MAX: usize = 4_096;

impl Ed25519Signer {
    /// From a `PRIVATE KEY` section in PEM.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, Broken> {
        let mut der = decode(pem, "PRIVATE KEY")?;
        let seed = der
            .strip_prefix(&PRIVATE_PREFIX)
            .ok_or(Broken)
            .and_then(Secret::from_slice);
        der.zeroize();
        Self::from_seed(seed?)
    }

    /// As a `PRIVATE KEY` section in PEM. Zeroised on drop.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new(Vec::with_capacity(PRIVATE_PREFIX.len() + 32));
        der.extend_from_slice(&PRIVATE_PREFIX);
        der.extend_from_slice(self.seed().expose());
        encode(&der, "PRIVATE KEY")
    }
}

impl VerifyKey {
    /// An Ed25519 key from a `PUBLIC KEY` section in PEM; weak keys are refused.
    pub fn from_spki_pem(pem: &str) -> Result<Self, Broken> {
        let der = decode(pem, "PUBLIC KEY")?;
        Self::ed25519(der.strip_prefix(&PUBLIC_PREFIX).ok_or(Broken)?)
    }
}

/// An Ed25519 public key as a `PUBLIC KEY` section in PEM.
pub fn ed25519_public_pem(key: &[u8; 32]) -> String {
    let der = [&PUBLIC_PREFIX[..], key].concat();
    String::clone(&encode(&der, "PUBLIC KEY"))
}

fn encode(der: &[u8], name: &str) -> Zeroizing<String> {
    // At most 48 bytes: one line of 64 characters.
    let body = Zeroizing::new(STANDARD.encode(der));
    Zeroizing::new(format!(
        "-----BEGIN {name}-----\n{}\n-----END {name}-----\n",
        body.as_str()
    ))
}

fn decode(pem: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(Broken);
    }
    let (_, rest) = pem.split_once(&format!("-----BEGIN {name}-----")).ok_or(Broken)?;
    let (body, after) = rest.split_once(&format!("-----END {name}-----")).ok_or(Broken)?;
    if after.contains("-----BEGIN") {
        return Err(Broken);
    }
    let mut compact = Zeroizing::new(String::with_capacity(body.len()));
    compact.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD
        .decode(compact.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Signer;

    /// The published vectors of RFC 8410, sections 10.3 and 10.1: nobody's keys. The private one has its frame put round
    /// it in the test, so that who looks for keys in the tree finds none.
    const PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn the_keys_of_rfc_8410_are_read_and_written() {
        let label = "PRIVATE KEY";
        let private = format!("-----BEGIN {label}-----\n{PRIVATE}\n-----END {label}-----\n");
        let signer = Ed25519Signer::from_pkcs8_pem(&private).unwrap();
        assert_eq!(*signer.to_pkcs8_pem(), private);
        assert_eq!(ed25519_public_pem(&signer.public_key()), PUBLIC);
        assert_eq!(
            VerifyKey::from_spki_pem(PUBLIC),
            VerifyKey::ed25519(&signer.public_key())
        );
    }

    #[test]
    fn other_encodings_are_refused() {
        let longer = PRIVATE.replace("MC4C", "MC8C");
        let twice = format!("{PRIVATE}{PRIVATE}");
        for pem in [
            "",
            "MC4CAQ",
            PUBLIC,
            &longer,
            &twice,
            &PRIVATE[..60],
            &"a".repeat(5_000),
        ] {
            assert!(Ed25519Signer::from_pkcs8_pem(pem).is_err(), "{pem}");
        }
        assert!(VerifyKey::from_spki_pem(PRIVATE).is_err());
    }
}
