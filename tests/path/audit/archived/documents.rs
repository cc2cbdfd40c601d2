//! Documents over the end of a period: the report, a correction's notices, the pack.
use super::{Two, close, end, key, officer, two_periods};
use crate::{
    path::CORRECT,
    support::{LENDER, Place, answered, runtime, sample_rows, subject},
};
use tollgate::{
    evidence::{self, DocumentProof, EvidenceError, pack},
    wire::{Message, timestamp, v1},
};

#[test]
fn a_report_tells_of_all_periods_with_proofs() {
    runtime().block_on(async {
        let Two { gateway, asked, .. } = two_periods(Place::new()).await;
        let staff = officer(&gateway).await;
        staff.entry(1, asked[0], "en").await.unwrap();
        let request = v1::ReportSubjectRequest {
            subject: Some(subject(2)),
            from: None,
            until: None,
            reason: String::new(),
        };
        let response = staff.report(request).await.unwrap();
        let proof = DocumentProof::from_wire(response.proof.unwrap()).unwrap();
        let (report, _) = evidence::verify_report(&response.document, &proof, &key(&gateway)).unwrap();
        let told: Vec<_> = report
            .entries
            .iter()
            .map(|line| (line.proven.as_ref().unwrap().period, line.entry))
            .collect();
        assert!(told.contains(&(1, asked[0])) && told.contains(&(2, asked[1])));
        assert!(told.is_sorted(), "oldest first: {told:?}");
        let through: Vec<_> = report.periods.iter().map(|p| (p.period, p.log.as_str())).collect();
        assert_eq!(through, [(2, "tollgate.example/log/2"), (1, "tollgate.example/log")]);
        assert!(report.deleted_periods.is_empty());
        let looked: Vec<_> = report.looked.iter().map(|look| (look.at_period, look.at)).collect();
        assert_eq!(looked, [(Some(1), asked[0])]);
        // A line that is not the log's is found, even where who made the report had it recorded so.
        let mut bent = report.clone();
        bent.entries[0].partner = "bank-b".to_owned();
        let bytes = bent.to_bytes().unwrap();
        let read = evidence::SubjectReport::read(&bytes).unwrap();
        assert_eq!(
            evidence::verify_lines(&read, &key(&gateway)),
            Err(EvidenceError::Line(bent.entries[0].entry))
        );
        let mut moved = report;
        moved.entries[0].proven.as_mut().unwrap().period = 2;
        assert!(evidence::verify_lines(&moved, &key(&gateway)).is_err());
        end(gateway).await;
    });
}

#[test]
fn a_correction_tells_whoever_was_answered_in_an_archived_period() {
    runtime().block_on(async {
        let Two { gateway, .. } = two_periods(Place::new()).await;
        let gateway = close(gateway).await;
        let lender = gateway.caller(LENDER).await;
        let mut better = sample_rows(&gateway)[1].clone();
        better.values[1].numbers = vec![0; 6];
        let sent = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            row: Some(better),
        });
        let done = answered(&gateway, &lender, sent).await;
        let told = v1::RecordCorrected::decode(&done.body.answer[..]).unwrap();
        assert_eq!((told.recipients, told.answers), (1, 2));
        assert!(!done.entry.i.note.contains("older answers"), "{}", done.entry.i.note);
        end(gateway).await;
    });
}

#[test]
fn a_pack_is_made_of_an_archive() {
    runtime().block_on(async {
        let Two { gateway, consent, .. } = two_periods(Place::new()).await;
        assert!(!consent.is_empty());
        let staff = officer(&gateway).await;
        let request = v1::PackRequest {
            partner: "bank-a".to_owned(),
            from: Some(timestamp(gateway.now().plus_ms(-86_400_000).0)),
            until: Some(timestamp(gateway.now().plus_ms(1).0)),
            sample: 3,
            seed: b"dice".to_vec(),
            period: 1,
        };
        let archive = staff.pack(request, &mut |_, _| ()).await.unwrap();
        let checked = pack::verify(&archive, &key(&gateway)).unwrap();
        assert_eq!((checked.manifest.period, checked.manifest.sample), (Some(1), 3));
        assert_eq!(checked.proven.origin, "tollgate.example/log/2");
        end(gateway).await;
    });
}
