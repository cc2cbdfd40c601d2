//! A person's audit-link key, and the rows that stand under it.
//!
//! Destroying this key unlinks the person from consents, details and caches, while the log's leaves and proofs still
//! verify. It is 32 random bytes, kept wrapped under the shred-epoch key, made when the first consent is granted.
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, hmac, open_boxed, seal_boxed},
    domain::SubjectToken,
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

/// The person's key, or `None` for somebody the gateway has no consent of.
pub fn load(state: &dyn State, epoch: &Secret<32>, token: &SubjectToken) -> Result<Option<LinkKey>, PersonError> {
    let Some(row) = state.row(Table::SubjectLink, &token.0)? else {
        return Ok(None);
    };
    let key = Zeroizing::new(open_boxed(epoch.expose(), &place(token), &row)?);
    Ok(Some(LinkKey(Secret::from_slice(&key)?)))
}

/// The keys of at most `limit` people, after the row `after`.
pub fn page(
    state: &dyn State,
    epoch: &Secret<32>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(SubjectToken, LinkKey)>, PersonError> {
    let rows = state.rows(Table::SubjectLink, &[], after, limit)?;
    let opened = rows.into_iter().map(|(key, row)| {
        let token = SubjectToken(key.try_into().map_err(|_| Broken)?);
        let key = Zeroizing::new(open_boxed(epoch.expose(), &place(&token), &row)?);
        Ok((token, LinkKey(Secret::from_slice(&key)?)))
    });
    opened.collect()
}

/// A new key, and the effect that keeps it. The caller holds the person's lock until the effect is recorded.
pub fn create(rng: &dyn Rng, epoch: &Secret<32>, token: &SubjectToken) -> Result<(LinkKey, Effect), Broken> {
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
