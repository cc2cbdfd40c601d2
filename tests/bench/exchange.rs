//! A question through the whole gateway against a bare echo of the same bytes over the same TLS, in turn, so that what
//! else the machine does meets both.
use super::{
    Run,
    asker::{self, Asker, BANK, Consented, channel},
    echo,
    figures::{Figures, median},
    load::{Round, closed_loop},
    place::{Place, Serving, own_cpu},
};
use std::{sync::Arc, time::Duration};
use tollgate::{client::Client, wire::v1};
use tonic::transport::Channel;

/// Connections that the callers share, each with a session of its own; `--connections=N` changes it.
const CONNECTIONS: u64 = 4;

struct Bench {
    people: Arc<Vec<Consented>>,
    request: v1::QueryRequest,
    echo_server: Serving,
    gateway: Serving,
    echo: Arc<Vec<Channel>>,
    by_session: Arc<Vec<Asker>>,
    by_request: Arc<Vec<Asker>>,
    full: Arc<Vec<Client>>,
}

/// What is called.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Echo,
    /// Only the opening of the session is signed.
    Session,
    /// Each question is signed.
    Signed,
    /// As `Session`, by the real client with every check of the receipt.
    Full,
}

impl Target {
    const ALL: [Target; 4] = [Target::Echo, Target::Session, Target::Signed, Target::Full];

    /// `--only=N` leaves one way of asking, for a profiler.
    fn is_wanted(self, run: &Run) -> bool {
        let only = run.number("only", 0);
        only == 0 || Target::ALL.iter().position(|t| *t == self) == Some(only as usize)
    }

    fn name(self) -> &'static str {
        match self {
            Target::Echo => "bare echo",
            Target::Session => "gateway, session evidence",
            Target::Signed => "gateway, each request signed",
            Target::Full => "gateway, session evidence, full client",
        }
    }
}

#[derive(Default)]
struct Seen {
    per_s: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    server_us: Vec<f64>,
    client_us: Vec<f64>,
}

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let quantum_ms = run.number("quantum", 2);
    let place = Place::new();
    place.set_reply_quantum_ms(quantum_ms);
    place.load_sample();
    println!(
        "exchange: 30,000 records loaded, reply_quantum_ms = {quantum_ms}, {} connections",
        run.number("connections", CONNECTIONS)
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bench = Bench::new(&place, run).await;
        let named = [run.number("callers", 0) as usize];
        let callers: &[usize] = match named {
            [0] => run.pick(&[64], &[1, 64, 256]),
            _ => &named,
        };
        let (rounds, time) = (run.pick(1, 5), Duration::from_millis(run.pick(300, 1_000)));
        for callers in callers {
            let mut seen = Target::ALL.map(|_| Seen::default());
            for round in 0..=rounds {
                let wanted = |(target, _): &(Target, &mut Seen)| *target == Target::Echo || target.is_wanted(run);
                for (target, seen) in Target::ALL.into_iter().zip(&mut seen).filter(wanted) {
                    // The first round warms up.
                    let time = if round == 0 { time / 4 } else { time };
                    let (round_of, server, client) = bench.round(target, *callers, time).await;
                    if round > 0 {
                        seen.add(round_of, server, client);
                    }
                }
            }
            report(*callers, seen, figures);
        }
        if run.number("only", 0) > 0 {
            return;
        }
        bench.one_shot(run, figures).await;
    });
}

fn report(callers: usize, seen: [Seen; 4], figures: &mut Figures) {
    let bare = median(seen[0].per_s.clone());
    let bare_us = median(seen[0].server_us.clone()) + median(seen[0].client_us.clone());
    for (target, seen) in Target::ALL.into_iter().zip(seen) {
        if seen.per_s.is_empty() {
            continue;
        }
        let name = |what: &str| format!("{callers} callers, {}: {what}", target.name());
        let per_s = median(seen.per_s);
        figures.note(name("rate"), per_s, "calls/s");
        if target == Target::Session && callers > 1 {
            figures.at_least(name("ratio"), per_s / bare, "of bare", 0.5);
        } else if target != Target::Echo {
            figures.note(name("ratio"), per_s / bare, "of bare");
        }
        let (server_us, client_us) = (median(seen.server_us), median(seen.client_us));
        figures.note(name("server CPU"), server_us, "µs/call");
        figures.note(name("client CPU"), client_us, "µs/call");
        if target != Target::Echo {
            figures.note(
                name("CPU of a bare call, of this"),
                bare_us / (server_us + client_us),
                "of it",
            );
        }
        figures.note(name("p50"), median(seen.p50), "ms");
        figures.note(name("p99"), median(seen.p99), "ms");
    }
}

impl Seen {
    fn add(&mut self, mut round: Round, server: Duration, client: Duration) {
        let per_call = |d: Duration| d.as_secs_f64() * 1e6 / round.calls.max(1) as f64;
        self.server_us.push(per_call(server));
        self.client_us.push(per_call(client));
        self.per_s.push(round.per_s());
        self.p50.push(round.percentile_ms(50));
        self.p99.push(round.percentile_ms(99));
    }
}

impl Bench {
    async fn new(place: &Place, run: &Run) -> Self {
        let connections = run.number("connections", CONNECTIONS);
        let gateway = place.serve();
        let at = gateway.address();
        let people = asker::consents(place, at, run.pick(64, 1_000)).await;
        let (mut by_session, mut by_request, mut full) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..connections {
            by_session.push(Asker::new(place, at, v1::Evidence::Session).await);
            by_request.push(Asker::new(place, at, v1::Evidence::Request).await);
            let client = place.client(BANK, at).await;
            client.open_session(v1::Evidence::Session).await.unwrap();
            full.push(client);
        }
        by_session[0].check_answer(&people[0]).await;
        let (request, reply) = by_session[0].exchange(&people[0]).await;
        use tollgate::wire::Message;
        println!(
            "  a request has {} bytes, a reply {}",
            request.encoded_len(),
            reply.encoded_len()
        );
        let echo_server = echo::start(place, &reply);
        let mut echo = Vec::new();
        for _ in 0..connections {
            echo.push(channel(place, echo_server.address()).await);
        }
        Self {
            people,
            request,
            echo_server,
            gateway,
            echo: Arc::new(echo),
            by_session: Arc::new(by_session),
            by_request: Arc::new(by_request),
            full: Arc::new(full),
        }
    }

    async fn round(&self, target: Target, callers: usize, time: Duration) -> (Round, Duration, Duration) {
        let server = match target {
            Target::Echo => &self.echo_server,
            _ => &self.gateway,
        };
        let (server_before, own_before) = (server.cpu(), own_cpu());
        let round = match target {
            Target::Echo => {
                let (channels, request) = (Arc::clone(&self.echo), self.request.clone());
                closed_loop(callers, time, move |caller, _| {
                    let (channel, request) = (channels[caller % channels.len()].clone(), request.clone());
                    async move {
                        echo::call(channel, request).await;
                    }
                })
                .await
            }
            Target::Session => self.ask(&self.by_session, callers, time).await,
            Target::Signed => self.ask(&self.by_request, callers, time).await,
            Target::Full => {
                let (clients, people) = (Arc::clone(&self.full), Arc::clone(&self.people));
                closed_loop(callers, time, move |caller, n| {
                    let (clients, people) = (Arc::clone(&clients), Arc::clone(&people));
                    async move {
                        let person = &people[pick(caller, n, people.len())];
                        clients[caller % clients.len()]
                            .query(asker::question(person, v1::Evidence::Session))
                            .await
                            .unwrap();
                    }
                })
                .await
            }
        };
        (round, server.cpu() - server_before, own_cpu() - own_before)
    }

    async fn ask(&self, askers: &Arc<Vec<Asker>>, callers: usize, time: Duration) -> Round {
        let (askers, people) = (Arc::clone(askers), Arc::clone(&self.people));
        closed_loop(callers, time, move |caller, n| {
            let (askers, people) = (Arc::clone(&askers), Arc::clone(&people));
            async move {
                let person = &people[pick(caller, n, people.len())];
                askers[caller % askers.len()].ask(person).await;
            }
        })
        .await
    }

    /// The rate of one-shot requests is limited per partner, so this asks below the limit and tells cost and latency.
    async fn one_shot(&self, run: &Run, figures: &mut Figures) {
        let number = run.pick(50, 600);
        let mut latencies = Vec::new();
        let before = self.gateway.cpu();
        let mut tick = tokio::time::interval(Duration::from_millis(8));
        for n in 0..number {
            tick.tick().await;
            let asked = std::time::Instant::now();
            self.by_request[0]
                .ask_one_shot(&self.people[pick(0, n, self.people.len())])
                .await;
            latencies.push(asked.elapsed());
        }
        let cpu = (self.gateway.cpu() - before).as_secs_f64() * 1e6 / number as f64;
        figures.note("one-shot, 125 calls/s: server CPU", cpu, "µs/call");
        let p50 = super::figures::percentile_ms(&mut latencies, 50);
        figures.note("one-shot, 125 calls/s: p50", p50, "ms");
        let p99 = super::figures::percentile_ms(&mut latencies, 99);
        figures.note("one-shot, 125 calls/s: p99", p99, "ms");
    }
}

/// Another person each time, spread over all.
fn pick(caller: usize, n: u64, people: usize) -> usize {
    (caller.wrapping_mul(7_919).wrapping_add(n as usize).wrapping_mul(31)) % people
}
