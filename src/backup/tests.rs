//! The archive's form. Whole backups are tested with whole gateways, in `tests/backup/`.
use super::{
    archive::{Reader, Writer, put_rows, read_rows},
    *,
};
use proptest::prelude::*;

fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(|bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    });
    for (name, bytes) in files {
        writer.file(name, bytes).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
    let (mut reader, mut files) = (Reader::new(bytes), Vec::new());
    while let Some(entry) = reader.next_file()? {
        files.push((entry.name.clone(), entry.bytes(1 << 20)?));
    }
    Ok(files)
}

#[test]
fn what_is_written_is_read_and_nothing_else() {
    let files: [(&str, &[u8]); 3] = [
        ("manifest.json", b"{}"),
        ("vault/rows-00000001", &[7; 513]),
        ("vault/notes", b""),
    ];
    let good = written(&files);
    let back = read(&good).unwrap();
    assert!(
        back.iter()
            .zip(files)
            .all(|((name, bytes), file)| (name.as_str(), &bytes[..]) == file)
    );
    for cut in [0, 1, 511, 512, 600, good.len() - 1, good.len() - 512] {
        assert!(read(&good[..cut]).is_err(), "{cut}");
    }
    assert!(read(&[&good[..], &[0]].concat()).is_err());
    let mut padded = good.clone();
    padded[600] = 1;
    assert!(read(&padded).is_err(), "what is padding stays empty");
}

#[test]
fn rows_come_back() {
    let rows = vec![(vec![1, 2], vec![3; 700]), (Vec::new(), Vec::new())];
    let bytes = put_rows(&rows);
    assert_eq!(read_rows(&bytes), Some(rows));
    assert_eq!(read_rows(&bytes[..bytes.len() - 1]), None);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), at in 0usize..2_000, byte in any::<u8>()) {
        let _ = (read(&bytes), read_rows(&bytes));
        let mut good = written(&[("a", &[1; 100]), ("b", &[2; 900])]);
        let place = at % good.len();
        good[place] = byte;
        let _ = read(&good);
    }
}
