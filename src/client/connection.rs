//! A partner's connection to one gateway: keys, at most one session, and everything that is asked.
use super::{
    call::{SealedMethod, Stubs},
    continuity::LogMemory,
    error::ClientError,
    key_list::{ExchangeKey, KeyList, Pinned, SerialMemory},
    log_view::LogView,
    receipt::{Expected, Verified, check},
    sealing::{Draft, PendingReply, seal_one_shot},
    session::{Opening, Session},
};
use crate::{
    channel::client::Connector,
    clock::{Clock, Time},
    crypto::{Rng, Signer, Suite},
    limits::{REPLIES_BYTES_MAX, SEND_ATTEMPTS_MAX, SESSION_REOPEN_MS_MIN},
    seal::{
        frame::{self, Parties},
        signed::SigningIdentity,
    },
    wire::{Message, decode_canonical, v1},
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What partner and gateway agreed on.
pub struct Partnership {
    /// Who the gateway is, and the key that stands behind its key lists.
    pub pinned: Pinned,
    /// Our id in the gateway's register.
    pub partner: String,
    /// The id under which our signing key is registered.
    pub signing_key_id: String,
    /// Our signing key.
    pub signer: Arc<dyn Signer>,
    /// The one suite that is used: the client never falls back.
    pub suite: Suite,
}

/// A connection to `address`, which must be the gateway that `connector` knows.
pub(super) async fn channel(address: SocketAddr, connector: Connector) -> Result<Channel, ClientError> {
    let unreachable = |e: &dyn std::error::Error| ClientError::Unreachable(causes(e));
    Endpoint::from_shared(format!("http://{address}"))
        .map_err(|e| unreachable(&e))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_connection_window_size(REPLIES_BYTES_MAX)
        .connect_with_connector(connector)
        .await
        .map_err(|e| unreachable(&e))
}

/// One gateway, one partner.
pub struct Client {
    pub(super) partnership: Partnership,
    pub(super) stubs: Stubs,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    serials: Mutex<SerialMemory>,
    keys: Mutex<Option<Arc<KeyList>>>,
    pub(super) session: Mutex<Option<Arc<Session>>>,
    /// One opening at a time, and when the last was.
    opening: tokio::sync::Mutex<Option<Time>>,
    pub(super) log: Mutex<LogView>,
    pub(super) log_memory: LogMemory,
    pub(super) proven_at: Mutex<Option<Time>>,
    /// One proof at a time.
    pub(super) proving: tokio::sync::Mutex<()>,
}

impl Client {
    /// Connects to `address`, which must be the gateway that `connector` knows.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known, or a setting that cannot be used.
    pub async fn connect(
        address: SocketAddr,
        connector: Connector,
        partnership: Partnership,
        serial_memory: Option<&Path>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, ClientError> {
        let channel = channel(address, connector).await?;
        Self::over(channel, partnership, serial_memory, clock, rng)
    }

    /// Over a channel that already knows the gateway by its certificate. `serial_memory`: a small file that keeps the
    /// highest key-list serial over restarts; beside it, with `.checkpoint`, the newest checkpoint of the log is kept.
    pub fn over(
        channel: Channel,
        partnership: Partnership,
        serial_memory: Option<&Path>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            partnership,
            stubs: Stubs::new(channel),
            clock,
            rng,
            serials: Mutex::new(SerialMemory::at(serial_memory)?),
            keys: Mutex::new(None),
            session: Mutex::new(None),
            opening: tokio::sync::Mutex::new(None),
            log: Mutex::new(LogView::default()),
            log_memory: LogMemory::beside(serial_memory),
            proven_at: Mutex::new(None),
            proving: tokio::sync::Mutex::new(()),
        })
    }

    /// The current key list: the one in memory while it is valid, else a new one, verified.
    pub async fn key_list(&self) -> Result<Arc<KeyList>, ClientError> {
        let now = self.clock.now();
        let kept = lock(&self.keys).clone();
        match kept.filter(|list| now < list.not_after) {
            Some(list) => Ok(list),
            None => self.fetch_key_list().await,
        }
    }

    /// Fetches and verifies a key list, whatever is in memory.
    pub async fn fetch_key_list(&self) -> Result<Arc<KeyList>, ClientError> {
        let response = self.stubs.key_list().await?;
        let list = KeyList::verify(&response, &self.partnership.pinned, self.clock.now())?;
        lock(&self.serials).accept(&list)?;
        let list = Arc::new(list);
        *lock(&self.keys) = Some(list.clone());
        Ok(list)
    }

    /// The signals that the gateway offers, all pages.
    pub async fn list_signals(&self) -> Result<Vec<v1::SignalDescription>, ClientError> {
        let mut signals = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = v1::ListSignalsRequest {
                page_size: 100,
                page_token,
            };
            let page = self.stubs.list_signals(page).await?;
            let went_on = !page.signals.is_empty();
            signals.extend(page.signals);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(signals);
            }
            if !went_on || signals.len() > crate::limits::SIGNALS_MAX {
                return Err(ClientError::ReplyMalformed);
            }
        }
    }

    /// Opens a session and asks in it from now on. Proves first that the log continues what was seen of it.
    pub async fn open_session(&self, evidence: v1::Evidence) -> Result<(), ClientError> {
        let mut last = self.opening.lock().await;
        self.open_another(evidence, &mut last).await
    }

    async fn open_another(&self, evidence: v1::Evidence, last: &mut Option<Time>) -> Result<(), ClientError> {
        let now = self.clock.now();
        *lock(&self.session) = None;
        *last = Some(now);
        self.check_log().await?;
        let mut keys = self.key_list().await?;
        let known = lock(&self.log).newest();
        let (open, opening) = self.opening(&keys, evidence, now)?;
        let (opening, response) = match self.stubs.open_session(open).await {
            // The key was revoked since the list was fetched: once more, by the newest list.
            Err(refused) if refused.is_code("KEY_UNKNOWN") => {
                keys = self.fetch_key_list().await?;
                let (open, opening) = self.opening(&keys, evidence, now)?;
                (opening, self.stubs.open_session(open).await?)
            }
            response => (opening, response?),
        };
        let detail = opening.detail.clone();
        let now = self.clock.now();
        let (session, body, committed) = opening.accept(self.parties(), &response, now)?;
        let expected = Expected {
            partner: &self.partnership.partner,
            method: frame::OPEN_SESSION,
            agreement: None,
            policy_hash: None,
            detail,
            known,
        };
        let receipt = check(&body, &committed, &keys, &expected, now)?;
        lock(&self.log).see(receipt.head);
        *lock(&self.session) = Some(Arc::new(session));
        Ok(())
    }

    fn opening(
        &self,
        keys: &KeyList,
        evidence: v1::Evidence,
        now: Time,
    ) -> Result<(v1::OpenSessionRequest, Opening), ClientError> {
        let key = self.exchange_key(keys, now)?;
        let made = Opening::new(self.parties(), key, &self.identity(), evidence, now, &*self.rng);
        made.map_err(ClientError::from)
    }

    /// Asks about a person; `header` is filled in here. In the open session, or one-shot if there is none.
    pub async fn query(&self, query: v1::Query) -> Result<Verified<v1::Answer>, ClientError> {
        let about = v1::PartnerDetail {
            purpose: query.purpose.clone(),
            consent_id: query.consent_id.clone(),
            signals: query.signals.clone(),
            ..Default::default()
        };
        let agreement = query.agreement_id.clone();
        let make = |header| v1::Query {
            header: Some(header),
            ..query
        };
        self.ask(SealedMethod::Query, about, Some(agreement), make).await
    }

    /// Records that a person agreed; pending until the data holder confirms it.
    pub async fn grant(&self, grant: v1::GrantConsent) -> Result<Verified<v1::ConsentGranted>, ClientError> {
        let make = |header| v1::GrantConsent {
            header: Some(header),
            ..grant
        };
        self.ask(SealedMethod::Grant, v1::PartnerDetail::default(), None, make)
            .await
    }

    /// Withdraws a consent.
    pub async fn withdraw(&self, withdraw: v1::WithdrawConsent) -> Result<Verified<v1::ConsentState>, ClientError> {
        let about = of_consent(&withdraw.consent_id);
        let make = |header| v1::WithdrawConsent {
            header: Some(header),
            ..withdraw
        };
        self.ask(SealedMethod::Withdraw, about, None, make).await
    }

    /// The state of a consent.
    pub async fn consent(&self, get: v1::GetConsent) -> Result<Verified<v1::ConsentState>, ClientError> {
        let about = of_consent(&get.consent_id);
        let make = |header| v1::GetConsent {
            header: Some(header),
            ..get
        };
        self.ask(SealedMethod::Get, about, None, make).await
    }

    /// The consents of one person that were given to us.
    pub async fn consents(&self, list: v1::ListConsents) -> Result<Verified<v1::ConsentStates>, ClientError> {
        let make = |header| v1::ListConsents {
            header: Some(header),
            ..list
        };
        self.ask(SealedMethod::List, v1::PartnerDetail::default(), None, make)
            .await
    }

    /// Replaces one person's record. Role provider.
    pub async fn correct(&self, correct: v1::CorrectRecord) -> Result<Verified<v1::RecordCorrected>, ClientError> {
        let make = |header| v1::CorrectRecord {
            header: Some(header),
            ..correct
        };
        self.ask(SealedMethod::Correct, v1::PartnerDetail::default(), None, make)
            .await
    }

    /// Ends the session at the gateway and forgets its keys here.
    pub async fn close(&self) -> Result<(), ClientError> {
        if lock(&self.session).is_none() {
            return Ok(());
        }
        let make = |header| v1::CloseSession { header: Some(header) };
        let about = v1::PartnerDetail::default();
        let closed: Result<Verified<v1::SessionClosed>, _> =
            self.ask(SealedMethod::CloseSession, about, None, make).await;
        *lock(&self.session) = None;
        closed.map(|_| ())
    }

    pub(super) async fn ask<M: Message, A: Message + Default>(
        &self,
        method: SealedMethod,
        about: v1::PartnerDetail,
        agreement: Option<String>,
        make: impl FnOnce(v1::RequestHeader) -> M,
    ) -> Result<Verified<A>, ClientError> {
        self.check_log_if_due().await?;
        let session = lock(&self.session).clone();
        let signer = self.identity();
        let unsigned = !method.is_always_signed() && session.as_ref().is_some_and(|s| s.opening_is_evidence());
        let draft = Draft::new(
            self.parties(),
            method.path(),
            session.is_none(),
            (!unsigned).then_some(&signer),
            (self.clock.now(), &*self.rng),
            make,
        )?;
        let known = lock(&self.log).newest();
        let body = self.send(method, &draft, session).await?;
        let answer: A = decode_canonical(&body.answer).map_err(|_| ClientError::ReplyMalformed)?;
        let policy_hash = match method {
            SealedMethod::Query => {
                let answer: v1::Answer = decode_canonical(&body.answer).map_err(|_| ClientError::ReplyMalformed)?;
                if answer.request_id != draft.detail.request_id {
                    return Err(super::ReceiptError::Facts("request_id").into());
                }
                Some(answer.policy_hash)
            }
            _ => None,
        };
        let detail = v1::PartnerDetail {
            purpose: about.purpose,
            consent_id: about.consent_id,
            signals: about.signals,
            ..draft.detail.clone()
        };
        let expected = Expected {
            partner: &self.partnership.partner,
            method: method.path(),
            agreement: agreement.as_deref(),
            policy_hash: policy_hash.as_deref(),
            detail,
            known,
        };
        self.verified(answer, body, expected).await
    }

    /// An answer whose receipt holds, and the head that was seen with it.
    pub(super) async fn verified<A>(
        &self,
        answer: A,
        body: v1::ReplyBody,
        expected: Expected<'_>,
    ) -> Result<Verified<A>, ClientError> {
        let keys = self.key_list().await?;
        let receipt = check(&body, &body.answer, &keys, &expected, self.clock.now())?;
        lock(&self.log).see(receipt.head.clone());
        Ok(Verified {
            answer,
            reference: body.reference,
            receipt,
        })
    }

    /// Sends the same signed bytes until there is an answer: under a new sequence number after a loss or `REPLAYED`, in a
    /// new session after the gateway forgot the old one, to a new key after a rotation.
    async fn send(
        &self,
        method: SealedMethod,
        draft: &Draft,
        mut session: Option<Arc<Session>>,
    ) -> Result<v1::ReplyBody, ClientError> {
        let mut attempt = 1;
        loop {
            let (sealed, pending) = self.seal(draft, session.as_deref()).await?;
            let failure = match self.stubs.send(method, sealed).await {
                Ok(reply) => return pending.open(self.parties(), &reply),
                Err(failure) => failure,
            };
            if attempt >= SEND_ATTEMPTS_MAX {
                return Err(failure);
            }
            attempt += 1;
            match &failure {
                ClientError::Unreachable(_) => {}
                ClientError::Refused { code, .. } => match (code.as_str(), &session) {
                    ("REPLAYED", Some(_)) => {}
                    ("KEY_UNKNOWN", None) => {
                        self.fetch_key_list().await?;
                    }
                    ("SESSION_UNKNOWN" | "SESSION_EXPIRED", Some(lost)) if method != SealedMethod::CloseSession => {
                        session = Some(self.reopen(lost).await?);
                    }
                    _ => return Err(failure),
                },
                _ => return Err(failure),
            }
        }
    }

    async fn seal(
        &self,
        draft: &Draft,
        session: Option<&Session>,
    ) -> Result<(v1::SealedRequest, PendingReply), ClientError> {
        let now = self.clock.now();
        let (mode, pending) = match session {
            Some(session) => {
                let (request, pending) = session.seal(draft, now, &*self.rng)?;
                (v1::sealed_request::Mode::Session(request), pending)
            }
            None => {
                let keys = self.key_list().await?;
                let key = self.exchange_key(&keys, now)?;
                let (request, pending) = seal_one_shot(self.parties(), draft, key, &*self.rng)?;
                (v1::sealed_request::Mode::OneShot(request), pending)
            }
        };
        Ok((v1::SealedRequest { mode: Some(mode) }, pending))
    }

    /// A new session in place of a lost one, at most once in ten seconds. Of several calls that lost the same session
    /// one opens the new one.
    async fn reopen(&self, lost: &Arc<Session>) -> Result<Arc<Session>, ClientError> {
        let mut last = self.opening.lock().await;
        let current = lock(&self.session).clone();
        if let Some(session) = current.filter(|session| !Arc::ptr_eq(session, lost)) {
            return Ok(session);
        }
        if last.is_some_and(|at| self.clock.now().since(at) < SESSION_REOPEN_MS_MIN) {
            return Err(ClientError::ReopenTooSoon);
        }
        let evidence = if lost.opening_is_evidence() {
            v1::Evidence::Session
        } else {
            v1::Evidence::Request
        };
        self.open_another(evidence, &mut last).await?;
        lock(&self.session).clone().ok_or(ClientError::SessionSpent)
    }

    fn exchange_key<'a>(&self, keys: &'a KeyList, now: Time) -> Result<&'a ExchangeKey, ClientError> {
        let suite = self.partnership.suite;
        keys.exchange(suite, now).ok_or(ClientError::NoKey(suite.name()))
    }

    pub(super) fn identity(&self) -> SigningIdentity<'_> {
        SigningIdentity {
            key_id: &self.partnership.signing_key_id,
            signer: &*self.partnership.signer,
        }
    }

    pub(super) fn parties(&self) -> Parties<'_> {
        Parties {
            gateway: &self.partnership.pinned.gateway,
            partner: &self.partnership.partner,
        }
    }
}

pub(super) fn of_consent(consent_id: &[u8]) -> v1::PartnerDetail {
    v1::PartnerDetail {
        consent_id: consent_id.to_vec(),
        ..Default::default()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error and what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
