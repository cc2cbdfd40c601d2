//! Erasing now, and waiting for it.
use super::{all, shown::is_ready};
use crate::{
    cli::{Failure, Outcome, client_file, print},
    client::Staff,
    clock::{Clock, SystemClock},
    wire::v1::{self, ErasureStatus},
};
use std::{collections::HashMap, time::Duration};

/// Between two looks: each is an entry.
const LOOK: Duration = Duration::from_secs(1);
/// Ten minutes: what takes longer goes on at the gateway, unwatched.
const LOOKS_MAX: u32 = 600;

/// Has what is ready erased, and with `wait` sees it done.
pub(super) async fn run_now(staff: &Staff, wait: bool, json: bool) -> Outcome {
    // What becomes ready while the epoch turns waits for the next turn.
    let before = match wait {
        true => ready(&all(staff).await?),
        false => HashMap::new(),
    };
    staff.run_erasures().await.map_err(client_file::failure)?;
    if !wait {
        match json {
            true => print::json(&serde_json::json!({ "asked": true })),
            false => print::line("  the gateway erases what is ready: `tollgate erasure list` shows how it stands"),
        }
        return Ok(());
    }
    let total = before.len();
    let bar = print::bar(total as u64, "the epoch turns");
    for _ in 0..LOOKS_MAX {
        let now = ready(&all(staff).await?);
        let left = before.iter().filter(|(id, half)| now.get(*id) == Some(half)).count();
        bar.set_position((total - left) as u64);
        if left == 0 {
            bar.finish_and_clear();
            match json {
                true => print::json(&serde_json::json!({ "asked": true, "erased": total })),
                false => print::line(format!(
                    "  {total} erased: each has an entry `erased` in the log, by its erasure id"
                )),
            }
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bar.finish_and_clear();
    Err(Failure::work(
        "not everything is erased yet: the gateway goes on, and its log says why if it cannot. `tollgate erasure list` shows \
         how it stands",
    ))
}

/// Which half of each erasure is ready: the record, or the link.
fn ready(erasures: &[v1::Erasure]) -> HashMap<Vec<u8>, ErasureStatus> {
    let now = SystemClock.now();
    let ready = erasures.iter().filter(|erasure| is_ready(erasure, now));
    ready
        .map(|erasure| (erasure.erasure_id.clone(), erasure.status()))
        .collect()
}
