//! How often a peer may call, counted before anything costly. Refused calls become counted entries, never one each.
use crate::limits::{ENCAPSULATIONS_PER_PARTNER_PER_S_MAX, READS_PER_PARTNER_PER_S_MAX};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

/// Kinds of calls that are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Costly {
    /// Each costs a key encapsulation: session openings and one-shot requests.
    Encapsulation,
    /// Each costs an entry and gives nothing about a person.
    Read,
}

/// Rates per peer. Keys are identities of verified certificates, so the tables are as large as the trust domains allow.
pub struct Edge {
    encapsulations: DefaultKeyedRateLimiter<String>,
    reads: DefaultKeyedRateLimiter<String>,
}

impl Default for Edge {
    fn default() -> Self {
        let per_second = |n: u32| Quota::per_second(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self {
            encapsulations: RateLimiter::keyed(per_second(ENCAPSULATIONS_PER_PARTNER_PER_S_MAX)),
            reads: RateLimiter::keyed(per_second(READS_PER_PARTNER_PER_S_MAX)),
        }
    }
}

impl Edge {
    /// Whether this peer may make such a call now.
    pub fn allows(&self, uri: &str, what: Costly) -> bool {
        let table = match what {
            Costly::Encapsulation => &self.encapsulations,
            Costly::Read => &self.reads,
        };
        table.check_key(&uri.to_owned()).is_ok()
    }

    /// Forgets peers that have been quiet. Called once a minute.
    pub fn sweep(&self) {
        self.encapsulations.retain_recent();
        self.reads.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_peer_is_slowed_and_another_is_not() {
        let edge = Edge::default();
        let allowed = (0..10_000).filter(|_| edge.allows("a", Costly::Read)).count();
        assert!(allowed < 1_000, "{allowed}");
        assert!(edge.allows("b", Costly::Read));
        assert!(edge.allows("a", Costly::Encapsulation));
    }
}
