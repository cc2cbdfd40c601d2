//! Identifiers: short, lower-case, safe to print.
use crate::limits::{FIELDS_MAX, ID_BYTES_MAX};
use std::{fmt, str::FromStr};

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 characters of a-z, 0-9, `_`, `-` or `.`, beginning with a letter")]
pub struct IdError;

fn check(text: &str) -> Result<(), IdError> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if starts && text.len() <= ID_BYTES_MAX && text.bytes().all(ok) {
        Ok(())
    } else {
        Err(IdError)
    }
}

macro_rules! text_id {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> { check(text).map(|()| Self(text.to_owned())) }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { check(&text).map(|()| Self(text)) }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )*};
}

text_id! {
    /// A partner (or provider) in the register.
    PartnerId;
    /// A cooperation agreement.
    AgreementId;
    /// What an answer is used for, such as `credit.origination`.
    Purpose;
    /// Signals that say the same at different granularity.
    SignalFamily;
    /// Somebody of the institution's own staff: one person, whatever roles and certificates they have.
    OfficerId;
    /// A raw field of the catalogue, such as `card.bill_fen`.
    FieldPath;
}

/// `name@version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignalId {
    name: String,
    version: u32,
}

impl SignalId {
    /// The name, without the version.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Counts from 1.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl FromStr for SignalId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (name, version) = text.split_once('@').ok_or(IdError)?;
        check(name)?;
        let number: u32 = version.parse().map_err(|_| IdError)?;
        // One spelling only: no `+1`, no `01`, no `0`.
        if number == 0 || number.to_string() != version {
            return Err(IdError);
        }
        Ok(Self {
            name: name.to_owned(),
            version: number,
        })
    }
}

impl TryFrom<String> for SignalId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SignalId> for String {
    fn from(id: SignalId) -> String {
        id.to_string()
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// 16 random bytes, chosen by the caller; the same request sent again keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

/// 16 random bytes, chosen by the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsentId(pub [u8; 16]);

impl fmt::Display for ConsentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A gRPC method path, such as `/tollgate.v1.ExchangeService/Query`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(pub &'static str);

impl Method {
    /// The path: `M` in `docs/protocol.md`.
    pub fn path(self) -> &'static str {
        self.0
    }
}

/// A set of fields as a bitmap over the catalogue, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldSet([u8; FIELDS_MAX / 8]);

impl FieldSet {
    /// Adds the field at `index`; one past the catalogue's limit is ignored, and no catalogue is that long.
    pub fn insert(&mut self, index: usize) {
        if let Some(byte) = self.0.get_mut(index / 8) {
            *byte |= 1 << (index % 8);
        }
    }
    /// Whether the field at `index` is in it.
    pub fn contains(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }
    /// Of a bitmap that [`FieldSet::to_bytes`] wrote; what lies past the catalogue's limit is ignored.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut set = Self::default();
        set.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        set
    }
    /// In either.
    pub fn union(mut self, other: FieldSet) -> FieldSet {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        self
    }
    /// In this one and not in `other`.
    pub fn without(mut self, other: FieldSet) -> FieldSet {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        self
    }
    /// Whether every field of this is in `other`.
    pub fn is_subset(&self, other: &FieldSet) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & !b == 0)
    }
    /// No field.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|b| *b == 0)
    }
    /// Indexes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..FIELDS_MAX).filter(|i| self.contains(*i))
    }
    /// The bitmap without its zero tail.
    pub fn to_bytes(self) -> Vec<u8> {
        let len = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        self.0.iter().take(len).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_identifier() {
        assert!("bank-a".parse::<PartnerId>().is_ok());
        for bad in ["", "Bank", "1bank", "a b", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<PartnerId>().is_err(), "{bad}");
        }
        assert!("utilisation@2".parse::<SignalId>().is_ok());
        for bad in ["utilisation", "u@0", "u@01", "u@+1", "@1", "u@4294967296"] {
            assert!(bad.parse::<SignalId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn field_sets_are_sets() {
        let mut a = FieldSet::default();
        a.insert(3);
        a.insert(200);
        assert_eq!(a.iter().collect::<Vec<_>>(), [3, 200]);
        let mut b = a;
        b.insert(4);
        assert!(a.is_subset(&b) && !b.is_subset(&a));
        assert_eq!(b.without(a).iter().collect::<Vec<_>>(), [4]);
        assert_eq!(FieldSet::default().to_bytes().len(), 0);
        assert_eq!(FieldSet::from_bytes(&b.to_bytes()), b);
    }
}
