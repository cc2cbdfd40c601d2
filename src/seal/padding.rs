//! Padding of replies: the size tells nothing but how many blocks, and one block holds every ordinary answer.
use crate::{crypto::Broken, limits::REPLY_BLOCK_BYTES};

/// The tag of AES-256-GCM.
pub(super) const TAG_BYTES: usize = 16;

/// `plaintext ‖ 0x80 ‖ zeros` to the next multiple of [`REPLY_BLOCK_BYTES`].
pub fn pad(mut plaintext: Vec<u8>) -> Vec<u8> {
    let padded = padded_len(plaintext.len());
    // With room for the tag that sealing appends, so that a reply is not copied once more.
    plaintext.reserve_exact(padded + TAG_BYTES - plaintext.len());
    plaintext.push(0x80);
    plaintext.resize(padded, 0);
    plaintext
}

/// Length of `len` bytes with their padding.
pub(super) fn padded_len(len: usize) -> usize {
    (len + 1).next_multiple_of(REPLY_BLOCK_BYTES)
}

/// Takes the padding off, in place. Runs on authenticated bytes only, so its timing tells an attacker nothing.
pub fn unpad(padded: &mut Vec<u8>) -> Result<(), Broken> {
    if padded.is_empty() || !padded.len().is_multiple_of(REPLY_BLOCK_BYTES) {
        return Err(Broken);
    }
    let mark = padded.iter().rposition(|byte| *byte != 0).ok_or(Broken)?;
    // The mark lies in the last block: one reply has one padding.
    if padded.get(mark) != Some(&0x80) || padded.len() - mark > REPLY_BLOCK_BYTES {
        return Err(Broken);
    }
    padded.truncate(mark);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padding_that_we_never_make_is_refused() {
        let zeros = vec![0; REPLY_BLOCK_BYTES];
        let mut two_blocks = vec![0; 2 * REPLY_BLOCK_BYTES];
        two_blocks[1] = 0x80;
        let mut wrong_mark = zeros.clone();
        wrong_mark[9] = 0x81;
        for mut bad in [vec![], vec![0x80], zeros, two_blocks, wrong_mark] {
            assert_eq!(unpad(&mut bad), Err(Broken));
        }
    }

    proptest! {
        #[test]
        fn unpad_undoes_pad_and_only_blocks_show(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
            let mut padded = pad(bytes.clone());
            prop_assert_eq!(padded.len(), (bytes.len() / REPLY_BLOCK_BYTES + 1) * REPLY_BLOCK_BYTES);
            unpad(&mut padded).unwrap();
            prop_assert_eq!(padded, bytes);
        }

        #[test]
        fn unpad_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let _ = unpad(&mut bytes);
        }
    }
}
