//! Callers that ask without a pause, for a while, and what that gave.
use super::figures::percentile_ms;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// What callers got in one round.
pub(crate) struct Round {
    pub(crate) calls: u64,
    pub(crate) took: Duration,
    latencies: Vec<Duration>,
}

impl Round {
    pub(crate) fn per_s(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        percentile_ms(&mut self.latencies, percent)
    }
}

/// `callers` tasks, each calling `ask(caller, n)` again and again until the time is over.
pub(crate) async fn closed_loop<F, A>(callers: usize, time: Duration, ask: A) -> Round
where
    A: Fn(usize, u64) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let ask = ask.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(4_096);
                let mut n = 0;
                while started.elapsed() < time {
                    let asked = Instant::now();
                    ask(caller, n).await;
                    latencies.push(asked.elapsed());
                    n += 1;
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    Round {
        calls: latencies.len() as u64,
        took: started.elapsed(),
        latencies,
    }
}
