//! Structured logs. Only fixed texts, codes, counts and peer identities are ever logged: no person, no value, no key.
//! A test scans a run's output for every planted secret.
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging to standard error. `TOLLGATE_LOG` sets the filter, such as `info` or `tollgate=debug`; without it
/// `unless_told` does. What our libraries log is best left at `warn`: HTTP/2 and TLS crates print frames and names.
pub fn start(json: bool, unless_told: &str) {
    let filter = EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| EnvFilter::new(unless_told));
    let log = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process (tests) changes nothing.
    let _ = if json { log.json().try_init() } else { log.try_init() };
}
