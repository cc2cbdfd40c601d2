//! A person's audit-link key, and the rows that stand under it.
//!
//! Destroying this key unlinks the person from consents, details and caches, while the log's leaves and proofs still
//! verify. It is 32 random bytes, kept wrapped under the shred-epoch key, made with the first entry that names them:
//! nobody's details are under a key that outlives an erasure.
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, hmac, open_boxed, seal_boxed},
    domain::SubjectToken,
    facts::{DetailKey, Facts},
    keyring::{Epoch, Epochs},
    state::{Effect, State, StateError, Table},
};
use std::sync::Arc;
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

const TABLE: &[u8] = &[Table::SubjectLink as u8];

fn place(row_key: &[u8]) -> Vec<u8> {
    ctx(Label::WrappedKey, &[TABLE, row_key])
}

/// Where the person's row stands under an epoch: first the bucket of [`SubjectToken`], its first byte, so that an entry
/// that tells its bucket and nothing else leads to one row in 256; then what means nothing without the epoch's key.
fn link_row(epoch: &Epoch, token: &SubjectToken) -> [u8; 32] {
    let mut key = epoch.row_key(TABLE, token);
    if let (Some(first), Some(bucket)) = (key.first_mut(), token.0.first()) {
        *first = *bucket;
    }
    key
}

/// `token ‖ link key`, wrapped: the token, so that the row can be moved to the next epoch by who does not know it.
fn row(rng: &dyn Rng, epoch: &Epoch, token: &SubjectToken, key: &Secret<32>) -> Result<Effect, Broken> {
    let row_key = link_row(epoch, token);
    let plain = [&token.0[..], key.expose()].concat();
    Ok(Effect::put(
        Table::SubjectLink,
        row_key,
        epoch.seal(rng, &place(&row_key), plain)?,
    ))
}

fn unwrap(epoch: &Epoch, row_key: &[u8], value: &[u8]) -> Result<(SubjectToken, LinkKey), Broken> {
    let plain = Zeroizing::new(epoch.open(&place(row_key), value)?);
    let (token, key) = plain.split_first_chunk::<32>().ok_or(Broken)?;
    Ok((SubjectToken(*token), LinkKey(Secret::from_slice(key)?)))
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
pub fn know(state: &dyn State, epochs: &Epochs, rng: &dyn Rng, token: SubjectToken) -> Result<Person, PersonError> {
    let (link, made) = match load(state, epochs, &token)? {
        Some(link) => (link, None),
        None => {
            let key = Secret::<32>::random(rng)?;
            let effect = row(rng, &*epochs.active()?, &token, &key)?;
            (LinkKey(key), Some(effect))
        }
    };
    Ok(Person { token, link, made })
}

/// The person's key, or `None` for somebody whom no entry has named.
///
/// While an epoch is turned a row moves from the old place to the new one, which is written before the old one goes: who
/// missed it at both looks at the new one once more.
pub fn load(state: &dyn State, epochs: &Epochs, token: &SubjectToken) -> Result<Option<LinkKey>, PersonError> {
    let all = epochs.all();
    let again = all.first().filter(|_| all.len() > 1);
    for epoch in all.iter().chain(again) {
        let row_key = link_row(epoch, token);
        if let Some(value) = state.row(Table::SubjectLink, &row_key)? {
            let (whose, link) = unwrap(epoch, &row_key, &value)?;
            return if whose == *token {
                Ok(Some(link))
            } else {
                Err(Broken.into())
            };
        }
    }
    Ok(None)
}

/// A row with the person it is of.
pub type Kept = (Vec<u8>, SubjectToken, LinkKey);

/// The keys of at most `limit` people of a bucket, or of all, in the order of their rows after the row `after`.
pub fn page(
    state: &dyn State,
    epochs: &Epochs,
    bucket: Option<u8>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Kept>, PersonError> {
    let prefix: Vec<u8> = bucket.into_iter().collect();
    let all = epochs.all();
    let rows = state.rows(Table::SubjectLink, &prefix, after, limit)?;
    let opened = rows.into_iter().map(|(key, value)| {
        let found = all.iter().find_map(|epoch| unwrap(epoch, &key, &value).ok());
        let (token, link) = found.ok_or(Broken)?;
        Ok((key, token, link))
    });
    opened.collect()
}

/// What takes the person's key away, wherever it stands. Until the epochs that wrapped it are destroyed, old bytes open.
pub fn remove(epochs: &Epochs, token: &SubjectToken) -> Vec<Effect> {
    let gone = |epoch: &Arc<Epoch>| Effect::delete(Table::SubjectLink, link_row(epoch, token));
    epochs.all().iter().map(gone).collect()
}

/// How a row comes under the epoch `to`: nothing if it is there already, else it is written there and then removed here.
/// An interrupted turn may have left it in both places.
///
/// # Errors
/// If neither epoch opens it.
pub fn moved(
    rng: &dyn Rng,
    from: &[Arc<Epoch>],
    to: &Epoch,
    row_key: &[u8],
    value: &[u8],
) -> Result<Vec<Effect>, Broken> {
    if unwrap(to, row_key, value).is_ok() {
        return Ok(Vec::new());
    }
    let opened = from.iter().find_map(|epoch| unwrap(epoch, row_key, value).ok());
    let (token, link) = opened.ok_or(Broken)?;
    let put = row(rng, to, &token, &link.0)?;
    Ok(vec![put, Effect::delete(Table::SubjectLink, row_key)])
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
