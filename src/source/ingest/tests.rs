//! Formats, rejects and the account of rows: against real files and a real vault.
use super::*;
use crate::{
    clock::{SystemClock, Time},
    crypto::{Secret, SeededRng},
    domain::{FieldSet, Scheme},
    source::{Catalogue, LoadError, LoadReport, LossRule, Vault, VaultSetup, batch_id, load},
    state::{Row as StateRow, State, StateError, Table},
    store::vault::SledRecords,
};
use ::parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

mod dates;

const FIELDS: &str = r#"
[[field]]
path = "loan.balance_minor"
shape = "scalar"
class = "C2"
min = -100_000
max = 100_000
retention_days = 10
source = "s"
meaning_en = "m"
meaning_zh = "m"

[[field]]
path = "loan.overdue_days"
shape = "monthly"
months = 3
class = "C2"
min = 0
max = 1000
retention_days = 10
source = "s"
meaning_en = "m"
meaning_zh = "m"
"#;
const MAPPING: &str = r#"
[subject]
scheme = "opaque"
column = "who"

[as_of]
column = "day"

[[field]]
path = "loan.balance_minor"
column = "balance"
convert = "minor"
default = 0

[[field]]
path = "loan.overdue_days"
columns = ["m0", "m1", "m2"]
convert = "pboc"

[[ignore]]
column = "note"
why = "free text"

[codes.pboc]
N = 0
1 = 30
2 = 60
"#;

/// 2024-02-10 08:00 UTC.
pub(super) const NOW: Time = Time(1_707_552_000_000);

struct Nothing;

impl State for Nothing {
    fn row(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }
    fn rows(&self, _: Table, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<StateRow>, StateError> {
        Ok(Vec::new())
    }
}

pub(super) fn mapping() -> Arc<Mapping> {
    let catalogue = Arc::new(Catalogue::load(FIELDS).unwrap());
    Arc::new(Mapping::load(MAPPING, catalogue, NOW).unwrap())
}

struct Bench {
    dir: tempfile::TempDir,
    vault: Arc<Vault>,
    mapping: Arc<Mapping>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mapping = mapping();
        let vault = Vault::open(VaultSetup {
            store: Box::new(SledRecords::open(&dir.path().join("vault")).unwrap()),
            catalogue: mapping.catalogue().clone(),
            epochs: crate::keyring::Epochs::single(Secret::from([5; 32])),
            rng: Arc::new(SeededRng::new(1)),
            clock: Arc::new(SystemClock),
            state: &Nothing,
            on_loss: LossRule::Refuse,
        })
        .unwrap();
        let vault = Arc::new(vault);
        Self { dir, vault, mapping }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn load(&self, path: &Path) -> Result<(LoadReport, String), LoadError> {
        let mut rows = open(path, Format::of(path).unwrap(), self.mapping.clone())?;
        let mut rejects = Vec::new();
        let id = batch_id(path, &self.mapping).unwrap();
        let report = load(
            &self.vault,
            &mut rows,
            &Secret::from([6; 32]),
            &id,
            &mut rejects,
            &mut |_| {},
        )?;
        self.vault.close(&id)?.recorded();
        Ok((report, String::from_utf8(rejects).unwrap()))
    }

    fn read(&self, who: &str) -> Option<(Time, Vec<Vec<i64>>)> {
        let token = SubjectRef::parse(Scheme::Opaque, who)
            .unwrap()
            .token(&Secret::from([6; 32]));
        let mut fields = FieldSet::default();
        fields.insert(0);
        fields.insert(1);
        let row = self.vault.read_now(&token, fields).unwrap()?;
        let value = |i| row.value(i).unwrap().to_vec();
        Some((row.as_of(), vec![value(0), value(1)]))
    }
}

fn day(text: &str) -> Time {
    let date: jiff::civil::Date = text.parse().unwrap();
    Time(
        date.to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_millisecond(),
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn csv_with_every_kind_of_bad_row_loses_nothing() {
    let bench = Bench::new();
    let long = "z".repeat(70_000);
    let text = format!(
        "\u{feff}who,day,balance,m0,m1,m2,note\r\n\
         a,2024-01-31,12.5,N,1,2,\"fine, really\"\r\n\
         b,2024-01-31,,N,,,\n\
         bad id!,2024-01-31,1,N,N,N,\n\
         c,2024-13-31,1,N,N,N,\n\
         d,2024-01-31,777777.777,N,N,N,\n\
         e,2024-01-31,1,9,N,N,\n\
         f,2024-01-31,1,N,,2,\n\
         g,2024-01-31,88888,N,N,N,\n\
         h,2024-01-31,1,N,N\n\
         i,2024-01-31,1,N,N,N,\"open\n\
         j,2024-01-31,1,N,N,N,{long}\n\
         a,2024-01-31,1,N,N,N,\n\
         k,2024-01-31,-1,1,N,N,x"
    );
    let path = bench.file("x.csv.gz", &gzip(&text));
    let (report, rejects) = bench.load(&path).unwrap();
    assert_eq!(
        (report.rows_read, report.rows_loaded, report.rows_rejected),
        (13, 3, 10)
    );
    let rejects: Vec<serde_json::Value> = rejects.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let said: Vec<(u64, Option<&str>, &str)> = rejects
        .iter()
        .map(|r| {
            (
                r["line"].as_u64().unwrap(),
                r["column"].as_str(),
                r["reason"].as_str().unwrap(),
            )
        })
        .collect();
    for (line, column, says) in [
        (4, Some("who"), "opaque identifier"),
        (5, Some("day"), "expected a date"),
        (6, Some("balance"), "at most two decimals"),
        (7, Some("m0"), "not in the mapping's table"),
        (8, Some("m2"), "a newer month is missing"),
        (9, None, "`loan.balance_minor` is outside the range"),
        (10, None, "5 columns where the header has 7"),
        (11, None, "a quote does not end"),
        (12, None, "longer than 64 KiB"),
        (13, None, "occurs before"),
    ] {
        let found = said
            .iter()
            .find(|(l, ..)| *l == line)
            .unwrap_or_else(|| panic!("line {line} of {said:?}"));
        assert_eq!(found.1, column, "line {line}");
        assert!(found.2.contains(says), "line {line}: {}", found.2);
    }
    for value in ["777777", "88888", "2024-13", "bad id", "zzzz", "\"9\""] {
        assert!(
            !said.iter().any(|(.., reason)| reason.contains(value)),
            "{value} is in a reason"
        );
    }
    let at = day("2024-01-31");
    assert_eq!(bench.read("a"), Some((at, vec![vec![1250], vec![0, 30, 60]])));
    assert_eq!(
        bench.read("b"),
        Some((at, vec![vec![0], vec![0]])),
        "defaults and missing months"
    );
    assert_eq!(bench.read("k"), Some((at, vec![vec![-100], vec![30, 0, 0]])));
    assert_eq!(bench.read("g"), None);
}

#[test]
fn json_lines_and_parquet_say_the_same_as_csv() {
    let bench = Bench::new();
    let text = concat!(
        r#"{"who":"j1","day":"2024-02-01","balance":12.5,"m0":"N","m1":1,"m2":"2","note":"x"}"#,
        "\n",
        r#"{"who":"j2","day":"2024-02-01","m0":"N"}"#,
        "\n",
        r#"{"who":"j3","day":"2024-02-01","m0":"N","blance":3}"#,
        "\n",
        r#"{"who":"j3","day":"2024-02-01","balance":1e2}"#,
        "\n{not json\n"
    );
    let path = bench.file("x.jsonl", text.as_bytes());
    let (report, rejects) = bench.load(&path).unwrap();
    assert_eq!(
        (report.rows_read, report.rows_loaded, report.rows_rejected),
        (5, 3, 2),
        "{rejects}"
    );
    assert!(rejects.contains("did you mean `balance`?"), "{rejects}");
    let at = day("2024-02-01");
    assert_eq!(bench.read("j1"), Some((at, vec![vec![1250], vec![0, 30, 60]])));
    assert_eq!(bench.read("j2"), Some((at, vec![vec![0], vec![0]])));
    assert_eq!(bench.read("j3"), Some((at, vec![vec![10_000], vec![]])));

    let path = bench.dir.path().join("x.parquet");
    write_parquet(&path, "INT64");
    let (report, rejects) = bench.load(&path).unwrap();
    assert_eq!(
        (report.rows_read, report.rows_loaded, report.rows_rejected),
        (3, 2, 1),
        "{rejects}"
    );
    assert!(rejects.contains("\"line\":3,\"column\":\"m0\""), "{rejects}");
    assert_eq!(bench.read("p1"), Some((at, vec![vec![700], vec![30]])));
    assert_eq!(bench.read("p2"), Some((at, vec![vec![0], vec![60]])));
}

/// Three rows: whole, with a null, with a code that is not in the table.
fn write_parquet(path: &Path, balance: &str) {
    let schema = format!(
        "message rows {{ REQUIRED BYTE_ARRAY who (UTF8); REQUIRED BYTE_ARRAY day (UTF8); OPTIONAL {balance} balance;
         REQUIRED INT64 m0; OPTIONAL INT64 m1; OPTIONAL INT64 m2; }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts = |list: &[&str]| list.iter().map(|t| ByteArray::from(*t)).collect::<Vec<_>>();
    for column in 0..6 {
        let mut next = group.next_column().unwrap().unwrap();
        match column {
            0 => drop(
                next.typed::<ByteArrayType>()
                    .write_batch(&texts(&["p1", "p2", "p3"]), None, None)
                    .unwrap(),
            ),
            1 => drop(
                next.typed::<ByteArrayType>()
                    .write_batch(&texts(&["2024-02-01"; 3]), None, None)
                    .unwrap(),
            ),
            2 => drop(
                next.typed::<Int64Type>()
                    .write_batch(&[7, 9], Some(&[1, 0, 1]), None)
                    .unwrap(),
            ),
            3 => drop(next.typed::<Int64Type>().write_batch(&[1, 2, 9], None, None).unwrap()),
            _ => drop(
                next.typed::<Int64Type>()
                    .write_batch(&[], Some(&[0, 0, 0]), None)
                    .unwrap(),
            ),
        }
        next.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn a_damaged_parquet_file_is_an_error_and_never_a_shorter_load() {
    let bench = Bench::new();
    let path = bench.dir.path().join("x.parquet");
    write_parquet(&path, "INT64");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut bad = whole.clone();
        bad[at] ^= 0x55;
        let flipped = bench.file("bad.parquet", &bad);
        let mut total = 0;
        if let Ok(mut rows) = open(&flipped, Format::Parquet, bench.mapping.clone()) {
            while let Ok(Some(_)) = rows.next_row() {
                total += 1;
                assert!(total <= 3, "rows out of nothing");
            }
        }
        let cut = bench.file("cut.parquet", &whole[..at]);
        assert!(
            open(&cut, Format::Parquet, bench.mapping.clone()).is_err(),
            "cut at {at}"
        );
    }
}

#[test]
fn a_truncated_gzip_file_stops_the_load() {
    let bench = Bench::new();
    let lines: String = (0..9_000)
        .map(|n| format!("u{n},2024-01-31,{},N,N,N,\n", n * 7 % 999))
        .collect();
    let packed = gzip(&format!("who,day,balance,m0,m1,m2,note\n{lines}"));
    let path = bench.file("x.csv.gz", &packed[..packed.len() / 2]);
    assert!(matches!(bench.load(&path), Err(LoadError::Open(OpenError::Io(_)))));
    assert_eq!(bench.read("u1"), None, "nothing of it is visible");
}

#[test]
fn columns_that_nobody_spoke_of_stop_the_load() {
    let bench = Bench::new();
    for (header, says) in [
        ("who,day,balance,m0,m1,note", "no column `m2`: did you mean `m0`?"),
        (
            "who,day,balance,m0,m1,m2,income",
            "column `income` is neither mapped nor ignored",
        ),
        ("who,day,balance,m0,m1,m2,m2", "names a column twice"),
        ("", "must name the columns"),
    ] {
        let path = bench.file("h.csv", format!("{header}\n").as_bytes());
        let error = bench.load(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(Format::of(Path::new("a.CSV.GZ")), Some(Format::Csv));
    assert_eq!(Format::of(Path::new("a.ndjson")), Some(Format::JsonLines));
    assert_eq!(Format::of(Path::new("a.xlsx")), None);
}

#[test]
fn mappings_that_contradict_themselves_do_not_load() {
    let catalogue = Arc::new(Catalogue::load(FIELDS).unwrap());
    for (from, to, says) in [
        ("convert = \"pboc\"", "convert = \"pboe\"", "did you mean `pboc`?"),
        (
            "loan.balance_minor",
            "loan.balance",
            "did you mean `loan.balance_minor`?",
        ),
        (
            "column = \"balance\"",
            "column = \"balance\"\ncolumns = [\"m0\"]",
            "either `column` or `columns`",
        ),
        ("\"m1\", \"m2\"", "\"m1\", \"m1\"", "names a column twice"),
        ("\"m1\", \"m2\"", "\"m1\", \"m2\", \"m3\"", "takes fewer columns"),
        ("column = \"note\"", "column = \"m0\"", "mapped and ignored"),
        ("column = \"day\"", "date = \"2024-01-01\"", "say which in `synthetic`"),
        ("column = \"day\"", "colum = \"day\"", "did you mean `column`?"),
        (
            "column = \"day\"",
            "column = \"day\"\nplaced = \"end-of-last-month\"",
            "one of `column`, `date` and `placed`",
        ),
        (
            "column = \"day\"",
            "placed = \"end-of-last-month\"",
            "say which in `synthetic`",
        ),
        ("column = \"day\"", "date = \"2024-02-12\"", "lies ahead"),
        (
            "scheme = \"opaque\"",
            "scheme = \"opaque\"\ntest_identity = true",
            "say which in `synthetic`",
        ),
    ] {
        assert!(MAPPING.contains(from), "{from}");
        let error = Mapping::load(&MAPPING.replacen(from, to, 1), catalogue.clone(), NOW)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// Fails after some bytes, as a full disk does.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_interrupted_load_continues_and_reports_the_same() {
    let bench = Bench::new();
    let mut text = "who,day,balance,m0,m1,m2,note\n".to_owned();
    for n in 0..9_000 {
        // Every thousandth row is bad, every 1,500th repeats the one before.
        let who = if n % 1_500 == 1 { n - 1 } else { n };
        let balance = if n % 1_000 == 999 { "bad" } else { "3" };
        text += &format!("u{who},2024-01-31,{balance},N,N,N,\n");
    }
    let path = bench.file("x.csv", text.as_bytes());
    let id = batch_id(&path, &bench.mapping).unwrap();
    let run = |rejects: &mut dyn Write| {
        let mut rows = open(&path, Format::Csv, bench.mapping.clone()).unwrap();
        load(
            &bench.vault,
            &mut rows,
            &Secret::from([6; 32]),
            &id,
            rejects,
            &mut |_| {},
        )
    };
    let stopped = run(&mut Full(700));
    assert!(matches!(stopped, Err(LoadError::Rejects(_))), "{stopped:?}");
    let (held, visible) = bench.vault.standing_of(&id).unwrap();
    assert!(held >= 4_000 && !visible, "{held}");

    let mut rejects = Vec::new();
    let report = run(&mut rejects).unwrap();
    assert_eq!(
        (report.rows_read, report.rows_loaded, report.rows_rejected),
        (9_000, 8_985, 15)
    );
    assert_eq!(
        rejects.iter().filter(|b| **b == b'\n').count(),
        15,
        "duplicates of the first run are told again"
    );
    bench.vault.close(&id).unwrap().recorded();
    assert!(bench.read("u8998").is_some());
    assert!(run(&mut Vec::new()).unwrap().already_visible);
}

#[test]
fn a_file_of_which_no_row_fits_commits_nothing() {
    let bench = Bench::new();
    for rows in ["", "a,2024-01-31,bad,N,N,N,\nb,2024-01-31,bad,N,N,N,\n"] {
        let path = bench.file("wrong.csv", format!("who,day,balance,m0,m1,m2,note\n{rows}").as_bytes());
        assert!(matches!(bench.load(&path), Err(LoadError::NothingFits)), "{rows}");
        let id = batch_id(&path, &bench.mapping).unwrap();
        assert_eq!(bench.vault.standing_of(&id), None);
    }
}
