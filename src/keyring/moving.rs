//! From one root to another. The keyring under the new root is on disk, opened again and compared before it takes the place
//! of the old one, by one rename; what the old root needs goes last. Cut off anywhere, one of the two roots opens it, and
//! the same command finishes.
//!
//! The key that seals the keyring is a fresh one: who has the old root opens what lay there before, never what comes after.
use super::{
    KeyringError, file,
    root::{Form, Root, RootError, RootSource},
};
use crate::crypto::Rng;
use std::path::Path;
use zeroize::Zeroizing;

/// What [`move_root`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It was under the old root.
    Now,
    /// It was under the new root already: an earlier run came that far.
    Before,
}

/// Moves the keyring in `dir` from one root to the other. Nothing else may have it open: the caller holds the data
/// directory's lock.
///
/// # Errors
/// Neither root opens it; a file; the new root cannot be made. The keyring is then as it was.
pub fn move_root(dir: &Path, from: &RootSource, to: &RootSource, rng: &dyn Rng) -> Result<Moved, KeyringError> {
    if from.root == Form::File && to.root == Form::File {
        return Err(
            RootError::Configuration("the keyring is under a file before and after: nothing is to be moved").into(),
        );
    }
    let path = dir.join(file::SEALED);
    let ring = match file::read(&path, from) {
        Ok((_, ring)) => ring,
        Err(error) => {
            // Under the new one already? If not, why it does not open under the old one is what helps.
            file::read(&path, to).map_err(|_| error)?;
            remove_what_is_left(dir, to)?;
            return Ok(Moved::Before);
        }
    };
    if to.root == Form::File {
        // Of an earlier run that was cut off: nothing was ever sealed under it.
        file::remove_root(dir)?;
    }
    let root = Root::create(dir, to, rng)?;
    let beside = file::write_beside(&path, &root, &ring, rng)?;
    let (_, again) = file::read(&beside, to)?;
    if Zeroizing::new(file::plain(&again)) != Zeroizing::new(file::plain(&ring)) {
        return Err(KeyringError::Damaged(beside));
    }
    file::put(&beside, &path)?;
    remove_what_is_left(dir, to)?;
    Ok(Moved::Now)
}

fn remove_what_is_left(dir: &Path, to: &RootSource) -> Result<(), KeyringError> {
    match to.root {
        Form::File => Ok(()),
        Form::Passphrase | Form::Credential | Form::Pkcs11 => file::remove_root(dir),
    }
}
