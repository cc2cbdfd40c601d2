//! The log's key is rotated by two people of role security; from there it goes on by itself.
use super::{admin, refused};
use crate::support::{BANK_A, DEPUTY, Gateway, OPERATOR, Place, SECURITY, entries, lib_client, runtime, until};
use tollgate::{
    admin::{Proposal, ProposalId, ProposalState},
    audit::note::{self, VerifierKey},
    client::AdminClient,
    crypto::Suite,
    keyring::State,
    refusal::Code,
    wire::v1::{self, change},
};

const DAY_S: u32 = 86_400;

fn rotate(ahead_s: u32, overlap_s: u32) -> change::Change {
    change::Change::RotateLogKey(v1::RotateLogKey {
        key_id: Vec::new(),
        ahead_s,
        overlap_s,
    })
}

fn is_done(gateway: &Gateway, id: &[u8]) -> bool {
    let found = Proposal::find(&*gateway.gate().state, ProposalId(id.try_into().unwrap()));
    found.unwrap().unwrap().state(gateway.now()) == ProposalState::Done
}

fn states(gateway: &Gateway) -> Vec<State> {
    let keys = gateway.running.log_keys().keys();
    keys.iter().map(|key| key.state).collect()
}

async fn proposes(
    by: &AdminClient,
    ahead_s: u32,
    overlap_s: u32,
) -> Result<v1::Proposal, tollgate::client::ClientError> {
    by.propose(rotate(ahead_s, overlap_s), "yearly").await
}

#[test]
fn the_log_key_rotates_by_two_people_of_security() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (security, deputy) = (admin(&gateway, SECURITY).await, admin(&gateway, DEPUTY).await);
        let operator = admin(&gateway, OPERATOR).await;
        refused(
            &gateway,
            proposes(&operator, DAY_S, DAY_S).await,
            Code::MethodNotAllowed,
        );
        for (ahead_s, overlap_s) in [(0, DAY_S), (DAY_S, DAY_S - 1), (u32::MAX, DAY_S), (DAY_S, 91 * DAY_S)] {
            refused(
                &gateway,
                proposes(&security, ahead_s, overlap_s).await,
                Code::FieldInvalid,
            );
        }
        // Which key gives way is not for the proposer to say.
        let named = change::Change::RotateLogKey(v1::RotateLogKey {
            key_id: vec![1; 8],
            ahead_s: DAY_S,
            overlap_s: DAY_S,
        });
        refused(&gateway, security.propose(named, "yearly").await, Code::FieldInvalid);
        let proposed = proposes(&security, DAY_S, DAY_S).await.unwrap();
        let another = proposes(&deputy, DAY_S, DAY_S).await.unwrap();
        assert_eq!(states(&gateway), [State::Active], "a proposal does nothing");
        refused(&gateway, operator.approve(&proposed).await, Code::MethodNotAllowed);
        let before = gateway.size();
        deputy.approve(&proposed).await.unwrap();
        until("the job", || is_done(&gateway, &proposed.id)).await;
        let prepared = |gateway: &Gateway| {
            let all = entries(gateway, before);
            all.iter().filter(|entry| entry.i.note.contains("prepared: ")).count()
        };
        until("it is in the log", || prepared(&gateway) == 1).await;
        assert_eq!(states(&gateway), [State::Active, State::Prepared]);
        refused(&gateway, proposes(&security, DAY_S, DAY_S).await, Code::JobRunning);
        // What was proposed before, and is approved now, finds its key giving way and changes nothing.
        security.approve(&another).await.unwrap();
        until("the other job", || is_done(&gateway, &another.id)).await;
        assert_eq!(states(&gateway), [State::Active, State::Prepared]);

        let old = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
        gateway.clock.advance_ms(86_400_000);
        gateway.running.log_keys().look();
        let head = || gateway.gate().log.head().note.to_string();
        until("both sign", || head().lines().count() == 6).await;
        assert_eq!(states(&gateway), [State::Tainted, State::Active]);
        note::verify(&head(), &old).unwrap();
        lib_client(&gateway, BANK_A, Suite::X25519)
            .await
            .check_log()
            .await
            .unwrap();
        gateway.clock.advance_ms(86_400_000);
        gateway.running.log_keys().look();
        until("the new one signs alone", || note::verify(&head(), &old).is_err()).await;
        assert_eq!(states(&gateway), [State::Revoked, State::Active]);
        lib_client(&gateway, BANK_A, Suite::X25519)
            .await
            .check_log()
            .await
            .unwrap();
        gateway.stop().await;
    });
}
