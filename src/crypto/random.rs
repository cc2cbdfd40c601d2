//! Randomness is passed in, so that tests can repeat a run from its seed.
use super::{Broken, sha256_parts};
use ring::rand::SecureRandom;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random bytes.
pub trait Rng: Send + Sync {
    /// Fills `out`, or fails without a usable byte.
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken>;
}

/// The operating system's generator.
pub struct SystemRng(ring::rand::SystemRandom);

impl Default for SystemRng {
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Rng for SystemRng {
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken> {
        self.0.fill(out).map_err(|_| Broken)
    }
}

/// Repeatable bytes for tests and vectors: SHA-256 of seed and counter. Never for keys that protect anything.
pub struct SeededRng {
    seed: u64,
    counter: AtomicU64,
}

impl SeededRng {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Rng for SeededRng {
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken> {
        for chunk in out.chunks_mut(32) {
            let n = self.counter.fetch_add(1, Ordering::Relaxed);
            let block = sha256_parts(&[&self.seed.to_be_bytes(), &n.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
        Ok(())
    }
}
