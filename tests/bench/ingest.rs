//! Offline loading: rows/s through mapping, sealing, vault and log, against plain inserts of the same bytes into sled.
use super::{
    Run,
    figures::Figures,
    place::{Place, SAMPLE, bytes_on_disk, own_cpu},
};
use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tollgate::{
    app::{Kept, judge_by},
    audit::Event,
    clock::{Clock, SystemClock},
    config::Config,
    crypto::{Rng, SystemRng},
    domain::Method,
    facts::{Facts, Kind},
    limits::{LOAD_CHUNK_ROWS, LOAD_SYNC_ROWS, VAULT_CACHE_BYTES},
    source::{
        LossRule,
        ingest::{Format, Mapping, open},
        load,
    },
};

/// Rows of the sample.
const SAMPLE_ROWS: u64 = 30_000;

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let rounds = run.pick(1, 3);
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let place = Place::new();
        let cpu = own_cpu();
        let loaded = load_file(&place, &place.sample(), SAMPLE_ROWS, &mut |_, _| {});
        let cpu_us = (own_cpu() - cpu).as_secs_f64() * 1e6 / SAMPLE_ROWS as f64;
        figures.note("30,000 rows: CPU", cpu_us, "µs/row");
        ours.push(SAMPLE_ROWS as f64 / loaded.as_secs_f64());
        let vault = place.site.folder().join("data/vault");
        figures.note("30,000 rows: bytes on disk", bytes_on_disk(&vault) as f64 / 1e6, "MB");
        plain.push(plain_inserts(&vault, place.site.folder()));
    }
    let (ours, plain) = (super::figures::median(ours), super::figures::median(plain));
    figures.at_least("30,000 rows: rate", ours, "rows/s", 20_000.0);
    figures.note("30,000 rows: plain sled inserts of the same bytes", plain, "rows/s");
    figures.note("30,000 rows: ratio", ours / plain, "of plain");
    let rows = run.number("rows", 0);
    if rows > 0 {
        large(rows, figures);
    }
}

/// Many rows, made from the real ones under new identities, through a pipe: no file of them is ever stored.
fn large(rows: u64, figures: &mut Figures) {
    let place = Place::new();
    let pipe = place.site.folder().join("rows.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = {
        let pipe = pipe.clone();
        thread::spawn(move || write_rows(&pipe, rows))
    };
    let mut last = (0u64, Duration::ZERO);
    let cpu = own_cpu();
    let took = load_file(&place, &pipe, rows, &mut |read, at| {
        if read - last.0 >= 1_000_000 || read == rows {
            let rate = (read - last.0) as f64 / (at - last.1).as_secs_f64().max(1e-9);
            figures.note(format!("{rows} rows: up to row {read}"), rate, "rows/s");
            last = (read, at);
        }
    });
    writer.join().unwrap();
    let rate = rows as f64 / took.as_secs_f64();
    figures.at_least(format!("{rows} rows: rate, all in all"), rate, "rows/s", 12_000.0);
    // With the thread that writes the pipe.
    let cpu_us = (own_cpu() - cpu).as_secs_f64() * 1e6 / rows as f64;
    figures.note(format!("{rows} rows: CPU"), cpu_us, "µs/row");
    let bytes = bytes_on_disk(&place.site.folder().join("data/vault"));
    figures.note(format!("{rows} rows: bytes on disk"), bytes as f64 / 1e6, "MB");
    figures.note(format!("{rows} rows: bytes a row"), bytes as f64 / rows as f64, "bytes");
}

/// The sample again and again, the row number in the first column counting on: the mapping makes identities from it.
fn write_rows(pipe: &Path, rows: u64) {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(SAMPLE)
        .read_to_string(&mut text)
        .unwrap();
    let (header, lines) = text.split_once('\n').unwrap();
    let rests: Vec<&str> = lines.lines().map(|line| line.split_once(',').unwrap().1).collect();
    let mut out = BufWriter::with_capacity(1 << 16, File::create(pipe).unwrap());
    writeln!(out, "{header}").unwrap();
    for (n, rest) in (1..=rows).zip(rests.iter().cycle()) {
        writeln!(out, "{n},{rest}").unwrap();
    }
}

/// What `tollgate ingest` does, without its progress bar. Until the rows are visible.
fn load_file(place: &Place, file: &Path, rows: u64, seen: &mut dyn FnMut(u64, Duration)) -> Duration {
    let config = Config::load(&place.site.config()).unwrap();
    let view = judge_by(&config).unwrap();
    let text = std::fs::read_to_string(place.site.mapping()).unwrap();
    let mapping = Arc::new(Mapping::load(&text, Arc::clone(&view.catalogue)).unwrap());
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
    let kept = Kept::open(&config, &view.catalogue, LossRule::Refuse, &clock, &rng).unwrap();
    let started = Instant::now();
    let format = Format::of(file).unwrap();
    let mut source = open(file, format, mapping).unwrap();
    let pseudonym = kept.keyring.pseudonym();
    let report = load(
        &kept.vault,
        &mut source,
        &pseudonym,
        "bench",
        &mut std::io::sink(),
        &mut |p| {
            seen(p.rows_read, started.elapsed());
        },
    )
    .unwrap();
    assert_eq!((report.rows_loaded, report.rows_rejected), (rows, 0));
    let mut facts = Facts::new(Kind::Records, "gateway", Method("/tollgate.bench/Ingest"), [0; 32]);
    facts.effects.push(kept.vault.commit_effect("bench").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(kept.log.append(Event::new(facts))).unwrap();
    kept.vault.on_committed("bench").unwrap();
    let took = started.elapsed();
    let Kept { vault, worker, .. } = kept;
    drop(vault);
    worker.close().unwrap();
    took
}

/// The baseline: the vault's own keys and values into a new sled, in the order in which they came, in sorted chunks and
/// synced as often as a load does, and nothing else.
fn plain_inserts(vault: &Path, folder: &Path) -> f64 {
    let rows: Vec<(u64, sled::IVec, sled::IVec)> = {
        let db = open_sled(vault);
        let trees = db.tree_names();
        let largest = trees
            .iter()
            .map(|name| db.open_tree(name).unwrap())
            .max_by_key(sled::Tree::len);
        let row = |pair: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = pair.unwrap();
            (u64::from_be_bytes(value[..8].try_into().unwrap()), key, value)
        };
        largest.unwrap().iter().map(row).collect()
    };
    assert_eq!(rows.len() as u64, SAMPLE_ROWS);
    let mut rows = rows;
    rows.sort_unstable_by_key(|row| row.0);
    for chunk in rows.chunks_mut(LOAD_CHUNK_ROWS) {
        chunk.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    }
    let path = folder.join("plain");
    let started = Instant::now();
    let db = open_sled(&path);
    for (n, (_, key, value)) in (1..).zip(&rows) {
        db.insert(key, value).unwrap();
        if n % LOAD_SYNC_ROWS == 0 {
            sync(&db, &path);
        }
    }
    sync(&db, &path);
    let rate = rows.len() as f64 / started.elapsed().as_secs_f64();
    drop(db);
    std::fs::remove_dir_all(&path).unwrap();
    rate
}

fn open_sled(path: &Path) -> sled::Db {
    let config = sled::Config::new().path(path).cache_capacity(VAULT_CACHE_BYTES);
    // The threads of a store that was closed a moment ago may hold its lock a little longer.
    for _ in 0..100 {
        match config.open() {
            Ok(db) => return db,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
    config.open().unwrap()
}

fn sync(db: &sled::Db, path: &Path) {
    db.flush().unwrap();
    File::open(path.join("db")).unwrap().sync_data().unwrap();
}
