//! How proposals and suspensions are shown.
use crate::{
    cli::{audit::moment::shown as moment, print},
    wire::v1::{self, ProposalState, change, target},
};
use serde_json::{Value, json};

/// Where a proposal stands, in a word.
pub(in crate::cli) fn state(proposal: &v1::Proposal) -> &'static str {
    match proposal.state() {
        ProposalState::Open => "open",
        ProposalState::Approved => "being carried out",
        ProposalState::Done => "done",
        ProposalState::Rejected => "rejected",
        ProposalState::RolledBack => "rolled back",
        ProposalState::Expired => "expired",
        ProposalState::Unspecified => "of a newer version",
    }
}

/// Who or what.
pub(in crate::cli) fn target(target: Option<&v1::Target>) -> String {
    match target.and_then(|target| target.target.as_ref()) {
        Some(target::Target::Member(id)) => format!("member {id}"),
        Some(target::Target::Certificate(certificate)) => format!("certificate {}", print::hex(&certificate.serial)),
        Some(target::Target::KeySha256(key)) => format!("key {}", print::hex(key)),
        None => "of a newer version".to_owned(),
    }
}

fn change(proposal: &v1::Proposal) -> String {
    match proposal.change.as_ref().and_then(|change| change.change.as_ref()) {
        Some(change::Change::Lift(lift)) => format!("let in again: {}", target(lift.target.as_ref())),
        Some(change::Change::RotateExchangeKeys(rotate)) => {
            let keys: Vec<_> = rotate.key_ids.iter().map(|id| print::hex(id)).collect();
            format!("new exchange keys instead of {}", keys.join(", "))
        }
        Some(change::Change::RotateLogKey(rotate)) => format!(
            "a new log key instead of {}, published {} h ahead, both sign for {} h",
            print::hex(&rotate.key_id),
            rotate.ahead_s / 3_600,
            rotate.overlap_s / 3_600
        ),
        Some(change::Change::RevokeExchangeKey(revoke)) => {
            format!("revoke the exchange key {}", print::hex(&revoke.key_id))
        }
        None => "of a newer version".to_owned(),
    }
}

fn officer(officer: Option<&v1::Officer>) -> String {
    officer.map_or_else(String::new, |o| format!("{} as {} ({})", o.person, o.member, o.role))
}

/// One proposal, as a table of its own.
pub(super) fn show(proposal: &v1::Proposal) {
    let mut rows = vec![
        ["change", &change(proposal)].map(str::to_owned).to_vec(),
        ["reason", &proposal.reason].map(str::to_owned).to_vec(),
        ["state", state(proposal)].map(str::to_owned).to_vec(),
        vec![
            match proposal.emergency {
                true => "ordered alone by",
                false => "proposed by",
            }
            .to_owned(),
            officer(proposal.proposer.as_ref()),
        ],
    ];
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if proposal.decider.is_some() {
        row("decided by", officer(proposal.decider.as_ref()));
        row("at (UTC)", moment(proposal.decided.as_ref()));
    }
    if proposal.state() == ProposalState::Open {
        row("may be approved until (UTC)", moment(proposal.expires.as_ref()));
    }
    row("digest", print::hex(&proposal.digest));
    print::table(&["proposal", &print::hex(&proposal.id)], &rows);
    print::line("");
}

pub(super) fn json(proposal: &v1::Proposal) -> Value {
    let who = |officer: Option<&v1::Officer>| {
        officer.map(|o| json!({ "member": o.member, "person": o.person, "role": o.role }))
    };
    json!({
        "id": print::hex(&proposal.id),
        "change": change(proposal),
        "reason": proposal.reason,
        "state": proposal.state().as_str_name().trim_start_matches("PROPOSAL_STATE_").to_lowercase(),
        "emergency": proposal.emergency,
        "proposer": who(proposal.proposer.as_ref()),
        "decider": who(proposal.decider.as_ref()),
        "proposed": moment(proposal.proposed.as_ref()),
        "expires": moment(proposal.expires.as_ref()),
        "digest": print::hex(&proposal.digest),
    })
}

pub(super) fn status_json(status: &v1::GetStatusResponse) -> Value {
    let suspensions: Vec<_> = status.suspensions.iter().map(suspension_json).collect();
    let lists = status.revocation_lists.iter().map(|list| {
        json!({ "issuer": list.issuer, "number": list.number, "staff": list.staff, "next_update": moment(list.next_update.as_ref()) })
    });
    let endings = status
        .endings
        .iter()
        .map(|ending| json!({ "what": ending.what, "at": moment(ending.at.as_ref()) }));
    json!({
        "suspensions": suspensions,
        "suspensions_total": status.suspensions_total,
        "suspended_in_register": status.suspended_in_register,
        "revocation_lists": lists.collect::<Vec<_>>(),
        "endings": endings.collect::<Vec<_>>(),
    })
}

/// A suspension.
pub(in crate::cli) fn suspension_json(suspension: &v1::Suspension) -> Value {
    json!({
        "target": target(suspension.target.as_ref()),
        "since": moment(suspension.since.as_ref()),
        "by": suspension.by.as_ref().map(|by| by.person.clone()),
        "reason": suspension.reason,
    })
}

pub(super) fn status(status: &v1::GetStatusResponse) {
    let row = |suspension: &v1::Suspension| {
        vec![
            target(suspension.target.as_ref()),
            moment(suspension.since.as_ref()),
            suspension.by.as_ref().map(|by| by.person.clone()).unwrap_or_default(),
            suspension.reason.clone(),
        ]
    };
    print::heading(&format!("shut out: {}", status.suspensions_total));
    if !status.suspensions.is_empty() {
        let rows: Vec<_> = status.suspensions.iter().map(row).collect();
        print::table(&["who", "since (UTC)", "by", "why"], &rows);
    }
    if !status.suspended_in_register.is_empty() {
        let named = status.suspended_in_register.join(", ");
        print::line(format!("  by the register's file: {named}"));
    }
    print::heading("lists of revoked certificates");
    let lists = status.revocation_lists.iter().map(|list| {
        vec![
            list.issuer.clone(),
            list.number.clone(),
            moment(list.next_update.as_ref()),
        ]
    });
    print::table(&["of", "number", "until (UTC)"], &lists.collect::<Vec<_>>());
    print::heading("what ends");
    let endings = status.endings.iter();
    let endings = endings.map(|ending| vec![ending.what.clone(), moment(ending.at.as_ref())]);
    print::table(&["what", "at (UTC)"], &endings.collect::<Vec<_>>());
}
