//! Opening a session: role → open → record → accept. The session exists only once its opening is in the log.
use crate::{
    agreement::{self, Role},
    audit::Recorded,
    domain::Method,
    facts::{Facts, Kind},
    identity::PeerIdentity,
    pipeline::Gate,
    refusal::{NotRecorded, Refusal},
    seal,
};
use std::sync::Arc;

/// `OpenSession`.
const OPEN_SESSION: Method = Method("/tollgate.v1.ExchangeService/OpenSession");

/// Opens a session for a member that may ask or load.
pub async fn open_session(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    open: seal::OpenSession,
) -> Result<Result<seal::SessionAccepted, Recorded<Refusal>>, NotRecorded> {
    let slot = gate.log.reserve(peer.uri(), OPEN_SESSION)?;
    let view = &*gate.view;
    let mut facts = Facts::new(Kind::Session, peer.uri(), OPEN_SESSION, view.snapshot.hash());
    facts.reference = gate.reference();
    let offer = agreement::authenticate(&view.register, peer, facts, &[Role::Partner, Role::Provider])
        .and_then(|partner| seal::open_session(&gate.opener, partner, open, gate.clock.now(), &*gate.rng));
    match offer {
        Ok(offer) => {
            let recorded = slot.append(offer).await?;
            seal::seal_accept(&gate.opener, recorded, &*gate.rng)
                .map(Ok)
                .map_err(|_| NotRecorded::LogFailed)
        }
        Err(refusal) => Ok(Err(slot.append(refusal).await?)),
    }
}
