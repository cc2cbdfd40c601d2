//! Reading numbers and slices from bytes that may be anything.

/// What is left to read.
pub(in crate::audit) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(in crate::audit) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    pub(in crate::audit) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(in crate::audit) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
    pub(in crate::audit) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
    pub(in crate::audit) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }
    /// A slice with its length in four bytes before it.
    pub(in crate::audit) fn slice(&mut self) -> Option<&'a [u8]> {
        let n = usize::try_from(self.u32()?).ok()?;
        self.take(n)
    }
    /// A list of hashes with their number before it.
    pub(in crate::audit) fn hashes(&mut self) -> Option<Vec<[u8; 32]>> {
        let n = usize::try_from(self.u32()?).ok()?;
        if n > 64 {
            return None;
        }
        (0..n).map(|_| self.array()).collect()
    }
    pub(in crate::audit) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[b]: [u8; 1]| b)
    }
    /// A number in as few groups of seven bits as it needs, lowest first.
    pub(in crate::audit) fn varint(&mut self) -> Option<u64> {
        let mut out = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            out |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(out);
            }
        }
        None
    }
    pub(in crate::audit) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a slice with its length before it. No caller has one of 4 GiB; a longer one would not read back.
pub(in crate::audit) fn put_slice(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends what [`Bytes::varint`] reads.
pub(in crate::audit) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a list of hashes with their number before it.
pub(in crate::audit) fn put_hashes(out: &mut Vec<u8>, hashes: &[[u8; 32]]) {
    out.extend_from_slice(&u32::try_from(hashes.len()).unwrap_or(u32::MAX).to_be_bytes());
    for hash in hashes {
        out.extend_from_slice(hash);
    }
}
