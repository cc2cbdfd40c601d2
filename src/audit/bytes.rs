//! Reading numbers and slices from bytes that may be anything.

/// What is left to read.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }
    /// A slice with its length in four bytes before it.
    pub(super) fn slice(&mut self) -> Option<&'a [u8]> {
        let n = usize::try_from(self.u32()?).ok()?;
        self.take(n)
    }
    /// A list of hashes with their number before it.
    pub(super) fn hashes(&mut self) -> Option<Vec<[u8; 32]>> {
        let n = usize::try_from(self.u32()?).ok()?;
        if n > 64 {
            return None;
        }
        (0..n).map(|_| self.array()).collect()
    }
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a slice with its length before it. No caller has one of 4 GiB; a longer one would not read back.
pub(super) fn put_slice(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a list of hashes with their number before it.
pub(super) fn put_hashes(out: &mut Vec<u8>, hashes: &[[u8; 32]]) {
    out.extend_from_slice(&u32::try_from(hashes.len()).unwrap_or(u32::MAX).to_be_bytes());
    for hash in hashes {
        out.extend_from_slice(hash);
    }
}
