//! An older backup does not bring back whom somebody erased since.
use super::{site, take};
use crate::{
    erasure::{
        carver::{carve, open_all},
        request, run_now,
    },
    support::{BANK_A, COMPLIANCE, Gateway, agreed, load_sample, person, runtime, until},
};
use std::fs;
use tollgate::{
    app::AppError,
    backup::{Onto, unpack, unpack_keys},
    store::{DataDir, vault::SledRecords},
};

const GONE: u64 = 3;
const STAYS: u64 = 4;

#[test]
fn an_older_backup_opens_with_its_own_keys_only_and_they_are_gone() {
    runtime().block_on(async {
        let (place, kept) = site();
        let gateway = Gateway::start(place).await;
        load_sample(&gateway).await;
        for row in [GONE, STAYS] {
            let consent = agreed(&gateway, row).await;
            crate::erasure::outcomes(&gateway.caller(BANK_A).await, row, &consent).await;
        }
        let token = person(&gateway, GONE).0;
        let older = take(&gateway, "older").await;
        assert!(kept.check(&gateway.place, &older, gateway.now()).is_ok());
        let officer = gateway.caller(COMPLIANCE).await;
        request(&officer, GONE).await;
        gateway.clock.advance_ms(11_000);
        run_now(&officer).await;
        let gate = gateway.gate();
        until("the record is erased", || {
            let standing = gate.erasing.register.of(&person(&gateway, GONE));
            standing.is_some_and(|s| s.record.is_some_and(|r| r.destroyed.is_some()))
        })
        .await;
        let mut newer = take(&gateway, "newer").await;
        let now = gateway.now();
        assert!(kept.check(&gateway.place, &newer, now).is_ok());
        // What an operator has after that: both backups, and the newest keys.
        newer.backup.clone_from(&older.backup);
        let error = kept.check(&gateway.place, &newer, now).unwrap_err();
        assert!(
            matches!(&error, AppError::Backup(why) if why.contains("were erased")),
            "{error}"
        );

        // And if somebody puts the older one together with the newest keys by hand, every key tried on every box:
        let place = gateway.stop().await;
        let data = place.config().gateway.data_dir;
        fs::rename(&data, place.beside("served")).unwrap();
        let dir = DataDir::create(&data).unwrap();
        let open = |path| fs::File::open(path).unwrap();
        unpack_keys(open(&newer.keys), &kept.identity, &dir.keyring_dir()).unwrap();
        let vault = SledRecords::open(&dir.vault_dir()).unwrap();
        let onto = Onto {
            dir: &data,
            vault: &vault,
        };
        let (_, rows) = unpack(open(&older.backup), &kept.identity, &onto, &mut |_| ()).unwrap();
        assert_eq!(rows, 64);
        drop((vault, dir));
        let carved = carve(&place);
        assert!(carved.boxes.len() > 64);
        let found = open_all(&carved.boxes, &carved);
        let records: usize = found.people.values().map(|opened| opened.records).sum();
        println!(
            "{} boxes of the older backup, {} tries, {records} records open",
            carved.boxes.len(),
            found.tried
        );
        assert_eq!(records, 0, "not a record of anybody opens with the newest keys");
        let links = found
            .people
            .get(&token[..])
            .map_or(0, |opened| opened.links + opened.details);
        assert_eq!(links, 0, "nor does what links the log to who was erased");
    });
}
