//! Where long-lived secrets lie: each on memory pages of its own, locked, so that they are never swapped to disk; and the
//! process refuses to leave its memory behind in a core dump.
//!
//! A lock may be refused by the system (`RLIMIT_MEMLOCK`). The secret is kept all the same, and [`unlocked`] says so: a
//! gateway that does not start is worse than one whose key might be swapped, and the operator is told what to mend.
//! What is not locked: short-lived copies on stacks, and the keys that rustls and a PKCS#11 module hold themselves. What is
//! not wiped when it is dropped: ring's expanded form of an Ed25519 key, which ring keeps to itself.
use std::{
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Secrets that are held and could not be locked.
static UNLOCKED: AtomicUsize = AtomicUsize::new(0);

/// A value on pages that it shares with nothing else.
pub(super) struct Held<T>(Box<Page<T>>);

/// Fields are dropped in this order, in place: wiped, unlocked, and only then is the memory given back.
#[repr(align(4096))]
struct Page<T> {
    value: T,
    lock: Lock,
}

#[cfg(feature = "gateway")]
enum Lock {
    None,
    Held { _guard: region::LockGuard },
    Refused,
}

#[cfg(not(feature = "gateway"))]
enum Lock {
    None,
}

impl<T> Held<T> {
    /// Moves the value there. What is copied into place afterwards, by [`Held::with`], leaves no copy on a stack.
    pub(super) fn new(value: T) -> Self {
        let mut page = Box::new(Page {
            value,
            lock: Lock::None,
        });
        page.lock = Lock::on(&page.value);
        Self(page)
    }

    /// Changes it where it lies.
    pub(super) fn with(mut self, fill: impl FnOnce(&mut T)) -> Self {
        fill(&mut self.0.value);
        self
    }
}

impl<T> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl Lock {
    #[cfg(feature = "gateway")]
    fn on<T>(value: &T) -> Self {
        match region::lock(std::ptr::from_ref(value), size_of::<T>()) {
            // Pages larger than our alignment may hold a neighbour that is still in use: such a page stays locked.
            Ok(guard) if region::page::size() > align_of::<Page<T>>() => {
                std::mem::forget(guard);
                Lock::None
            }
            Ok(guard) => Lock::Held { _guard: guard },
            Err(_) => {
                UNLOCKED.fetch_add(1, Ordering::Relaxed);
                Lock::Refused
            }
        }
    }

    #[cfg(not(feature = "gateway"))]
    fn on<T>(_value: &T) -> Self {
        Lock::None
    }
}

#[cfg(feature = "gateway")]
impl Drop for Lock {
    fn drop(&mut self) {
        if matches!(self, Lock::Refused) {
            UNLOCKED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How many long-lived secrets of this process the system refused to lock in memory.
pub fn unlocked() -> usize {
    UNLOCKED.load(Ordering::Relaxed)
}

/// No core dump of this process, and no other process of the same user looks into its memory.
///
/// # Errors
/// What the system says.
#[cfg(feature = "gateway")]
pub fn refuse_dumps() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(test)]
mod tests {
    use super::Page;
    use crate::crypto::Secret;
    use zeroize::Zeroizing;

    /// Whether the mapping that holds this address is locked, by the system's own account.
    fn is_locked(address: usize) -> bool {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
            let bounds = range.and_then(|(from, to)| {
                Some((
                    usize::from_str_radix(from, 16).ok()?,
                    usize::from_str_radix(to, 16).ok()?,
                ))
            });
            match bounds {
                Some((from, to)) => inside = (from..to).contains(&address),
                None if inside && line.starts_with("Locked:") => {
                    return line.split_whitespace().nth(1).is_some_and(|kib| kib != "0");
                }
                None => {}
            }
        }
        false
    }

    #[test]
    fn what_is_held_is_locked_and_a_copy_is_the_same_place() {
        let plain = Secret::from([7; 32]);
        let held = plain.clone().held();
        let address = std::ptr::from_ref(held.expose()) as usize;
        assert!(is_locked(address), "raise RLIMIT_MEMLOCK for the tests");
        assert_eq!(
            size_of::<Page<Zeroizing<[u8; 32]>>>(),
            4096,
            "nothing else is on its page"
        );
        let copy = held.clone();
        assert_eq!(std::ptr::from_ref(copy.expose()) as usize, address);
        assert_eq!(std::ptr::from_ref(copy.held().expose()) as usize, address);
        assert!(held.same(plain.expose()));
        assert!(
            !is_locked(std::ptr::from_ref(Box::leak(Box::new(0_u8))) as usize),
            "the test can tell"
        );
    }
}
