//! Ed25519 (RFC 8032) and ECDSA P-256 (FIPS 186-5) signatures.
use super::{Broken, Rng, Secret, memory::Held};
use ring::signature::{self, KeyPair};

/// Signs with a key that may live elsewhere (PKCS#11).
pub trait Signer: Send + Sync {
    /// Ed25519 signature, 64 bytes.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Broken>;
    /// Ed25519 public key.
    fn public_key(&self) -> [u8; 32];
}

/// An Ed25519 key in memory.
pub struct Ed25519Signer {
    seed: Secret<32>,
    pair: Held<signature::Ed25519KeyPair>,
}

impl Ed25519Signer {
    /// A fresh key.
    pub fn generate(rng: &dyn Rng) -> Result<Self, Broken> {
        Self::from_seed(Secret::random(rng)?)
    }

    /// From the 32-byte seed of RFC 8032.
    pub fn from_seed(seed: Secret<32>) -> Result<Self, Broken> {
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Broken)?;
        Ok(Self {
            seed: seed.held(),
            pair: Held::new(pair),
        })
    }

    /// The seed, to be wrapped and stored.
    pub fn seed(&self) -> &Secret<32> {
        &self.seed
    }
}

impl Signer for Ed25519Signer {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Broken> {
        self.pair.sign(message).as_ref().try_into().map_err(|_| Broken)
    }
    fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        out
    }
}

/// A public key that signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VerifyKey {
    /// 32 bytes.
    Ed25519([u8; 32]),
    /// SEC 1 uncompressed point, 65 bytes.
    P256(Vec<u8>),
}

/// The eight points of small order on edwards25519 in their canonical encodings, sign bit cleared, without duplicates.
/// ring verifies *every* message under the identity point, so these are refused when a key is registered.
const SMALL_ORDER: [[u8; 32]; 5] = [
    hex32("0100000000000000000000000000000000000000000000000000000000000000"),
    hex32("0000000000000000000000000000000000000000000000000000000000000000"),
    hex32("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex32("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex32("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
];

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time: an index out of range does not build"
)]
#[expect(clippy::panic, reason = "evaluated at compile time")]
const fn hex32(text: &str) -> [u8; 32] {
    const fn digit(c: u8) -> u8 {
        match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            _ => panic!("not a hex digit"),
        }
    }
    let bytes = text.as_bytes();
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = digit(bytes[2 * i]) * 16 + digit(bytes[2 * i + 1]);
        i += 1;
    }
    out
}

impl VerifyKey {
    /// An Ed25519 key, refused when it is of small order or not canonically encoded (y ≥ 2^255 − 19).
    pub fn ed25519(bytes: &[u8]) -> Result<Self, Broken> {
        let key: [u8; 32] = bytes.try_into().map_err(|_| Broken)?;
        let mut y = key;
        if let Some(last) = y.last_mut() {
            *last &= 0x7f;
        }
        // p = 2^255 - 19, little endian: ed ff .. ff 7f.
        let (low, rest) = y.split_first().ok_or(Broken)?;
        let (high, middle) = rest.split_last().ok_or(Broken)?;
        let not_canonical = *low >= 0xed && *high == 0x7f && middle.iter().all(|b| *b == 0xff);
        if not_canonical || SMALL_ORDER.contains(&y) {
            return Err(Broken);
        }
        Ok(Self::Ed25519(key))
    }

    /// An uncompressed P-256 point. ring checks that it is on the curve when a signature is verified.
    pub fn p256(bytes: &[u8]) -> Result<Self, Broken> {
        if bytes.len() == 65 && bytes.first() == Some(&4) {
            Ok(Self::P256(bytes.to_vec()))
        } else {
            Err(Broken)
        }
    }

    /// The encoded key.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(b) => b,
            Self::P256(b) => b,
        }
    }

    /// Checks a signature over `message`: 64 bytes for Ed25519, DER for P-256.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Broken> {
        let algorithm: &'static dyn signature::VerificationAlgorithm = match self {
            Self::Ed25519(_) => &signature::ED25519,
            Self::P256(_) => &signature::ECDSA_P256_SHA256_ASN1,
        };
        signature::UnparsedPublicKey::new(algorithm, self.bytes())
            .verify(message, signature)
            .map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        for mut point in SMALL_ORDER {
            assert_eq!(VerifyKey::ed25519(&point), Err(Broken));
            point[31] |= 0x80;
            assert_eq!(VerifyKey::ed25519(&point), Err(Broken));
        }
        let mut p_plus_3 = [0xff; 32];
        (p_plus_3[0], p_plus_3[31]) = (0xf0, 0x7f);
        assert_eq!(VerifyKey::ed25519(&p_plus_3), Err(Broken));
    }

    #[test]
    fn signs_and_verifies() {
        let signer = Ed25519Signer::from_seed(Secret::from([9; 32])).unwrap();
        let key = VerifyKey::ed25519(&signer.public_key()).unwrap();
        let signature = signer.sign(b"m").unwrap();
        assert_eq!(key.verify(b"m", &signature), Ok(()));
        assert_eq!(key.verify(b"n", &signature), Err(Broken));
        assert_eq!(key.verify(b"m", &signature[..63]), Err(Broken));
    }
}
