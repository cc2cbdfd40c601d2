//! One witness, asked for one cosignature.
use crate::{
    audit::{
        Head, Log,
        cosignature::{Cosigned, WitnessKey, cosignatures},
        proof::Continuation,
    },
    limits::{WITNESS_ATTEMPTS_MAX, WITNESS_WORDS_MAX},
    web,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A witness as the log sees it.
pub(super) struct Asker {
    pub(super) key: WitnessKey,
    pub(super) server: web::Server,
    /// The size that it is thought to know: what the next proof begins with.
    knows: AtomicU64,
}

/// What a witness said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It cosigned.
    Cosigned {
        /// Its signature line, and nothing else that it sent.
        line: String,
        /// When.
        time_s: u64,
    },
    /// It knows more entries than this log has.
    Behind(u64),
    /// It knows another root at this size.
    Forked(u64),
    /// It does not cosign, for a reason that the operators must mend.
    Refused(String),
    /// It could not be reached, or what answered is no witness.
    Unreachable(String),
}

impl Asker {
    pub(super) fn new(key: WitnessKey, server: web::Server) -> Self {
        Self {
            key,
            server,
            knows: AtomicU64::new(u64::MAX),
        }
    }

    /// Asks it to cosign `head`, learning on the way which size it knows.
    pub(super) async fn ask(&self, log: &Log, head: &Arc<Head>) -> Asked {
        // Nothing is known of it yet: what it says to the head itself tells whether it knows as much.
        let mut old_size = self.knows.load(Ordering::Relaxed).min(head.size);
        for _ in 0..WITNESS_ATTEMPTS_MAX {
            // Two to the forty entries take forty hashes: microseconds, as for every receipt.
            let Ok((proof, _)) = log.prove_consistency(old_size, head.size) else {
                return Asked::Refused("the log cannot prove what it is asked for: see health".to_owned());
            };
            let body = Continuation {
                old_size,
                proof: if old_size == head.size { Vec::new() } else { proof },
                checkpoint: head.note.to_string(),
            };
            let answer = match self.server.post("/add-checkpoint", body.encode()).await {
                Ok(answer) => answer,
                Err(error) => return Asked::Unreachable(error.to_string()),
            };
            match answer.status {
                200 => return self.cosigned(head, &answer.body),
                409 => match conflict(&answer.body, old_size, head.size) {
                    Ok(known) => old_size = known,
                    Err(asked) => return asked,
                },
                422 => return Asked::Forked(old_size),
                status => return Asked::Refused(format!("{status}: {}", words(&answer.body))),
            }
        }
        Asked::Unreachable("the size that it knows changed with each question".to_owned())
    }

    fn cosigned(&self, head: &Head, lines: &str) -> Asked {
        let note = format!("{}{lines}", head.note);
        match cosignatures(&note, std::slice::from_ref(&self.key)).as_deref() {
            Ok([Cosigned { time_s, line, .. }]) => {
                self.knows.store(head.size, Ordering::Relaxed);
                Asked::Cosigned {
                    line: line.clone(),
                    time_s: *time_s,
                }
            }
            _ => Asked::Refused("200 without a cosignature by the key that is configured: compare the keys".to_owned()),
        }
    }
}

/// The size that a witness knows, by its 409 to a question from `old_size` to `new_size`; or what it meant.
fn conflict(body: &str, old_size: u64, new_size: u64) -> Result<u64, Asked> {
    match size(body) {
        Some(known) if known > new_size => Err(Asked::Behind(known)),
        // It was offered a proof from there, so it does not agree with the root.
        Some(known) if known == old_size => Err(Asked::Forked(known)),
        Some(known) => Ok(known),
        // Another size must be named; that the root of this one is another need not be said in words.
        None if old_size == new_size => Err(Asked::Forked(old_size)),
        None => Err(Asked::Unreachable("409 without a size: this is no witness".to_owned())),
    }
}

/// A size in decimal with its line feed, as C2SP tlog-witness has it.
fn size(body: &str) -> Option<u64> {
    let digits = body.strip_suffix('\n')?;
    let size: u64 = digits.parse().ok()?;
    (size.to_string() == digits).then_some(size)
}

/// Somebody else's words, for people: short, and of printable characters.
fn words(body: &str) -> String {
    let printable = body.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(WITNESS_WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hostile_answers_never_panic(body in "(\\PC|\n){0,300}") {
            let _ = size(&body);
            prop_assert!(words(&body).chars().count() <= WITNESS_WORDS_MAX);
        }
    }

    /// C2SP tlog-witness: 409 with the size that is known if it is another one, and 409, with nothing further said of the body,
    /// if the root at this size is another one.
    #[test]
    fn a_conflict_is_another_size_or_another_history() {
        assert_eq!(conflict("3\n", 5, 9), Ok(3));
        assert_eq!(conflict("7\n", 5, 9), Ok(7));
        assert_eq!(conflict("0\n", 9, 9), Ok(0));
        assert_eq!(conflict("10\n", 5, 9), Err(Asked::Behind(10)));
        assert_eq!(conflict("5\n", 5, 9), Err(Asked::Forked(5)));
        for body in ["", "conflict\n", "9\n"] {
            assert_eq!(conflict(body, 9, 9), Err(Asked::Forked(9)), "{body:?}");
        }
        assert!(matches!(conflict("", 5, 9), Err(Asked::Unreachable(_))));
    }

    #[test]
    fn a_size_is_read_in_one_form() {
        assert_eq!(size("17\n"), Some(17));
        for bad in ["17", "017\n", "+17\n", "17\n\n", "", "\n", "99999999999999999999\n"] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }
}
