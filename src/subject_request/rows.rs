//! Where requests are kept: the lines of the case list, and one row a person that says what of theirs is not closed.
use super::{Kind, PersonPart, Request, RequestId, State as Standing};
use crate::{
    crypto::{Broken, Rng},
    limits::SUBJECT_REQUEST_ROWS,
    person::{LinkKey, PersonError},
    state::{Effect, State, Table},
    wire::{self, Message, store::v1},
};

const TABLE: Table = Table::SubjectRequest;
/// First byte of keys: a line of the list, what its person said, or a person's own row.
const LINE: u8 = 0;
const WORDS: u8 = 1;
const PERSON: u8 = 2;

fn line_key(id: RequestId) -> Vec<u8> {
    [&[LINE][..], &id.0].concat()
}

fn words_key(id: RequestId) -> Vec<u8> {
    [&[WORDS][..], &id.0].concat()
}

fn person_key(link: &LinkKey) -> Vec<u8> {
    [&[PERSON][..], &link.row_key(TABLE, &[b"open"])].concat()
}

/// The case list in the state.
pub struct Rows<'a>(pub &'a dyn State);

impl Rows<'_> {
    /// One request.
    pub fn find(&self, id: RequestId) -> Result<Option<Request>, PersonError> {
        let row = self.0.row(TABLE, &line_key(id))?;
        Ok(row.map(|row| Request::from_row(&row)).transpose()?)
    }

    /// All requests, in order of opening, handed on one by one.
    pub fn each(&self, mut take: impl FnMut(Request)) -> Result<(), PersonError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.0.rows(TABLE, &[LINE], after.as_deref(), SUBJECT_REQUEST_ROWS)?;
            let full = rows.len() == SUBJECT_REQUEST_ROWS;
            for (_, row) in &rows {
                take(Request::from_row(row)?);
            }
            match rows.into_iter().next_back() {
                Some((key, _)) if full => after = Some(key),
                _ => return Ok(()),
            }
        }
    }

    /// What keeps a request.
    pub fn put(&self, request: &Request) -> Effect {
        Effect::put(TABLE, line_key(request.id), request.to_row())
    }

    /// What removes a request.
    pub fn delete(&self, id: RequestId) -> [Effect; 2] {
        [line_key(id), words_key(id)].map(|key| Effect {
            table: TABLE,
            key,
            value: None,
        })
    }

    /// What a person said with request `id`, sealed; whoever has the person's key opens it.
    pub fn words(&self, id: RequestId) -> Result<Option<Vec<u8>>, PersonError> {
        Ok(self.0.row(TABLE, &words_key(id))?)
    }

    /// The requests of a person that are not closed.
    pub fn open_of(&self, link: &LinkKey) -> Result<Vec<(RequestId, bool)>, PersonError> {
        let key = person_key(link);
        let Some(row) = self.0.row(TABLE, &key)? else {
            return Ok(Vec::new());
        };
        let plain = link.open_row(TABLE, &key, &row)?;
        let read: v1::PersonsSubjectRequests = wire::decode_canonical(&plain).map_err(|_| Broken)?;
        let open = read.open.iter().map(|open| {
            let id: [u8; 16] = open.id.as_slice().try_into().map_err(|_| Broken)?;
            Ok((RequestId(id), open.dispute))
        });
        open.collect()
    }

    /// What the person's own row becomes when `request` is as it is now.
    pub fn note(&self, rng: &dyn Rng, link: &LinkKey, request: &Request) -> Result<Effect, PersonError> {
        let mut open = self.open_of(link)?;
        open.retain(|(id, _)| *id != request.id);
        if request.state != Standing::Closed {
            open.push((request.id, request.kind == Kind::Dispute));
        }
        let key = person_key(link);
        if open.is_empty() {
            return Ok(Effect {
                table: TABLE,
                key,
                value: None,
            });
        }
        let one = |(id, dispute): (RequestId, bool)| v1::PersonsSubjectRequest {
            id: id.0.to_vec(),
            dispute,
        };
        let row = v1::PersonsSubjectRequests {
            open: open.into_iter().map(one).collect(),
        };
        let sealed = link.seal_row(rng, TABLE, &key, row.encode_to_vec())?;
        Ok(Effect::put(TABLE, key, sealed))
    }
}

impl PersonPart {
    /// What keeps it, under the person's key, with request `id`.
    pub fn put(&self, rng: &dyn Rng, link: &LinkKey, id: RequestId) -> Result<Effect, Broken> {
        let key = words_key(id);
        let sealed = link.seal_row(rng, TABLE, &key, self.encode())?;
        Ok(Effect::put(TABLE, key, sealed))
    }

    /// Opens what [`Rows::words`] gave; [`Broken`] if it is another person's.
    pub fn open(link: &LinkKey, id: RequestId, sealed: &[u8]) -> Result<Self, Broken> {
        Self::decode(&link.open_row(TABLE, &words_key(id), sealed)?)
    }
}

/// Whether a dispute of this person is open: then every band that is told about them says so.
pub fn is_disputed(state: &dyn State, link: &LinkKey) -> Result<bool, PersonError> {
    Ok(Rows(state).open_of(link)?.iter().any(|(_, dispute)| *dispute))
}
