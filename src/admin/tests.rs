use super::*;
use crate::limits::ADMIN_REASON_BYTES_MAX;
use crate::{
    agreement::Role,
    clock::Time,
    keyring::{KeyId, LogKeyTerms},
    limits::{ENTRY_BYTES_MAX, ISSUER_BYTES_MAX, MEMBER_URI_BYTES_MAX, PROPOSAL_MS_MAX, SERIAL_BYTES_MAX},
    state::{Row, State, StateError, Table},
    wire::v1::{self, target},
};

struct One(Vec<u8>, Vec<u8>);

impl State for One {
    fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok((key == self.0).then(|| self.1.clone()))
    }
    fn rows(&self, _: Table, _: &[u8], after: Option<&[u8]>, _: usize) -> Result<Vec<Row>, StateError> {
        Ok(match after {
            None => vec![(self.0.clone(), self.1.clone())],
            Some(_) => Vec::new(),
        })
    }
}

fn officer() -> Officer {
    Officer {
        member: "m".repeat(64).parse().unwrap(),
        person: "p".repeat(64).parse().unwrap(),
        role: Role::Security,
        uri: "u".repeat(MEMBER_URI_BYTES_MAX),
        marks: vec![vec![1; 33 + SERIAL_BYTES_MAX], vec![2; 33]],
    }
}

fn longest() -> Target {
    Target::Certificate {
        issuer: vec![7; ISSUER_BYTES_MAX],
        serial: vec![9; SERIAL_BYTES_MAX],
    }
}

fn proposal(change: Change) -> Proposal {
    let id = ProposalId::new(Time(5), [1; 8]);
    Proposal::open(
        id,
        change,
        "r".repeat(ADMIN_REASON_BYTES_MAX),
        officer(),
        Time(5),
        [3; 32],
    )
}

fn log_key() -> Change {
    Change::RotateLogKey {
        key: KeyId([1; 8]),
        terms: LogKeyTerms::new(86_400, 90 * 86_400).unwrap(),
    }
}

#[test]
fn rows_round_trip_and_the_largest_fit_an_entry() {
    let changes = [
        Change::Lift {
            target: longest(),
            suspension: [4; 8],
        },
        Change::RotateExchange(vec![KeyId([1; 8]); KEYS]),
        Change::RevokeExchange(KeyId([2; 8])),
        log_key(),
    ];
    for change in changes {
        let decided = proposal(change).decided(ProposalState::Done, officer(), Time(9));
        let row = decided.put();
        let value = row.value.unwrap();
        // Beside the row of the proposal an entry says who, what and why, and takes a suspension away.
        assert!(value.len() + 1_024 < ENTRY_BYTES_MAX, "{}", value.len());
        let state = One(row.key, value);
        assert_eq!(Proposal::find(&state, decided.id).unwrap().unwrap(), decided);
        assert_eq!(proposals(&state).unwrap(), [decided]);
    }
    let suspension = Suspension {
        id: [1; 8],
        target: longest(),
        reason: "r".to_owned(),
        since: Time(1),
        by: officer(),
    };
    let row = suspension.put();
    let state = One(row.key, row.value.unwrap());
    assert_eq!(Suspension::of(&state, &longest()).unwrap().unwrap(), suspension);
    assert_eq!(suspensions(&state).unwrap(), [suspension]);
}

const KEYS: usize = crate::limits::KEYS_PER_ROTATION_MAX;

#[test]
fn a_damaged_row_is_an_error_and_not_an_absence() {
    for bad in [&b""[..], b"\x00", b"\xff\xff", b"\x0a\x01a"] {
        let state = One(vec![0; 16], bad.to_vec());
        assert!(proposals(&state).is_err(), "{bad:?}");
        assert!(suspensions(&state).is_err(), "{bad:?}");
        assert!(Proposal::find(&state, ProposalId([0; 16])).is_err(), "{bad:?}");
    }
    // A row under another target's key would shut out, or let in, somebody else.
    let suspension = Suspension {
        id: [1; 8],
        target: Target::Key([1; 32]),
        reason: "r".to_owned(),
        since: Time(1),
        by: officer(),
    };
    let state = One(vec![3; 33], suspension.put().value.unwrap());
    assert!(suspensions(&state).is_err());
}

#[test]
fn whatever_is_another_has_another_digest() {
    let lift = |suspension| Change::Lift {
        target: Target::Key([1; 32]),
        suspension,
    };
    let first = proposal(lift([1; 8]));
    let with = |change: fn(&mut Proposal)| {
        let mut other = first.clone();
        change(&mut other);
        other
    };
    let others = [
        proposal(lift([2; 8])),
        with(|p| p.reason = "another".to_owned()),
        with(|p| p.id = ProposalId::new(Time(6), [1; 8])),
        with(|p| p.expires = p.expires.plus_ms(1)),
        with(|p| p.snapshot = [4; 32]),
        with(|p| p.proposer.person = "q".parse().unwrap()),
    ];
    for other in others {
        assert_ne!(other.digest(), first.digest());
    }
    // What becomes of it does not change what was proposed.
    let decided = first.clone().decided(ProposalState::Rejected, officer(), Time(9));
    assert_eq!(decided.digest(), first.digest());
}

#[test]
fn an_open_proposal_expires_and_a_decided_one_does_not() {
    let open = proposal(Change::RotateExchange(vec![]));
    let end = Time(5).plus_ms(PROPOSAL_MS_MAX);
    assert_eq!(open.state(end.plus_ms(-1)), ProposalState::Open);
    assert_eq!(open.state(end), ProposalState::Expired);
    let approved = open.decided(ProposalState::Approved, officer(), Time(9));
    assert_eq!(approved.state(end), ProposalState::Approved);
}

#[test]
fn a_change_is_for_the_roles_that_may_make_it_and_no_other() {
    let weakens = Change::Lift {
        target: Target::Key([1; 32]),
        suspension: [1; 8],
    };
    let operational = Change::RotateExchange(vec![]);
    for role in [
        Role::Partner,
        Role::Provider,
        Role::Compliance,
        Role::Auditor,
        Role::Security,
        Role::Operator,
    ] {
        assert_eq!(weakens.is_for(role), role == Role::Security, "{role:?}");
        assert_eq!(log_key().is_for(role), role == Role::Security, "{role:?}");
        let may = matches!(role, Role::Security | Role::Operator);
        assert_eq!(operational.is_for(role), may, "{role:?}");
    }
}

#[test]
fn a_target_that_names_nothing_is_none() {
    let certificate = |issuer: usize, serial: Vec<u8>| {
        target::Target::Certificate(v1::CertificateTarget {
            issuer: vec![1; issuer],
            serial,
        })
    };
    let bad = [
        None,
        Some(target::Target::Member(String::new())),
        Some(target::Target::Member("NO".to_owned())),
        Some(certificate(0, vec![1])),
        Some(certificate(ISSUER_BYTES_MAX + 1, vec![1])),
        Some(certificate(1, vec![])),
        Some(certificate(1, vec![0, 1])),
        Some(certificate(1, vec![1; SERIAL_BYTES_MAX + 1])),
        Some(target::Target::KeySha256(vec![1; 31])),
        Some(target::Target::KeySha256(vec![])),
    ];
    for target in bad {
        assert_eq!(
            Target::from_wire(v1::Target { target: target.clone() }),
            None,
            "{target:?}"
        );
    }
    for bad in ["", " ", "a\nb", &"x".repeat(ADMIN_REASON_BYTES_MAX + 1)] {
        assert!(!reason_fits(bad), "{bad:?}");
    }
    assert!(reason_fits("INC-2026-11"));
}
