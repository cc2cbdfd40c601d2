//! Bech32 (BIP 173) without its limit on length, as age writes keys.

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;

/// In lower case.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> String {
    let mut values = regroup(bytes, 8, 5, true).unwrap_or_default();
    let sum = polymod(prefix, &values, &[0; CHECKSUM]) ^ 1;
    values.extend((0..CHECKSUM).map(|i| u8::try_from((sum >> (5 * (5 - i))) & 31).unwrap_or_default()));
    let letters = values.iter().filter_map(|v| CHARSET.get(usize::from(*v)));
    let mut out = format!("{prefix}1");
    out.extend(letters.map(|b| char::from(*b)));
    out
}

/// Lower case only.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |b: u8| CHARSET.iter().position(|c| *c == b).and_then(|v| u8::try_from(v).ok());
    let values: Vec<u8> = rest.bytes().map(value).collect::<Option<_>>()?;
    let body = values.len().checked_sub(CHECKSUM)?;
    (polymod(prefix, &values, &[]) == 1).then_some(())?;
    regroup(values.get(..body)?, 5, 8, false)
}

/// The checksum's polynomial over prefix and values.
fn polymod(prefix: &str, values: &[u8], behind: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    let all = high.chain([0]).chain(low);
    let all = all.chain(values.iter().copied()).chain(behind.iter().copied());
    all.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        (0..)
            .zip(GENERATOR)
            .fold(next, |next, (bit, generator)| match (top >> bit) & 1 {
                1 => next ^ generator,
                _ => next,
            })
    })
}

/// From groups of `from` bits to groups of `to`. Without `pad`, what is left over must be less than a group and zero.
fn regroup(values: &[u8], from: u32, to: u32, pad: bool) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut out) = (0u32, 0, Vec::new());
    let mask = (1 << to) - 1;
    for value in values {
        held = (held << from) | u32::from(*value);
        bits += from;
        while bits >= to {
            bits -= to;
            out.push(u8::try_from((held >> bits) & mask).ok()?);
        }
        held &= (1 << bits) - 1;
    }
    if pad && bits > 0 {
        out.push(u8::try_from((held << (to - bits)) & mask).ok()?);
    } else if !pad && (bits >= from || held != 0) {
        return None;
    }
    Some(out)
}
