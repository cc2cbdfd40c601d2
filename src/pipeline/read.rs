//! Calls without an envelope, because they name nobody: key list, signals, the log's own proofs. They are entries too.
use crate::{
    agreement::{self, Partner, Role},
    audit::{Auditable, Class, Recorded},
    case::{After, Case},
    domain::Method,
    facts::{Facts, Kind},
    identity::PeerIdentity,
    pipeline::Gate,
    refusal::{Code, NotRecorded, Refusal},
};

/// What was read, with its entry recorded; or the refusal, recorded.
pub type Reading<T> = Result<Result<T, Recorded<Refusal>>, NotRecorded>;

/// Proof: it may be read, and was.
pub struct Read<T>(T);

impl<T> After<Partner> for Read<T> {}

impl<T> Auditable for Case<Read<T>> {
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

/// Who may read: everybody in the register.
pub const READERS: [Role; 6] = [
    Role::Partner,
    Role::Provider,
    Role::Compliance,
    Role::Auditor,
    Role::Security,
    Role::Operator,
];

/// Reads with `look` for who has one of `roles`, records that it was read, and only then hands it on.
pub async fn read_as<T: Send>(
    gate: &Gate,
    peer: PeerIdentity,
    method: Method,
    roles: &[Role],
    look: impl FnOnce(&Gate) -> Result<T, Code> + Send,
) -> Reading<T> {
    let slot = gate.log.reserve(peer.uri(), method)?;
    match decide(gate, peer, method, roles, look) {
        Ok(case) => {
            let (case, _receipt) = slot.append(case).await?.into_parts();
            let (_, Read(value)) = case.close();
            Ok(Ok(value))
        }
        Err(refusal) => Ok(Err(slot.append(refusal).await?)),
    }
}

fn decide<T>(
    gate: &Gate,
    peer: PeerIdentity,
    method: Method,
    roles: &[Role],
    look: impl FnOnce(&Gate) -> Result<T, Code>,
) -> Result<Case<Read<T>>, Refusal> {
    let view = &*gate.view;
    let mut facts = Facts::new(Kind::Read, peer.uri(), method, view.snapshot.hash());
    facts.reference = gate.reference();
    let case = agreement::authenticate(&view.register, peer, facts, roles)?;
    if case.proof().member().has_expired(gate.clock.now()) {
        return Err(case.refuse(Code::OutOfScope));
    }
    match look(gate) {
        Ok(value) => Ok(case.then(|_| Read(value))),
        Err(code) => Err(case.refuse(code)),
    }
}
