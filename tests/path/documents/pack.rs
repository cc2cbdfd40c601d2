//! The pack for a regulator.
use super::{AUDITOR, COMPLIANCE, PACK, ask, entry_of, key, officer, paced, refusal};
use crate::support::{
    BANK_A, BANK_B, DAY_MS, Gateway, LENDER, Place, agreed, confirm, entries, granted, lib_client, load_sample,
    on_shared, runtime, subject, terms,
};
use std::collections::BTreeSet;
use tollgate::{
    audit::note::VerifierKey,
    crypto::{Suite, sha256_parts},
    evidence::{EvidenceError, pack},
    wire::{timestamp, v1},
};

fn of_bank_a(gateway: &Gateway, sample: u32, seed: &str) -> v1::PackRequest {
    v1::PackRequest {
        period: 0,
        partner: "bank-a".to_owned(),
        from: Some(timestamp(gateway.now().0 - DAY_MS)),
        until: Some(timestamp(gateway.now().0 + 1)),
        sample,
        seed: seed.as_bytes().to_vec(),
    }
}

#[test]
fn a_pack_holds_and_its_sample_can_be_drawn_again() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let bank = gateway.caller(BANK_A).await;
        for row in 2..6 {
            let consent = agreed(&gateway, row).await;
            ask(&gateway, &bank, row, &consent).await;
        }
        let other = lib_client(&gateway, BANK_B, Suite::X25519).await;
        let lender = lib_client(&gateway, LENDER, Suite::X25519).await;
        let theirs = granted(&other, 2, terms(BANK_B.id, gateway.now())).await;
        confirm(&lender, 2, &theirs).await;
        let officer = officer(&gateway, COMPLIANCE).await;
        officer.entry(0, 3, "zh").await.unwrap();
        let before = gateway.size();
        let archive = officer
            .pack(of_bank_a(&gateway, 6, "dice: 4 1 6"), &mut |_, _| ())
            .await
            .unwrap();
        let checked = pack::verify(&archive, &key(&gateway)).unwrap();
        let manifest = &checked.manifest;
        assert_eq!((manifest.sample, checked.opened), (6, 6));
        // Drawn again, from the log itself.
        let log = &gateway.gate().log;
        let mut ranked: Vec<([u8; 32], u64)> = Vec::new();
        for entry in entries(&gateway, 0)
            .iter()
            .filter(|e| e.index < before && e.leaf.partner == "bank-a")
        {
            let leaf = log.entry(entry.index).unwrap().unwrap().leaf;
            ranked.push((
                sha256_parts(&[b"dice: 4 1 6", &sha256_parts(&[&[0], &leaf])]),
                entry.index,
            ));
        }
        assert_eq!(manifest.population, ranked.len() as u64);
        ranked.sort_unstable();
        let drawn: Vec<String> = (1..)
            .zip(&ranked[..6])
            .map(|(n, (_, e))| format!("sample/{n:04}-entry-{e}.json"))
            .collect();
        let files: Vec<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(&files[7..], drawn);
        for file in [
            "readme.txt",
            "summary.json",
            "summary.zh.html",
            "agreements.json",
            "readings.json",
            "checkpoint.txt",
        ] {
            assert!(files.contains(&file), "{file}");
        }
        let text = String::from_utf8_lossy(&archive).into_owned();
        assert!(text.contains("合作协议 bank-a-2026") && text.contains("AuditService/GetEntry"));
        assert!(!text.contains(&subject(3).value));
        // The entry that stands behind it.
        let entry = entry_of(&gateway, before, PACK);
        assert_eq!(entry.leaf.class(), v1::EntryClass::Admin);
        assert_eq!((entry.i.outcomes.concat().as_str(), entry.i.count), ("pack-made", 6));
        assert_eq!(
            entry.i.note,
            format!("pack about bank-a: 6 of {} entries", ranked.len())
        );
        // The same seed gives the same sample.
        paced().await;
        let again = officer
            .pack(of_bank_a(&gateway, 6, "dice: 4 1 6"), &mut |_, _| ())
            .await
            .unwrap();
        let names = |archive: &[u8]| -> BTreeSet<String> {
            let files = pack::verify(archive, &key(&gateway)).unwrap().manifest.files;
            files
                .into_iter()
                .map(|f| f.name)
                .filter(|name| name.starts_with("sample/"))
                .collect()
        };
        assert_eq!(names(&archive), names(&again));
        // Six of them need not have a consent among them; all have.
        paced().await;
        let whole = officer
            .pack(of_bank_a(&gateway, 1_000, "all"), &mut |_, _| ())
            .await
            .unwrap();
        let whole = String::from_utf8_lossy(&whole).into_owned();
        assert!(whole.contains("evidence_sha256") && !whole.contains(&subject(3).value));
        no_pack_can_be_changed(&gateway, &archive);
        gateway.stop().await.verify_log();
    });
}

fn no_pack_can_be_changed(gateway: &Gateway, archive: &[u8]) {
    let good = key(gateway);
    let signer = gateway.place.signer(BANK_A);
    let foreign = VerifierKey::new(good.name(), &tollgate::crypto::Signer::public_key(&signer)).unwrap();
    assert!(matches!(pack::verify(archive, &foreign), Err(EvidenceError::Entry(_))));
    for at in (0..archive.len()).step_by(997) {
        let mut changed = archive.to_vec();
        changed[at] ^= 0x20;
        assert!(pack::verify(&changed, &good).is_err(), "byte {at}");
    }
    for cut in [0, 512, archive.len() / 2, archive.len() - 512] {
        assert!(pack::verify(&archive[..cut], &good).is_err(), "{cut} bytes");
    }
    // A file taken out, whole: header and body of `summary.json`.
    let at = (0..archive.len())
        .step_by(512)
        .find(|at| archive[*at..].starts_with(b"summary.json\0"))
        .unwrap();
    let octal = std::str::from_utf8(&archive[at + 124..at + 135]).unwrap();
    let len = usize::from_str_radix(octal, 8).unwrap().next_multiple_of(512);
    let without = [&archive[..at], &archive[at + 512 + len..]].concat();
    assert_eq!(
        pack::verify(&without, &good).err(),
        Some(EvidenceError::File("summary.json".to_owned()))
    );
    // Put in twice, or at another place.
    let file = archive[at..at + 512 + len].to_vec();
    let twice = [&archive[..at], &file, &archive[at..]].concat();
    assert!(pack::verify(&twice, &good).is_err());
}

#[test]
fn a_pack_stays_within_the_scope_and_the_form() {
    on_shared(async |gateway| {
        let auditor = officer(gateway, AUDITOR).await;
        let scope = gateway
            .gate()
            .view
            .register
            .iter()
            .find_map(|m| m.audit.clone())
            .unwrap();
        let inside = v1::PackRequest {
            period: 0,
            partner: scope.partners.first().map_or("bank-a", |p| p.as_str()).to_owned(),
            from: Some(timestamp(scope.from.0)),
            until: Some(timestamp(scope.until.0)),
            sample: 2,
            seed: b"s".to_vec(),
        };
        paced().await;
        let archive = auditor.pack(inside.clone(), &mut |_, _| ()).await.unwrap();
        let checked = pack::verify(&archive, &key(gateway)).unwrap();
        assert_eq!(checked.proven.leaf.peer, AUDITOR.uri);
        let officer = officer(gateway, COMPLIANCE).await;
        let beyond = [
            v1::PackRequest {
                partner: "bank-b".to_owned(),
                ..inside.clone()
            },
            v1::PackRequest {
                from: Some(timestamp(scope.from.0 - 1)),
                ..inside.clone()
            },
            v1::PackRequest {
                until: Some(timestamp(scope.until.0 + 1)),
                ..inside.clone()
            },
        ];
        for request in beyond {
            paced().await;
            let before = gateway.size();
            let error = auditor.pack(request, &mut |_, _| ()).await.err().unwrap();
            assert_eq!(refusal(&error), "OUT_OF_SCOPE");
            assert_eq!(entry_of(gateway, before, PACK).leaf.refusal, "OUT_OF_SCOPE");
        }
        let wrong = [
            v1::PackRequest {
                partner: "Bank".to_owned(),
                ..inside.clone()
            },
            v1::PackRequest {
                seed: Vec::new(),
                ..inside.clone()
            },
            v1::PackRequest {
                seed: vec![1; 65],
                ..inside.clone()
            },
            v1::PackRequest {
                sample: 1_001,
                ..inside.clone()
            },
            v1::PackRequest {
                from: None,
                ..inside.clone()
            },
            v1::PackRequest {
                until: inside.from,
                ..inside.clone()
            },
        ];
        for request in wrong {
            paced().await;
            let before = gateway.size();
            let error = officer.pack(request, &mut |_, _| ()).await.err().unwrap();
            assert_eq!(refusal(&error), "FIELD_INVALID");
            assert_eq!(entry_of(gateway, before, PACK).leaf.refusal, "FIELD_INVALID");
        }
    });
}
