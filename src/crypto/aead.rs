//! AES-256-GCM (NIST SP 800-38D), and boxes for storage.
use super::{Broken, Rng, hkdf};
use ring::aead;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const SALT: usize = 16;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
/// What [`seal_boxed`] adds: salt, commitment, tag.
pub const BOX_OVERHEAD_BYTES: usize = SALT + COMMITMENT + TAG;

fn key(bytes: &[u8; 32]) -> Result<aead::LessSafeKey, Broken> {
    Ok(aead::LessSafeKey::new(
        aead::UnboundKey::new(&aead::AES_256_GCM, bytes).map_err(|_| Broken)?,
    ))
}

/// Encrypts; the 16-byte tag is appended. The caller owns the rule that (key, nonce) never repeats.
pub fn seal(key_bytes: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plaintext: Vec<u8>) -> Result<Vec<u8>, Broken> {
    let mut buffer = with_room_for_tag(plaintext);
    key(key_bytes)?
        .seal_in_place_append_tag(
            aead::Nonce::assume_unique_for_key(*nonce),
            aead::Aad::from(aad),
            &mut buffer,
        )
        .map_err(|_| Broken)?;
    Ok(buffer)
}

/// Growing a vector in place may move it and leave the plaintext behind in freed memory.
fn with_room_for_tag(mut plaintext: Vec<u8>) -> Vec<u8> {
    if plaintext.capacity() - plaintext.len() >= TAG {
        return plaintext;
    }
    let mut roomy = Vec::with_capacity(plaintext.len() + TAG);
    roomy.extend_from_slice(&plaintext);
    plaintext.zeroize();
    roomy
}

/// Decrypts and checks. The caller wipes what is secret.
pub fn open(key_bytes: &[u8; 32], nonce: &[u8; 12], aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut buffer = ciphertext.to_vec();
    let len = key(key_bytes)?
        .open_in_place(
            aead::Nonce::assume_unique_for_key(*nonce),
            aead::Aad::from(aad),
            &mut buffer,
        )
        .map_err(|_| Broken)?
        .len();
    buffer.truncate(len);
    Ok(buffer)
}

/// For storage: `salt ‖ commitment ‖ AES-256-GCM`, where key, nonce and commitment come from
/// `HKDF(salt, key, place)`. A fresh salt each time means no limit on the number of boxes under one key; the commitment
/// means no ciphertext opens under two keys; `place` (tree, key, version) means no ciphertext can be moved.
pub fn seal_boxed(rng: &dyn Rng, key: &[u8; 32], place: &[u8], plaintext: Vec<u8>) -> Result<Vec<u8>, Broken> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let (mut aead_key, nonce, commitment) = derive(&salt, key, place)?;
    let sealed = seal(&aead_key, &nonce, place, plaintext);
    aead_key.zeroize();
    let sealed = sealed?;
    let mut out = Vec::with_capacity(SALT + COMMITMENT + sealed.len());
    out.extend_from_slice(&salt);
    out.extend_from_slice(&commitment);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal_boxed`] made, at the same place only.
pub fn open_boxed(key: &[u8; 32], place: &[u8], boxed: &[u8]) -> Result<Vec<u8>, Broken> {
    let (salt, rest) = boxed.split_at_checked(SALT).ok_or(Broken)?;
    let (claimed, sealed) = rest.split_at_checked(COMMITMENT).ok_or(Broken)?;
    let (mut aead_key, nonce, commitment) = derive(salt, key, place)?;
    if !bool::from(commitment.ct_eq(claimed)) {
        aead_key.zeroize();
        return Err(Broken);
    }
    let opened = open(&aead_key, &nonce, place, sealed);
    aead_key.zeroize();
    opened
}

/// Key, nonce and the commitment to the key.
type Derived = ([u8; 32], [u8; 12], [u8; COMMITMENT]);

fn derive(salt: &[u8], key: &[u8; 32], place: &[u8]) -> Result<Derived, Broken> {
    let mut okm: [u8; 76] = hkdf(salt, key, place)?;
    let mut parts = ([0; 32], [0; 12], [0; COMMITMENT]);
    for (to, from) in parts
        .0
        .iter_mut()
        .chain(parts.1.iter_mut())
        .chain(parts.2.iter_mut())
        .zip(okm.iter())
    {
        *to = *from;
    }
    okm.zeroize();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRng;

    /// Whether the inverse of these bytes stands anywhere in the heap of this process.
    #[cfg(target_os = "linux")]
    fn in_heap(inverted: &[u8]) -> bool {
        use std::os::unix::fs::FileExt;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let ranges = maps.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next()?, words.next()?);
            let anonymous = words.nth(2) == Some("0");
            let (from, to) = range.split_once('-')?;
            let at = |text| u64::from_str_radix(text, 16).ok();
            (rights.starts_with("rw") && anonymous).then_some((at(from)?, at(to)?))
        });
        // The search leaves no copy of what it looks for: it reads into one buffer, itself in the heap, and wipes it.
        let mut page = vec![0; 1 << 16];
        let mut found = 0;
        for (from, to) in ranges.collect::<Vec<_>>() {
            let mut at = from;
            while at < to {
                let len = page.len().min((to - at) as usize);
                // Half a window on, so that nothing is cut in two.
                let next = at + (len as u64 / 2).max(1);
                if memory.read_exact_at(&mut page[..len], at).is_ok() {
                    let hit = |w: &[u8]| w.iter().zip(inverted).all(|(a, b)| *a == !*b);
                    // The allocator gives places at multiples of 16.
                    found += usize::from(page[..len].windows(inverted.len()).step_by(16).any(hit));
                }
                at = if at + len as u64 >= to { to } else { next };
            }
        }
        page.zeroize();
        found > 0
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sealing_leaves_no_plaintext_in_freed_memory() {
        // Random, and kept inverted: the test itself must hold no copy.
        let mut inverted = [0; 64];
        crate::crypto::SystemRng::default().fill(&mut inverted).unwrap();
        // Exact vectors with a neighbour each, so that none can grow where it stands; many, since some are overwritten.
        let mut plain = Vec::new();
        for _ in 0..32 {
            let mut exact = Vec::with_capacity(64 * 64);
            (0..64 * 64).for_each(|i| exact.push(!inverted[i % 64]));
            plain.push((exact, vec![0u8; 64 * 64]));
        }
        assert!(in_heap(&inverted), "the search finds what is there");
        let sealed: Vec<_> = plain
            .into_iter()
            .map(|(exact, neighbour)| (seal(&[1; 32], &[2; 12], b"", exact).unwrap(), neighbour))
            .collect();
        assert!(!in_heap(&inverted), "plaintext was left behind");
        assert!(sealed.iter().all(|(sealed, _)| sealed.len() == 64 * 64 + TAG));
    }

    #[test]
    fn a_box_opens_only_in_its_place_and_only_whole() {
        let rng = SeededRng::new(1);
        let boxed = seal_boxed(&rng, &[7; 32], b"here", b"secret".to_vec()).unwrap();
        assert_eq!(boxed.len(), 6 + BOX_OVERHEAD_BYTES);
        assert_eq!(open_boxed(&[7; 32], b"here", &boxed).unwrap(), b"secret");
        assert_eq!(open_boxed(&[7; 32], b"there", &boxed), Err(Broken));
        assert_eq!(open_boxed(&[8; 32], b"here", &boxed), Err(Broken));
        for i in 0..boxed.len() {
            let mut bad = boxed.clone();
            bad[i] ^= 1;
            assert_eq!(open_boxed(&[7; 32], b"here", &bad), Err(Broken), "byte {i}");
            assert_eq!(open_boxed(&[7; 32], b"here", &boxed[..i]), Err(Broken), "cut {i}");
        }
    }
}
