//! What stands for a person in a URL: a random word that means something to one member, for a quarter of an hour.
//!
//! An identity in an address would stay in the browser's history, in bookmarks and in every log between. Only the person's
//! pseudonym is kept here, in memory, and is wiped when its time is over or the gateway stops.
use crate::{
    clock::Time,
    crypto::{Broken, Rng, Secret},
    domain::SubjectToken,
    limits::{HANDLE_MS_MAX, HANDLES_MAX, HANDLES_PER_MEMBER_MAX},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

struct Handle {
    word: Secret<16>,
    member: String,
    person: Secret<32>,
    until: Time,
}

/// The handles of all members, oldest first.
#[derive(Default)]
pub(super) struct Handles(Mutex<VecDeque<Handle>>);

impl Handles {
    /// A new handle. A member's oldest goes when there are too many of hers, and the oldest of all when there are too many.
    pub(super) fn give(&self, member: &str, person: &SubjectToken, now: Time, rng: &dyn Rng) -> Result<String, Broken> {
        let word = Secret::<16>::random(rng)?;
        let text = URL_SAFE_NO_PAD.encode(word.expose());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|h| h.until > now);
        let mine = all.iter().filter(|h| h.member == member).count();
        if mine >= HANDLES_PER_MEMBER_MAX
            && let Some(oldest) = all.iter().position(|h| h.member == member)
        {
            all.remove(oldest);
        }
        if all.len() >= HANDLES_MAX {
            all.pop_front();
        }
        all.push_back(Handle {
            word,
            member: member.to_owned(),
            person: Secret::from(person.0),
            until: now.plus_ms(HANDLE_MS_MAX),
        });
        Ok(text)
    }

    /// Whom a handle of this member stands for.
    pub(super) fn person(&self, member: &str, text: &str, now: Time) -> Option<SubjectToken> {
        let word = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|h| h.until > now);
        let known = all.iter().find(|h| h.word.same(&word) && h.member == member)?;
        Some(SubjectToken(*known.person.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRng;

    const NOW: Time = Time(1_800_000_000_000);

    #[test]
    fn a_handle_is_one_members_and_ends() {
        let (handles, rng) = (Handles::default(), SeededRng::new(1));
        let one = handles.give("a", &SubjectToken([1; 32]), NOW, &rng).unwrap();
        let two = handles.give("a", &SubjectToken([2; 32]), NOW, &rng).unwrap();
        assert_ne!(one, two);
        assert_eq!(one.len(), 22);
        assert_eq!(handles.person("a", &one, NOW), Some(SubjectToken([1; 32])));
        assert_eq!(handles.person("b", &one, NOW), None);
        for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAA", "*", &one[..21]] {
            assert_eq!(handles.person("a", wrong, NOW), None, "{wrong}");
        }
        assert!(handles.person("a", &one, NOW.plus_ms(HANDLE_MS_MAX - 1)).is_some());
        assert_eq!(handles.person("a", &one, NOW.plus_ms(HANDLE_MS_MAX)), None);
        assert_eq!(handles.0.lock().unwrap().len(), 0, "what is over is wiped");
    }

    #[test]
    fn one_member_cannot_push_out_anothers() {
        let (handles, rng) = (Handles::default(), SeededRng::new(2));
        let hers = handles.give("her", &SubjectToken([1; 32]), NOW, &rng).unwrap();
        let first = handles.give("him", &SubjectToken([2; 32]), NOW, &rng).unwrap();
        for _ in 0..HANDLES_PER_MEMBER_MAX {
            handles.give("him", &SubjectToken([3; 32]), NOW, &rng).unwrap();
        }
        assert!(handles.person("her", &hers, NOW).is_some());
        assert_eq!(handles.person("him", &first, NOW), None);
        for n in 0..HANDLES_MAX {
            handles
                .give(&format!("m{n}"), &SubjectToken([4; 32]), NOW, &rng)
                .unwrap();
        }
        assert_eq!(handles.0.lock().unwrap().len(), HANDLES_MAX);
    }
}
