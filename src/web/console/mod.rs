//! The compliance officers' console: the log in a browser, with its proofs verified there.
//!
//! Pages are made here and work without a script; each view of the log is one entry in it, and so is each step of a case, a
//! hold or an erasure. It refuses to show anything to a certificate without the role, to put an identity into an address, to
//! load anything from elsewhere, and to let another site use an officer's certificate. What can be seen and done is decided
//! by `inspect` and `pipeline`, never here.
mod assets;
mod cases;
mod chart;
mod desk;
mod entry;
mod erasures;
mod export;
mod filter;
mod form;
mod handles;
mod holds;
mod link;
mod live;
mod moment;
mod names;
mod overview;
mod report;
mod search;
mod shell;
mod thelog;
mod trouble;
mod visitor;
mod words;

use crate::{
    audit::Counter,
    channel::Denylist,
    clock::Time,
    domain::Method,
    edge::Edge,
    limits::FORM_BYTES_MAX,
    pipeline::{Gate, StaffCall},
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::map_response,
    response::Response,
    routing::{get, post},
};
use handles::Handles;
use live::Followers;
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the console works with.
#[derive(Clone)]
pub struct Console {
    gate: Arc<Gate>,
    edge: Arc<Edge>,
    counter: Arc<Counter>,
    denylist: Arc<Denylist>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    verifier_key: VerifierKeys,
    witnesses: WitnessRows,
    handles: Arc<Handles>,
    followers: Arc<Followers>,
}

/// What is known of one witness of the log.
#[derive(Debug, Clone)]
pub struct WitnessRow {
    /// Its name.
    pub name: String,
    /// Entries of the newest checkpoint that it cosigned since the start, and when.
    pub cosigned: Option<(u64, Time)>,
    /// Why it did not, the last time.
    pub error: Option<String>,
    /// It has seen another history.
    pub contradicts: bool,
}

/// Asked anew for each page.
pub type WitnessRows = Arc<dyn Fn() -> Vec<WitnessRow> + Send + Sync>;

/// The log's C2SP verifier key, or a line for each where one followed another. Asked anew for each page.
pub type VerifierKeys = Arc<dyn Fn() -> String + Send + Sync>;

/// What a console is made of.
pub struct ConsoleParts {
    /// The request path.
    pub gate: Arc<Gate>,
    /// Rates per peer, the same as for other calls.
    pub edge: Arc<Edge>,
    /// Counted entries.
    pub counter: Arc<Counter>,
    /// Revoked certificates and keys: asked again while a live view is open.
    pub denylist: Arc<Denylist>,
    /// Owns every reading that is under way.
    pub tasks: TaskTracker,
    /// The gateway is going down: live views end.
    pub stopping: CancellationToken,
    /// The log's C2SP verifier keys.
    pub verifier_key: VerifierKeys,
    /// The log's witnesses; none where the configuration names none.
    pub witnesses: WitnessRows,
}

/// The same call, by a method of the console's own.
const fn by(method: &'static str, call: StaffCall) -> StaffCall {
    StaffCall {
        method: Method(method),
        ..call
    }
}

/// The console's pages.
pub fn console(parts: ConsoleParts) -> Router {
    let console = Console {
        gate: parts.gate,
        edge: parts.edge,
        counter: parts.counter,
        denylist: parts.denylist,
        tasks: parts.tasks,
        stopping: parts.stopping,
        verifier_key: parts.verifier_key,
        witnesses: parts.witnesses,
        handles: Arc::default(),
        followers: Arc::default(),
    };
    Router::new()
        .route("/", get(overview::page))
        .route("/search", get(search::page))
        .route("/person", post(search::name_person))
        .route("/report", get(report::page).post(report::make))
        .route("/cases", get(cases::list).post(cases::open))
        .route("/cases/{id}", get(cases::one))
        .route("/cases/{id}/assign", post(cases::assign))
        .route("/cases/{id}/close", post(cases::close))
        .route("/cases/{id}/letter", post(cases::letter))
        .route("/holds", get(holds::page).post(holds::place))
        .route("/holds/release", post(holds::release))
        .route("/erasures", get(erasures::list))
        .route("/erasures/person", get(erasures::person).post(erasures::name_person))
        .route("/erasures/request", post(erasures::request))
        .route("/erasures/hold", post(erasures::hold))
        .route("/erasures/release", post(erasures::release))
        .route("/export.csv", get(export::csv))
        .route("/export.jsonl", get(export::lines))
        .route("/entry/{index}", get(entry::page))
        .route("/entry/{index}/proof", get(entry::proof_file))
        .route("/continuation", get(thelog::continuation))
        .route("/live", get(live::page))
        .route("/live/events", get(live::events))
        .route("/log", get(thelog::page))
        .route("/assets/{hash}/{name}", get(assets::serve))
        .fallback(no_such_page)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(map_response(shell::guarded))
        .with_state(console)
}

async fn no_such_page(visitor: visitor::Visitor) -> Response {
    trouble::no_such_page(&visitor)
}
