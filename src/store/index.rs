//! Rows of the log's index: chunks of places and of counts, by level and number of the part they are of. Sealed by who
//! writes them; here they are bytes.
use super::log::{LogStore, Name, StoreError};

/// Term, and offset of the entry within its part.
type Spot = (u64, u32);

fn prefix(level: u8, number: u64) -> Vec<u8> {
    [&[level][..], &number.to_be_bytes()].concat()
}

impl LogStore {
    /// Parts of a level that are whole.
    pub(crate) fn indexed(&self, level: u8) -> Result<u64, StoreError> {
        let bytes = self.get(Name::Single, &[b'i', level])?;
        Ok(bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Says that parts of a level are whole up to here.
    pub(crate) fn put_indexed(&self, level: u8, parts: u64) -> Result<(), StoreError> {
        self.put(Name::Single, &[b'i', level], &parts.to_be_bytes())
    }

    /// Puts the chunk that begins at a spot.
    pub(crate) fn put_chunk(&self, level: u8, number: u64, begins: Spot, bytes: &[u8]) -> Result<(), StoreError> {
        let mut key = prefix(level, number);
        key.extend(begins.0.to_be_bytes());
        key.extend(begins.1.to_be_bytes());
        self.put(Name::Index, &key, bytes)
    }

    /// The last chunk of a part that begins at or before a spot, and where.
    pub(crate) fn chunk_at(&self, level: u8, number: u64, spot: Spot) -> Result<Option<(Spot, Vec<u8>)>, StoreError> {
        let prefix = prefix(level, number);
        let mut key = prefix.clone();
        key.extend(spot.0.to_be_bytes());
        key.extend(spot.1.to_be_bytes());
        let found = self.at_most(Name::Index, &key)?;
        Ok(found.and_then(|(key, bytes)| {
            let (term, offset) = key.strip_prefix(prefix.as_slice())?.split_first_chunk::<8>()?;
            let offset = offset.try_into().ok()?;
            Some(((u64::from_be_bytes(*term), u32::from_be_bytes(offset)), bytes))
        }))
    }

    /// Puts a chunk of counts.
    pub(crate) fn put_counts(&self, level: u8, number: u64, chunk: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let mut key = prefix(level, number);
        key.extend(chunk.to_be_bytes());
        self.put(Name::Counts, &key, bytes)
    }

    /// A chunk of counts.
    pub(crate) fn counts(&self, level: u8, number: u64, chunk: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let mut key = prefix(level, number);
        key.extend(chunk.to_be_bytes());
        self.get(Name::Counts, &key)
    }
}

#[cfg(test)]
impl LogStore {
    /// All rows, in order.
    pub(crate) fn index_rows(&self) -> Result<Vec<crate::state::Row>, StoreError> {
        let counts = self.all(Name::Counts)?;
        Ok(counts.into_iter().chain(self.all(Name::Index)?).collect())
    }
    /// Changes or removes a row of places.
    pub(crate) fn put_index_row_for_tests(&self, key: &[u8], value: Option<Vec<u8>>) {
        self.set_for_tests(Name::Index, key, value);
    }
}
