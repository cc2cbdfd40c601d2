//! Operators make backups; officers confirm what was told again after a restore.
use crate::{
    agreement::Role,
    audit::JournalCopy,
    audit::{Receipt, Recorded},
    backup::{BackupError, Manifest, pack_keys},
    clock::Time,
    crypto::age::Recipient,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::{Code, NotRecorded, Refusal},
    restored::Restored,
    source::Copying,
};
use std::{path::PathBuf, sync::Arc};

/// `CreateBackup`. An officer of keys may not: who can destroy keys should not be who copies what they protect.
pub const CREATE: StaffCall = StaffCall {
    method: Method("/tollgate.v1.BackupService/CreateBackup"),
    kind: Kind::Read,
    roles: &[Role::Operator],
};
/// `ConfirmReplay`. An operator restores, and may not say that nothing was lost.
pub const CONFIRM: StaffCall = StaffCall {
    method: Method("/tollgate.v1.BackupService/ConfirmReplay"),
    kind: Kind::Configuration,
    roles: &[Role::Compliance, Role::Security],
};

/// What backups are made with.
pub struct Backups {
    /// To whom they are encrypted; nobody where none is configured.
    pub recipients: Vec<Recipient>,
    /// Where the keys lie.
    pub keyring: PathBuf,
}

/// A backup that may be made, and is recorded.
pub struct Begun {
    /// What is in it.
    pub manifest: Manifest,
    /// The journal up to its checkpoint.
    pub journal: JournalCopy,
    /// The records.
    pub vault: Copying,
    /// The keys, encrypted.
    pub keys: Vec<u8>,
}

/// Begins one: from here on what the log knows now stays.
pub async fn begin(gate: Arc<Gate>, peer: PeerIdentity) -> Reading<(Begun, Receipt)> {
    staff(gate, peer, CREATE, |gate, _| {
        let begun = prepare(gate).map_err(|error| code(&error))?;
        Ok(Seen {
            note: format!("backup of {} entries begun", begun.manifest.entries),
            count: begun.manifest.entries,
            ..Seen::of(begun, "backup_begun")
        })
    })
    .await
}

fn prepare(gate: &Gate) -> Result<Begun, BackupError> {
    if gate.backups.recipients.is_empty() {
        return Err(BackupError::Nobody);
    }
    // Before the checkpoint is taken: what it names is in the vault then, and stays.
    let vault = gate.vault.copying()?.ok_or(BackupError::NotNow)?;
    let journal = gate.log.journal_copy()?;
    let catalogue = gate.vault.catalogue().sha256();
    let manifest = Manifest::of(&journal, &vault, gate.log.origin(), catalogue, gate.clock.now());
    let keys = pack_keys(&gate.backups.keyring, &*gate.rng, &gate.backups.recipients)?;
    // An epoch that was turned meanwhile would be another file of keys.
    match vault.is_whole() {
        true => Ok(Begun {
            manifest,
            journal,
            vault,
            keys,
        }),
        false => Err(BackupError::NotNow),
    }
}

/// The refusal that says what the caller can do about it.
pub fn code(error: &BackupError) -> Code {
    match error {
        BackupError::NotNow => Code::BackupNotNow,
        BackupError::Nobody => Code::BackupNotConfigured,
        error => {
            tracing::error!(%error, "a backup could not be made");
            Code::Internal
        }
    }
}

/// Records that a backup was handed out to its end, or how it ended before.
pub async fn end(gate: Arc<Gate>, peer: PeerIdentity, how: String, bytes: u64) -> Result<(), NotRecorded> {
    let ended = staff(gate, peer, CREATE, move |_, _| {
        Ok(Seen {
            note: how,
            count: bytes,
            ..Seen::of((), "backup_ended")
        })
    });
    ended.await.map(|_| ())
}

/// Records that a backup ended in a refusal.
pub async fn refuse(gate: Arc<Gate>, peer: PeerIdentity, code: Code) -> Result<Recorded<Refusal>, NotRecorded> {
    let refused = staff(gate, peer, CREATE, move |_, _| Err::<Seen<()>, _>(code));
    match refused.await? {
        Err(refusal) => Ok(refusal),
        Ok(_) => Err(NotRecorded::LogFailed),
    }
}

/// What was told again after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Withdrawals of consents.
    Withdrawals,
    /// Suspensions of partners, certificates and keys.
    Suspensions,
}

/// Confirms that everything of that kind up to `up_to` was told again. Whether something was waiting for it.
///
/// # Errors
/// `FIELD_INVALID` for a time before the restore or in the future, `METHOD_NOT_ALLOWED` for an officer of the other kind.
pub async fn confirm(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<(Replay, Time), Code>,
) -> Reading<(bool, Receipt)> {
    staff(gate, peer, CONFIRM, move |gate, member| {
        let (what, up_to) = asked?;
        let whose = match what {
            Replay::Withdrawals => Role::Compliance,
            Replay::Suspensions => Role::Security,
        };
        if member.role != whose {
            return Err(Code::MethodNotAllowed);
        }
        let restored = Restored::load(&*gate.state).map_err(|error| {
            tracing::error!(%error, "what is unknown after a restore cannot be read");
            Code::Internal
        })?;
        let waits = |restored: &Restored| match what {
            Replay::Withdrawals => restored.withdrawals,
            Replay::Suspensions => restored.suspensions,
        };
        let Some(mut restored) = restored.filter(waits) else {
            return Ok(Seen::of(false, "nothing_to_confirm"));
        };
        if up_to < restored.at || up_to > gate.clock.now() {
            return Err(Code::FieldInvalid);
        }
        match what {
            Replay::Withdrawals => restored.withdrawals = false,
            Replay::Suspensions => restored.suspensions = false,
        }
        let held = restored.suspensions;
        Ok(Seen {
            effects: vec![restored.effect()],
            note: format!(
                "{what:?} replayed up to {} ms, after the restore at {} ms",
                up_to.0, restored.at.0
            ),
            count: 1,
            once_recorded: Some(Box::new(move |gate: &Gate| gate.view.register.hold_partners(held))),
            ..Seen::of(true, "replay_confirmed")
        })
    })
    .await
}
