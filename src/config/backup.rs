//! `[backup]` in `gateway.toml`: to whom backups are encrypted. The caller of a backup never says that: whoever may start
//! one must not be who can read it.
use crate::{
    crypto::{Broken, age::Recipient},
    limits::BACKUP_RECIPIENTS_MAX,
};
use serde::Deserialize;

/// The recipients of backups.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupTo {
    /// `age1...`: the public halves of keys that are kept elsewhere. Each alone opens every backup.
    recipients: Vec<String>,
}

impl BackupTo {
    /// The recipients.
    ///
    /// # Errors
    /// Which of them is none.
    pub fn recipients(&self) -> Result<Vec<Recipient>, String> {
        let read = |text: &String| {
            let wrong = |Broken| format!("`{text}` is no recipient: make a key with `tollgate backup key`");
            text.parse().map_err(wrong)
        };
        self.recipients.iter().map(read).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let number = self.recipients()?.len();
        match (1..=BACKUP_RECIPIENTS_MAX).contains(&number) {
            true => Ok(()),
            false => Err(format!("`recipients` names 1 to {BACKUP_RECIPIENTS_MAX} of them")),
        }
    }
}
