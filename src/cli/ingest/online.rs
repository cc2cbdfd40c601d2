//! Into the gateway that runs: a stream of sealed chunks, each answered with a receipt. It resumes where the gateway stands.
use super::{Loaded, about, format_of, read_mapping, reject_file};
use crate::{
    cli::{Failure, client_file, print, runtime},
    client::{Client, Loading},
    config::read_text,
    limits::LOAD_ROWS_MAX,
    source::{
        Catalogue, LoadReport, batch_id,
        ingest::{Reject, Rows, open},
        wire_row,
    },
    wire::v1,
};
use std::{io::Write, path::Path, sync::Arc, time::Instant};

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
    let mut rejected = reject_file(rejects)?;
    let started = Instant::now();
    let report = runtime()?.block_on(async {
        let client: Client = client_file::connect(client, None).await?;
        client
            .open_session(v1::Evidence::Request)
            .await
            .map_err(client_file::failure)?;
        let mut loading = client.load().await.map_err(client_file::failure)?;
        let report = stream(&mut loading, &batch, &mut rows, &mut rejected).await?;
        drop(loading);
        // Everything is held and proven: a session that cannot be closed any more ends by itself.
        let _ = client.close().await;
        Ok(report)
    })?;
    rejected.flush().map_err(Failure::work)?;
    Ok(Loaded {
        report,
        synthetic: mapping.synthetic().map(str::to_owned),
        took: started.elapsed(),
    })
}

async fn stream(
    loading: &mut Loading<'_>,
    batch: &Batch,
    rows: &mut Rows,
    rejects: &mut dyn Write,
) -> Result<LoadReport, Failure> {
    let mut report = LoadReport::default();
    // An empty chunk tells where the gateway stands.
    let standing = send(loading, batch, 0, Vec::new(), false).await?;
    if standing.visible {
        report.already_visible = true;
        return Ok(report);
    }
    let bar = print::bar(1, "loading into the running gateway");
    let mut first_row = 0;
    loop {
        let (chunk, lines, ended) = read_chunk(rows, &mut report, rejects)?;
        let next = first_row + chunk.len() as u64;
        report.rows_loaded += chunk.len() as u64;
        if next > standing.rows_held || ended {
            let progress = send(loading, batch, first_row, chunk, ended).await?;
            for row in progress.duplicate_rows {
                let line = usize::try_from(row.saturating_sub(first_row)).ok();
                let line = line.and_then(|i| lines.get(i)).copied().unwrap_or(0);
                report.rows_loaded -= 1;
                reject(
                    line,
                    None,
                    "the person occurs before in this file",
                    &mut report,
                    rejects,
                )?;
            }
        }
        first_row = next;
        let (done, total) = rows.done_of();
        bar.set_length(total);
        bar.set_position(done);
        if ended {
            bar.finish_and_clear();
            return Ok(report);
        }
    }
}

type Chunk = (Vec<v1::RecordRow>, Vec<u64>, bool);

fn read_chunk(rows: &mut Rows, report: &mut LoadReport, rejects: &mut dyn Write) -> Result<Chunk, Failure> {
    let (mut chunk, mut lines) = (Vec::new(), Vec::new());
    while chunk.len() < CHUNK_ROWS {
        match rows.next_row().map_err(Failure::work)? {
            None => return Ok((chunk, lines, true)),
            Some(row) => {
                report.rows_read += 1;
                match row {
                    Ok(mapped) => {
                        lines.push(mapped.line);
                        chunk.push(wire_row(&mapped));
                    }
                    Err(bad) => reject(bad.line, bad.column, &bad.reason, report, rejects)?,
                }
            }
        }
    }
    Ok((chunk, lines, false))
}

fn reject(
    line: u64,
    column: Option<String>,
    reason: &str,
    report: &mut LoadReport,
    rejects: &mut dyn Write,
) -> Result<(), Failure> {
    report.rows_rejected += 1;
    let reject = Reject {
        line,
        column,
        reason: reason.to_owned(),
    };
    serde_json::to_writer(&mut *rejects, &reject).map_err(Failure::work)?;
    rejects.write_all(b"\n").map_err(Failure::work)
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
