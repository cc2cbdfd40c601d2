//! Security staff and operators: what one person may do at once, what takes two, and who may call what.
pub(super) mod emergencies;
mod jobs;
mod log_key;
mod matrix;
pub(super) mod two_people;

use crate::support::{DEPUTY, Entry, Gateway, SECURITY, Who, entries};
use tollgate::{
    client::{AdminClient, ClientError},
    refusal::Code,
    wire::v1::{self, change, target},
};

async fn admin(gateway: &Gateway, who: Who) -> AdminClient {
    let connector = gateway.connector(&gateway.place.credential(who));
    AdminClient::connect(gateway.address(true), connector).await.unwrap()
}

fn member(id: &str) -> target::Target {
    target::Target::Member(id.to_owned())
}

fn lift(target: target::Target) -> change::Change {
    change::Change::Lift(v1::Lift {
        target: Some(v1::Target { target: Some(target) }),
        suspension_id: Vec::new(),
    })
}

fn rotate() -> change::Change {
    change::Change::RotateExchangeKeys(v1::RotateExchangeKeys::default())
}

/// The newest entry of somebody who called.
fn newest(gateway: &Gateway) -> Entry {
    let mut all = entries(gateway, 0);
    all.retain(|e| e.leaf.peer != "gateway");
    all.pop().unwrap()
}

/// Refused with this code, on record, and nothing was changed by it.
#[track_caller]
fn refused<T>(gateway: &Gateway, outcome: Result<T, ClientError>, code: Code) {
    let Err(ClientError::Refused { code: said, .. }) = outcome else {
        panic!("it was not refused with {}", code.name())
    };
    let entry = newest(gateway);
    assert_eq!(
        (said.as_str(), entry.leaf.class(), entry.leaf.refusal.as_str()),
        (code.name(), v1::EntryClass::Refused, code.name())
    );
    assert!(entry.i.effects_sha256.is_empty());
}

/// Two people let it in again.
async fn let_in(gateway: &Gateway, target: target::Target) -> v1::Proposal {
    let proposed = admin(gateway, SECURITY).await;
    let proposed = proposed.propose(lift(target), "it was a mistake").await.unwrap();
    let approved = admin(gateway, DEPUTY).await.approve(&proposed).await.unwrap();
    assert_eq!(approved.state(), v1::ProposalState::Done);
    approved
}
