//! The witness at work: one checkpoint of a log at a time, judged, recorded, and only then cosigned.
use super::{
    judge::Submission,
    known::{self, Known},
};
use crate::{
    agreement::{self, Partner, Role},
    audit::{Auditable, Class, Recorded, cosignature, note::VerifierKey},
    case::{After, Case},
    crypto::Signer,
    domain::Method,
    facts::{Facts, Kind},
    identity::PeerIdentity,
    pipeline::Gate,
    refusal::{Code, NotRecorded, Refusal},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;

/// `POST /add-checkpoint`, as entries name it.
pub const ADD_CHECKPOINT: Method = Method("/add-checkpoint");

/// Who may submit: everybody in the register. What counts is who signed the checkpoint.
const SUBMITTERS: [Role; 5] = [
    Role::Partner,
    Role::Provider,
    Role::Compliance,
    Role::Security,
    Role::Operator,
];

/// A witness of other logs.
pub struct Witness {
    name: String,
    signer: Box<dyn Signer>,
    logs: Vec<VerifierKey>,
    /// By origin. Held from the look at what is known until what is then known is recorded.
    turns: HashMap<String, Mutex<()>>,
    gate: Arc<Gate>,
}

/// What becomes of a checkpoint.
pub enum Added {
    /// It is known now, and this is the line that says so.
    Cosigned(String),
    /// It is not, and this size is known.
    Refused(Recorded<Refusal>, u64),
}

/// Proof: the checkpoint continues what was known.
struct Continues;

impl After<Partner> for Continues {}

impl Auditable for Case<Continues> {
    fn class(&self) -> Class {
        Class::Admin
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        None
    }
}

impl Witness {
    /// A witness of this name, of logs with these keys.
    pub fn new(name: String, signer: Box<dyn Signer>, logs: Vec<VerifierKey>, gate: Arc<Gate>) -> Self {
        let turns = logs.iter().map(|log| (log.name().to_owned(), Mutex::default()));
        Self {
            turns: turns.collect(),
            name,
            signer,
            logs,
            gate,
        }
    }

    /// Keys of the logs that are witnessed.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// Judges, records, cosigns. Runs on a task of its own: a caller that hangs up cannot stop it in between.
    pub async fn add_checkpoint(
        &self,
        peer: PeerIdentity,
        sent: Result<Submission, String>,
    ) -> Result<Added, NotRecorded> {
        let origin = sent.as_ref().map_or_else(|origin| origin, |s| &s.checkpoint.origin);
        let Some(turn) = self.turns.get(origin) else {
            // It was read with this witness's keys, so it has a turn.
            return Err(NotRecorded::LogFailed);
        };
        let _turn = turn.lock().await;
        // A place in the log before anything is looked at, and none while others have their turn.
        let slot = self.gate.log.reserve(peer.uri(), ADD_CHECKPOINT)?;
        let mut known_size = 0;
        match self.decide(peer, &sent, &mut known_size) {
            Ok((case, submission)) => {
                slot.append(case).await?;
                // The time is when it is signed, and no entry says less than what was signed.
                let time_s = u64::try_from(self.gate.clock.now().seconds()).unwrap_or(0);
                let line = cosignature::cosign(&*self.signer, &self.name, &submission.checkpoint, time_s);
                line.map(Added::Cosigned).map_err(|_| NotRecorded::LogFailed)
            }
            Err(refusal) => Ok(Added::Refused(slot.append(refusal).await?, known_size)),
        }
    }

    fn decide<'a>(
        &self,
        peer: PeerIdentity,
        sent: &'a Result<Submission, String>,
        known_size: &mut u64,
    ) -> Result<(Case<Continues>, &'a Submission), Refusal> {
        let view = &*self.gate.view;
        let mut facts = Facts::new(Kind::Witness, peer.uri(), ADD_CHECKPOINT, view.snapshot.hash());
        facts.reference = self.gate.reference();
        let mut case = agreement::authenticate(&view.register, peer, facts, &SUBMITTERS)?;
        let submission = match sent {
            Ok(submission) => submission,
            Err(origin) => {
                case.note().note = format!("a checkpoint of {origin}, not signed by it");
                return Err(case.refuse(Code::CheckpointSignature));
            }
        };
        let new = &submission.checkpoint;
        let known = match Known::of(&*self.gate.state, &new.origin) {
            Ok(known) => known,
            Err(error) => {
                tracing::error!(%error, "nothing is cosigned");
                return Err(case.refuse(Code::Internal));
            }
        };
        *known_size = known.as_ref().map_or(0, |k| k.size);
        case.note().note = format!("{}: {known_size} entries known, {} offered", new.origin, new.size);
        match (submission.continues(known.as_ref()), known) {
            (Ok(()), _) => {
                case.note().effects = vec![known::cosigned(&new.origin, &submission.note)];
                Ok((case.then(|_| Continues), submission))
            }
            (Err(code), Some(known)) if code != Code::CheckpointSize => {
                // Kept, so that it can be shown: both are signed by the log.
                tracing::warn!(log = %new.origin, size = new.size, "a witnessed log contradicts what it signed before");
                case.note().effects = vec![known::contradicted(&new.origin, &known.note, &submission.note)];
                Err(case.refuse(code))
            }
            (Err(code), _) => Err(case.refuse(code)),
        }
    }
}
