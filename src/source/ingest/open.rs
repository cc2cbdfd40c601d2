//! Opens a file of any accepted format and gives its rows, mapped or rejected, one after the other.
use super::{
    Cell, MappedRow, Reject,
    lines::{Line, Lines, csv_cell, csv_cells, json_cells},
    mapping::{Bound, Mapping, MappingError},
    parquet::ParquetRows,
};
use crate::{document::did_you_mean, limits::COLUMNS_MAX};
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line, one record to a line.
    Csv,
    /// One flat object to a line.
    JsonLines,
    /// Apache Parquet with flat columns.
    Parquet,
}

impl Format {
    /// By the file's name, with or without `.gz`.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Format::Csv),
            "jsonl" | "ndjson" => Some(Format::JsonLines),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }
}

/// Why a file cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system could not read it.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// File and mapping do not meet.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Not a readable file of its format.
    #[error("the file is damaged or not of its format: get it again")]
    Damaged,
    /// A form that is not accepted.
    #[error("{0}")]
    Shape(&'static str),
}

/// Rows of one file.
pub struct Rows {
    mapping: Arc<Mapping>,
    bound: Bound,
    columns: usize,
    kind: Kind,
    bytes_read: Arc<AtomicU64>,
    bytes_total: u64,
}

enum Kind {
    Csv(Lines<Box<dyn BufRead + Send>>),
    JsonLines {
        lines: Lines<Box<dyn BufRead + Send>>,
        names: Vec<String>,
    },
    Parquet(Box<ParquetRows>),
}

/// Opens a file; gzip is recognised by its first bytes.
///
/// # Errors
/// If it cannot be read, or a column is neither mapped nor ignored.
pub fn open(path: &Path, format: Format, mapping: Arc<Mapping>) -> Result<Rows, OpenError> {
    let file = File::open(path)?;
    let bytes_total = file.metadata()?.len();
    let bytes_read = Arc::new(AtomicU64::new(0));
    let (kind, names) = match format {
        Format::Parquet => {
            let rows = ParquetRows::open(file)?;
            let names = rows.names().to_vec();
            (Kind::Parquet(Box::new(rows)), names)
        }
        Format::Csv => {
            let mut lines = Lines::new(text_reader(file, bytes_read.clone())?);
            let names = header(&mut lines)?;
            (Kind::Csv(lines), names)
        }
        Format::JsonLines => {
            let lines = Lines::new(text_reader(file, bytes_read.clone())?);
            // A line names its members itself: they are looked up in the mapping, missing ones are missing values.
            let names = mapping.column_names();
            let kind = Kind::JsonLines {
                lines,
                names: names.clone(),
            };
            (kind, names)
        }
    };
    Ok(Rows {
        bound: mapping.bind(names.clone())?,
        columns: names.len(),
        mapping,
        kind,
        bytes_read,
        bytes_total,
    })
}

impl Rows {
    /// Bytes of the file that are read, and its length.
    pub fn done_of(&self) -> (u64, u64) {
        match &self.kind {
            Kind::Parquet(rows) => rows.done_of(),
            _ => (self.bytes_read.load(Ordering::Relaxed), self.bytes_total),
        }
    }

    /// The next row, mapped or rejected; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read any further: what follows is not known, so the load must not be committed.
    pub fn next_row(&mut self) -> Result<Option<Result<MappedRow, Reject>>, OpenError> {
        let (line, cells) = match &mut self.kind {
            Kind::Parquet(rows) => match rows.next()? {
                Some((line, cells)) => (line, Ok(cells)),
                None => return Ok(None),
            },
            Kind::Csv(lines) => match lines.next()? {
                Some((line, Line::Bad(reason))) => (line, Err(Reject::new(line, None, reason))),
                Some((line, Line::Text(text))) => (line, csv_row(line, text, self.columns)),
                None => return Ok(None),
            },
            Kind::JsonLines { lines, names } => match lines.next()? {
                Some((line, Line::Bad(reason))) => (line, Err(Reject::new(line, None, reason))),
                Some((line, Line::Text(text))) => (line, json_row(line, text, names, &self.mapping)),
                None => return Ok(None),
            },
        };
        Ok(Some(
            cells.and_then(|cells| self.mapping.apply(&self.bound, line, &cells)),
        ))
    }
}

fn csv_row(line: u64, text: &str, columns: usize) -> Result<Vec<Cell>, Reject> {
    let cells = csv_cells(line, text)?;
    if cells.len() != columns {
        let reason = format!("the line has {} columns where the header has {columns}", cells.len());
        return Err(Reject::new(line, None, reason));
    }
    Ok(cells.into_iter().map(csv_cell).collect())
}

fn json_row(line: u64, text: &str, names: &[String], mapping: &Mapping) -> Result<Vec<Cell>, Reject> {
    let mut cells: Vec<Cell> = Vec::new();
    cells.resize_with(names.len(), || Cell::Missing);
    for (name, cell) in json_cells(line, text)? {
        match names.iter().position(|known| *known == name) {
            Some(place) => {
                if let Some(slot) = cells.get_mut(place) {
                    *slot = cell;
                }
            }
            None if mapping.ignores(&name) => {}
            None => {
                let near = did_you_mean(&name, names.iter().map(String::as_str));
                let reason = format!("a member is neither mapped nor ignored{near}");
                return Err(Reject::new(line, None, reason));
            }
        }
    }
    Ok(cells)
}

fn header(lines: &mut Lines<Box<dyn BufRead + Send>>) -> Result<Vec<String>, OpenError> {
    const SHAPE: OpenError = OpenError::Shape("the first line must name the columns, at most 1,024");
    match lines.next()? {
        Some((line, Line::Text(text))) => {
            let names = csv_cells(line, text).map_err(|_| SHAPE)?;
            (names.len() <= COLUMNS_MAX).then_some(names).ok_or(SHAPE)
        }
        _ => Err(SHAPE),
    }
}

fn text_reader(file: File, counter: Arc<AtomicU64>) -> io::Result<Box<dyn BufRead + Send>> {
    let mut reader = BufReader::with_capacity(64 << 10, Counted { file, counter });
    match reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Ok(Box::new(BufReader::with_capacity(
            64 << 10,
            MultiGzDecoder::new(reader),
        ))),
        false => Ok(Box::new(reader)),
    }
}

struct Counted {
    file: File,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
