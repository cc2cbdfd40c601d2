//! HPKE (RFC 9180), base mode only, two suites. The mode never comes from the wire.
use super::{Broken, Rng, Secret};
use hpke::{
    Deserializable, Kem as KemTrait, OpModeR, OpModeS, Serializable,
    aead::AesGcm256,
    kdf::HkdfSha256,
    kem::{X25519HkdfSha256, XWing},
    rand_core::{TryCryptoRng, TryRng},
    single_shot_open, single_shot_seal_with_rng,
};
use std::convert::Infallible;
use zeroize::Zeroize;

/// The suites that Tollgate speaks, each with HKDF-SHA256 and AES-256-GCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// DHKEM(X25519, HKDF-SHA256), KEM 0x0020.
    X25519,
    /// X-Wing (ML-KEM-768 with X25519), KEM 0x647a: the default.
    XWing,
}

impl Suite {
    /// (kem, kdf, aead) as registered for RFC 9180.
    pub fn ids(self) -> (u16, u16, u16) {
        match self {
            Suite::X25519 => (0x0020, 1, 2),
            Suite::XWing => (0x647a, 1, 2),
        }
    }

    /// The suite with these identifiers, or `None`: checked before any decapsulation.
    pub fn from_ids(kem: u32, kdf: u32, aead: u32) -> Option<Self> {
        match (kem, kdf, aead) {
            (0x0020, 1, 2) => Some(Suite::X25519),
            (0x647a, 1, 2) => Some(Suite::XWing),
            _ => None,
        }
    }

    /// `S` of `docs/protocol.md`: be16(kem) ‖ be16(kdf) ‖ be16(aead).
    pub fn bytes(self) -> [u8; 6] {
        let (kem, kdf, aead) = self.ids();
        let ([a, b], [c, d], [e, f]) = (kem.to_be_bytes(), kdf.to_be_bytes(), aead.to_be_bytes());
        [a, b, c, d, e, f]
    }

    /// The name used in configuration and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Suite::X25519 => "x25519",
            Suite::XWing => "x-wing",
        }
    }

    /// Single-shot seal to `public_key` with empty AAD: `(enc, ciphertext)`.
    pub fn seal(
        self,
        rng: &dyn Rng,
        public_key: &[u8],
        info: &[u8],
        plaintext: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        match self {
            Suite::X25519 => seal::<X25519HkdfSha256>(rng, public_key, info, plaintext),
            Suite::XWing => seal::<XWing>(rng, public_key, info, plaintext),
        }
    }
}

/// A key pair of one suite.
pub struct KemKeyPair {
    suite: Suite,
    secret: Secret<32>,
    public: Vec<u8>,
}

impl KemKeyPair {
    /// A fresh pair.
    pub fn generate(suite: Suite, rng: &dyn Rng) -> Result<Self, Broken> {
        let ikm = Secret::<32>::random(rng)?;
        match suite {
            Suite::X25519 => pair::<X25519HkdfSha256>(suite, ikm.expose()),
            Suite::XWing => pair::<XWing>(suite, ikm.expose()),
        }
    }

    /// From the private key of [`KemKeyPair::secret`].
    pub fn from_secret(suite: Suite, secret: &[u8]) -> Result<Self, Broken> {
        let public = match suite {
            Suite::X25519 => public_of::<X25519HkdfSha256>(secret)?,
            Suite::XWing => public_of::<XWing>(secret)?,
        };
        Ok(Self {
            suite,
            secret: Secret::from_slice(secret)?.held(),
            public,
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The public key: 32 bytes for X25519, 1,216 for X-Wing.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The private key, 32 bytes in both suites.
    pub fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// Single-shot open with empty AAD.
    pub fn open(&self, enc: &[u8], info: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Broken> {
        match self.suite {
            Suite::X25519 => open::<X25519HkdfSha256>(self.secret.expose(), enc, info, ciphertext),
            Suite::XWing => open::<XWing>(self.secret.expose(), enc, info, ciphertext),
        }
    }
}

fn pair<K: KemTrait>(suite: Suite, ikm: &[u8]) -> Result<KemKeyPair, Broken> {
    let (private, public) = K::derive_keypair(ikm);
    let mut bytes = private.to_bytes();
    let secret = Secret::from_slice(&bytes);
    bytes.zeroize();
    Ok(KemKeyPair {
        suite,
        secret: secret?.held(),
        public: public.to_bytes().to_vec(),
    })
}

fn public_of<K: KemTrait>(secret: &[u8]) -> Result<Vec<u8>, Broken> {
    let private = K::PrivateKey::from_bytes(secret).map_err(|_| Broken)?;
    Ok(K::sk_to_pk(&private).to_bytes().to_vec())
}

fn seal<K: KemTrait>(
    rng: &dyn Rng,
    public_key: &[u8],
    info: &[u8],
    plaintext: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Broken> {
    let public = K::PublicKey::from_bytes(public_key).map_err(|_| Broken)?;
    let mut source = Source { rng, failed: false };
    let (enc, ciphertext) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, K>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        &[],
        &mut source,
    )
    .map_err(|_| Broken)?;
    if source.failed {
        return Err(Broken);
    }
    Ok((enc.to_bytes().to_vec(), ciphertext))
}

fn open<K: KemTrait>(secret: &[u8], enc: &[u8], info: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Broken> {
    let private = K::PrivateKey::from_bytes(secret).map_err(|_| Broken)?;
    let enc = K::EncappedKey::from_bytes(enc).map_err(|_| Broken)?;
    single_shot_open::<AesGcm256, HkdfSha256, K>(&OpModeR::Base, &private, &enc, info, ciphertext, &[])
        .map_err(|_| Broken)
}

/// Our generator in the shape hpke asks for. That shape cannot fail, so a failure is kept and checked after the call.
struct Source<'a> {
    rng: &'a dyn Rng,
    failed: bool,
}

impl TryRng for Source<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut b = [0; 4];
        self.try_fill_bytes(&mut b)?;
        Ok(u32::from_le_bytes(b))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut b = [0; 8];
        self.try_fill_bytes(&mut b)?;
        Ok(u64::from_le_bytes(b))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.rng.fill(out).is_err();
        Ok(())
    }
}
impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRng;

    #[test]
    fn both_suites_round_trip_and_bind_info() {
        let rng = SystemRng::default();
        for (suite, public_bytes) in [(Suite::X25519, 32), (Suite::XWing, 1216)] {
            let keys = KemKeyPair::generate(suite, &rng).unwrap();
            assert_eq!(keys.public().len(), public_bytes);
            let again = KemKeyPair::from_secret(suite, keys.secret().expose()).unwrap();
            assert_eq!(again.public(), keys.public());
            let (enc, ciphertext) = suite.seal(&rng, keys.public(), b"info", b"hello").unwrap();
            assert_eq!(again.open(&enc, b"info", &ciphertext).unwrap(), b"hello");
            assert_eq!(again.open(&enc, b"other", &ciphertext), Err(Broken));
            assert_eq!(again.open(&enc[1..], b"info", &ciphertext), Err(Broken));
        }
    }
}
