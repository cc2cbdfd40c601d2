//! Configuration of commands that open the keyring: they leave no core dump, and whoever starts one from a terminal is
//! asked for the passphrase, where it is in no file and no credential.
use super::{Failure, print};
use crate::{
    config::Config,
    crypto::{self, Passphrase},
    keyring::RootSource,
    limits::PASSPHRASE_BYTES_MAX,
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::{
    io::{self, IsTerminal, Read, Stdin},
    path::Path,
};
use zeroize::Zeroizing;

/// Reads the configuration; asks if it must and can.
pub(super) fn configuration(path: &Path) -> Result<Config, Failure> {
    let mut config = Config::load(path).map_err(Failure::file)?;
    passphrase(&mut config.keys, "passphrase of the keyring: ")?;
    Ok(config)
}

/// The same for a passphrase that is new: asked twice, since nobody sees what they type.
pub(super) fn configuration_of_new(path: &Path) -> Result<Config, Failure> {
    let mut config = Config::load(path).map_err(Failure::file)?;
    if let Some(first) = ask(&config.keys, "new passphrase of the keyring: ")? {
        let again = ask(&config.keys, "the same again: ")?;
        if again.is_none_or(|again| again.expose() != first.expose()) {
            return Err(Failure::file("the two passphrases differ: nothing was made"));
        }
        config.keys.type_in(first);
    }
    Ok(config)
}

/// Without a terminal it stays unanswered, and the keyring says what to do.
pub(super) fn passphrase(keys: &mut RootSource, prompt: &str) -> Result<(), Failure> {
    if let Some(typed) = ask(keys, prompt)? {
        keys.type_in(typed);
    }
    Ok(())
}

fn ask(keys: &RootSource, prompt: &str) -> Result<Option<Passphrase>, Failure> {
    // Before the first secret is read, typed or not.
    crypto::refuse_dumps().map_err(|e| Failure::work(format!("core dumps cannot be turned off: {e}")))?;
    let stdin = io::stdin();
    if !keys.asks() || !stdin.is_terminal() {
        return Ok(None);
    }
    print::prompt(prompt);
    let silent = Silent::begin(&stdin).map_err(Failure::work)?;
    let line = line(&stdin);
    drop(silent);
    print::remark("");
    let line = line.map_err(Failure::work)?;
    let malformed = || Failure::file("the passphrase is empty or longer than 1,024 bytes");
    Ok(Some(Passphrase::from_line(&line).ok_or_else(malformed)?))
}

/// Byte by byte from the terminal itself: the standard library's buffer would keep a copy.
fn line(stdin: &Stdin) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX + 1));
    let mut byte = Zeroizing::new([0_u8; 1]);
    let mut terminal = std::fs::File::from(rustix::io::dup(stdin)?);
    while line.len() <= PASSPHRASE_BYTES_MAX && terminal.read(&mut *byte)? == 1 && *byte != [b'\n'] {
        line.extend_from_slice(&*byte);
    }
    Ok(line)
}

/// Nothing that is typed is shown until it is dropped.
struct Silent<'a>(&'a Stdin, Termios);

impl<'a> Silent<'a> {
    fn begin(stdin: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(stdin)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // What was typed ahead was typed in sight.
        tcsetattr(stdin, OptionalActions::Flush, &silent)?;
        Ok(Self(stdin, before))
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // If the terminal is gone there is nobody to show anything to.
        let _ = tcsetattr(self.0, OptionalActions::Flush, &self.1);
    }
}
