//! Which day a record may bear.
use super::*;

#[test]
fn a_record_may_be_of_tomorrow_and_no_later() {
    let bench = Bench::new();
    let text = "who,day,balance,m0,m1,m2,note\na,2024-02-10,1,N,N,N,\nb,2024-02-11,1,N,N,N,\nc,2024-02-12,1,N,N,N,\n";
    let (report, rejects) = bench.load(&bench.file("a.csv", text.as_bytes())).unwrap();
    assert_eq!((report.rows_loaded, report.rows_rejected), (2, 1));
    assert!(
        rejects.contains("\"day\"") && rejects.contains("lies ahead"),
        "{rejects}"
    );
    assert!(bench.read("b").is_some() && bench.read("c").is_none());
}

#[test]
fn records_without_a_day_are_placed_at_the_end_of_the_last_month() {
    let catalogue = Arc::new(Catalogue::load(FIELDS).unwrap());
    let text = MAPPING
        .replace("column = \"day\"", "placed = \"end-of-last-month\"")
        .replacen("[subject]", "synthetic = \"the day is made up\"\n[subject]", 1);
    let at = |now: Time| Mapping::load(&text, catalogue.clone(), now).unwrap();
    let mut bench = Bench::new();
    bench.mapping = Arc::new(at(NOW));
    let rows = b"who,balance,m0,m1,m2,note\na,1,N,N,N,\n";
    bench.load(&bench.file("a.csv", rows)).unwrap();
    // 2024-01-31.
    assert_eq!(bench.read("a").unwrap().0, Time(1_706_659_200_000));
    // The same file of the same month is the same batch; a month later it is another.
    let later = |days: i64| at(NOW.plus_ms(days * 86_400_000)).sha256();
    assert_eq!(at(NOW).sha256(), later(19));
    assert_ne!(at(NOW).sha256(), later(20));
}
