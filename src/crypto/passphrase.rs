//! From a passphrase to a key: Argon2id (RFC 9106), whose costs are recorded beside what the key opens.
use super::{Broken, Secret};
use crate::limits::{
    PASSPHRASE_BYTES_MAX, STRETCH_LANES, STRETCH_LANES_MAX, STRETCH_MEMORY_KIB, STRETCH_MEMORY_KIB_MAX, STRETCH_PASSES,
    STRETCH_PASSES_MAX,
};
use argon2::{Algorithm, Argon2, Params, Version};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

use super::memory::Held;

/// What a person typed, or a file held. Locked in memory; shows nothing of itself.
#[derive(Clone)]
pub struct Passphrase(Arc<Held<Text>>);

struct Text {
    bytes: Zeroizing<[u8; PASSPHRASE_BYTES_MAX]>,
    len: usize,
}

impl Passphrase {
    /// From one line: what ends it is not part of it. `None` if nothing is left, or if it is too long.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.len() > PASSPHRASE_BYTES_MAX {
            return None;
        }
        let empty = Text {
            bytes: Zeroizing::new([0; PASSPHRASE_BYTES_MAX]),
            len: line.len(),
        };
        let held = Held::new(empty).with(|text| text.bytes.iter_mut().zip(line).for_each(|(to, from)| *to = *from));
        Some(Self(Arc::new(held)))
    }

    /// The bytes, for a cryptographic call.
    pub fn expose(&self) -> &[u8] {
        self.0.bytes.get(..self.0.len).unwrap_or_default()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(not shown)")
    }
}

/// What guessing costs: recorded, so that it can be raised for new keyrings and the old ones still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Stretch {
    /// Of new keyrings.
    pub const NOW: Self = Self {
        memory_kib: STRETCH_MEMORY_KIB,
        passes: STRETCH_PASSES,
        lanes: STRETCH_LANES,
    };

    /// The key of this passphrase under this salt.
    ///
    /// # Errors
    /// Costs beyond the limits: whoever can write the file must not be able to make a start take all memory.
    pub fn key(self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<Secret<32>, Broken> {
        let within = self.memory_kib <= STRETCH_MEMORY_KIB_MAX
            && self.passes <= STRETCH_PASSES_MAX
            && self.lanes <= STRETCH_LANES_MAX;
        if !within {
            return Err(Broken);
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| Broken)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose(), salt, &mut *key)
            .map_err(|_| Broken)?;
        Secret::from_slice(&*key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the reference implementation: `printf … | argon2 0123456789abcdef -id -t 3 -k 64 -p 4 -l 32 -r`.
    #[test]
    fn a_key_is_that_of_the_reference_implementation() {
        let passphrase = Passphrase::from_line(b"correct horse battery staple\r\n").unwrap();
        let stretch = Stretch {
            memory_kib: 64,
            passes: 3,
            lanes: 4,
        };
        let key = stretch.key(&passphrase, b"0123456789abcdef").unwrap();
        let hex: String = key.expose().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "e745a52cc4d2eb64e6d1ba135fa823f7f4f083d26a2c23a49f79d41617c2a47b");
        assert!(!format!("{passphrase:?}").contains("horse"));
    }

    #[test]
    fn costs_beyond_the_limits_and_empty_lines_are_refused() {
        let passphrase = Passphrase::from_line(b"x").unwrap();
        for (memory_kib, passes, lanes) in [(u32::MAX, 1, 1), (64, u32::MAX, 1), (64, 1, 1 << 20), (0, 0, 0)] {
            let stretch = Stretch {
                memory_kib,
                passes,
                lanes,
            };
            assert!(stretch.key(&passphrase, &[0; 16]).is_err(), "{stretch:?}");
        }
        assert!(Passphrase::from_line(b"\n").is_none());
        assert!(Passphrase::from_line(&[b'a'; PASSPHRASE_BYTES_MAX + 1]).is_none());
    }
}
