//! Records: what the institution knows, by declared field, sealed per person.
//!
//! Gives values of one person to one permitted question. Refuses to read by anything but a token and a set of fields.
mod batch;
mod catalogue;
pub mod ingest;
mod load;
mod raw;
mod rows;
mod sieve;
mod vault;

pub use batch::RecordBatch;
pub use catalogue::{Catalogue, CatalogueError, Class, Field, Flag, RowProblem, Shape};
pub use load::{LoadError, LoadReport, Progress, Throttle, batch_id, load};
pub use raw::{Raw, Reading, RecordSource, Row, SourceError, fetch};
pub use rows::{WireRow, corrected, progress, subject_of, token_rows, wire_row};
pub use sieve::{Chunk, Sieve};
pub use vault::{
    Closing, Copying, Held, LeftOut, LossRule, Pruned, RecordStore, Staged, TokenRow, Vault, VaultError, VaultSetup,
    Visit, Walk,
};
