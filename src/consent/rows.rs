//! Where consents stand: `person[16] ‖ recipient[16] ‖ consent id[16]`, the first two by HMAC under the link key.
//!
//! All consents of a person are one range, and those given to one partner a range in it, so that a list is one scan.
//! Without the link key neither part says anything.
use super::record::Record;
use crate::{
    crypto::{Broken, Rng},
    domain::{ConsentId, PartnerId},
    limits::{CONSENT_SCAN_ROWS, CONSENTS_PER_REMOVAL_MAX},
    person::{LinkKey, PersonError},
    state::{Effect, State, Table},
};

/// The consents of one person.
pub(super) struct Rows<'a> {
    state: &'a dyn State,
    link: &'a LinkKey,
}

/// Whose consents a caller sees.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    /// Those given to this partner.
    Recipient(&'a PartnerId),
    /// All of the person: the data holder's own systems.
    Person,
}

/// The consents of one person, at most `limit`, whoever they were given to. For those who answer to the person.
pub fn of_person(state: &dyn State, link: &LinkKey, limit: usize) -> Result<Vec<Record>, PersonError> {
    Rows::new(state, link).page(View::Person, None, limit)
}

/// The consent of this id, whoever it was given to.
pub fn one_of_person(state: &dyn State, link: &LinkKey, id: ConsentId) -> Result<Option<Record>, PersonError> {
    Rows::new(state, link).find(View::Person, id)
}

/// Parts of a row's key.
const PART: usize = 16;

/// What takes the first consents of a person away, ended or not: as many as fit an entry. Call it until nothing is left.
///
/// # Errors
/// If the state cannot be read.
pub fn forget(state: &dyn State, link: &LinkKey) -> Result<Vec<Effect>, PersonError> {
    let rows = state.rows(
        Table::Consent,
        &Rows::new(state, link).prefix(View::Person),
        None,
        CONSENTS_PER_REMOVAL_MAX,
    )?;
    Ok(rows
        .into_iter()
        .map(|(key, _)| Effect::delete(Table::Consent, key))
        .collect())
}

impl<'a> Rows<'a> {
    pub(super) fn new(state: &'a dyn State, link: &'a LinkKey) -> Self {
        Self { state, link }
    }

    /// Where the view's rows begin.
    fn prefix(&self, view: View<'_>) -> Vec<u8> {
        let mut prefix = self.part(&[]);
        if let View::Recipient(recipient) = view {
            prefix.extend(self.part(&[recipient.as_str().as_bytes()]));
        }
        prefix
    }

    /// The consent of this id, if the view shows it.
    pub(super) fn find(&self, view: View<'_>, id: ConsentId) -> Result<Option<Record>, PersonError> {
        let Some(key) = self.place(view, id)? else {
            return Ok(None);
        };
        let Some(sealed) = self.state.row(Table::Consent, &key)? else {
            return Ok(None);
        };
        let View::Recipient(recipient) = view else {
            return Ok(Some(self.open(&key, &sealed)?));
        };
        // The key was made of these two a moment ago: comparing them spares making it again.
        let record = self.unseal(&key, &sealed)?;
        match record.terms().recipient == *recipient && record.id() == id {
            true => Ok(Some(record)),
            false => Err(Broken.into()),
        }
    }

    /// The key of the consent of this id. The recipient's follows from the id; for the person's view the rows are
    /// searched in steps, as their recipients are not known.
    pub(super) fn place(&self, view: View<'_>, id: ConsentId) -> Result<Option<Vec<u8>>, PersonError> {
        if let View::Recipient(recipient) = view {
            return Ok(Some(self.key(recipient, id)));
        }
        let prefix = self.prefix(view);
        let mut after = None;
        loop {
            let rows = self
                .state
                .rows(Table::Consent, &prefix, after.as_deref(), CONSENT_SCAN_ROWS)?;
            if let Some((key, _)) = rows.iter().find(|(key, _)| key.ends_with(&id.0)) {
                return Ok(Some(key.clone()));
            }
            match rows.into_iter().last() {
                Some((key, _)) => after = Some(key),
                None => return Ok(None),
            }
        }
    }

    /// At most `limit` consents of the view after the key `after`.
    pub(super) fn page(&self, view: View<'_>, after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>, PersonError> {
        let rows = self.state.rows(Table::Consent, &self.prefix(view), after, limit)?;
        rows.iter().map(|(key, sealed)| Ok(self.open(key, sealed)?)).collect()
    }

    /// Writes the consent as it stands.
    pub(super) fn put(&self, rng: &dyn Rng, record: &Record) -> Result<Effect, Broken> {
        let key = self.key(&record.terms().recipient, record.id());
        let sealed = self.link.seal_row(rng, Table::Consent, &key, record.to_row())?;
        Ok(Effect::put(Table::Consent, key, sealed))
    }

    /// Takes a row away.
    pub(super) fn delete(&self, record: &Record) -> Effect {
        Effect {
            table: Table::Consent,
            key: self.key(&record.terms().recipient, record.id()),
            value: None,
        }
    }

    fn key(&self, recipient: &PartnerId, id: ConsentId) -> Vec<u8> {
        let mut key = self.prefix(View::Recipient(recipient));
        key.extend(id.0);
        key
    }

    fn part(&self, of: &[&[u8]]) -> Vec<u8> {
        self.link.row_key(Table::Consent, of).into_iter().take(PART).collect()
    }

    /// A row must be the consent that its key names: the seal binds both to the place, this binds the content.
    fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Record, Broken> {
        let record = self.unseal(key, sealed)?;
        match self.key(&record.terms().recipient, record.id()) == key {
            true => Ok(record),
            false => Err(Broken),
        }
    }

    fn unseal(&self, key: &[u8], sealed: &[u8]) -> Result<Record, Broken> {
        Record::from_row(&self.link.open_row(Table::Consent, key, sealed)?)
    }
}
