//! Entries of a few words each, so that searches find some.
use super::*;
pub(super) const PEOPLE: usize = 6;

/// A person's token and details key. Some share a bucket.
pub(super) fn person(n: usize) -> (SubjectToken, Secret<32>) {
    let mut token = [n as u8; 32];
    token[0] = (n % 2) as u8;
    (SubjectToken(token), Secret::from([0x40 + n as u8; 32]))
}

/// What an entry is made of: numbers that choose its words.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) partner: usize,
    pub(super) purpose: usize,
    pub(super) signals: usize,
    pub(super) outcomes: usize,
    /// Past the people: nobody. The last person has no key.
    pub(super) person: usize,
    pub(super) consent: usize,
    step_ms: i64,
}

pub(super) fn made() -> impl Strategy<Value = Made> {
    let numbers = (
        0usize..4,
        0usize..3,
        0usize..4,
        0usize..3,
        0usize..PEOPLE + 2,
        0usize..9,
        0i64..3,
    );
    numbers.prop_map(|(partner, purpose, signals, outcomes, person, consent, step)| Made {
        partner,
        purpose,
        signals,
        outcomes,
        person,
        consent,
        step_ms: step * 40_000,
    })
}

pub(super) const SIGNALS: [&str; 3] = ["overdue_6m@1", "risk_band@1", "risk_band@2"];
pub(super) const OUTCOMES: [&str; 3] = ["band", "no_valid_consent", "no_file"];

impl Made {
    fn facts(&self, n: usize) -> Facts {
        let kind = if self.partner == 0 { Kind::Session } else { Kind::Query };
        let mut facts = Facts::new(kind, "spiffe://bank.test/p", METHOD, [9; 32]);
        if self.partner > 0 {
            facts.partner = format!("bank-{}", self.partner).parse().ok();
            facts.agreement = format!("agreement-{}", self.partner % 2).parse().ok();
        }
        facts.purpose = ["", "credit.origination", "credit.review"][self.purpose].parse().ok();
        facts.signals = SIGNALS.iter().take(self.signals).map(|s| s.parse().unwrap()).collect();
        facts.outcomes = (0..self.signals)
            .map(|s| OUTCOMES[(s * self.outcomes) % 3].to_owned())
            .collect();
        facts.request_id = Some(RequestId((n as u128 + 1).to_be_bytes()));
        facts.consent = (self.consent > 0).then(|| ConsentId((self.consent as u128).to_be_bytes()));
        if self.person < PEOPLE {
            let (token, key) = person(self.person);
            facts.subject = Some(token);
            facts.detail_key = if self.person + 1 == PEOPLE {
                DetailKey::Period
            } else {
                DetailKey::Person(key)
            };
        }
        facts
    }
}

/// Refusals too, so that there are some words in leaves.
struct Entry(Facts, bool);

impl Auditable for Entry {
    fn class(&self) -> Class {
        if self.1 {
            Class::Refused(crate::refusal::Code::QuotaSpent)
        } else {
            Class::Sealed
        }
    }
    fn facts(&self) -> &Facts {
        &self.0
    }
    fn answer(&self) -> Option<&[u8]> {
        None
    }
}

pub(super) fn open_small(path: &Path, clock: &Arc<ManualClock>) -> Opened {
    let dir = data_dir(path);
    let setup = Setup {
        clock: clock.clone(),
        ..setup(&dir)
    };
    Log::open_on(setup, Arc::new(RealDisk), SMALL).unwrap()
}

pub(super) fn fill(log: &Log, clock: &ManualClock, from: usize, entries: &[Made]) {
    block_on(async {
        let mut waiting = Vec::new();
        for (n, made) in (from..).zip(entries) {
            clock.advance_ms(made.step_ms);
            let entry = Entry(made.facts(n), made.outcomes == 2);
            waiting.push(log.reserve("p", METHOD).unwrap().append(entry));
            if made.consent % 3 == 0 {
                for wait in waiting.drain(..) {
                    wait.await.unwrap();
                }
            }
        }
        for wait in waiting {
            wait.await.unwrap();
        }
    });
}

pub(super) fn some(n: usize) -> Vec<Made> {
    (0..n)
        .map(|n| Made {
            partner: n % 4,
            purpose: n % 3,
            signals: n % 4,
            outcomes: n / 7 % 3,
            person: n % (PEOPLE + 2),
            consent: n * 5 % 9,
            step_ms: (n as i64 % 3) * 40_000,
        })
        .collect()
}
