//! What is refused, over the wire: reply and entry.
use super::{backups, site, take};
use crate::support::{
    AUDITOR, BANK_A, COMPLIANCE, Caller, Gateway, LENDER, OPERATOR, Place, SECURITY, Who, refused, runtime,
};
use tollgate::{
    refusal::Code,
    wire::{timestamp, v1},
};

const CREATE: &str = "/tollgate.v1.BackupService/CreateBackup";
const CONFIRM: &str = "/tollgate.v1.BackupService/ConfirmReplay";

async fn create(caller: &Caller) -> Result<(), tonic::Status> {
    let listened = caller.listen::<_, v1::CreateBackupResponse>(CREATE, v1::CreateBackupRequest {});
    listened.await?.message().await.map(drop)
}

fn confirm(what: v1::Replay, at: i64) -> v1::ConfirmReplayRequest {
    v1::ConfirmReplayRequest {
        what: what as i32,
        up_to: Some(timestamp(at)),
    }
}

#[test]
pub(crate) fn nobody_to_encrypt_to() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let operator = gateway.caller(OPERATOR).await;
        let refused = refused(&gateway, &operator, CREATE, create(&operator)).await;
        assert_eq!(refused.code, Code::BackupNotConfigured);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(crate) fn while_another_is_made() {
    runtime().block_on(async {
        let (place, _) = site();
        let gateway = Gateway::start(place).await;
        // Begun, and read by nobody: the stream's buffers hold what is small.
        let copying = gateway.gate().vault.copying().unwrap().unwrap();
        let operator = gateway.caller(OPERATOR).await;
        let not_now = refused(&gateway, &operator, CREATE, create(&operator)).await;
        assert_eq!(not_now.code, Code::BackupNotNow);
        drop(copying);
        take(&gateway, "after").await;
        gateway.stop().await.verify_log();
    });
}

#[test]
fn only_operators_make_them_and_only_officers_confirm() {
    runtime().block_on(async {
        let (place, _) = site();
        let gateway = Gateway::start(place).await;
        for who in [COMPLIANCE, SECURITY, AUDITOR] {
            let caller = gateway.caller(who).await;
            let refused = refused(&gateway, &caller, CREATE, create(&caller)).await;
            assert_eq!(refused.code, Code::MethodNotAllowed, "{}", who.id);
        }
        let now = gateway.now().0;
        let asked = |who: Who, what, code: Code| {
            let gateway = &gateway;
            async move {
                let caller = gateway.caller(who).await;
                let call = caller.call::<_, v1::ConfirmReplayResponse>(CONFIRM, confirm(what, now));
                assert_eq!(refused(gateway, &caller, CONFIRM, call).await.code, code, "{}", who.id);
            }
        };
        asked(OPERATOR, v1::Replay::Withdrawals, Code::MethodNotAllowed).await;
        asked(AUDITOR, v1::Replay::Withdrawals, Code::MethodNotAllowed).await;
        asked(SECURITY, v1::Replay::Withdrawals, Code::MethodNotAllowed).await;
        asked(COMPLIANCE, v1::Replay::Suspensions, Code::MethodNotAllowed).await;
        asked(COMPLIANCE, v1::Replay::Unspecified, Code::FieldInvalid).await;
        // Nothing was restored: nothing waits, and that is an entry too.
        let officer = gateway.caller(COMPLIANCE).await;
        let before = gateway.size();
        let told: v1::ConfirmReplayResponse = officer
            .call(CONFIRM, confirm(v1::Replay::Withdrawals, now))
            .await
            .unwrap();
        assert!(!told.confirmed && gateway.size() > before);
        // Partners and the data holder have no such service.
        for who in [BANK_A, LENDER] {
            let caller = gateway.caller(who).await;
            assert_eq!(create(&caller).await.unwrap_err().code(), tonic::Code::Unimplemented);
        }
        gateway.stop().await.verify_log();
    });
}

/// Who is erased while a backup is made is not in one that anybody takes for whole.
#[test]
fn a_backup_of_people_who_are_erased_meanwhile_has_no_end() {
    runtime().block_on(async {
        let (place, _) = site();
        let gateway = Gateway::start(place).await;
        crate::support::load_sample(&gateway).await;
        let mut copying = gateway.gate().vault.copying().unwrap().unwrap();
        assert!(copying.is_whole());
        gateway
            .gate()
            .vault
            .remove(&crate::support::person(&gateway, 3))
            .unwrap();
        while !copying.page(1 << 20).unwrap().is_empty() {}
        assert!(!copying.is_whole());
        drop(copying);
        take(&gateway, "after").await;
        gateway.stop().await;
    });
}

/// A reader who stops in the middle leaves an entry, and the way free for the next.
#[test]
fn who_hangs_up_leaves_an_entry_and_nothing_else() {
    runtime().block_on(async {
        let (place, kept) = site();
        let gateway = Gateway::start(place).await;
        let before = gateway.size();
        let (_, making) = backups(&gateway).await.create().await.unwrap();
        drop(making);
        crate::support::until("the end is recorded", || gateway.size() >= before + 2).await;
        let taken = take(&gateway, "next").await;
        assert!(
            kept.check(&gateway.place, &taken, gateway.now()).is_ok(),
            "beside the gateway that runs"
        );
        gateway.stop().await.verify_log();
    });
}
