//! Terms: what an entry is found by, in eight bytes. The first is the number of the dimension, the rest a hash.
//!
//! What the leaf shows is hashed as it is. What is sealed is hashed under a key, and masked where it stands in an entry,
//! so that the same word in two entries does not look the same to who has the files and not the key. The tag of a person
//! is another one in each entry: only with that person's key can two of them be seen to belong together.
use crate::{
    audit::{Details, Dimension},
    crypto::{Label, Secret, ctx, hmac, sha256},
    domain::SubjectToken,
    wire::v1,
};

/// Bytes of a tag.
const TAG_BYTES: usize = 8;
/// The dimension of people, behind those of [`Dimension`].
const PERSON: u8 = 0x20;
const HASH_BITS: u32 = 56;
const HASH_MASK: u64 = (1 << HASH_BITS) - 1;

fn term(dimension: u8, hash: &[u8; 32]) -> u64 {
    let (head, _) = hash.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    (u64::from(dimension) << HASH_BITS) | (u64::from_be_bytes(*head) & HASH_MASK)
}

/// The term of what a leaf shows.
pub(in crate::audit) fn open_term(dimension: Dimension, value: &[u8]) -> u64 {
    term(
        dimension as u8,
        &sha256(&ctx(Label::IndexTerm, &[&[dimension as u8], value])),
    )
}

/// The term under which the people of one bucket stand.
pub(in crate::audit) fn person_term(bucket: u8) -> u64 {
    (u64::from(PERSON) << HASH_BITS) | u64::from(bucket)
}

/// The dimension of a term.
pub(super) fn dimension(term: u64) -> u8 {
    (term >> HASH_BITS) as u8
}

/// Whether entries of this term have a tag each.
pub(super) fn is_person(term: u64) -> bool {
    dimension(term) == PERSON
}

/// What the index tells of the person of an entry: nothing but the bucket, without the person's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonTag {
    number: u64,
    value: u64,
}

impl PersonTag {
    pub(in crate::audit) fn new(number: u64, value: u64) -> Option<Self> {
        (value != 0).then_some(Self { number, value })
    }
    /// First byte of the person's token: whom else it cannot be.
    pub fn bucket(&self) -> u8 {
        (self.value >> HASH_BITS) as u8
    }
    /// Whether it is of the person whose details are sealed under this key.
    pub fn is_of(&self, details_key: &Secret<32>) -> bool {
        tag_hash(&person_key(details_key), self.number) == self.value & HASH_MASK
    }
}

/// A person, as entries are searched for.
#[derive(Clone)]
pub struct Whom {
    pub(super) bucket: u8,
    pub(super) keys: Vec<Secret<32>>,
}

impl Whom {
    /// Whether an entry with this value is about the person.
    pub(super) fn has(&self, number: u64, value: u64) -> bool {
        (value >> HASH_BITS) as u8 == self.bucket && self.has_hash(number, value & HASH_MASK)
    }
    pub(super) fn has_hash(&self, number: u64, hash: u64) -> bool {
        self.keys.iter().any(|key| tag_hash(key, number) == hash)
    }
    pub(in crate::audit) fn term(&self) -> u64 {
        person_term(self.bucket)
    }
}

fn person_key(details_key: &Secret<32>) -> Secret<32> {
    Secret::from(hmac(details_key.expose(), &ctx(Label::PersonIndex, &[])))
}

/// The key is used for numbers of entries and nothing else.
fn tag_hash(key: &Secret<32>, number: u64) -> u64 {
    let hash = hmac(key.expose(), &number.to_be_bytes());
    term(0, &hash)
}

/// Keys of one log's index, all from the period's key.
pub(in crate::audit) struct IndexKey {
    terms: Secret<32>,
    masks: Secret<32>,
    nameless: Secret<32>,
    pub(super) chunks: Secret<32>,
    pub(super) nonces: Secret<32>,
    pub(super) origin: String,
}

impl IndexKey {
    pub(in crate::audit) fn new(period_key: &Secret<32>, origin: &str) -> Self {
        let key = |of: &str| {
            let input = ctx(Label::IndexKey, &[origin.as_bytes(), of.as_bytes()]);
            Secret::from(hmac(period_key.expose(), &input))
        };
        Self {
            terms: key("terms"),
            masks: key("masks"),
            nameless: key("nameless"),
            chunks: key("chunks"),
            nonces: key("nonces"),
            origin: origin.to_owned(),
        }
    }

    /// The term of a value, sealed or not.
    pub(in crate::audit) fn term(&self, dimension: Dimension, value: &[u8]) -> u64 {
        if !dimension.is_sealed() {
            return open_term(dimension, value);
        }
        let input = ctx(Label::IndexTerm, &[&[dimension as u8], value]);
        term(dimension as u8, &hmac(self.terms.expose(), &input))
    }

    /// Terms of what is sealed in an entry.
    pub(in crate::audit) fn sealed_terms(&self, x: &v1::PartnerDetail, outcomes: &[String]) -> Vec<u64> {
        let mut out = Vec::with_capacity(3 + x.signals.len() + outcomes.len());
        let single = [
            (Dimension::Purpose, x.purpose.as_bytes()),
            (Dimension::Consent, &x.consent_id),
            (Dimension::Request, &x.request_id),
        ];
        let said = single.into_iter().filter(|(_, value)| !value.is_empty());
        out.extend(said.map(|(dimension, value)| self.term(dimension, value)));
        out.extend(x.signals.iter().map(|s| self.term(Dimension::Signal, s.as_bytes())));
        let mut last: Option<(&String, u64)> = None;
        for word in outcomes {
            let term = match last {
                Some((same, term)) if same == word => term,
                _ => self.term(Dimension::Outcome, word.as_bytes()),
            };
            last = Some((word, term));
            out.push(term);
        }
        out
    }

    /// Whose entries are under the period's key, because they have none of their own.
    fn nameless_key(&self, token: &SubjectToken) -> Secret<32> {
        Secret::from(hmac(self.nameless.expose(), &ctx(Label::PersonIndex, &[&token.0])))
    }

    /// A person to search for: entries under the key of their own, and those under the period's.
    pub(in crate::audit) fn whom(&self, token: &SubjectToken, details_key: Option<&Secret<32>>) -> Whom {
        let own = details_key.map(person_key);
        Whom {
            bucket: token.0.first().copied().unwrap_or_default(),
            keys: own.into_iter().chain([self.nameless_key(token)]).collect(),
        }
    }

    /// `x_commit` is another one in every entry, and so is the mask.
    fn mask(&self, x_commit: &[u8], tags: usize) -> Vec<u8> {
        let blocks = (0u8..).take((tags * TAG_BYTES).div_ceil(32));
        blocks
            .flat_map(|n| hmac(self.masks.expose(), &[x_commit, &[n]].concat()))
            .take(tags * TAG_BYTES)
            .collect()
    }

    /// Reads the tags of entry `number`: its person's value, and its sealed terms.
    pub(in crate::audit) fn unmask(&self, x_commit: &[u8], tags: &[u8]) -> Result<(u64, Vec<u64>), &'static str> {
        let (numbers, rest) = tags.as_chunks::<TAG_BYTES>();
        if !rest.is_empty() || numbers.len() > crate::limits::TAGS_MAX {
            return Err("its tags have another form");
        }
        let mask = self.mask(x_commit, numbers.len());
        let (masks, _) = mask.as_chunks::<TAG_BYTES>();
        let mut plain = numbers
            .iter()
            .zip(masks)
            .map(|(tag, mask)| u64::from_be_bytes(*tag) ^ u64::from_be_bytes(*mask));
        let person = plain.next().unwrap_or_default();
        Ok((person, plain.collect()))
    }

    /// Whether the tags of an entry are those that its details ask for. `details_key` is the one that opened them.
    pub(in crate::audit) fn holds(
        &self,
        leaf: &v1::Leaf,
        tags: &[u8],
        details: &Details,
        details_key: Option<&Secret<32>>,
    ) -> bool {
        if tags.is_empty() {
            return details.i.tags == 0;
        }
        let Ok((value, terms)) = self.unmask(&leaf.x_commit, tags) else {
            return false;
        };
        let named = match (
            <[u8; 32]>::try_from(details.i.subject.as_slice()),
            PersonTag::new(leaf.seq, value),
        ) {
            (Ok(token), Some(_)) => self.whom(&SubjectToken(token), details_key).has(leaf.seq, value),
            (subject, tag) => subject.is_err() && tag.is_none(),
        };
        named && terms == self.sealed_terms(&details.x, &details.i.outcomes) && details.i.tags as usize == terms.len()
    }
}

/// Tags of an entry that has no number yet.
pub(in crate::audit) struct Tags {
    /// With the person's still missing.
    masked: Vec<u8>,
    person: Option<(u8, Secret<32>)>,
}

impl Tags {
    pub(in crate::audit) fn new(
        key: &IndexKey,
        x_commit: &[u8],
        terms: &[u64],
        person: Option<(&SubjectToken, Option<&Secret<32>>)>,
    ) -> Self {
        let mut masked = key.mask(x_commit, terms.len() + 1);
        let plain = terms.iter().flat_map(|t| t.to_be_bytes());
        let behind = masked.iter_mut().skip(TAG_BYTES);
        behind.zip(plain).for_each(|(to, from)| *to ^= from);
        let person = person.map(|(token, details_key)| {
            let bucket = token.0.first().copied().unwrap_or_default();
            (bucket, details_key.map_or_else(|| key.nameless_key(token), person_key))
        });
        Self { masked, person }
    }

    pub(in crate::audit) fn len(&self) -> usize {
        self.masked.len()
    }

    /// The tags of entry `number`, and the value of its person.
    pub(in crate::audit) fn numbered(&self, number: u64) -> (Vec<u8>, u64) {
        let mut out = self.masked.clone();
        let Some((bucket, key)) = &self.person else {
            return (out, 0);
        };
        let value = (u64::from(*bucket) << HASH_BITS) | tag_hash(key, number);
        out.iter_mut()
            .zip(value.to_be_bytes())
            .for_each(|(to, from)| *to ^= from);
        (out, value)
    }
}
