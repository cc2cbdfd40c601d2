//! Commitments: a leaf says that details exist without saying what they are.
//!
//! A plain hash of a request could be searched (there are about 10^11 identities). Each commitment is an HMAC under a
//! fresh random key: who gets the key can check what he is shown, everybody else learns nothing.
use crate::{
    crypto::{Label, Secret, ctx, hmac},
    wire::{Message, v1},
};

/// `HMAC-SHA256(k_x, ctx("x-detail", PartnerDetail))`: what the partner may prove.
pub fn x_commit(key: &Secret<32>, detail: &v1::PartnerDetail) -> [u8; 32] {
    commit(key, Label::XDetail, &detail.encode_to_vec())
}

/// `HMAC-SHA256(k_i, ctx("i-detail", InstitutionDetail))`: what only the institution may know, until it opens it.
#[cfg(feature = "gateway")]
pub fn i_commit(key: &Secret<32>, detail: &crate::wire::store::v1::InstitutionDetail) -> [u8; 32] {
    commit(key, Label::IDetail, &detail.encode_to_vec())
}

/// A commitment to the serialised details of one side.
pub(super) fn commit(key: &Secret<32>, label: Label, detail: &[u8]) -> [u8; 32] {
    hmac(key.expose(), &ctx(label, &[detail]))
}

#[cfg(feature = "gateway")]
pub use opening::{Details, open_details};

#[cfg(feature = "gateway")]
mod opening {
    use super::commit;
    use crate::{
        crypto::{Broken, Label, Secret, ctx, open_boxed, sha256},
        wire::{self, Message, store, v1},
    };
    use zeroize::{Zeroize, Zeroizing};

    /// What an entry's commitments stand for.
    pub struct Details {
        /// What the partner may prove.
        pub x: v1::PartnerDetail,
        /// What only the institution may know.
        pub i: store::v1::InstitutionDetail,
        /// Opens `x_commit`.
        pub x_key: Secret<32>,
        /// Opens `i_commit`.
        pub i_key: Secret<32>,
    }

    /// Where details are sealed to: the log, and the two commitments of their leaf.
    pub(in crate::audit) fn place(origin: &str, x_commit: &[u8], i_commit: &[u8]) -> Vec<u8> {
        ctx(Label::AuditDetails, &[origin.as_bytes(), x_commit, i_commit])
    }

    /// Opens an entry's details and checks both commitments of its leaf. `origin` is the log's name.
    pub fn open_details(key: &Secret<32>, origin: &str, leaf: &[u8], details: &[u8]) -> Result<Details, Broken> {
        let leaf: v1::Leaf = wire::decode_canonical(leaf).map_err(|_| Broken)?;
        let at = place(origin, &leaf.x_commit, &leaf.i_commit);
        let plain = Zeroizing::new(open_boxed(key.expose(), &at, details)?);
        let mut read = store::v1::Details::decode(plain.as_slice()).map_err(|_| Broken)?;
        let keys = (Secret::from_slice(&read.x_key), Secret::from_slice(&read.i_key));
        read.x_key.zeroize();
        read.i_key.zeroize();
        let (x_key, i_key) = (keys.0?, keys.1?);
        let x_holds = commit(&x_key, Label::XDetail, &read.x)[..] == leaf.x_commit[..];
        let i_holds = commit(&i_key, Label::IDetail, &read.i)[..] == leaf.i_commit[..];
        if !x_holds || !i_holds {
            return Err(Broken);
        }
        Ok(Details {
            x: wire::decode_canonical(&read.x).map_err(|_| Broken)?,
            i: wire::decode_canonical(&read.i).map_err(|_| Broken)?,
            x_key,
            i_key,
        })
    }

    /// SHA-256 of effects as they stand in an entry; empty where there are none.
    pub(in crate::audit) fn effects_sha256(effects: &[u8]) -> Vec<u8> {
        if effects.is_empty() {
            Vec::new()
        } else {
            sha256(effects).to_vec()
        }
    }
}
#[cfg(feature = "gateway")]
pub(super) use opening::{effects_sha256, place};
