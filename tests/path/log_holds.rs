//! Legal holds on the log, by officers: reply and entry.
use crate::support::{COMPLIANCE, Gateway, OPERATOR, Place, Who, entries, runtime};
use tollgate::{
    client::{ClientError, LogHolds},
    pipeline::log_holds::{LIST, PLACE, RELEASE},
    refusal::Code,
    wire::v1,
};

async fn holds(gateway: &Gateway, who: Who) -> LogHolds {
    let connector = gateway.connector(&gateway.place.credential(who));
    LogHolds::connect(gateway.address(true), connector).await.unwrap()
}

fn scope(period: u32, partner: &str) -> v1::LogHoldScope {
    v1::LogHoldScope {
        period,
        partner: partner.to_owned(),
    }
}

/// The newest entry: method, class, what it says.
fn newest(gateway: &Gateway) -> (String, v1::EntryClass, String, String) {
    let mut all = entries(gateway, 0);
    all.retain(|e| e.leaf.peer != "gateway");
    let entry = all.pop().unwrap();
    (
        entry.leaf.method.clone(),
        entry.leaf.class(),
        entry.leaf.refusal.clone(),
        entry.i.note,
    )
}

#[test]
fn a_hold_is_placed_listed_and_released_and_each_is_an_entry() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = holds(&gateway, COMPLIANCE).await;
        officer.place(scope(1, ""), "court 12").await.unwrap();
        let (method, class, _, note) = newest(&gateway);
        assert_eq!((method.as_str(), class), (PLACE.method.path(), v1::EntryClass::Admin));
        assert_eq!(note, "period 1, court 12");
        officer.place(scope(0, "bank-a"), "court 13").await.unwrap();
        // It holds over a restart.
        let gateway = gateway.restart().await;
        let officer = holds(&gateway, COMPLIANCE).await;
        let all = officer.list().await.unwrap();
        let cases: Vec<_> = all.iter().map(|hold| hold.case_number.as_str()).collect();
        assert_eq!(cases, ["court 12", "court 13"]);
        assert_eq!(newest(&gateway).0, LIST.method.path());
        assert!(officer.release(scope(1, "")).await.unwrap());
        assert!(!officer.release(scope(1, "")).await.unwrap());
        assert_eq!(newest(&gateway).3, "period 1: there was none");
        assert_eq!(officer.list().await.unwrap().len(), 1);
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_hold_on_nothing_or_by_somebody_else_is_refused_on_record() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = holds(&gateway, COMPLIANCE).await;
        let refused = |outcome: Result<(), ClientError>, code: Code| {
            let Err(ClientError::Refused { code: said, .. }) = outcome else {
                panic!("it was not refused")
            };
            let (_, class, refusal, _) = newest(&gateway);
            assert_eq!(
                (said.as_str(), class, refusal.as_str()),
                (code.name(), v1::EntryClass::Refused, code.name())
            );
        };
        for (period, partner, case) in [
            (0, "", "c"),
            (2, "", "c"),
            (1, "bank-a", "c"),
            (0, "nobody", "c"),
            (0, "NO", "c"),
            (1, "", ""),
            (1, "", "a\nb"),
        ] {
            refused(officer.place(scope(period, partner), case).await, Code::FieldInvalid);
        }
        let operator = holds(&gateway, OPERATOR).await;
        refused(operator.place(scope(1, ""), "c").await, Code::MethodNotAllowed);
        let released = operator.release(scope(1, "")).await.map(drop);
        refused(released, Code::MethodNotAllowed);
        assert_eq!(newest(&gateway).0, RELEASE.method.path());
        gateway.stop().await.verify_log();
    });
}
