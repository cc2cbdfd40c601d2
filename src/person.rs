//! A person's audit-link key, and the rows that stand under it.
//!
//! Destroying this key unlinks the person from consents, details and caches, while the log's leaves and proofs still
//! verify. It is 32 random bytes, kept wrapped under the shred-epoch key, made with the first entry that names them:
//! nobody's details are under a key that outlives an erasure.
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, hmac, open_boxed, seal_boxed},
    domain::SubjectToken,
    facts::{DetailKey, Facts},
    state::{Effect, State, StateError, Table},
};
use zeroize::Zeroizing;

/// The key of one person.
#[derive(Clone)]
pub struct LinkKey(Secret<32>);

/// Why a person's rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A row does not open: damaged, moved, or under another epoch.
    #[error("a row of a person does not open")]
    Broken(#[from] Broken),
}

fn place(token: &SubjectToken) -> Vec<u8> {
    ctx(Label::WrappedKey, &[&[Table::SubjectLink as u8], &token.0])
}

/// A person that an entry is about to name.
pub struct Person {
    /// Their pseudonym.
    pub token: SubjectToken,
    /// Their key.
    pub link: LinkKey,
    /// What keeps the key, where it is new: it goes into the entry.
    pub made: Option<Effect>,
}

impl Person {
    /// Somebody whose key was found.
    pub fn of(token: SubjectToken, link: LinkKey) -> Self {
        Self {
            token,
            link,
            made: None,
        }
    }

    /// Names the person in an entry, under their own key.
    pub fn note(&mut self, facts: &mut Facts) {
        facts.subject = Some(self.token);
        facts.detail_key = DetailKey::Person(self.link.details());
        facts.effects.extend(self.made.take());
    }
}

/// The person, with a new key if nothing has named them before. The caller holds the person's lock until the entry is
/// recorded, or two entries would make two keys.
pub fn know(state: &dyn State, epoch: &Secret<32>, rng: &dyn Rng, token: SubjectToken) -> Result<Person, PersonError> {
    let (link, made) = match load(state, epoch, &token)? {
        Some(link) => (link, None),
        None => {
            let (link, effect) = create(rng, epoch, &token)?;
            (link, Some(effect))
        }
    };
    Ok(Person { token, link, made })
}

/// The person's key, or `None` for somebody whom no entry has named.
pub fn load(state: &dyn State, epoch: &Secret<32>, token: &SubjectToken) -> Result<Option<LinkKey>, PersonError> {
    let Some(row) = state.row(Table::SubjectLink, &token.0)? else {
        return Ok(None);
    };
    let key = Zeroizing::new(open_boxed(epoch.expose(), &place(token), &row)?);
    Ok(Some(LinkKey(Secret::from_slice(&key)?)))
}

fn create(rng: &dyn Rng, epoch: &Secret<32>, token: &SubjectToken) -> Result<(LinkKey, Effect), Broken> {
    let key = Secret::<32>::random(rng)?;
    let row = seal_boxed(rng, epoch.expose(), &place(token), key.expose().to_vec())?;
    Ok((LinkKey(key), Effect::put(Table::SubjectLink, token.0, row)))
}

impl LinkKey {
    /// The key under which details of entries about this person are sealed.
    pub fn details(&self) -> Secret<32> {
        Secret::from(hmac(self.0.expose(), &ctx(Label::AuditDetails, &[])))
    }

    /// 32 bytes that stand for `parts` in `table`, and mean nothing without this key.
    pub fn row_key(&self, table: Table, parts: &[&[u8]]) -> [u8; 32] {
        let mut fields: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        let number = [table as u8];
        fields.push(&number);
        fields.extend_from_slice(parts);
        hmac(self.0.expose(), &ctx(Label::RowKey, &fields))
    }

    /// Seals a row's value to its table and key.
    pub fn seal_row(&self, rng: &dyn Rng, table: Table, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, Broken> {
        seal_boxed(rng, self.0.expose(), &ctx(Label::Row, &[&[table as u8], key]), value)
    }

    /// Opens what [`LinkKey::seal_row`] sealed, in the same place only.
    pub fn open_row(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Broken> {
        open_boxed(self.0.expose(), &ctx(Label::Row, &[&[table as u8], key]), sealed)
    }
}
