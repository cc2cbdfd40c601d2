//! Parquet by its row API. The door to the parquet crate.
use super::{Cell, open::OpenError};
use crate::limits::COLUMNS_MAX;
use parquet::{
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::{Field, reader::RowIter},
};
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Rows of a Parquet file with flat columns.
pub(super) struct ParquetRows {
    rows: RowIter<'static>,
    names: Vec<String>,
    total: u64,
    number: u64,
}

impl ParquetRows {
    /// Opens a file. The crate is fenced: a damaged file is an error here and never the end of the program.
    pub(super) fn open(file: File) -> Result<Self, OpenError> {
        let reader = fenced(|| SerializedFileReader::new(file).map_err(|_| OpenError::Damaged))?;
        let meta = reader.metadata().file_metadata();
        let schema = meta.schema_descr();
        if schema.num_columns() > COLUMNS_MAX || schema.columns().iter().any(|c| c.path().parts().len() != 1) {
            return Err(OpenError::Shape("a Parquet file needs flat columns, at most 1,024"));
        }
        Ok(Self {
            names: schema.columns().iter().map(|c| c.name().to_owned()).collect(),
            total: u64::try_from(meta.num_rows()).map_err(|_| OpenError::Damaged)?,
            rows: fenced(|| Ok(reader.into_iter()))?,
            number: 0,
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Rows that were read, and rows in all.
    pub(super) fn done_of(&self) -> (u64, u64) {
        (self.number, self.total)
    }

    /// The next row with its number; a file that promised more rows than it gives is damaged.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<Cell>)>, OpenError> {
        let rows = &mut self.rows;
        let Some(row) = fenced(|| rows.next().transpose().map_err(|_| OpenError::Damaged))? else {
            return match self.number == self.total {
                true => Ok(None),
                false => Err(OpenError::Damaged),
            };
        };
        self.number += 1;
        let cells = row.into_columns().into_iter().map(|(_, field)| cell(field)).collect();
        Ok(Some((self.number, cells)))
    }
}

fn fenced<T>(f: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(Err(OpenError::Damaged))
}

fn cell(field: Field) -> Cell {
    match field {
        Field::Null => Cell::Missing,
        Field::Byte(n) => Cell::Whole(n.into()),
        Field::Short(n) => Cell::Whole(n.into()),
        Field::Int(n) => Cell::Whole(n.into()),
        Field::Long(n) => Cell::Whole(n),
        Field::UByte(n) => Cell::Whole(n.into()),
        Field::UShort(n) => Cell::Whole(n.into()),
        Field::UInt(n) => Cell::Whole(n.into()),
        Field::ULong(n) => i64::try_from(n).map_or_else(|_| Cell::Text(n.to_string()), Cell::Whole),
        Field::Str(text) => Cell::Text(text),
        // Days since 1970, as the dates of other formats are written.
        Field::Date(days) => Cell::Text(
            jiff::civil::date(1970, 1, 1)
                .checked_add(jiff::Span::new().days(i64::from(days).clamp(-1_000_000, 1_000_000)))
                .map_or_else(|_| String::from("out of range"), |date| date.to_string()),
        ),
        other => Cell::Text(other.to_string()),
    }
}
