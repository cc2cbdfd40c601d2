//! Corrections and those who were answered before: notices are written, fetched and acknowledged.
use super::{Action, Gate, act::Done};
use crate::{
    agreement::Role,
    audit::{Auditable, Class, Recorded},
    clock::Time,
    crypto::{Broken, Secret},
    domain::{Method, SubjectToken},
    facts::{DetailKey, Facts, Kind},
    limits::{CORRECTION_LOOK_BACK_DAYS, NOTICES_AT_ONCE_MAX},
    notice::{self, Answers, Correction, Looking, Recipients, Rows, Written},
    person::Person,
    refusal::{Code, NotRecorded},
    seal::{
        Opened,
        payload::{AcknowledgeNotices, ListNotices},
    },
    source,
    state::{Effect, StateError},
};

const DAY_MS: i64 = 86_400_000;

/// What a correction's entry and answer say of the recipients.
pub(super) struct Told {
    /// The answer to the provider.
    pub(super) answer: Vec<u8>,
    /// What makes the notices visible, with the correction's entry.
    pub(super) effect: Option<Effect>,
    /// For the institution's side of the entry.
    pub(super) note: String,
}

/// Lists everybody who was answered with a band of this person that may still be relied on, and writes each a notice, as
/// an entry of its own. None is seen before the effect in [`Told`] is recorded.
pub(super) async fn tell(gate: &Gate, person: Option<&Person>, now: Time, method: Method) -> Result<Told, Code> {
    // Whose key is new was never answered about.
    let Some(person) = person.filter(|person| person.made.is_none()) else {
        return Ok(Told::nobody());
    };
    let (token, key) = (person.token, person.link.details());
    let longest = gate.view.signals.iter().map(|s| s.validity_days()).max();
    let days = longest.unwrap_or(0).max(CORRECTION_LOOK_BACK_DAYS);
    let from = now.plus_ms(-i64::from(days).saturating_mul(DAY_MS));
    let found = recipients(gate, token, &key, from, now).await?;
    if found.answers.is_empty() {
        return Ok(match found.cut {
            false => Told::nobody(),
            true => Told {
                note: "; nobody is found who relies on an earlier answer; older answers were not looked at".to_owned(),
                ..Told::nobody()
            },
        });
    }
    let broken = |_: Broken| Code::Internal;
    let correction = Correction::new(&*gate.rng, now).map_err(broken)?;
    let notices = correction.notices(&*gate.rng, &gate.period_key, &found, || gate.reference());
    let mut entries = Vec::new();
    let mut queue = notices.map_err(broken)?.into_iter().peekable();
    while queue.peek().is_some() {
        let mut waiting = Vec::new();
        for written in queue.by_ref().take(NOTICES_AT_ONCE_MAX) {
            let noticed = noticed(gate, written, token, &key, method);
            let slot = gate
                .log
                .reserve_wait(&noticed.facts.peer, method)
                .await
                .map_err(not_recorded)?;
            // Queued now; awaited together.
            waiting.push(slot.append(noticed));
        }
        for append in waiting {
            let recorded: Recorded<Noticed> = append.await.map_err(not_recorded)?;
            entries.push(recorded.receipt().index);
        }
    }
    let (recipients, answers) = (found.answers.len(), found.count());
    let more = if found.cut {
        "; older answers were not looked at"
    } else {
        ""
    };
    let (first, last) = (
        entries.first().copied().unwrap_or(0),
        entries.last().copied().unwrap_or(0),
    );
    Ok(Told {
        answer: source::corrected(false, recipients, answers),
        effect: Some(correction.recorded()),
        note: format!("; {recipients} recipients of {answers} answers are told by the entries {first} to {last}{more}"),
    })
}

/// Through all periods that are kept, as far back as an answer may still be relied on. An archive that cannot be read ends
/// the look, and the entry says that older answers were not looked at: a correction must not wait for a disk to be mended.
async fn recipients(
    gate: &Gate,
    token: SubjectToken,
    key: &Secret<32>,
    from: Time,
    now: Time,
) -> Result<Recipients, Code> {
    let mut looking = Looking::default();
    for period in gate.periods() {
        let (key, reading) = (key.clone(), gate.opening(period));
        let looked = tokio::task::spawn_blocking(move || {
            let volume = match reading() {
                Ok(volume) => volume,
                Err(_) => {
                    looking.found.cut = true;
                    return Ok((looking, false));
                }
            };
            let asked = Answers {
                token: &token,
                key: &key,
                from,
                now,
            };
            let more = looking.look(&volume.log, &asked)?;
            Ok::<_, StateError>((looking, more))
        });
        let looked = looked.await.map_err(|_| Code::Internal)?;
        let more;
        (looking, more) = looked.map_err(|_| Code::Internal)?;
        if !more {
            return Ok(looking.found);
        }
    }
    // The oldest that is kept continues one that is not.
    looking.found.cut = true;
    Ok(looking.found)
}

impl Told {
    fn nobody() -> Self {
        Self {
            answer: source::corrected(false, 0, 0),
            effect: None,
            note: "; nobody relies on an earlier answer".to_owned(),
        }
    }
}

fn not_recorded(error: NotRecorded) -> Code {
    match error {
        NotRecorded::DiskFull => Code::DiskFull,
        _ => Code::Internal,
    }
}

/// A notice on its way into the log. The notice is its answer: what left, or will leave when it is fetched.
struct Noticed {
    facts: Facts,
    notice: Vec<u8>,
}

impl Auditable for Noticed {
    fn class(&self) -> Class {
        Class::Sealed
    }
    fn facts(&self) -> &Facts {
        &self.facts
    }
    fn answer(&self) -> Option<&[u8]> {
        Some(&self.notice)
    }
}

fn noticed(
    gate: &Gate,
    written: Written,
    token: SubjectToken,
    key: &crate::crypto::Secret<32>,
    method: Method,
) -> Noticed {
    let mut facts = Facts::new(Kind::Records, "gateway", method, gate.view.snapshot.hash());
    facts.outcomes = vec!["recipient-told".to_owned()];
    // Not in the leaf: it would tell that a person whom this partner asked about was corrected.
    facts.note = format!(
        "notice to {} of answers {}",
        written.partner,
        written.references.join(" ")
    );
    facts.count = written.references.len() as u64;
    facts.effects = vec![written.effect];
    facts.subject = Some(token);
    facts.detail_key = DetailKey::Person(key.clone());
    Noticed {
        facts,
        notice: written.notice,
    }
}

/// `ListNotices`: the caller's own.
pub struct List;

/// `AcknowledgeNotices`: they are not listed again.
pub struct Acknowledge;

impl Action for List {
    type Payload = ListNotices;
    fn method(&self) -> Method {
        Method("/tollgate.v1.NoticeService/ListNotices")
    }
    fn kind(&self) -> Kind {
        Kind::Read
    }
    fn roles(&self) -> &'static [Role] {
        &[Role::Partner]
    }
    fn changes(&self) -> bool {
        false
    }
    fn person(&self, _gate: &Gate, _payload: &Self::Payload) -> Option<SubjectToken> {
        None
    }
    async fn run(
        &self,
        gate: &Gate,
        _person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        _now: Time,
    ) -> Result<Done, Code> {
        let rows = rows(gate, opened.partner().member());
        let listed = rows.list(opened.payload().after.as_ref()).map_err(|_| Code::Internal)?;
        Ok(done(listed.answer, "notices-listed", Vec::new(), listed.count))
    }
}

impl Action for Acknowledge {
    type Payload = AcknowledgeNotices;
    fn method(&self) -> Method {
        Method("/tollgate.v1.NoticeService/AcknowledgeNotices")
    }
    fn kind(&self) -> Kind {
        Kind::Records
    }
    fn roles(&self) -> &'static [Role] {
        &[Role::Partner]
    }
    fn person(&self, _gate: &Gate, _payload: &Self::Payload) -> Option<SubjectToken> {
        None
    }
    async fn run(
        &self,
        gate: &Gate,
        _person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        _now: Time,
    ) -> Result<Done, Code> {
        let rows = rows(gate, opened.partner().member());
        let gone = rows
            .acknowledge(&opened.payload().notices)
            .map_err(|_| Code::Internal)?;
        let count = gone.len();
        Ok(done(notice::acknowledged(count), "notices-acknowledged", gone, count))
    }
}

fn rows<'a>(gate: &'a Gate, member: &'a crate::agreement::Member) -> Rows<'a> {
    Rows {
        state: &*gate.state,
        key: &gate.period_key,
        partner: &member.id,
    }
}

fn done(answer: Vec<u8>, outcome: &'static str, effects: Vec<Effect>, count: usize) -> Done {
    Done {
        answer,
        effects,
        outcome,
        consent: None,
        note: String::new(),
        count: count as u64,
        once_recorded: None,
    }
}
