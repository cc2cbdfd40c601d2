//! Page tokens: where a search goes on. Bound to the search and to the caller, so that a token says nothing elsewhere.
use crate::{
    crypto::{Label, Secret, ctx, hmac},
    refusal::Code,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// A place within a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Size of the period that takes entries, when the search began: later entries do not move its pages.
    pub(super) size: u64,
    /// The period that is looked at; the others of the search follow it.
    pub(super) period: u32,
    /// Entries of it before this number are still to be looked at.
    pub(super) before: u64,
}

impl Place {
    /// The place as text, for `caller` and `search` only.
    pub(super) fn seal(self, key: &Secret<32>, caller: &str, search: &[u8]) -> String {
        let place = self.bytes();
        let mac = hmac(
            key.expose(),
            &ctx(Label::PageToken, &[caller.as_bytes(), search, &place]),
        );
        URL_SAFE_NO_PAD.encode([&place[..], &mac].concat())
    }

    /// Reads what [`Place::seal`] wrote.
    pub(super) fn open(text: &str, key: &Secret<32>, caller: &str, search: &[u8]) -> Result<Self, Code> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Code::PageTokenInvalid)?;
        let (place, claimed) = bytes.split_first_chunk::<20>().ok_or(Code::PageTokenInvalid)?;
        let mac = hmac(
            key.expose(),
            &ctx(Label::PageToken, &[caller.as_bytes(), search, place]),
        );
        if !bool::from(mac.ct_eq(claimed)) {
            return Err(Code::PageTokenInvalid);
        }
        let wrong = Code::PageTokenInvalid;
        let (size, rest) = place.split_first_chunk().ok_or(wrong)?;
        let (period, before) = rest.split_first_chunk().ok_or(wrong)?;
        Ok(Self {
            size: u64::from_be_bytes(*size),
            period: u32::from_be_bytes(*period),
            before: u64::from_be_bytes(before.try_into().map_err(|_| wrong)?),
        })
    }

    fn bytes(self) -> Vec<u8> {
        let (size, before) = (self.size.to_be_bytes(), self.before.to_be_bytes());
        [&size[..], &self.period.to_be_bytes(), &before].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_search_and_one_caller() {
        let key = Secret::from([7; 32]);
        let place = Place {
            size: 900,
            period: 3,
            before: 20,
        };
        let token = place.seal(&key, "a", b"search");
        assert_eq!(Place::open(&token, &key, "a", b"search"), Ok(place));
        let no = Err(Code::PageTokenInvalid);
        assert_eq!(Place::open(&token, &key, "b", b"search"), no);
        assert_eq!(Place::open(&token, &key, "a", b"other"), no);
        assert_eq!(Place::open(&token, &Secret::from([8; 32]), "a", b"search"), no);
        for broken in ["", "=", "AAAA", &token[1..], &token[..token.len() - 1]] {
            assert_eq!(Place::open(broken, &key, "a", b"search"), no);
        }
    }
}
