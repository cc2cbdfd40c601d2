//! One record under its own key, bound to its place; its key wrapped under the epoch.
use super::{
    TokenRow, Vault, VaultError,
    place::{RECORD, row_key, split_key},
};
use crate::{
    clock::Time,
    crypto::{BOX_OVERHEAD_BYTES, Label, Secret, ctx, open_boxed, seal_boxed},
    domain::SubjectToken,
    keyring::Epoch,
    limits::RECORD_BYTES_MAX,
    source::{Row, batch::be64},
    state::Row as Pair,
    wire::{Message, store::v1 as stored},
};
use zeroize::{Zeroize, Zeroizing};

impl Vault {
    /// The row of `person`, which is what the epoch calls the token.
    pub(super) fn seal_row(
        &self,
        epoch: &Epoch,
        person: &[u8; 32],
        number: u64,
        index: u64,
        row: &TokenRow,
    ) -> Result<Vec<u8>, VaultError> {
        let mut record = stored::Record {
            as_of_s: row.row.as_of().seconds(),
            values: row
                .row
                .values()
                .iter()
                .map(|n| stored::Value { numbers: n.clone() })
                .collect(),
        };
        let plain = record.encode_to_vec();
        record.values.iter_mut().for_each(|value| value.numbers.zeroize());
        let key = Secret::<32>::random(&*self.rng)?;
        let wrapped = self.wrap(epoch, person, (number, index), &row.token, &key)?;
        let place = self.record_place(&row.token, number, index);
        let sealed = seal_boxed(&*self.rng, key.expose(), &place, plain)?;
        let out = [&index.to_be_bytes()[..], &wrapped, &sealed].concat();
        if out.len() > RECORD_BYTES_MAX {
            return Err(VaultError::RecordTooLong(index));
        }
        Ok(out)
    }

    pub(super) fn open_row(&self, epoch: &Epoch, token: &SubjectToken, number: u64, value: &[u8]) -> Option<Row> {
        let row = Split::of(value)?;
        let person = epoch.row_key(RECORD, token);
        let (whose, key) = unwrap(epoch, &person, number, &row)?;
        if whose != *token {
            return None;
        }
        let place = self.record_place(token, number, row.index);
        let plain = Zeroizing::new(open_boxed(key.expose(), &place, row.sealed).ok()?);
        let record = stored::Record::decode(plain.as_slice()).ok()?;
        let values = record.values.into_iter().map(|value| value.numbers).collect();
        Some(Row::trusted(Time(record.as_of_s.checked_mul(1000)?), values))
    }

    /// Whether the row opens in its place, whosever it is.
    pub(super) fn opens(&self, epoch: &Epoch, person: &[u8; 32], number: u64, value: &[u8]) -> bool {
        let token = Split::of(value)
            .and_then(|row| unwrap(epoch, person, number, &row))
            .map(|(token, _)| token);
        token.is_some_and(|token| self.open_row(epoch, &token, number, value).is_some())
    }

    /// The row under another epoch: its new key and value, or `None` if `from` does not open it. The record itself is not
    /// opened.
    pub(super) fn rewrapped(
        &self,
        from: &Epoch,
        to: &Epoch,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Pair>, VaultError> {
        let Some((person, number)) = split_key(key) else {
            return Ok(None);
        };
        let opened = Split::of(value).and_then(|row| Some((unwrap(from, person, number, &row)?, row)));
        let Some(((token, record_key), row)) = opened else {
            return Ok(None);
        };
        let person = to.row_key(RECORD, &token);
        let wrapped = self.wrap(to, &person, (number, row.index), &token, &record_key)?;
        let value = [&row.index.to_be_bytes()[..], &wrapped, row.sealed].concat();
        Ok(Some((row_key(&person, number), value)))
    }

    /// The token goes with the key: who moves a row to the next epoch does not know whose it is.
    fn wrap(
        &self,
        epoch: &Epoch,
        person: &[u8; 32],
        (number, index): (u64, u64),
        token: &SubjectToken,
        key: &Secret<32>,
    ) -> Result<Vec<u8>, VaultError> {
        let plain = [&token.0[..], key.expose()].concat();
        Ok(epoch.seal(&*self.rng, &wrap_place(person, number, index), plain)?)
    }

    fn record_place(&self, token: &SubjectToken, number: u64, index: u64) -> Vec<u8> {
        let (number, index) = (number.to_be_bytes(), index.to_be_bytes());
        let parts: [&[u8]; 5] = [RECORD, &token.0, &number, &index, &self.catalogue.sha256()];
        ctx(Label::Row, &parts)
    }
}

/// A row's value in its parts.
struct Split<'a> {
    index: u64,
    wrapped: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Split<'a> {
    fn of(value: &'a [u8]) -> Option<Self> {
        let (index, rest) = be64(value)?;
        let (wrapped, sealed) = rest.split_at_checked(64 + BOX_OVERHEAD_BYTES)?;
        Some(Self { index, wrapped, sealed })
    }
}

fn wrap_place(person: &[u8; 32], number: u64, index: u64) -> Vec<u8> {
    let (number, index) = (number.to_be_bytes(), index.to_be_bytes());
    ctx(Label::WrappedKey, &[RECORD, person, &number, &index])
}

fn unwrap(epoch: &Epoch, person: &[u8; 32], number: u64, row: &Split<'_>) -> Option<(SubjectToken, Secret<32>)> {
    let place = wrap_place(person, number, row.index);
    let plain = Zeroizing::new(epoch.open(&place, row.wrapped).ok()?);
    let (token, key) = plain.split_first_chunk::<32>()?;
    Some((SubjectToken(*token), Secret::from_slice(key).ok()?))
}
