//! The whole real file: loaded into a real vault, every client's bands against a computation of its own.
use super::*;
use crate::{
    clock::{SystemClock, Time},
    crypto::{Secret, SeededRng},
    domain::{FieldSet, Scheme, SubjectRef, SubjectToken},
    policy::Bounds,
    source::{
        Catalogue, LossRule, Progress, Row, Vault, VaultSetup, batch_id,
        ingest::{self, Format, Mapping},
        load,
    },
    state::{Effect, Row as StateRow, State, StateError, Table},
    store::vault::SledRecords,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    sync::{Arc, Mutex},
};

const FIELDS: &str = include_str!("../../docs/sample/fields.toml");
const SIGNALS: &str = include_str!("../../docs/sample/signals.toml");
const MAPPING: &str = include_str!("../../docs/sample/mapping-uci.toml");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/uci-credit-default.csv.gz");

#[derive(Default)]
struct Rows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Rows {
    fn apply(&self, effect: Effect) {
        assert_eq!(effect.table, Table::RecordBatch);
        self.0.lock().unwrap().insert(effect.key, effect.value.unwrap());
    }
}

impl State for Rows {
    fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn rows(&self, _: Table, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<StateRow>, StateError> {
        let rows = self.0.lock().unwrap();
        Ok(rows.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

fn vault(dir: &Path, catalogue: &Arc<Catalogue>, state: &Rows) -> Arc<Vault> {
    let vault = Vault::open(VaultSetup {
        store: Box::new(SledRecords::open(dir).unwrap()),
        catalogue: catalogue.clone(),
        epochs: crate::keyring::Epochs::single(Secret::from([5; 32])),
        rng: Arc::new(SeededRng::new(1)),
        clock: Arc::new(SystemClock),
        state,
        on_loss: LossRule::Refuse,
    });
    Arc::new(vault.unwrap())
}

fn token(id: u64) -> SubjectToken {
    let text = ingest::test_identity(id).unwrap();
    SubjectRef::parse(Scheme::CnResidentId, &text)
        .unwrap()
        .token(&Secret::from([6; 32]))
}

/// The file by nothing but the standard library and gzip: no part of the code under test.
fn table() -> Vec<Vec<i64>> {
    let mut text = String::new();
    let file = std::fs::File::open(FILE).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let cells = |line: &str| line.split(',').map(|c| c.parse().unwrap()).collect();
    text.lines().skip(1).map(cells).collect()
}

/// 2008-01-10: the newest month is placed at 2007-12-31.
const NOW: Time = Time(1_200_000_000_000);

fn index_of(signals: &Signals, id: &str, row: &Row) -> (u32, Vec<String>) {
    let bounds = Bounds {
        look_back_days: 365,
        families: signals.iter().map(|signal| signal.family().clone()).collect(),
    };
    match signals
        .get(&id.parse().unwrap())
        .unwrap()
        .outcome(Some(row), NOW, &bounds)
    {
        Outcome::Band { index, reasons, .. } => (index, reasons),
        other => panic!("{id}: {other:?}"),
    }
}

/// Area under the ROC curve by ranks (Mann-Whitney), ties shared.
fn auc(scores: &[(u32, i64)]) -> f64 {
    let (mut wins, mut pairs) = (0.0, 0.0);
    let mut by_band: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (band, defaulted) in scores {
        let slot = by_band.entry(*band).or_default();
        if *defaulted == 1 { slot.0 += 1.0 } else { slot.1 += 1.0 }
    }
    let bands: Vec<(f64, f64)> = by_band.into_values().collect();
    for (i, (bad, _)) in bands.iter().enumerate() {
        for (j, (_, good)) in bands.iter().enumerate() {
            pairs += bad * good;
            wins += bad
                * good
                * if i < j {
                    1.0
                } else if i == j {
                    0.5
                } else {
                    0.0
                };
        }
    }
    wins / pairs
}

/// Share of clients that defaulted, by band.
fn default_rates(scores: &[(u32, i64)]) -> Vec<f64> {
    let mut by_band: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (band, defaulted) in scores {
        let slot = by_band.entry(*band).or_default();
        *slot = (slot.0 + *defaulted as f64, slot.1 + 1.0);
    }
    by_band.into_values().map(|(defaulted, all)| defaulted / all).collect()
}

#[test]
fn every_client_of_the_real_file_gets_the_band_that_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Arc::new(Catalogue::load(FIELDS).unwrap());
    let signals = Signals::load(SIGNALS, &catalogue).unwrap();
    let mapping = Arc::new(Mapping::load(MAPPING, catalogue.clone(), NOW).unwrap());
    assert!(mapping.synthetic().unwrap().contains("made up"));
    let state = Rows::default();
    let vault = vault(dir.path(), &catalogue, &state);

    let id = batch_id(Path::new(FILE), &mapping).unwrap();
    let mut rows = ingest::open(Path::new(FILE), Format::Csv, mapping.clone()).unwrap();
    let (mut rejects, mut seen) = (Vec::new(), Vec::<Progress>::new());
    let started = std::time::Instant::now();
    let report = load(&vault, &mut rows, &Secret::from([6; 32]), &id, &mut rejects, &mut |p| {
        seen.push(p)
    })
    .unwrap();
    let closing = vault.close(&id).unwrap();
    println!("30,000 rows loaded in {:?}", started.elapsed());
    assert_eq!(
        (report.rows_read, report.rows_loaded, report.rows_rejected),
        (30_000, 30_000, 0)
    );
    assert!(rejects.is_empty());
    assert_eq!(seen.last().map(|p| p.done), seen.last().map(|p| p.total));

    let mut lineage = FieldSet::default();
    signals.iter().for_each(|s| lineage = lineage.union(s.lineage()));
    assert!(
        vault.read_now(&token(1), lineage).unwrap().is_none(),
        "nothing is visible before the commit"
    );
    closing.effects().into_iter().for_each(|effect| state.apply(effect));
    closing.recorded();

    let (mut scores, mut told) = (Vec::new(), BTreeSet::new());
    let (mut negative, mut over) = (0, 0);
    for cells in table() {
        let row = vault
            .read_now(&token(cells[0] as u64), lineage)
            .unwrap()
            .expect("a file");
        // Columns: 1 limit, 6..12 status newest first, 12..18 statements, 18..24 payments, 24 default.
        let worst = match cells[6..12].iter().max().unwrap() {
            ..=0 => 0,
            1 => 1,
            2 => 2,
            3 => 3,
            4..=6 => 4,
            _ => 5,
        };
        assert_eq!(
            index_of(&signals, "worst_overdue_6m@1", &row).0,
            worst,
            "client {}",
            cells[0]
        );
        let (limit, bill) = (cells[1], cells[12]);
        negative += i32::from(bill < 0);
        over += i32::from(bill > limit);
        let used = match () {
            () if bill > limit => 4,
            () if bill * 10 >= limit * 8 => 3,
            () if bill * 10 >= limit * 5 => 2,
            () if bill * 10 >= limit * 3 => 1,
            () => 0,
        };
        assert_eq!(index_of(&signals, "utilisation@1", &row).0, used, "client {}", cells[0]);
        assert_eq!(
            index_of(&signals, "utilisation_coarse@1", &row).0,
            u32::from(used >= 3),
            "client {}",
            cells[0]
        );
        let on_time = cells[6..12].iter().filter(|c| **c <= 0).count();
        let rate = [0, 0, 0, 1, 1, 2, 3][on_time];
        assert_eq!(
            index_of(&signals, "on_time_rate@1", &row).0,
            rate,
            "client {}",
            cells[0]
        );
        index_of(&signals, "repayment_ratio@1", &row);
        index_of(&signals, "limit_band@1", &row);
        let (band, reasons) = index_of(&signals, "risk_band@1", &row);
        assert!(
            reasons.len() <= 4 && (band == 9 || !reasons.is_empty()),
            "client {}",
            cells[0]
        );
        told.insert((band, reasons));
        scores.push((band, cells[24]));
    }
    assert_eq!(
        (scores.len(), negative, over),
        (30_000, 590, 2_115),
        "what is known of the file"
    );
    let even: Vec<_> = scores.iter().copied().skip(1).step_by(2).collect();
    println!(
        "risk_band AUC: all {:.3}, clients the points were not chosen on {:.3}",
        auc(&scores),
        auc(&even)
    );
    assert!(auc(&even) > 0.65);
    println!("risk_band: band and reasons together take {} values", told.len());
    for (whose, scores) in [("all", &scores), ("clients the points were not chosen on", &even)] {
        let rates = default_rates(scores);
        println!("risk_band default rates, {whose}: {rates:.3?}");
        assert_eq!(rates.len(), 10);
        assert!(
            rates.is_sorted_by(|worse, better| worse > better),
            "{whose}: a band that does not rank"
        );
    }

    // The same file again is the same batch: nothing is read, nothing changes.
    let mut again = ingest::open(Path::new(FILE), Format::Csv, mapping).unwrap();
    let report = load(
        &vault,
        &mut again,
        &Secret::from([6; 32]),
        &id,
        &mut rejects,
        &mut |_| {},
    )
    .unwrap();
    assert!(report.already_visible && report.rows_read == 0);
}
