//! Where a page of the case list ended: the deadline and id of its last request. It says nothing that the page did not.
use super::RequestId;
use crate::clock::Time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a page token says.
pub fn place(token: &str) -> Option<(Time, RequestId)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (due, id) = bytes.split_first_chunk::<8>()?;
    Some((Time(i64::from_be_bytes(*due)), RequestId(id.try_into().ok()?)))
}

/// The page token of a place.
pub fn token((due, id): (Time, RequestId)) -> String {
    URL_SAFE_NO_PAD.encode([&due.0.to_be_bytes()[..], &id.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tokens_round_trip_and_hostile_ones_are_refused() {
        let place_of = (Time(-5), RequestId([9; 16]));
        assert_eq!(place(&token(place_of)), Some(place_of));
        for bad in ["", "AAAA", "=", "a".repeat(90).as_str(), &token(place_of)[1..]] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
