//! The key list that is served at the moment.
use super::SignedKeyList;
use crate::{clock::Time, wire::v1};
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// The newest signed key list.
#[derive(Default)]
pub struct PublishedKeys(ArcSwapOption<SignedKeyList>);

/// When a published list ends, for health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The list itself.
    pub list: Time,
    /// The gateway-identity key's word for the key that signs lists. No list outlives it.
    pub delegation: Time,
}

impl PublishedKeys {
    /// What partners are given; `None` before the first is signed.
    pub fn current(&self) -> Option<v1::GetKeyListResponse> {
        self.0.load_full().map(|list| list.response.clone())
    }
    /// When what partners are given ends.
    pub fn ends(&self) -> Option<Ends> {
        let list = self.0.load_full()?;
        let end_s = list.response.delegation.as_ref().map_or(0, |d| d.not_after_s);
        Some(Ends {
            list: list.not_after,
            delegation: Time(i64::try_from(end_s).unwrap_or(i64::MAX).saturating_mul(1_000)),
        })
    }
    /// From now on, this one. The caller has recorded its serial.
    pub fn publish(&self, list: SignedKeyList) {
        self.0.store(Some(Arc::new(list)));
    }
}
