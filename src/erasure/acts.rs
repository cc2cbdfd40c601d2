//! What staff can do. Each act is pure: it reads how it stands and gives how it will, and the log makes that true.
use super::{Hold, Reason, Register, Stage, Standing};
use crate::{
    clock::Time,
    crypto::Rng,
    domain::SubjectToken,
    limits::{CASE_NUMBER_BYTES_MAX, HOLDS_PER_PERSON_MAX},
    refusal::Code,
};

/// What every act needs.
pub struct Desk<'a> {
    /// How it stands.
    pub register: &'a Register,
    /// For ids.
    pub rng: &'a dyn Rng,
    /// Now.
    pub now: Time,
}

/// How it stands afterwards. Not yet true: it is once the entry is recorded.
pub struct Change {
    /// How it stands with the person.
    pub standing: Standing,
    /// Whether that is new.
    pub changed: bool,
    /// For the entry.
    pub note: String,
}

impl Desk<'_> {
    fn standing(&self, person: SubjectToken) -> Result<Standing, Code> {
        if let Some(standing) = self.register.of(&person) {
            return Ok(standing);
        }
        if !self.register.has_room() {
            return Err(Code::ErasuresExhausted);
        }
        let mut id = [0; 16];
        self.rng.fill(&mut id).map_err(|_| Code::Internal)?;
        Ok(Standing::new(id, person))
    }
}

/// Requests an erasure. Again, it changes nothing and tells how it stands.
///
/// # Errors
/// `ERASURES_EXHAUSTED`, `INTERNAL`.
pub fn request(desk: &Desk<'_>, person: SubjectToken) -> Result<Change, Code> {
    let mut standing = desk.standing(person)?;
    let changed = standing.requested.is_none();
    if changed {
        standing.requested = Some(desk.now);
    }
    let held = standing.holds.iter().filter(|hold| hold.holds(desk.now));
    let held: Vec<&str> = held.map(|hold| hold.reason.name()).collect();
    let note = match held.is_empty() {
        true => format!("erasure {}", hex(&standing.id)),
        false => format!("erasure {}, held by {}", hex(&standing.id), held.join(", ")),
    };
    Ok(Change {
        standing,
        changed,
        note,
    })
}

/// Places a hold. What is removed already cannot be held: then it holds the log's link only.
///
/// # Errors
/// `FIELD_INVALID` for an end that has passed or a case number that is none, `ERASURES_EXHAUSTED`, `INTERNAL`.
pub fn hold(
    desk: &Desk<'_>,
    person: SubjectToken,
    reason: Reason,
    until: Option<Time>,
    case_number: &str,
    by: &str,
) -> Result<Change, Code> {
    let printable = case_number.bytes().all(|b| b.is_ascii_graphic());
    if until.is_some_and(|until| until <= desk.now) || case_number.len() > CASE_NUMBER_BYTES_MAX || !printable {
        return Err(Code::FieldInvalid);
    }
    let mut standing = desk.standing(person)?;
    // What has ended makes room.
    standing.holds.retain(|hold| hold.holds(desk.now));
    if standing.holds.len() >= HOLDS_PER_PERSON_MAX {
        return Err(Code::ErasuresExhausted);
    }
    let id = standing.next_hold;
    standing.next_hold = id.checked_add(1).ok_or(Code::Internal)?;
    standing.holds.push(Hold {
        id,
        reason,
        placed: desk.now,
        until,
        case_number: case_number.to_owned(),
        by: by.to_owned(),
    });
    let note = format!("{} {id} of erasure {}", reason.name(), hex(&standing.id));
    Ok(Change {
        standing,
        changed: true,
        note,
    })
}

/// Releases a hold.
///
/// # Errors
/// `FIELD_INVALID` where the person has no hold of this number.
pub fn release(desk: &Desk<'_>, person: SubjectToken, hold: u32) -> Result<Change, Code> {
    let mut standing = desk.register.of(&person).ok_or(Code::FieldInvalid)?;
    let held = standing.holds.iter().position(|held| held.id == hold);
    let released = standing.holds.remove(held.ok_or(Code::FieldInvalid)?);
    let note = format!("{} {hold} of erasure {}", released.reason.name(), hex(&standing.id));
    Ok(Change {
        standing,
        changed: true,
        note,
    })
}

impl Change {
    /// Nothing is left that a row would be kept for: no request, no hold.
    pub fn is_empty(&self) -> bool {
        self.standing.stage() == Stage::Free && self.standing.holds.is_empty()
    }
}

/// The id of an erasure, as entries and letters say it.
pub fn hex(id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

/// The id that [`hex`] wrote so, and nothing else.
pub fn id_of(text: &str) -> Option<[u8; 16]> {
    let id = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
    (hex(&id) == text).then_some(id)
}
