//! Secret bytes: zeroised on drop, never printed, compared in constant time.
use super::{Broken, Rng};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

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
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Fresh random bytes.
    pub fn random(rng: &dyn Rng) -> Result<Self, Broken> {
        let mut bytes = [0; N];
        rng.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From a slice of exactly `N` bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Broken> {
        bytes.try_into().map(Self).map_err(|_| Broken)
    }

    /// The bytes, for a cryptographic call. Grep for `expose` to see every use.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Constant-time equality.
    pub fn same(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl<const N: usize> From<[u8; N]> for Secret<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}
