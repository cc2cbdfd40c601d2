//! The compliance officers' console: a listener of its own, with the trust of staff.
use super::AppError;
use crate::{
    channel::{Acceptor, HandshakeEvents},
    rpc::Desk,
    web::{self, ConsoleParts, Door, VerifierKeys, WitnessRow},
    witness::Witnesses,
};
use std::sync::Arc;

/// Serves until the desk stops. The console's readings are under the same rates as those by gRPC, and drain with them.
pub(super) fn serve(
    desk: &Desk,
    acceptor: Acceptor,
    verifier_key: VerifierKeys,
    witnesses: Option<Arc<Witnesses>>,
    turned_away: HandshakeEvents,
) -> impl Future<Output = Result<(), AppError>> + Send + 'static {
    let router = web::console(ConsoleParts {
        gate: Arc::clone(&desk.gate),
        edge: Arc::clone(&desk.edge),
        counter: Arc::clone(&desk.counter),
        denylist: Arc::clone(&desk.denylist),
        tasks: desk.tasks.clone(),
        stopping: desk.stopping.clone(),
        verifier_key,
        witnesses: Arc::new(move || witnesses.iter().flat_map(|all| rows(all)).collect()),
    });
    let door = Door {
        denylist: Arc::clone(&desk.denylist),
        clock: Arc::clone(&desk.gate.clock),
        turned_away,
    };
    let stop = desk.stopping.clone();
    async move {
        let served = web::serve(router, door, acceptor.incoming(), stop).await;
        served.map_err(|e| AppError::Server(e.to_string()))
    }
}

/// What the console says of each witness.
fn rows(witnesses: &Witnesses) -> Vec<WitnessRow> {
    let row = |status: crate::witness::WitnessStatus| WitnessRow {
        name: status.name,
        cosigned: status.cosigned,
        error: status.error,
        contradicts: status.contradicts,
    };
    witnesses.status().into_iter().map(row).collect()
}
