//! The operations, and what must hold after each.
use super::{
    model::{self, AGREEMENTS, Asked, Consent, Expected, FAMILIES, Model, PURPOSES, SIGNALS},
    told::Told,
};
use crate::support::{
    BANK_A, Caller, DAY_MS, Entry, Gateway, LENDER, NOBODY, Place, SAMPLE_ROWS, Sent, answered, entries, person,
    question, refused, sample_rows, subject, terms,
};
use tollgate::{
    client::Session,
    crypto::{Rng, SeededRng, Suite},
    source::WireRow,
    wire::{Message, timestamp, v1},
};

const QUERY: &str = "/tollgate.v1.ExchangeService/Query";
/// People of the play, and one without a record.
const ROWS: [u64; 5] = [1, 2, 3, 4, NOBODY];
/// A person's consents in a run: under what a partner may hold, so that room is not what is tested.
const CONSENTS_EACH: usize = 12;

/// A gateway, its callers, and the model.
pub(super) struct Play {
    gateway: Option<Gateway>,
    bank: Caller,
    lender: Caller,
    session: Session,
    dice: SeededRng,
    model: Model,
    rows: Vec<WireRow>,
    told: Told,
    waited_ms: i64,
}

impl Play {
    pub(super) async fn new(gateway: Gateway, seed: u64) -> Self {
        let (bank, lender, session) = callers(&gateway).await;
        let rows = sample_rows(&gateway);
        Self {
            model: Model {
                records: (1..=SAMPLE_ROWS).map(|row| (row, 0)).collect(),
                ..Model::default()
            },
            gateway: Some(gateway),
            bank,
            lender,
            session,
            dice: SeededRng::new(seed),
            rows,
            told: Told::default(),
            waited_ms: 0,
        }
    }

    pub(super) fn told(&self) -> Told {
        self.told
    }
    pub(super) async fn end(mut self) -> Place {
        self.gateway.take().unwrap().stop().await
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }
    fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes).unwrap();
        usize::try_from(u64::from_be_bytes(bytes) % n as u64).unwrap()
    }
    fn one_of<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
    fn some_of<T: Copy>(&self, from: &[T]) -> Vec<T> {
        let some: Vec<T> = from.iter().copied().filter(|_| self.below(3) > 0).collect();
        if some.is_empty() { vec![self.one_of(from)] } else { some }
    }

    pub(super) async fn step(&mut self, step: usize) {
        match self.below(100) {
            0..12 => self.grant().await,
            12..20 => {
                if let Some((id, consent)) = self.any_consent() {
                    self.confirm(id, consent).await;
                }
            }
            20..25 => self.withdraw().await,
            25..30 => self.correct().await,
            30..36 => self.wait().await,
            36..39 => self.restart(step).await,
            39..46 => self.repeat(step).await,
            _ => {
                let asked = self.question();
                self.ask(step, &asked).await;
            }
        }
    }

    async fn grant(&mut self) {
        let row = self.one_of(&ROWS);
        if self.model.held(row) >= CONSENTS_EACH {
            return;
        }
        let now = self.gateway().now();
        let mut consent = Consent {
            row,
            purposes: self.some_of(&PURPOSES[..3]),
            families: self
                .some_of(&FAMILIES)
                .into_iter()
                .map(|f| (f, 1 + self.below(2) as u32))
                .collect(),
            look_back_days: self.one_of(&[30, 186, 365]),
            separate: self.below(8) > 0,
            number: self.model.consents.len(),
            not_after: now.plus_ms(model::HOUR_MS * (1 + self.below(120) as i64)),
            terms_sha256: [0; 32],
            confirmed: false,
            withdrawn: false,
        };
        let families = consent
            .families
            .iter()
            .map(|(family, granularity_max)| v1::ConsentedFamily {
                family: (*family).to_owned(),
                granularity_max: *granularity_max,
            });
        let terms = v1::ConsentTerms {
            purposes: consent.purposes.iter().map(|p| (*p).to_owned()).collect(),
            families: families.collect(),
            look_back_days: consent.look_back_days,
            separate: consent.separate,
            not_after: Some(timestamp(consent.not_after.0)),
            ..terms(BANK_A.id, now)
        };
        consent.terms_sha256 = tollgate::client::terms_sha256(&terms);
        let granted: v1::ConsentGranted = self
            .change(
                &self.bank,
                "/tollgate.v1.ConsentService/Grant",
                row,
                "granted",
                |header| v1::GrantConsent {
                    header: Some(header),
                    subject: Some(subject(row)),
                    terms: Some(terms),
                },
            )
            .await;
        assert_eq!(granted.status(), v1::ConsentStatus::Pending);
        self.model.consents.insert(granted.consent_id.clone(), consent.clone());
        self.told.calls += 1;
        if self.below(3) > 0 {
            self.confirm(granted.consent_id, consent).await;
        }
    }

    async fn confirm(&mut self, id: Vec<u8>, consent: Consent) {
        let now = self.gateway().now();
        let confirms = !consent.confirmed && !consent.withdrawn && now <= consent.not_after;
        let outcome = if confirms { "confirmed" } else { "unchanged" };
        let state: v1::ConsentState = self
            .change(
                &self.lender,
                "/tollgate.v1.ConsentService/Confirm",
                consent.row,
                outcome,
                |header| v1::ConfirmConsent {
                    header: Some(header),
                    subject: Some(subject(consent.row)),
                    consent_id: id.clone(),
                    terms_sha256: consent.terms_sha256.to_vec(),
                },
            )
            .await;
        let known = self.model.consents.get_mut(&id).unwrap();
        known.confirmed |= confirms;
        assert_eq!(state.status(), status(known, now));
        self.told.calls += 1;
    }

    async fn withdraw(&mut self) {
        let Some((id, consent)) = self.any_consent() else {
            return;
        };
        let now = self.gateway().now();
        let by = if self.below(2) == 0 { &self.bank } else { &self.lender };
        let outcome = if consent.withdrawn { "unchanged" } else { "withdrawn" };
        let state: v1::ConsentState = self
            .change(
                by,
                "/tollgate.v1.ConsentService/Withdraw",
                consent.row,
                outcome,
                |header| v1::WithdrawConsent {
                    header: Some(header),
                    subject: Some(subject(consent.row)),
                    consent_id: id.clone(),
                },
            )
            .await;
        assert_eq!(state.status(), v1::ConsentStatus::Withdrawn, "at {now:?}");
        self.model.consents.get_mut(&id).unwrap().withdrawn = true;
        self.told.calls += 1;
    }

    /// Somebody's limit becomes another: bands follow, from the next question on.
    async fn correct(&mut self) {
        let row = self.one_of(&ROWS[..4]);
        let mut record = self.rows[usize::try_from(row - 1).unwrap()].clone();
        let generation = self.model.records[&row] + 1;
        record.values[0].numbers = vec![limit(generation)];
        let catalogue_sha256 = self.gateway().gate().view.catalogue.sha256().to_vec();
        let _: v1::RecordCorrected = self
            .change(
                &self.lender,
                "/tollgate.v1.RecordsService/Correct",
                row,
                "corrected",
                |header| v1::CorrectRecord {
                    header: Some(header),
                    catalogue_sha256,
                    row: Some(record),
                },
            )
            .await;
        self.model.records.insert(row, generation);
        self.told.corrections += 1;
    }

    /// A sealed call that changes something, or says that it did not. One entry, about this person.
    async fn change<M: Message, A: Message + Default>(
        &self,
        by: &Caller,
        method: &'static str,
        row: u64,
        outcome: &str,
        make: impl FnOnce(v1::RequestHeader) -> M,
    ) -> A {
        let done = answered(self.gateway(), by, by.one_shot(method, make)).await;
        assert_eq!(done.entry.i.outcomes, [outcome]);
        assert_eq!(done.entry.i.subject, person(self.gateway(), row).0);
        assert!(done.entry.i.fields_read.is_empty());
        A::decode(&done.body.answer[..]).unwrap()
    }

    /// Minutes, or hours: consents and sessions end in between. Revocation lists live for seven days, so a run does too.
    async fn wait(&mut self) {
        let ms = match self.below(3) {
            0 => 60_000 * (1 + self.below(30) as i64),
            1 => model::HOUR_MS * (1 + self.below(3) as i64),
            _ => model::HOUR_MS * (4 + self.below(20) as i64),
        };
        if self.waited_ms + ms > 6 * DAY_MS {
            return;
        }
        self.waited_ms += ms;
        self.gateway().clock.advance_ms(ms);
        self.session = self.bank.session().await;
    }

    async fn restart(&mut self, step: usize) {
        let gateway = self.gateway.take().unwrap();
        let before = gateway.size();
        let gateway = gateway.restart().await;
        // Stop, start, configuration, key list: the end of a minute may add what it counted.
        let new = entries(&gateway, before);
        assert!(new.iter().all(|e| e.leaf.peer == "gateway"), "step {step}: {new:#?}");
        (self.bank, self.lender, self.session) = callers(&gateway).await;
        self.gateway = Some(gateway);
        self.told.restarts += 1;
    }

    fn any_consent(&self) -> Option<(Vec<u8>, Consent)> {
        let consents = &self.model.consents;
        if consents.is_empty() {
            return None;
        }
        // Ids are random: chosen by number, so that a seed is one run. The newest half: most of the others have ended.
        let number = consents.len() - 1 - self.below(consents.len().div_ceil(2));
        let (id, consent) = consents.iter().find(|(_, c)| c.number == number)?;
        Some((id.clone(), consent.clone()))
    }

    /// Mostly about what holds: a play of refusals alone would prove little.
    fn question(&self) -> Asked {
        let now = self.gateway().now();
        let mut holding: Vec<_> = self.model.consents.iter().filter(|(_, c)| c.is_active(now)).collect();
        holding.sort_by_key(|(_, c)| c.number);
        let known = match self.below(4) {
            0 => self.any_consent(),
            _ if holding.is_empty() => self.any_consent(),
            _ => Some(self.one_of(&holding)).map(|(id, c)| (id.clone(), c.clone())),
        };
        let coarse: Vec<usize> = (0..SIGNALS.len()).filter(|s| SIGNALS[*s].2 == 1).collect();
        let mut asked = Asked {
            row: self.one_of(&ROWS),
            agreement: self.one_of(&AGREEMENTS[..4]),
            purpose: self.one_of(&PURPOSES),
            signals: self.some_of(&coarse),
            consent: vec![7; 16],
        };
        if let Some((id, consent)) = known {
            asked.consent = id;
            if self.below(6) > 0 {
                (asked.row, asked.purpose) = (consent.row, self.one_of(&consent.purposes));
            }
        }
        match self.below(12) {
            0 => asked.consent = vec![7; 16],
            1 => asked.agreement = self.one_of(&AGREEMENTS[4..]),
            2 => asked.signals = self.some_of(&(0..SIGNALS.len()).collect::<Vec<_>>()),
            _ => {}
        }
        asked
    }

    fn sent(&self, asked: &Asked) -> Sent {
        let query = v1::Query {
            purpose: asked.purpose.to_owned(),
            agreement_id: asked.agreement.to_owned(),
            signals: asked.signals.iter().map(|s| SIGNALS[*s].0.to_owned()).collect(),
            ..question(asked.row, &asked.consent)
        };
        let make = |header| v1::Query {
            header: Some(header),
            ..query
        };
        if self.below(5) == 0 {
            return self.bank.one_shot(QUERY, make);
        }
        self.bank.in_session(&self.session, QUERY, make)
    }

    async fn ask(&mut self, step: usize, asked: &Asked) {
        self.told.calls += 1;
        let now = self.gateway().now();
        let sent = self.sent(asked);
        match self.model.expects(asked, now) {
            Expected::Refused(codes) => {
                let call = self.bank.exchange(sent);
                let refused = refused(self.gateway(), &self.bank, QUERY, call).await;
                assert!(
                    codes.contains(&refused.code),
                    "step {step}: {:?}, not {codes:?}: {asked:?}",
                    refused.code
                );
                self.told.refused += 1;
            }
            Expected::Told(may) => {
                let told = answered(self.gateway(), &self.bank, sent).await;
                let answer = v1::Answer::decode(&told.body.answer[..]).unwrap();
                self.check(step, asked, &may, &answer, &told.entry);
            }
        }
    }

    fn check(&mut self, step: usize, asked: &Asked, may: &[bool], answer: &v1::Answer, entry: &Entry) {
        let on_file = self.model.records.contains_key(&asked.row);
        assert_eq!(answer.signals.len(), asked.signals.len());
        let mut told = Vec::new();
        for ((signal, may), line) in asked.signals.iter().zip(may).zip(&answer.signals) {
            assert_eq!(line.signal, SIGNALS[*signal].0);
            let outcome = line.outcome();
            let (fits, count) = match (may, on_file) {
                (false, _) => (outcome == v1::SignalOutcome::NoValidConsent, &mut self.told.withheld),
                (true, false) => (outcome == v1::SignalOutcome::NoFile, &mut self.told.no_file),
                (true, true) => (outcome == v1::SignalOutcome::Band, &mut self.told.bands),
            };
            assert!(fits, "step {step}: {outcome:?} for {}: {asked:?}", line.signal);
            *count += 1;
            assert_eq!(line.band.is_empty(), outcome != v1::SignalOutcome::Band);
            if outcome == v1::SignalOutcome::Band {
                told.push(*signal);
                self.check_limit(step, asked.row, line);
            }
        }
        // The central property, at both ends.
        let lineage = model::fields(told.into_iter());
        let mut read: Vec<&str> = answer.fields_read.iter().map(String::as_str).collect();
        read.sort_unstable();
        assert_eq!(read, lineage, "step {step}: {asked:?}");
        assert_eq!(
            named(self.gateway(), &entry.i.fields_read),
            lineage,
            "step {step}: {asked:?}"
        );
    }

    /// The newest correction is what is told.
    fn check_limit(&self, step: usize, row: u64, line: &v1::SignalAnswer) {
        let generation = self.model.records[&row];
        if line.signal == "limit_band@1" && generation > 0 {
            let high = generation.is_multiple_of(2);
            let band = if high {
                "500 thousand and more"
            } else {
                "under 50 thousand"
            };
            assert_eq!(line.band, band, "step {step}: generation {generation} of row {row}");
        }
    }

    /// The same signed bytes twice in a session, with or without a withdrawal in between.
    async fn repeat(&mut self, step: usize) {
        let asked = self.question();
        let now = self.gateway().now();
        let Expected::Told(may) = self.model.expects(&asked, now) else {
            return;
        };
        let query = v1::Query {
            purpose: asked.purpose.to_owned(),
            agreement_id: asked.agreement.to_owned(),
            signals: asked.signals.iter().map(|s| SIGNALS[*s].0.to_owned()).collect(),
            ..question(asked.row, &asked.consent)
        };
        let draft = self.bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..query
        });
        let seal = |play: &Self| play.bank.seal(QUERY, Suite::X25519, &draft);
        let first = answered(self.gateway(), &self.bank, seal(self)).await;
        let answer = v1::Answer::decode(&first.body.answer[..]).unwrap();
        self.check(step, &asked, &may, &answer, &first.entry);
        if self.below(3) == 0
            && let Some(consent) = self.model.consents.get(&asked.consent).cloned()
            && !consent.withdrawn
        {
            let _: v1::ConsentState = self
                .change(
                    &self.lender,
                    "/tollgate.v1.ConsentService/Withdraw",
                    consent.row,
                    "withdrawn",
                    |header| v1::WithdrawConsent {
                        header: Some(header),
                        subject: Some(subject(consent.row)),
                        consent_id: asked.consent.clone(),
                    },
                )
                .await;
            self.model.consents.get_mut(&asked.consent).unwrap().withdrawn = true;
            let silent = answered(self.gateway(), &self.bank, seal(self)).await;
            let answer = v1::Answer::decode(&silent.body.answer[..]).unwrap();
            self.check(step, &asked, &vec![false; may.len()], &answer, &silent.entry);
        } else {
            let again = answered(self.gateway(), &self.bank, seal(self)).await;
            assert_eq!(again.body.answer, first.body.answer, "step {step}: {asked:?}");
            assert!(
                again.entry.i.fields_read.is_empty(),
                "step {step}: a repeat read the record again"
            );
        }
        self.told.repeats += 1;
    }
}

async fn callers(gateway: &Gateway) -> (Caller, Caller, Session) {
    let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
    let session = bank.session().await;
    (bank, lender, session)
}

/// Minor units that are in the lowest or the highest band, in turn.
fn limit(generation: u32) -> i64 {
    if generation.is_multiple_of(2) {
        90_000_000
    } else {
        1_000_000
    }
}

fn status(consent: &Consent, now: tollgate::clock::Time) -> v1::ConsentStatus {
    match (consent.withdrawn, now <= consent.not_after, consent.confirmed) {
        (true, ..) => v1::ConsentStatus::Withdrawn,
        (_, false, _) => v1::ConsentStatus::Expired,
        (_, _, true) => v1::ConsentStatus::Active,
        _ => v1::ConsentStatus::Pending,
    }
}

/// The names behind a bitmap over the catalogue.
fn named(gateway: &Gateway, bitmap: &[u8]) -> Vec<String> {
    let fields = gateway.gate().view.catalogue.fields().iter().enumerate();
    let set = fields.filter(|(i, _)| bitmap.get(i / 8).is_some_and(|byte| byte & (1 << (i % 8)) != 0));
    let mut names: Vec<String> = set.map(|(_, field)| field.path.to_string()).collect();
    names.sort_unstable();
    names
}
