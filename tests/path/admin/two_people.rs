//! Nobody is two people, and an approval is of exactly one thing, once, within a day.
use super::{admin, let_in, lift, member, newest, refused, rotate};
use crate::support::{BANK_A, COMPLIANCE, DEPUTY, Gateway, OPERATOR, Place, SECURITY, runtime};
use tollgate::{
    admin::{Change, Officer, Proposal, ProposalId, ProposalState},
    agreement::Role,
    audit::Event,
    client::AdminClient,
    domain::Method,
    facts::{Facts, Kind},
    limits::{PROPOSAL_MS_MAX, PROPOSALS_OPEN_PER_PERSON_MAX},
    pipeline::admin::{APPROVE, PROPOSE, REJECT},
    refusal::Code,
    wire::v1::{self, change},
};

const HOUR_MS: i64 = 3_600_000;

async fn suspended(gateway: &Gateway) -> [AdminClient; 2] {
    let both = [admin(gateway, SECURITY).await, admin(gateway, DEPUTY).await];
    both[0].suspend(member("bank-a"), "INC-1").await.unwrap();
    both
}

#[test]
fn a_proposal_is_made_listed_approved_or_rejected_and_each_is_an_entry() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, two] = suspended(&gateway).await;
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        let entry = newest(&gateway);
        assert_eq!(entry.leaf.method, PROPOSE.method.path());
        assert_eq!(entry.leaf.kind(), v1::EntryKind::Configuration);
        assert!(entry.i.note.ends_with("of member bank-a; cleared"), "{}", entry.i.note);
        assert_eq!(two.proposals().await.unwrap(), std::slice::from_ref(&proposed));
        let rejected = two.reject(&proposed.id).await.unwrap();
        assert_eq!(rejected.state(), v1::ProposalState::Rejected);
        assert_eq!(newest(&gateway).leaf.method, REJECT.method.path());
        assert!(gateway.channel(&gateway.place.credential(BANK_A), false).await.is_err() || out(&gateway).await);
        // It goes on over a restart: proposed before, approved after.
        gateway.clock.advance_ms(1);
        let again = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        let gateway = gateway.restart().await;
        let done = admin(&gateway, DEPUTY).await.approve(&again).await.unwrap();
        assert_eq!(newest(&gateway).leaf.method, APPROVE.method.path());
        let decider = done.decider.unwrap();
        assert_eq!(
            (decider.person.as_str(), decider.role.as_str()),
            ("security-deputy", "security")
        );
        assert!(!out(&gateway).await);
        let all = admin(&gateway, COMPLIANCE).await.proposals().await.unwrap();
        let states: Vec<_> = all.iter().map(v1::Proposal::state).collect();
        assert_eq!(states, [v1::ProposalState::Done, v1::ProposalState::Rejected]);
        gateway.stop().await.verify_log();
    });
}

/// Whether bank A is out: no call is answered.
pub(super) async fn out(gateway: &Gateway) -> bool {
    let Ok(channel) = gateway.channel(&gateway.place.credential(BANK_A), false).await else {
        return true;
    };
    let bank = crate::support::Caller::new(gateway, channel, BANK_A);
    let asked = v1::GetCheckpointRequest {};
    let answer: Result<v1::GetCheckpointResponse, _> = bank.call(crate::path::CHECKPOINT, asked).await;
    answer.is_err()
}

#[test]
pub(in crate::path) fn a_proposal_that_nobody_made() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let one = admin(&gateway, SECURITY).await;
        let proposal = v1::Proposal {
            id: vec![7; 16],
            digest: vec![7; 32],
            ..v1::Proposal::default()
        };
        refused(&gateway, one.approve(&proposal).await, Code::ProposalUnknown);
        refused(&gateway, one.reject(&proposal.id).await, Code::ProposalUnknown);
        for (id, digest) in [(vec![7; 15], vec![7; 32]), (vec![7; 16], vec![7; 31]), (vec![], vec![])] {
            let malformed = v1::Proposal {
                id,
                digest,
                ..v1::Proposal::default()
            };
            refused(&gateway, one.approve(&malformed).await, Code::FieldInvalid);
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn the_proposer_cannot_approve_whatever_the_certificate() {
    runtime().block_on(async {
        // Three lines of the register with certificates of their own, and one person behind them.
        let place = Place::new();
        place.swap("register.toml", "person = \"operator\"", "person = \"security\"");
        place.swap("register.toml", "person = \"security-deputy\"", "person = \"security\"");
        let gateway = Gateway::start(place).await;
        let one = admin(&gateway, SECURITY).await;
        let as_deputy = admin(&gateway, DEPUTY).await;
        let as_operator = admin(&gateway, OPERATOR).await;
        let proposed = one.propose(rotate(), "it is time").await.unwrap();
        for other in [&one, &as_deputy, &as_operator] {
            refused(&gateway, other.approve(&proposed).await, Code::SamePerson);
        }
        let proposed = as_operator.propose(rotate(), "it is time").await.unwrap();
        refused(&gateway, one.approve(&proposed).await, Code::SamePerson);
        // Withdrawing is no approval.
        one.reject(&proposed.id).await.unwrap();
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn an_approval_is_good_once() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, two] = suspended(&gateway).await;
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        two.approve(&proposed).await.unwrap();
        // Shut out again: the old approval lets nobody in.
        one.suspend(member("bank-a"), "INC-2").await.unwrap();
        refused(&gateway, two.approve(&proposed).await, Code::ProposalClosed);
        refused(&gateway, two.reject(&proposed.id).await, Code::ProposalClosed);
        let rejected = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        two.reject(&rejected.id).await.unwrap();
        refused(&gateway, two.approve(&rejected).await, Code::ProposalClosed);
        assert!(out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn an_expiry_never_comes_back() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, two] = suspended(&gateway).await;
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        gateway.clock.advance_ms(PROPOSAL_MS_MAX);
        refused(&gateway, two.approve(&proposed).await, Code::ProposalExpired);
        // The clock is moved back, and the gateway started again with it: the log knows better.
        gateway.clock.advance_ms(-2 * HOUR_MS);
        refused(&gateway, two.approve(&proposed).await, Code::ProposalExpired);
        let gateway = gateway.restart().await;
        let two = admin(&gateway, DEPUTY).await;
        refused(&gateway, two.approve(&proposed).await, Code::ProposalExpired);
        assert_eq!(two.proposals().await.unwrap()[0].state(), v1::ProposalState::Expired);
        assert!(out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn what_has_changed_is_not_approved() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, two] = suspended(&gateway).await;
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        // Another digest than was listed: the approver read something else.
        let other = v1::Proposal {
            digest: vec![7; 32],
            ..proposed.clone()
        };
        refused(&gateway, two.approve(&other).await, Code::ProposalChanged);
        // Shut out again meanwhile, for another reason.
        one.suspend(member("bank-a"), "INC-2").await.unwrap();
        refused(&gateway, two.approve(&proposed).await, Code::ProposalChanged);
        // The register is another.
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        let now = gateway.now();
        let place = gateway.stop().await;
        let register = place.read("register.toml");
        place.write("register.toml", &format!("# another edition\n{register}"));
        let gateway = Gateway::start_at(place, now).await;
        let two = admin(&gateway, DEPUTY).await;
        refused(&gateway, two.approve(&proposed).await, Code::ProposalChanged);
        assert!(out(&gateway).await);
        let_in(&gateway, member("bank-a")).await;
        assert!(!out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn a_proposer_who_is_shut_out_proposes_nothing() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, two] = suspended(&gateway).await;
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        // The certificate that proposed turns out to be stolen.
        let peer = crate::path::members::peer(&gateway, SECURITY.uri);
        let stolen = v1::target::Target::Certificate(v1::CertificateTarget {
            issuer: peer.issuer().to_vec(),
            serial: peer.serial().to_vec(),
        });
        let done = two.suspend(stolen, "INC-3").await.unwrap();
        assert_eq!(done.connections, 1, "staff go as partners do");
        refused(&gateway, two.approve(&proposed).await, Code::OfficerNotValid);
        assert!(one.proposals().await.is_err());
        assert!(out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}

/// A job that was approved and is not carried out, as a crash leaves it. Nobody is told, so nobody carries it out yet.
pub(super) async fn approved(gateway: &Gateway, change: Change, by: [(&str, Role); 2]) -> Proposal {
    let officer = |(id, role): (&str, Role)| Officer {
        member: id.parse().unwrap(),
        person: id.parse().unwrap(),
        role,
        uri: gateway
            .gate()
            .view
            .register
            .by_id(&id.parse().unwrap())
            .unwrap()
            .uri
            .clone(),
        marks: Vec::new(),
    };
    let (now, snapshot) = (gateway.now(), gateway.gate().view.snapshot.hash());
    let id = ProposalId::new(now, [9; 8]);
    let open = Proposal::open(
        id,
        change,
        "as a crash leaves it".to_owned(),
        officer(by[0]),
        now,
        snapshot,
    );
    let job = open.decided(ProposalState::Approved, officer(by[1]), now);
    let mut facts = Facts::new(Kind::Configuration, "gateway", Method("/test"), snapshot);
    facts.effects = vec![job.put()];
    gateway.gate().log.append(Event::new(facts)).await.unwrap();
    job
}

#[test]
pub(in crate::path) fn one_job_of_a_class_at_a_time() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let proposed = admin(&gateway, SECURITY)
            .await
            .propose(rotate(), "it is time")
            .await
            .unwrap();
        let keys = gateway.gate().admin.keyring.exchange_keys_in_use();
        let two = [("security", Role::Security), ("operator", Role::Operator)];
        approved(&gateway, Change::RotateExchange(keys), two).await;
        let deputy = admin(&gateway, DEPUTY).await;
        refused(&gateway, deputy.approve(&proposed).await, Code::JobRunning);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn nobody_buries_others_proposals() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let operator = admin(&gateway, OPERATOR).await;
        let mut ids = Vec::new();
        for _ in 0..PROPOSALS_OPEN_PER_PERSON_MAX {
            ids.push(operator.propose(rotate(), "again").await.unwrap().id);
        }
        refused(
            &gateway,
            operator.propose(rotate(), "again").await,
            Code::ProposalsExhausted,
        );
        admin(&gateway, SECURITY).await.propose(rotate(), "mine").await.unwrap();
        operator.reject(&ids[0]).await.unwrap();
        operator.propose(rotate(), "again").await.unwrap();
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_role_proposes_and_approves_its_own_changes_only() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let [one, _] = suspended(&gateway).await;
        let operator = admin(&gateway, OPERATOR).await;
        refused(
            &gateway,
            operator.propose(lift(member("bank-a")), "a favour").await,
            Code::MethodNotAllowed,
        );
        let proposed = one.propose(lift(member("bank-a")), "cleared").await.unwrap();
        refused(&gateway, operator.approve(&proposed).await, Code::MethodNotAllowed);
        refused(&gateway, operator.reject(&proposed.id).await, Code::MethodNotAllowed);
        // What only the gateway fills in, an emergency, nothing, and a reason that is none.
        let forged = change::Change::Lift(v1::Lift {
            target: Some(v1::Target {
                target: Some(member("bank-a")),
            }),
            suspension_id: vec![1; 8],
        });
        let revoke = change::Change::RevokeExchangeKey(v1::RevokeKey { key_id: vec![1; 8] });
        let keys = change::Change::RotateExchangeKeys(v1::RotateExchangeKeys {
            key_ids: vec![vec![1; 8]],
        });
        for malformed in [forged, revoke, keys, change::Change::Lift(v1::Lift::default())] {
            refused(&gateway, one.propose(malformed, "r").await, Code::FieldInvalid);
        }
        for reason in ["", "a\nb", &"x".repeat(129)] {
            refused(&gateway, one.propose(rotate(), reason).await, Code::FieldInvalid);
        }
        assert!(out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}
