//! The header of a file in an archive (POSIX ustar), written in one way and read in that way only: packs of evidence and
//! backups are such archives, so that tools of others list them.
//!
//! What this module did not write is refused: links, folders, owners, times, names that climb.

/// Headers, and the bytes behind them, fill whole blocks.
pub const BLOCK: usize = 512;
/// A length has eleven octal digits.
const LENGTH_MAX: u64 = (1 << 33) - 1;

/// The header of a file of that name and length; `None` for a name that is not plain.
pub fn header(name: &str, length: u64) -> Option<[u8; BLOCK]> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/');
    let climbs = name.split('/').any(|part| part.is_empty() || part.starts_with('.'));
    if name.is_empty() || name.len() > 99 || climbs || !name.bytes().all(plain) || length > LENGTH_MAX {
        return None;
    }
    let mut head = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        head.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // While the checksum is made its own field is blank.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
    let sum = format!("{sum:06o}\0 ");
    head.iter_mut()
        .skip(148)
        .zip(sum.as_bytes())
        .for_each(|(to, from)| *to = *from);
    Some(head)
}

/// Name and length, if this is the one header that such a file can have.
pub fn read_header(head: &[u8]) -> Option<(String, u64)> {
    let (name, length) = (text(head.get(..100)?)?, octal(head.get(124..135)?)?);
    (header(&name, length)?.as_slice() == head).then_some((name, length))
}

/// Bytes from the end of a file of that length to the end of its last block.
pub fn padding(length: u64) -> usize {
    let over = usize::try_from(length % BLOCK as u64).unwrap_or_default();
    (BLOCK - over) % BLOCK
}

fn text(field: &[u8]) -> Option<String> {
    let end = field.iter().position(|b| *b == 0)?;
    String::from_utf8(field.get(..end)?.to_vec()).ok()
}

fn octal(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(field).ok()?, 8).ok()
}
