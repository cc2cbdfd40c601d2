//! A person as a caller names one, and as the gateway knows one.
//!
//! A plain hash of an identity is no pseudonym: the space of Chinese resident numbers is about 10^11 and is searched in
//! minutes. The token is therefore an HMAC under a key of its own.
use crate::crypto::{Label, Secret, ctx, hmac};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How a person is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Resident identity number, GB 11643-1999.
    CnResidentId,
    /// Mobile number of mainland China.
    CnMobile,
    /// An identifier that partner and institution agreed on.
    Opaque,
}

impl Scheme {
    /// The text that is part of the token's input.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::CnResidentId => "cn-resident-id",
            Scheme::CnMobile => "cn-mobile",
            Scheme::Opaque => "opaque",
        }
    }
}

/// Why a value is not an identity. Never carries the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Not 18 characters: 17 digits, then a digit or X.
    #[error("a resident number has 17 digits and a check character")]
    Shape,
    /// The check character does not fit (ISO 7064 MOD 11-2).
    #[error("the check character of the resident number does not fit")]
    Checksum,
    /// The birth date in it is none.
    #[error("the resident number holds no valid birth date")]
    Date,
    /// Not 11 digits beginning with 1.
    #[error("a mobile number has 11 digits and begins with 1")]
    Mobile,
    /// Not 1 to 64 characters of the allowed set.
    #[error("an opaque identifier has 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` or `-`")]
    Opaque,
}

/// A normalised identity. Zeroised on drop; it has no `Debug` and cannot be printed.
///
/// ```compile_fail,E0277
/// let s = tollgate::domain::SubjectRef::parse(tollgate::domain::Scheme::Opaque, "a").unwrap();
/// println!("{s:?}");
/// ```
/// ```
/// let s = tollgate::domain::SubjectRef::parse(tollgate::domain::Scheme::Opaque, "a").unwrap();
/// println!("{:?}", s.scheme());
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubjectRef {
    #[zeroize(skip)]
    scheme: Scheme,
    value: String,
}

impl SubjectRef {
    /// Normalises and checks: spaces and hyphens are dropped from numbers, `x` becomes `X`, `+86`, `0086` and `86` are
    /// dropped from mobile numbers. Opaque identifiers are taken as they are.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, SubjectError> {
        let value = match scheme {
            Scheme::CnResidentId => resident_id(&compact(text))?,
            Scheme::CnMobile => mobile(&compact(text))?,
            Scheme::Opaque => opaque(text)?,
        };
        Ok(Self { scheme, value })
    }

    /// How it is named.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The normalised value: only to be sealed and sent.
    #[cfg(feature = "gateway")]
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// The scheme, and the value with what tells people apart hidden: for a document that is about this person and whose
    /// reader knows whom he asked about.
    #[cfg(feature = "gateway")]
    pub fn masked(&self) -> String {
        let (head, tail) = match self.scheme {
            Scheme::CnResidentId => (3, 4),
            Scheme::CnMobile => (3, 4),
            Scheme::Opaque => (1, 0),
        };
        let count = self.value.chars().count();
        let shown = |place: usize| count > 8 && (place < head || place >= count - tail);
        let masked = self
            .value
            .chars()
            .enumerate()
            .map(|(i, c)| if shown(i) { c } else { '*' });
        format!("{} {}", self.scheme.name(), masked.collect::<String>())
    }

    /// The pseudonym under which the gateway knows this person: `HMAC-SHA256(key, ctx("subject-token", scheme, value))`.
    pub fn token(&self, key: &Secret<32>) -> SubjectToken {
        SubjectToken(hmac(
            key.expose(),
            &ctx(
                Label::SubjectToken,
                &[self.scheme.name().as_bytes(), self.value.as_bytes()],
            ),
        ))
    }
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

fn resident_id(text: &str) -> Result<String, SubjectError> {
    let upper = text.to_ascii_uppercase();
    let (digits, check) = upper.split_at_checked(17).ok_or(SubjectError::Shape)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) || check.len() != 1 {
        return Err(SubjectError::Shape);
    }
    if check_character(digits) != check.chars().next() {
        return Err(SubjectError::Checksum);
    }
    let date = digits
        .get(6..14)
        .and_then(|d| jiff::civil::Date::strptime("%Y%m%d", d).ok());
    match date {
        Some(d) if d.year() >= 1850 => Ok(upper),
        _ => Err(SubjectError::Date),
    }
}

/// The check character for 17 digits: ISO 7064 MOD 11-2, as GB 11643-1999 prescribes. `None` unless all are digits.
pub(crate) fn check_character(digits: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let mut sum = 0;
    for (c, weight) in digits.chars().zip(WEIGHTS) {
        sum += c.to_digit(10)? * weight;
    }
    "10X98765432".chars().nth((sum % 11) as usize)
}

fn mobile(text: &str) -> Result<String, SubjectError> {
    let local = ["+86", "0086", "86"]
        .iter()
        .find_map(|p| text.strip_prefix(p).filter(|rest| rest.len() == 11))
        .unwrap_or(text);
    let valid = local.len() == 11 && local.starts_with('1') && local.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| local.to_owned()).ok_or(SubjectError::Mobile)
}

fn opaque(text: &str) -> Result<String, SubjectError> {
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let valid = (1..=64).contains(&text.len()) && text.bytes().all(ok);
    valid.then(|| text.to_owned()).ok_or(SubjectError::Opaque)
}

/// A person's pseudonym: 32 bytes that nobody without the key can link to an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectToken(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(scheme: Scheme, text: &str) -> Result<SubjectToken, SubjectError> {
        SubjectRef::parse(scheme, text).map(|s| s.token(&Secret::from([1; 32])))
    }

    #[test]
    fn what_tells_people_apart_is_hidden() {
        let masked = |scheme, text| SubjectRef::parse(scheme, text).unwrap().masked();
        assert_eq!(
            masked(Scheme::CnResidentId, "11010519491231002X"),
            "cn-resident-id 110***********002X"
        );
        assert_eq!(masked(Scheme::CnMobile, "13800138000"), "cn-mobile 138****8000");
        assert_eq!(masked(Scheme::Opaque, "client-12"), "opaque c********");
        assert_eq!(masked(Scheme::Opaque, "client"), "opaque ******");
    }

    #[test]
    fn spellings_of_one_person_meet() {
        // The example of GB 11643-1999.
        let id = token(Scheme::CnResidentId, "11010519491231002X").unwrap();
        assert_eq!(id, token(Scheme::CnResidentId, "110105 19491231-002x").unwrap());
        let mobile = token(Scheme::CnMobile, "13800138000").unwrap();
        for same in ["+86 138 0013 8000", "008613800138000", "8613800138000"] {
            assert_eq!(mobile, token(Scheme::CnMobile, same).unwrap());
        }
        assert_ne!(mobile, token(Scheme::Opaque, "13800138000").unwrap());
    }

    #[test]
    fn malformed_identities_are_told_apart_without_their_value() {
        let id = |t| SubjectRef::parse(Scheme::CnResidentId, t).err().unwrap();
        assert_eq!(id("110105194912310021"), SubjectError::Checksum);
        assert_eq!(id("1101051949123100"), SubjectError::Shape);
        assert_eq!(id("11010519491331002X"), SubjectError::Checksum);
        assert_eq!(id("一二三四五六七八九"), SubjectError::Shape);
        let thirteenth_month = format!("11010519491331002{}", check_character("11010519491331002").unwrap());
        assert_eq!(id(&thirteenth_month), SubjectError::Date);
        assert_eq!(token(Scheme::CnMobile, "23800138000"), Err(SubjectError::Mobile));
        assert_eq!(token(Scheme::Opaque, "a b"), Err(SubjectError::Opaque));
    }
}
