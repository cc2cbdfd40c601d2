//! Records from files: every format, the reject file, a repeat, corrections, and who may not load.
use super::{Ran, Site, site::person};
use parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use std::{fs, sync::Arc};

/// Two people by opaque ids. `NOT-SO-OPEN-7` has a distinctive limit, `SECOND-1` another.
const MAPPING: &str = r#"
[subject]
scheme = "opaque"
column = "id"
[as_of]
column = "day"
[[field]]
path = "card.limit_minor"
column = "limit"
[[field]]
path = "card.overdue_days"
columns = ["m0", "m1"]
"#;

fn load(site: &Site, file: &str) -> Ran {
    site.run(&["--json", "ingest", "--mapping", "mapping.toml", file])
}

fn online(site: &Site, member: &str, mapping: &str, file: &str) -> Ran {
    let client = format!("{member}.toml");
    let words = [
        "--json",
        "ingest",
        "-c",
        &client,
        "--fields",
        "fields.toml",
        "--mapping",
        mapping,
    ];
    site.run(&[&words[..], &[file]].concat())
}

fn parquet(site: &Site, name: &str) {
    let schema = "message rows { required binary id (UTF8); required binary day (UTF8); optional int64 limit; \
                  optional int64 m0; optional int64 m1; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = fs::File::create(site.at(name)).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    for words in [["P-1", "P-2"], ["2026-10-31", "2026-10-31"]] {
        let mut column = rows.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&words.map(ByteArray::from), None, None)
            .unwrap();
        column.close().unwrap();
    }
    for numbers in [[6_000_000, 60_000_000], [0, 45], [0, 0]] {
        let mut column = rows.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&numbers, Some(&[1, 1]), None)
            .unwrap();
        column.close().unwrap();
    }
    rows.close().unwrap();
    writer.close().unwrap();
}

/// What the bank is told of a person by an opaque id.
fn limit_of(site: &Site, id: &str) -> String {
    let mut grant = super::site::grant(id);
    let at = grant.len() - 2;
    grant[at] = "--opaque";
    site.write("notice.txt", "n");
    site.write("letter.txt", "l");
    let granted = site.run(&grant).ends(0).json();
    let consent = granted["consents"][0]["consent_id"].as_str().unwrap().to_owned();
    site.run(&["consent", "-c", "lender.toml", "confirm", "--opaque", id, &consent])
        .ends(0);
    let words = "--json query -c bank-a.toml --purpose credit.origination --agreement bank-a-2026 limit_band@1";
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.extend(["--opaque", id, "--consent", &consent]);
    let answer = site.run(&words).ends(0).json();
    let signal = &answer["signals"][0];
    match signal["outcome"].as_str().unwrap() {
        "band" => signal["band"].as_str().unwrap().to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn every_format_loads_and_a_repeat_does_nothing() {
    let site = Site::new();
    site.write("mapping.toml", MAPPING);
    site.write(
        "a.csv",
        "id,day,limit,m0,m1\nC-1,2026-10-31,6000000,0,0\nC-2,2026-10-31,60000000,45,0\n",
    );
    site.write(
        "b.jsonl",
        "{\"id\":\"J-1\",\"day\":\"2026-10-31\",\"limit\":6000000,\"m0\":0,\"m1\":0}\n",
    );
    parquet(&site, "c.parquet");
    for (file, rows) in [("a.csv", 2), ("b.jsonl", 1), ("c.parquet", 2)] {
        let report = load(&site, file).ends(0).json()["report"].clone();
        assert_eq!(
            (report["rows_loaded"].as_u64(), report["rows_rejected"].as_u64()),
            (Some(rows), Some(0)),
            "{file}"
        );
        let again = load(&site, file).ends(0).json()["report"].clone();
        assert_eq!(
            (again["already_visible"].as_bool(), again["rows_read"].as_u64()),
            (Some(true), Some(0)),
            "{file}"
        );
    }
    let ran = site.run(&["ingest", "--mapping", "mapping.toml", "a.csv"]).ends(0);
    assert!(
        ran.out.contains("loaded before with this mapping: nothing to do"),
        "{}",
        ran.out
    );
    let gateway = site.serve();
    for (id, band) in [
        ("C-1", "50-140 thousand"),
        ("C-2", "500 thousand and more"),
        ("J-1", "50-140 thousand"),
        ("P-2", "500 thousand and more"),
        ("P-3", "no file"),
    ] {
        assert_eq!(limit_of(&site, id), band, "{id}");
    }
    gateway.stop();
    site.verify();
}

#[test]
fn a_rejected_row_is_told_by_line_column_and_reason() {
    let site = Site::new();
    site.write("mapping.toml", MAPPING);
    site.write(
        "a.csv",
        "id,day,limit,m0,m1\nC-1,2026-10-31,1,0,0\nC 2,2026-10-31,1,0,0\nC-3,yesterday,1,0,0\n\
         C-4,2026-10-31,plenty,0,0\nC-1,2026-10-31,2,0,0\nC-5,2026-10-31,1\n",
    );
    let report = load(&site, "a.csv").ends(0).json()["report"].clone();
    assert_eq!(report["rows_read"], 6);
    assert_eq!(report["rows_loaded"], 1);
    let rejects = site.text("a.rejects.jsonl");
    let rejects: Vec<serde_json::Value> = rejects.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let told = |line: u64| {
        rejects
            .iter()
            .find(|r| r["line"] == line)
            .unwrap_or_else(|| panic!("{line}: {rejects:?}"))
    };
    for (line, column, reason) in [
        (3, "id", "opaque identifier"),
        (4, "day", "expected a date"),
        (5, "limit", "number"),
        (6, "", "occurs before"),
        (7, "", "column"),
    ] {
        let reject = told(line);
        assert_eq!(reject["column"].as_str().unwrap_or_default(), column, "{reject}");
        assert!(reject["reason"].as_str().unwrap().contains(reason), "{reject}");
        // The reason never carries the value.
        assert!(!reject.to_string().contains("plenty") && !reject.to_string().contains("yesterday"));
    }
    // A file that does not fit its mapping, or is none, loads nothing and says what to do.
    site.write("b.csv", "id,day,limit,m0,m1,salary\n");
    load(&site, "b.csv")
        .ends(3)
        .says(&["column `salary` is neither mapped nor ignored"]);
    site.write("c.csv", "id,dya,limit,m0,m1\n");
    load(&site, "c.csv")
        .ends(3)
        .says(&["no column `day`: did you mean `dya`?"]);
    site.write("d.parquet", "PAR1 and nothing");
    load(&site, "d.parquet").ends(3).says(&["damaged or not of its format"]);
    load(&site, "e.txt").ends(3).says(&["must end in .csv"]);
    load(&site, "absent.csv").ends(3).says(&["absent.csv"]);
    site.edit("mapping.toml", "card.limit_minor", "card.limit_minr");
    load(&site, "a.csv").ends(3).says(&["did you mean `card.limit_minor`?"]);
}

#[test]
fn the_provider_loads_into_the_running_gateway_and_a_later_file_corrects() {
    let site = Site::new();
    site.write("mapping.toml", MAPPING);
    site.write(
        "a.csv",
        "id,day,limit,m0,m1\nC-1,2026-09-30,6000000,0,0\nC-2,2026-09-30,60000000,45,0\nC-2,2026-09-30,1,0,0\n",
    );
    let gateway = site.serve();
    assert_eq!(limit_of(&site, "C-1"), "no file");
    // A partner is not a provider, whatever it has in its hands.
    online(&site, "bank-a", "mapping.toml", "a.csv")
        .ends(1)
        .says(&["`METHOD_NOT_ALLOWED`"]);
    assert_eq!(limit_of(&site, "C-1"), "no file");
    let report = online(&site, "lender", "mapping.toml", "a.csv").ends(0).json()["report"].clone();
    assert_eq!(
        (report["rows_loaded"].as_u64(), report["rows_rejected"].as_u64()),
        (Some(2), Some(1))
    );
    assert!(site.text("a.rejects.jsonl").contains("occurs before"));
    assert_eq!(limit_of(&site, "C-1"), "50-140 thousand");
    let again = online(&site, "lender", "mapping.toml", "a.csv").ends(0).json()["report"].clone();
    assert_eq!(again["already_visible"], true);
    // The next file corrects one record; the other stays.
    site.write("b.csv", "id,day,limit,m0,m1\nC-1,2026-10-31,20000000,0,0\n");
    online(&site, "lender", "mapping.toml", "b.csv").ends(0);
    assert_eq!(limit_of(&site, "C-1"), "140-250 thousand");
    assert_eq!(limit_of(&site, "C-2"), "500 thousand and more");
    // Rows of another catalogue are not taken.
    site.write(
        "fields.toml",
        &site.text("fields.toml").replace("credit limit of all", "limit of all"),
    );
    site.write("c.csv", "id,day,limit,m0,m1\nC-9,2026-10-31,20000000,0,0\n");
    online(&site, "lender", "mapping.toml", "c.csv")
        .ends(1)
        .says(&["`CATALOGUE_MISMATCH`", "fields.toml"]);
    gateway.stop();
    site.verify();
    let _ = person(1);
}
