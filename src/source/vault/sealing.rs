//! One record under its own key, bound to its place.
use super::{Vault, VaultError};
use crate::{
    clock::Time,
    crypto::{BOX_OVERHEAD_BYTES, Label, Secret, ctx, open_boxed, seal_boxed},
    domain::SubjectToken,
    limits::RECORD_BYTES_MAX,
    source::{Row, batch::be64},
    wire::{Message, store::v1 as stored},
};
use zeroize::{Zeroize, Zeroizing};

impl Vault {
    pub(super) fn seal_row(
        &self,
        token: &SubjectToken,
        number: u64,
        index: u64,
        row: &Row,
    ) -> Result<Vec<u8>, VaultError> {
        let mut record = stored::Record {
            as_of_s: row.as_of().seconds(),
            values: row
                .values()
                .iter()
                .map(|n| stored::Value { numbers: n.clone() })
                .collect(),
        };
        let plain = record.encode_to_vec();
        record.values.iter_mut().for_each(|value| value.numbers.zeroize());
        let key = Secret::<32>::random(&*self.rng)?;
        let (wrap_place, record_place) = self.places(token, number, index);
        let wrapped = seal_boxed(&*self.rng, self.epoch.expose(), &wrap_place, key.expose().to_vec())?;
        let sealed = seal_boxed(&*self.rng, key.expose(), &record_place, plain)?;
        let out = [&index.to_be_bytes()[..], &wrapped, &sealed].concat();
        if out.len() > RECORD_BYTES_MAX {
            return Err(VaultError::RecordTooLong(index));
        }
        Ok(out)
    }

    pub(super) fn open_row(&self, token: &SubjectToken, number: u64, value: &[u8]) -> Option<Row> {
        let (index, rest) = be64(value)?;
        let (wrapped, sealed) = rest.split_at_checked(32 + BOX_OVERHEAD_BYTES)?;
        let (wrap_place, record_place) = self.places(token, number, index);
        let key = Zeroizing::new(open_boxed(self.epoch.expose(), &wrap_place, wrapped).ok()?);
        let key = Secret::<32>::from_slice(&key).ok()?;
        let plain = Zeroizing::new(open_boxed(key.expose(), &record_place, sealed).ok()?);
        let record = stored::Record::decode(plain.as_slice()).ok()?;
        let values = record.values.into_iter().map(|value| value.numbers).collect();
        Some(Row::trusted(Time(record.as_of_s.checked_mul(1000)?), values))
    }

    pub(super) fn places(&self, token: &SubjectToken, number: u64, index: u64) -> (Vec<u8>, Vec<u8>) {
        let (number, index) = (number.to_be_bytes(), index.to_be_bytes());
        (
            ctx(Label::WrappedKey, &[b"record", &token.0, &number, &index]),
            ctx(
                Label::Row,
                &[b"record", &token.0, &number, &index, &self.catalogue.sha256()],
            ),
        )
    }
}
