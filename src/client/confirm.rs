//! Confirming a consent: what was read is what is signed.
use super::{Client, ClientError, Verified, call::SealedMethod, connection::of_consent};
use crate::{
    crypto::sha256,
    wire::{Message, v1},
};

/// `ConfirmConsent.terms_sha256` of these terms.
pub fn terms_sha256(terms: &v1::ConsentTerms) -> [u8; 32] {
    sha256(&terms.encode_to_vec())
}

impl Client {
    /// Confirms a consent with the terms that `shown` has, as [`Client::consent`] gave it, and no others. Role provider.
    pub async fn confirm(
        &self,
        subject: Option<v1::Subject>,
        shown: &v1::ConsentState,
    ) -> Result<Verified<v1::ConsentState>, ClientError> {
        let terms = shown.terms.clone().unwrap_or_default();
        let make = |header| v1::ConfirmConsent {
            header: Some(header),
            subject,
            consent_id: shown.consent_id.clone(),
            terms_sha256: terms_sha256(&terms).to_vec(),
        };
        let about = of_consent(&shown.consent_id);
        self.ask(SealedMethod::Confirm, about, None, make).await
    }
}
