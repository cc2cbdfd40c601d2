//! Secret bytes: zeroised on drop, never printed, compared in constant time.
use super::{Broken, Rng, memory::Held};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// `N` secret bytes. No `Debug`, no `Display`, no `PartialEq`.
///
/// ```compile_fail,E0277
/// let s = tollgate::crypto::Secret::from([0u8; 32]);
/// println!("{s:?}");
/// ```
/// ```
/// let s = tollgate::crypto::Secret::from([0u8; 32]);
/// println!("{}", s.expose().len());
/// ```
#[derive(Clone)]
pub struct Secret<const N: usize>(Bytes<N>);

/// Zeroised wherever they are. Clones of held bytes share one place.
#[derive(Clone)]
enum Bytes<const N: usize> {
    Here(Zeroizing<[u8; N]>),
    Held(Arc<Held<Zeroizing<[u8; N]>>>),
}

impl<const N: usize> Secret<N> {
    /// Fresh random bytes.
    pub fn random(rng: &dyn Rng) -> Result<Self, Broken> {
        let mut bytes = Zeroizing::new([0; N]);
        rng.fill(&mut *bytes)?;
        Ok(Self(Bytes::Here(bytes)))
    }

    /// From a slice of exactly `N` bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Broken> {
        let bytes = bytes.try_into().map_err(|_| Broken)?;
        Ok(Self(Bytes::Here(Zeroizing::new(bytes))))
    }

    /// The same bytes on a page of their own, locked in memory, for what lives as long as the process. Clones are not
    /// copies: they share the place.
    pub fn held(self) -> Self {
        let Bytes::Here(bytes) = self.0 else { return self };
        let held = Held::new(Zeroizing::new([0; N])).with(|place| **place = *bytes);
        Self(Bytes::Held(Arc::new(held)))
    }

    /// The bytes, for a cryptographic call. Grep for `expose` to see every use.
    pub fn expose(&self) -> &[u8; N] {
        match &self.0 {
            Bytes::Here(bytes) => bytes,
            Bytes::Held(held) => held,
        }
    }

    /// Constant-time equality.
    pub fn same(&self, other: &[u8]) -> bool {
        self.expose().ct_eq(other).into()
    }
}

impl<const N: usize> From<[u8; N]> for Secret<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(Bytes::Here(Zeroizing::new(bytes)))
    }
}
