use super::*;
use crate::{
    agreement::{Agreements, Member, Partner, Role},
    case::Case,
    clock::Time,
    crypto::{SeededRng, Suite, sha256},
    domain::{ConsentId, Method, PartnerId, Scheme, SubjectRef},
    facts::{DetailKey, Facts, Kind},
    keyring::Epochs,
    limits::{ANSWER_BYTES_MAX, CONSENT_TERMS_BYTES_MAX, CONSENTS_PER_SUBJECT_AND_PARTNER_MAX},
    person::{self, Person, PersonError},
    refusal::Code,
    seal::{Opened, payload::Question},
    state::{Effect, Row, State, StateError, Table},
    wire::{self, Message, v1},
};
use std::{collections::BTreeMap, sync::Mutex};

mod cover;
mod state;
mod terms;

const NOW: Time = Time(1_780_000_000_000);
const DAY_MS: i64 = 86_400_000;

/// Rows in memory: these tests are about what is read and written, not about where.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<Place, Vec<u8>>>);

/// Table and key.
type Place = (u8, Vec<u8>);

impl Rows {
    fn apply(&self, effects: &[Effect]) {
        let mut rows = self.0.lock().unwrap();
        for effect in effects {
            let key = (effect.table as u8, effect.key.clone());
            match &effect.value {
                Some(value) => rows.insert(key, value.clone()),
                None => rows.remove(&key),
            };
        }
    }
    fn count(&self, table: Table) -> usize {
        self.0.lock().unwrap().keys().filter(|(t, _)| *t == table as u8).count()
    }
}

impl State for Rows {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.lock().unwrap().get(&(table as u8, key.to_vec())).cloned())
    }
    fn rows(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
        let rows = self.0.lock().unwrap();
        let in_range = rows
            .iter()
            .filter(|((t, key), _)| *t == table as u8 && key.starts_with(prefix))
            .filter(|((_, key), _)| after.is_none_or(|after| key.as_slice() > after));
        Ok(in_range
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }
}

struct World {
    rows: Rows,
    keys: Keys,
    rng: SeededRng,
    known: Known,
    agreements: Agreements,
}

fn world() -> World {
    World {
        rows: Rows::default(),
        keys: Keys {
            epochs: Epochs::single(Secret::from([1; 32])),
            pseudonym: Secret::from([2; 32]),
        },
        rng: SeededRng::new(7),
        known: Known {
            purposes: ["credit.origination", "account.monitoring"]
                .map(|p| p.parse().unwrap())
                .into(),
            families: ["overdue", "risk"].map(|f| f.parse().unwrap()).into(),
        },
        agreements: agreements(&[&agreement("bank-a"), &agreement("bank-b")]),
    }
}

const AGREEMENT: &str = r#"
id = "of-bank-a"
partner = "bank-a"
title = "a"
parties = [{ id = "bank-a", kind = "bank", role = "controller" }]
purposes = ["credit.origination", "account.monitoring"]
families = { overdue = 2, risk = 1 }
sensitivity_max = 2
route = "direct"
jurisdiction = "cn"
not_before = "2026-01-01T00:00:00Z"
not_after = "2027-01-01T00:00:00Z"
impact_assessment = "PIA-1"
evidence = "request"
quotas = { questions_per_day = 1 }
retention_days = 30
termination_notice_days = 30
"#;

fn agreement(partner: &str) -> String {
    AGREEMENT.replace("bank-a", partner)
}

fn agreements(texts: &[&str]) -> Agreements {
    Agreements::load(texts.iter().map(|text| ("x.toml", *text))).unwrap()
}

impl World {
    /// The person, whose key is kept as the entry would keep it.
    fn known(&self, person: &str) -> Result<Person, PersonError> {
        let token = subject(person).token(&self.keys.pseudonym);
        let mut known = person::know(&self.rows, &self.keys.epochs, &self.rng, token)?;
        self.rows.apply(known.made.take().as_slice());
        Ok(known)
    }
    fn desk<'a>(&'a self, known: &'a Person, now: Time) -> Desk<'a> {
        Desk {
            state: &self.rows,
            link: &known.link,
            rng: &self.rng,
            now,
        }
    }
    fn scope(&self) -> Scope<'_> {
        Scope {
            known: &self.known,
            agreements: &self.agreements,
        }
    }
    fn grant(&self, who: &Member, person: &str, terms: &v1::ConsentTerms, now: Time) -> Result<ConsentId, Code> {
        let known = self.known(person).unwrap();
        let change = grant(&self.desk(&known, now), who, terms, self.scope())?;
        self.rows.apply(&change.effects);
        Ok(change.consent.unwrap())
    }
    fn act(
        &self,
        act: Act,
        who: &Member,
        person: &str,
        id: ConsentId,
        now: Time,
    ) -> Result<(usize, v1::ConsentState), Code> {
        let known = self.known(person).map_err(|_| Code::Internal)?;
        let change = act(&self.desk(&known, now), who, id)?;
        self.rows.apply(&change.effects);
        Ok((change.effects.len(), wire::decode_canonical(&change.answer).unwrap()))
    }
    fn look(&self, who: &Member, person: &str, id: ConsentId, now: Time) -> Case<Asked> {
        let question = Question {
            subject: subject(person),
            purpose: "credit.origination".parse().unwrap(),
            signals: Vec::new(),
            agreement: "a".parse().unwrap(),
            consent: id,
        };
        let facts = Facts::new(Kind::Query, &who.uri, Method("/test"), [0; 32]);
        let case = Case::open(facts, Partner::for_tests(who.clone()));
        let case = case.then(|partner| Opened::for_tests(partner, question));
        match look_up(&self.rows, &self.keys, case, now).ok().expect("rows that open") {
            Ok(asked) => asked,
            Err(case) => meet(&self.rows, &self.keys, &self.rng, case, now)
                .ok()
                .expect("a new key"),
        }
    }
}

type Act = fn(&Desk<'_>, &Member, ConsentId) -> Result<Change, Code>;

/// Confirms what [`terms`] says.
fn confirm_as_shown(desk: &Desk<'_>, who: &Member, id: ConsentId) -> Result<Change, Code> {
    confirm(desk, who, id, sha256(&terms().encode_to_vec()))
}

fn subject(person: &str) -> SubjectRef {
    SubjectRef::parse(Scheme::Opaque, person).unwrap()
}

fn member(id: &str, role: Role) -> Member {
    Member {
        id: id.parse().unwrap(),
        role,
        uri: format!("spiffe://x.example/{id}"),
        signing_keys: Vec::new(),
        suites: vec![Suite::X25519],
        suspended: false,
        person: None,
        audit: None,
    }
}

fn bank() -> Member {
    member("bank-a", Role::Partner)
}
fn provider() -> Member {
    member("issuer", Role::Provider)
}

fn terms() -> v1::ConsentTerms {
    v1::ConsentTerms {
        recipient: "bank-a".to_owned(),
        purposes: vec!["credit.origination".to_owned()],
        families: vec![v1::ConsentedFamily {
            family: "overdue".to_owned(),
            granularity_max: 2,
        }],
        look_back_days: 365,
        frequency_per_month: 0,
        not_after: Some(wire::timestamp(NOW.plus_ms(30 * DAY_MS).0)),
        notice_version: "2026-01".to_owned(),
        notice_sha256: vec![3; 32],
        basis: v1::ConsentBasis::Consent as i32,
        separate: true,
        evidence_sha256: vec![4; 32],
    }
}

const PENDING: i32 = v1::ConsentStatus::Pending as i32;
const ACTIVE: i32 = v1::ConsentStatus::Active as i32;
const WITHDRAWN: i32 = v1::ConsentStatus::Withdrawn as i32;
const EXPIRED: i32 = v1::ConsentStatus::Expired as i32;

#[test]
fn granted_confirmed_withdrawn_and_each_again() {
    let w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    assert_eq!(
        w.look(&bank(), "p", id, NOW).proof().consent().unwrap().status,
        Status::Pending
    );
    assert_eq!(w.act(get, &bank(), "p", id, NOW).unwrap().1.terms, Some(terms()));
    let (changed, state) = w.act(confirm_as_shown, &provider(), "p", id, NOW).unwrap();
    assert_eq!((changed, state.status), (1, ACTIVE));
    let (changed, state) = w.act(confirm_as_shown, &provider(), "p", id, NOW).unwrap();
    assert_eq!((changed, state.status), (0, ACTIVE));
    let case = w.look(&bank(), "p", id, NOW);
    assert_eq!(case.proof().consent().unwrap().status, Status::Active);
    assert!(matches!(case.facts().detail_key, DetailKey::Person(_)));
    assert_eq!(case.facts().subject, Some(subject("p").token(&w.keys.pseudonym)));
    assert_eq!(case.facts().consent, Some(id));
    let (changed, state) = w.act(withdraw, &bank(), "p", id, NOW.plus_ms(5)).unwrap();
    assert_eq!((changed, state.status), (1, WITHDRAWN));
    assert_eq!(state.granted_at, Some(wire::timestamp(NOW.0)));
    assert_eq!(state.changed_at, Some(wire::timestamp(NOW.0 + 5)));
    for (act, who) in [
        (withdraw as Act, bank()),
        (withdraw, provider()),
        (confirm_as_shown, provider()),
        (get, bank()),
    ] {
        let (changed, state) = w.act(act, &who, "p", id, NOW).unwrap();
        assert_eq!((changed, state.status), (0, WITHDRAWN));
    }
    assert_eq!(
        w.look(&bank(), "p", id, NOW).proof().consent().unwrap().status,
        Status::Withdrawn
    );
}

#[test]
fn what_is_confirmed_is_what_was_read() {
    let w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    let shown = w.act(get, &provider(), "p", id, NOW).unwrap().1;
    let read = sha256(&shown.terms.unwrap().encode_to_vec());
    let mut wider = terms();
    wider.look_back_days += 1;
    for other in [sha256(&wider.encode_to_vec()), [0; 32]] {
        let refused = confirm(&w.desk(&w.known("p").unwrap(), NOW), &provider(), id, other);
        assert_eq!(refused.err(), Some(Code::FieldInvalid));
    }
    assert_eq!(w.act(get, &bank(), "p", id, NOW).unwrap().1.status, PENDING);
    let change = confirm(&w.desk(&w.known("p").unwrap(), NOW), &provider(), id, read).unwrap();
    assert_eq!((change.effects.len(), change.outcome), (1, "confirmed"));
}

#[test]
fn a_consent_ends_after_its_last_moment() {
    let w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    let end = NOW.plus_ms(30 * DAY_MS);
    let (changed, state) = w.act(confirm_as_shown, &provider(), "p", id, end.plus_ms(1)).unwrap();
    assert_eq!((changed, state.status), (0, EXPIRED));
    w.act(confirm_as_shown, &provider(), "p", id, end).unwrap();
    assert_eq!(
        w.look(&bank(), "p", id, end).proof().consent().unwrap().status,
        Status::Active
    );
    assert_eq!(
        w.look(&bank(), "p", id, end.plus_ms(1))
            .proof()
            .consent()
            .unwrap()
            .status,
        Status::Expired
    );
    let (changed, state) = w.act(withdraw, &provider(), "p", id, end.plus_ms(1)).unwrap();
    assert_eq!((changed, state.status), (1, WITHDRAWN));
}

#[test]
fn the_provider_withdraws_for_the_person_and_roles_hold() {
    let w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    assert_eq!(
        w.act(confirm_as_shown, &bank(), "p", id, NOW),
        Err(Code::MethodNotAllowed)
    );
    assert_eq!(w.grant(&provider(), "p", &terms(), NOW), Err(Code::MethodNotAllowed));
    for role in [Role::Compliance, Role::Security, Role::Operator] {
        for act in [confirm_as_shown as Act, withdraw, get] {
            assert_eq!(
                w.act(act, &member("staff", role), "p", id, NOW),
                Err(Code::MethodNotAllowed)
            );
        }
        let listed = list(&w.desk(&w.known("p").unwrap(), NOW), &member("staff", role), 1, "");
        assert_eq!(listed.err(), Some(Code::MethodNotAllowed));
    }
    assert_eq!(w.act(withdraw, &provider(), "p", id, NOW).unwrap().1.status, WITHDRAWN);
}

#[test]
fn strangers_and_others_look_alike() {
    let w = world();
    let id = w.grant(&bank(), "known", &terms(), NOW).unwrap();
    let other = member("bank-b", Role::Partner);
    // Grant: the same answer but for its random id, whether the person was known or not.
    let answers = ["known", "stranger"].map(|person| {
        let change = grant(&w.desk(&w.known(person).unwrap(), NOW), &bank(), &terms(), w.scope()).unwrap();
        let granted: v1::ConsentGranted = wire::decode_canonical(&change.answer).unwrap();
        (change.answer.len(), granted.consent_id.len(), granted.status)
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].2, PENDING);
    // Everything else: nothing set, for what is another's and for what is not there.
    for (who, person, asked) in [
        (&bank(), "stranger", id),
        (&other, "known", id),
        (&bank(), "known", ConsentId([9; 16])),
        (&provider(), "known", ConsentId([9; 16])),
    ] {
        for act in [withdraw as Act, get] {
            let (changed, state) = w.act(act, who, person, asked, NOW).unwrap();
            assert_eq!((changed, state), (0, v1::ConsentState::default()));
        }
    }
    let case = w.look(&other, "known", id, NOW);
    assert!(case.proof().consent().is_none());
    // Who was asked about first a moment ago has a key of their own, which goes into the entry.
    let case = w.look(&bank(), "first", id, NOW);
    assert!(case.proof().consent().is_none() && matches!(case.facts().detail_key, DetailKey::Person(_)));
    assert_eq!(case.facts().effects.len(), 1);
    assert!(case.facts().subject.is_some());
    for person in ["stranger", "known"] {
        let change = list(&w.desk(&w.known(person).unwrap(), NOW), &other, 1, "").unwrap();
        assert_eq!(change.answer, v1::ConsentStates::default().encode_to_vec());
    }
    // What was not recorded never happened.
    assert_eq!((w.rows.count(Table::SubjectLink), w.rows.count(Table::Consent)), (2, 1));
}

#[test]
fn a_row_that_was_changed_or_moved_is_no_consent() {
    let w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    let second = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    let table = Table::Consent as u8;
    let find = |id: ConsentId| {
        w.rows
            .0
            .lock()
            .unwrap()
            .keys()
            .find(|(t, k)| *t == table && k.ends_with(&id.0))
            .cloned()
    };
    let (first_key, second_key) = (find(id).unwrap(), find(second).unwrap());
    let value = w.rows.0.lock().unwrap()[&first_key].clone();
    w.rows.0.lock().unwrap().insert(second_key, value.clone());
    assert_eq!(w.act(get, &bank(), "p", second, NOW), Err(Code::Internal));
    let mut flipped = value;
    *flipped.last_mut().unwrap() ^= 1;
    w.rows.0.lock().unwrap().insert(first_key, flipped);
    assert_eq!(w.act(get, &bank(), "p", id, NOW), Err(Code::Internal));
    for bytes in [&b""[..], &[0xff; 40], &[0x0a, 0x02, 1, 1]] {
        assert!(Record::from_row(bytes).is_err());
    }
}

#[test]
fn a_partner_holds_a_bounded_number_and_the_ended_make_room() {
    let w = world();
    let max = CONSENTS_PER_SUBJECT_AND_PARTNER_MAX as i64;
    let ids: Vec<_> = (0..max)
        .map(|i| w.grant(&bank(), "p", &terms(), NOW.plus_ms(i)).unwrap())
        .collect();
    assert_eq!(w.grant(&bank(), "p", &terms(), NOW), Err(Code::ConsentsExhausted));
    let mut for_b = terms();
    for_b.recipient = "bank-b".to_owned();
    assert!(w.grant(&member("bank-b", Role::Partner), "p", &for_b, NOW).is_ok());
    w.act(withdraw, &bank(), "p", ids[3], NOW).unwrap();
    w.act(withdraw, &bank(), "p", ids[5], NOW).unwrap();
    assert!(w.grant(&bank(), "p", &terms(), NOW).is_ok());
    assert_eq!(
        w.act(get, &bank(), "p", ids[3], NOW).unwrap().1,
        v1::ConsentState::default()
    );
    assert_eq!(w.act(get, &bank(), "p", ids[5], NOW).unwrap().1.status, WITHDRAWN);
}

#[test]
fn the_two_ways_to_a_person_need_both_keys() {
    let mut w = world();
    let id = w.grant(&bank(), "p", &terms(), NOW).unwrap();
    let recipient: PartnerId = "bank-a".parse().unwrap();
    assert_eq!(
        w.look(&bank(), "p", id, NOW).proof().consent().unwrap().recipient,
        recipient
    );
    w.keys.pseudonym = Secret::from([9; 32]);
    assert!(w.look(&bank(), "p", id, NOW).proof().consent().is_none());
    w.keys = Keys {
        epochs: Epochs::single(Secret::from([9; 32])),
        pseudonym: Secret::from([2; 32]),
    };
    assert_eq!(
        w.act(get, &bank(), "p", id, NOW).unwrap().1,
        v1::ConsentState::default()
    );
}
