//! The generated protobuf messages and the rule of canonical bytes. The door to prost.
//!
//! Nothing here decides anything. `tests/wire.rs` holds the generated code to the `.proto` files.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated"
)]
pub mod v1 {
    include!("gen/tollgate.v1.rs");
}
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated"
)]
pub mod store {
    pub mod v1 {
        include!("gen/tollgate.store.v1.rs");
    }
}

/// The file descriptor set, for gRPC reflection.
pub const DESCRIPTOR: &[u8] = include_bytes!("gen/descriptor.binpb");

pub use prost::{Message, encode_length_delimiter};
pub use prost_types::Timestamp;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not protobuf, or not of this shape.
    #[error("malformed message")]
    Malformed,
    /// Decoding and encoding again gives other bytes: an unknown field, a default written out, fields out of order.
    #[error("message is not in canonical form")]
    NotCanonical,
}

/// Decodes a message whose bytes were signed or hashed: exactly one encoding is accepted.
/// prost drops unknown fields and keeps the last of duplicates, so what was signed could differ from what is read.
pub fn decode_canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, WireError> {
    let message = M::decode(bytes).map_err(|_| WireError::Malformed)?;
    if message.encoded_len() == bytes.len() && message.encode_to_vec() == bytes {
        Ok(message)
    } else {
        Err(WireError::NotCanonical)
    }
}

/// Milliseconds since 1970 as a protobuf timestamp.
pub fn timestamp(ms: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: (ms.rem_euclid(1000) * 1_000_000) as i32,
    }
}

/// A protobuf timestamp as milliseconds since 1970; `None` if absent or out of range.
pub fn millis(t: Option<&prost_types::Timestamp>) -> Option<i64> {
    let t = t?;
    if !(0..1_000_000_000).contains(&t.nanos) {
        return None;
    }
    t.seconds.checked_mul(1000)?.checked_add(i64::from(t.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_encoding_is_accepted() {
        let query = v1::ProveConsistencyRequest {
            from_size: 3,
            to_size: 9,
        };
        let bytes = query.encode_to_vec();
        assert_eq!(decode_canonical::<v1::ProveConsistencyRequest>(&bytes), Ok(query));
        for surplus in [&[0x98, 0x06, 0x01][..], &[0x08, 0x03][..]] {
            let longer = [&bytes[..], surplus].concat();
            assert_eq!(
                decode_canonical::<v1::ProveConsistencyRequest>(&longer),
                Err(WireError::NotCanonical)
            );
        }
        let over_long = [0x08, 0x83, 0x00, 0x10, 0x09];
        assert_eq!(
            decode_canonical::<v1::ProveConsistencyRequest>(&over_long),
            Err(WireError::NotCanonical)
        );
    }
}
