//! The key list that is served at the moment.
use crate::wire::v1;
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// The newest signed key list.
#[derive(Default)]
pub struct PublishedKeys(ArcSwapOption<v1::GetKeyListResponse>);

impl PublishedKeys {
    /// What partners are given; `None` before the first is signed.
    pub fn current(&self) -> Option<v1::GetKeyListResponse> {
        self.0.load_full().map(|list| (*list).clone())
    }
    /// From now on, this one. The caller has recorded its serial.
    pub fn publish(&self, list: v1::GetKeyListResponse) {
        self.0.store(Some(Arc::new(list)));
    }
}
