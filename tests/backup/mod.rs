//! Backups of a gateway that serves, and what comes back of them.
mod damaged;
mod erased;
mod refused;
mod whole;

pub(crate) use refused::{nobody_to_encrypt_to, while_another_is_made};

use crate::support::{Gateway, OPERATOR, Place};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tollgate::{
    app::{AppError, Back, Checked, Files, check_backup, restore_backup},
    client::{Backups, ClientError, Piece},
    clock::{Clock, ManualClock, Time},
    crypto::{Rng, SystemRng, age::Identity, sha256},
};

/// A site whose backups this key opens.
pub(crate) struct Kept {
    identity: Identity,
}

/// A backup that was taken.
pub(crate) struct Taken {
    backup: PathBuf,
    keys: PathBuf,
}

fn site() -> (Place, Kept) {
    let place = Place::new();
    let kept = Kept::of(&place);
    (place, kept)
}

async fn backups(gateway: &Gateway) -> Backups {
    let connector = gateway.connector(&gateway.place.credential(OPERATOR));
    Backups::connect(gateway.address(true), connector).await.unwrap()
}

/// Takes one, as the operator.
pub(crate) async fn take(gateway: &Gateway, name: &str) -> Taken {
    try_take(gateway, name).await.unwrap()
}

async fn try_take(gateway: &Gateway, name: &str) -> Result<Taken, ClientError> {
    let (begin, mut making) = backups(gateway).await.create().await?;
    let mut bytes = Vec::new();
    let end = loop {
        match making.next().await? {
            Some(Piece::Part(part)) => bytes.extend(part.bytes),
            Some(Piece::End(end)) => break end,
            None => panic!("no end"),
        }
    };
    assert!(making.next().await?.is_none());
    assert_eq!((end.bytes, end.sha256), (bytes.len() as u64, sha256(&bytes).to_vec()));
    let taken = Taken {
        backup: gateway.place.beside(&format!("{name}.backup")),
        keys: gateway.place.beside(&format!("{name}.keys")),
    };
    fs::write(&taken.backup, bytes).unwrap();
    fs::write(&taken.keys, begin.keys).unwrap();
    Ok(taken)
}

type Sources = (Arc<dyn Clock>, Arc<dyn Rng>);

fn sources(now: Time) -> Sources {
    (Arc::new(ManualClock::new(now)), Arc::new(SystemRng::default()))
}

impl Kept {
    /// A new key, named in the site's configuration.
    pub(crate) fn of(place: &Place) -> Self {
        let identity = Identity::random(&SystemRng::default()).unwrap();
        let text = place.read("gateway.toml");
        let table = format!("\n[backup]\nrecipients = [\"{}\"]\n", identity.recipient());
        place.write("gateway.toml", &format!("{text}{table}"));
        Self { identity }
    }

    fn files<'a>(&'a self, backup: &'a Path, keys: &'a Path) -> Files<'a> {
        Files {
            backup,
            keys,
            identity: &self.identity,
        }
    }

    pub(crate) fn check(&self, place: &Place, taken: &Taken, now: Time) -> Result<Checked, AppError> {
        let (clock, rng) = sources(now);
        let files = self.files(&taken.backup, &taken.keys);
        let checked = check_backup(&place.config(), &files, (&clock, &rng), &mut |_| ());
        assert!(!place.path("data.checking").exists(), "keys must not be left behind");
        checked
    }

    pub(crate) async fn restore(
        &self,
        place: &Place,
        taken: &Taken,
        known: &str,
        accept_loss: bool,
        now: Time,
    ) -> Result<Back, AppError> {
        let (clock, rng) = sources(now);
        let files = self.files(&taken.backup, &taken.keys);
        let (config, mut told) = (place.config(), |_| ());
        let restored = restore_backup(&config, &files, (known, accept_loss), (&clock, &rng), &mut told).await;
        assert!(!place.path("data.restoring").exists(), "keys must not be left behind");
        restored
    }
}
