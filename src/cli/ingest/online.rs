//! Into the gateway that runs: a stream of sealed chunks, each answered with a receipt. It resumes where the gateway stands.
use super::{Loaded, about, format_of, read_mapping, rejects::RejectFile};
use crate::{
    cli::{Failure, client_file, print, runtime},
    client::{Client, Loading},
    config::read_text,
    crypto::sha256_parts,
    limits::LOAD_ROWS_MAX,
    source::{
        Catalogue, Chunk, LeftOut, LoadError, LoadReport, Sieve, batch_id,
        ingest::{Rows, open},
        wire_row,
    },
    wire::v1,
};
use std::{collections::HashSet, io::Write, path::Path, sync::Arc, time::Instant};

/// Rows in one chunk: well under a message, also for records with long series.
const CHUNK_ROWS: usize = LOAD_ROWS_MAX;

struct Batch {
    id: String,
    catalogue: [u8; 32],
}

/// Loads and makes visible, with a bar on standard error.
pub(super) fn ingest(
    client: &Path,
    fields: &Path,
    mapping: &Path,
    file: &Path,
    rejects: &Path,
) -> Result<Loaded, Failure> {
    let catalogue = Catalogue::load(&read_text(fields).map_err(Failure::file)?)
        .map(Arc::new)
        .map_err(|e| Failure::file(format!("`{}`: {e}", fields.display())))?;
    let mapping = read_mapping(mapping, &catalogue)?;
    let mut rows = open(file, format_of(file)?, Arc::clone(&mapping)).map_err(|e| about(file, e))?;
    let batch = Batch {
        id: batch_id(file, &mapping).map_err(|e| about(file, e))?,
        catalogue: catalogue.sha256(),
    };
    let mut rejected = RejectFile::begin(rejects)?;
    let started = Instant::now();
    let ended = runtime()?.block_on(async {
        let client: Client = client_file::connect(client, None).await?;
        client
            .open_session(v1::Evidence::Request)
            .await
            .map_err(client_file::failure)?;
        let mut loading = client.load().await.map_err(client_file::failure)?;
        let ended = stream(&mut loading, &batch, &mut rows, &mut rejected).await?;
        drop(loading);
        // Everything is held and proven: a session that cannot be closed any more ends by itself.
        let _ = client.close().await;
        Ok::<_, Failure>(ended)
    })?;
    rejected.settle(&ended)?;
    Ok(Loaded {
        report: ended.map_err(Failure::work)?,
        synthetic: mapping.synthetic().map(str::to_owned),
        took: started.elapsed(),
    })
}

/// Fails where the gateway or the way to it does; what is wrong with the file is an end like any other.
async fn stream(
    loading: &mut Loading<'_>,
    batch: &Batch,
    rows: &mut Rows,
    rejects: &mut dyn Write,
) -> Result<Result<LoadReport, LoadError>, Failure> {
    // An empty chunk tells where the gateway stands.
    let standing = send(loading, batch, 0, Vec::new(), false).await?;
    if standing.visible {
        return Ok(Ok(LoadReport {
            already_visible: true,
            ..LoadReport::default()
        }));
    }
    let bar = print::bar(1, "loading into the running gateway");
    let (mut sieve, mut held) = (Sieve::new(rows, rejects), Held::default());
    loop {
        let chunk = match sieve.chunk(CHUNK_ROWS) {
            Ok(chunk) => chunk,
            Err(error) => return Ok(Err(error)),
        };
        let left_out = if chunk.end() > standing.rows_held || chunk.last {
            let sent = chunk.rows.iter().map(wire_row).collect();
            let told = send(loading, batch, chunk.first_row, sent, chunk.last).await?;
            LeftOut {
                duplicates: told.duplicate_rows,
                blocked: told.blocked_rows,
            }
        } else {
            // Which of these are blocked the gateway has told when it took them.
            LeftOut {
                duplicates: held.duplicates(&chunk),
                blocked: Vec::new(),
            }
        };
        if let Err(error) = sieve.left_out(chunk.first_row, &chunk.lines(), &left_out) {
            return Ok(Err(error));
        }
        let progress = sieve.progress();
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if chunk.last {
            bar.finish_and_clear();
            return Ok(sieve.finish());
        }
    }
}

/// Rows that the gateway holds from a load that was cut off are not sent again, so it does not tell which of them it
/// left out. It kept the first of each person.
#[derive(Default)]
struct Held(HashSet<[u8; 32]>);

impl Held {
    fn duplicates(&mut self, chunk: &Chunk) -> Vec<u64> {
        let rows = (chunk.first_row..).zip(&chunk.rows);
        let again = rows.filter(|(_, row)| {
            let scheme = [row.subject.scheme() as u8];
            !self.0.insert(sha256_parts(&[&scheme, row.subject.value().as_bytes()]))
        });
        again.map(|(index, _)| index).collect()
    }
}

async fn send(
    loading: &mut Loading<'_>,
    batch: &Batch,
    first_row: u64,
    rows: Vec<v1::RecordRow>,
    commit: bool,
) -> Result<v1::LoadProgress, Failure> {
    let chunk = v1::LoadChunk {
        header: None,
        batch_id: batch.id.clone(),
        first_row,
        catalogue_sha256: batch.catalogue.to_vec(),
        rows,
        commit,
    };
    let verified = loading.chunk(chunk).await.map_err(client_file::failure)?;
    Ok(verified.answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Time,
        domain::{Scheme, SubjectRef},
        source::{Row, ingest::MappedRow},
    };

    const FIELDS: &str = include_str!("../../../docs/sample/fields.toml");

    #[test]
    fn of_rows_that_are_held_the_first_of_each_person_counts() {
        let catalogue = Catalogue::load(FIELDS).unwrap();
        let row = |(line, who): (u64, &str)| MappedRow {
            line,
            subject: SubjectRef::parse(Scheme::Opaque, who).unwrap(),
            row: Row::new(&catalogue, Time(0), vec![Vec::new(); catalogue.fields().len()]).unwrap(),
        };
        let chunk = |first_row, people: &[&str]| Chunk {
            first_row,
            rows: (2..).zip(people.iter().copied()).map(row).collect(),
            last: false,
        };
        let mut held = Held::default();
        assert_eq!(held.duplicates(&chunk(0, &["a", "b", "a"])), [2]);
        assert_eq!(held.duplicates(&chunk(3, &["c", "b"])), [4]);
    }
}
