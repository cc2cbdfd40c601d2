//! Bytes of an enemy: whatever they are, every line is told and nothing panics.
use super::{Format, Mapping, open, tests::mapping};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn hostile_bytes_never_panic_and_every_line_is_accounted_for(
        body in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b','), Just(b'"'), Just(b'{'), Just(b'}'), Just(b':'), Just(b'0'), any::<u8>()
        ], 0..400),
        json in any::<bool>(),
    ) {
        static MAPPING: OnceLock<Arc<Mapping>> = OnceLock::new();
        let mapping = MAPPING.get_or_init(mapping);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let header: &[u8] = if json { b"" } else { b"who,day,balance,m0,m1,m2,note\n" };
        std::fs::write(&path, [header, &body].concat()).unwrap();
        let format = if json { Format::JsonLines } else { Format::Csv };
        if let Ok(mut rows) = open(&path, format, mapping.clone()) {
            let mut count = 0;
            while let Some(row) = rows.next_row().unwrap() {
                count += 1;
                if let Err(reject) = row {
                    prop_assert!(reject.line >= 1);
                }
            }
            let trimmed = |line: &[u8]| line.iter().rev().skip_while(|b| **b == b'\r').count() > 0;
            let filled = body.split(|b| *b == b'\n').filter(|line| trimmed(line)).count();
            // A file that begins with gzip's mark is read as gzip.
            let marked = body.starts_with(&[0x1f, 0x8b]) || body.starts_with(b"\xef\xbb\xbf");
            if !(json && marked) {
                prop_assert_eq!(count, filled);
            }
        }
    }
}
