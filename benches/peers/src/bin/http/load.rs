//! The load: connections that ask as fast as they are answered.
//!
//! Owns: what a connection does with answers and refusals, and the tallies. One thread drives all
//! connections. Does not own the bytes (`requests`, `client`).
//!
//! Invariants: a call is sent when the one before it on the same connection was answered. An answer that
//! claims success in other words than it should ends the run. In a run that is not `hard`, so does anything but
//! success.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::Client;
use crate::ledger::{CONNECTIONS_MAX, Ledger};
use crate::machine::{self, Result};
use crate::requests::{self, Form, Request};

const SUCCESS: &[u8] = br#"{"success": true}"#;

/// No answer for so long counts as a broken connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// After a refusal, whatever `Retry-After` says: a client without manners.
const PAUSE: Duration = Duration::from_millis(10);

const MICROS_MAX: u64 = 2 * PATIENCE.as_micros() as u64;

#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) callers: usize,
    pub(crate) form: Form,
    pub(crate) batchers: usize,
    /// Events of a batch.
    pub(crate) lines: usize,
    /// Connections that send half of a head and wait.
    pub(crate) hanging: usize,
    /// Connections that ask for every event and take the answer slowly.
    pub(crate) slow: usize,
    /// At first nothing is counted.
    pub(crate) warm: Duration,
    pub(crate) length: Duration,
    /// Goes on after refusals and broken connections, and counts them.
    pub(crate) hard: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Call,
    Batch,
}

/// What came of the requests of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Microseconds of those that were answered with 200.
    pub(crate) micros: Histogram<u64>,
    /// Events answered as logged.
    pub(crate) events: u64,
    /// Events of a batch answered as not logged.
    pub(crate) failed: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Connections that were refused, that ended within an answer, or that had none.
    pub(crate) broken: u64,
}

impl Tally {
    fn new() -> Result<Self> {
        Ok(Self {
            micros: Histogram::new_with_bounds(1, MICROS_MAX, 3)?,
            events: 0,
            failed: 0,
            statuses: BTreeMap::new(),
            broken: 0,
        })
    }

    /// Seconds below which so large a share of the answers came.
    pub(crate) fn seconds(&self, share: f64) -> f64 {
        self.micros.value_at_quantile(share) as f64 / 1e6
    }
}

/// What the connections share, and whoever watches them.
pub(crate) struct Running {
    address: SocketAddr,
    from: Instant,
    pub(crate) until: Instant,
    hard: bool,
    calls: Mutex<Tally>,
    batches: Mutex<Tally>,
    busy: Mutex<f64>,
}

pub(crate) struct Done {
    pub(crate) calls: Tally,
    pub(crate) batches: Tally,
    /// From the first that counts to the last answer.
    pub(crate) seconds: f64,
    /// How many processors the generator took.
    pub(crate) processors: f64,
    pub(crate) ledgers: Vec<Ledger>,
}

impl Running {
    fn new(address: SocketAddr, load: &Load) -> Result<Self> {
        let from = Instant::now() + load.warm;
        Ok(Self {
            address,
            from,
            until: from + load.length,
            hard: load.hard,
            calls: Mutex::new(Tally::new()?),
            batches: Mutex::new(Tally::new()?),
            busy: Mutex::new(0.0),
        })
    }

    fn tally(&self, kind: Kind) -> MutexGuard<'_, Tally> {
        let tally = match kind {
            Kind::Call => &self.calls,
            Kind::Batch => &self.batches,
        };
        tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Tally> {
        self.tally(Kind::Call)
    }

    pub(crate) fn batches(&self) -> MutexGuard<'_, Tally> {
        self.tally(Kind::Batch)
    }
}

/// Runs a load, and `watch` beside it.
pub(crate) async fn run<W: Future<Output = Result<()>> + Send + 'static>(
    address: SocketAddr,
    load: &Load,
    watch: impl FnOnce(Arc<Running>) -> W,
) -> Result<Done> {
    if load.callers + load.batchers > CONNECTIONS_MAX {
        return Err(format!("at most {CONNECTIONS_MAX} connections").into());
    }
    let calls = Arc::new(requests::calls(address, load.form)?);
    let batches = match load.batchers {
        0 => Arc::default(),
        _ => Arc::new(requests::batches(address, load.lines)?),
    };
    let running = Arc::new(Running::new(address, load)?);
    let mut connections = JoinSet::new();
    for number in 0..load.callers + load.batchers {
        // Batches first: they are not to be the connections that a limit keeps out.
        let (kind, requests) = match number < load.batchers {
            true => (Kind::Batch, &batches),
            false => (Kind::Call, &calls),
        };
        let connection = Connection {
            running: Arc::clone(&running),
            kind,
            requests: Arc::clone(requests),
            next: number * 61,
            ledger: Ledger::new(number),
            bytes: Vec::new(),
        };
        connections.spawn(connection.run());
    }
    for _ in 0..load.hanging {
        let running = Arc::clone(&running);
        drop(tokio::spawn(async move { hang(&running).await }));
    }
    for _ in 0..load.slow {
        let running = Arc::clone(&running);
        drop(tokio::spawn(async move { dawdle(&running).await }));
    }
    let watcher = tokio::spawn(watch(Arc::clone(&running)));
    drop(tokio::spawn(note_busy(Arc::clone(&running))));
    let mut ledgers = Vec::new();
    while let Some(ledger) = connections.join_next().await {
        ledgers.push(ledger??);
    }
    let seconds = running.from.elapsed().as_secs_f64();
    watcher.await??;
    let began = *running.busy.lock().unwrap_or_else(PoisonError::into_inner);
    let processors = (machine::busy(std::process::id())? - began) / seconds;
    let (calls, batches) = (running.calls().clone(), running.batches().clone());
    Ok(Done { calls, batches, seconds, processors, ledgers })
}

/// What the generator itself takes counts from when the answers do.
async fn note_busy(running: Arc<Running>) -> Result<()> {
    tokio::time::sleep_until(running.from).await;
    let busy = machine::busy(std::process::id())?;
    *running.busy.lock().unwrap_or_else(PoisonError::into_inner) = busy;
    Ok(())
}

/// Half of a head again and again, as from a phone that lost its network.
async fn hang(running: &Running) {
    while Instant::now() < running.until {
        if let Ok(mut client) = Client::connect(running.address).await {
            let beginning = b"GET /roundware/?operation=log_event HTTP/1.1\r\nHost: ";
            drop(client.hang(beginning).await);
        }
        sleep(10 * PAUSE).await;
    }
}

/// Asks for every event and takes a little at a time, as over a bad line.
async fn dawdle(running: &Running) {
    let request = format!(
        "POST /v1/query HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        running.address
    );
    while Instant::now() < running.until {
        if let Ok(mut client) = Client::connect_narrow(running.address).await {
            drop(client.dawdle(request.as_bytes()).await);
        }
        sleep(10 * PAUSE).await;
    }
}

struct Connection {
    running: Arc<Running>,
    kind: Kind,
    requests: Arc<Vec<Request>>,
    next: usize,
    ledger: Ledger,
    bytes: Vec<u8>,
}

impl Connection {
    async fn run(mut self) -> Result<Ledger> {
        let mut client = None;
        while Instant::now() < self.running.until {
            let requests = Arc::clone(&self.requests);
            let request = &requests[self.next % requests.len()];
            self.next += 1;
            if self.ledger.is_full(request.events()) {
                return Err("a connection has no more sessions; run for a shorter time".into());
            }
            let first = self.ledger.sent();
            request.write(&mut self.bytes, || self.ledger.send());
            let asked = timeout(PATIENCE, self.ask(&mut client, first, request.events()));
            let refused = match asked.await.unwrap_or_else(|_| Err(Trouble::silence())) {
                Ok(Next::Ask) => false,
                Ok(Next::Connect) => {
                    client = None;
                    false
                }
                Ok(Next::Wait) => true,
                Err(Trouble::Broken(_)) if self.running.hard => {
                    self.running.tally(self.kind).broken += 1;
                    client = None;
                    true
                }
                Err(Trouble::Broken(error) | Trouble::Wrong(error)) => return Err(error),
            };
            if refused {
                sleep(PAUSE).await;
            }
        }
        Ok(self.ledger)
    }

    async fn ask(
        &mut self,
        client: &mut Option<Client>,
        first: u64,
        events: usize,
    ) -> std::result::Result<Next, Trouble> {
        let client = match client {
            Some(client) => client,
            None => {
                let new = Client::connect(self.running.address).await.map_err(Trouble::Broken)?;
                client.insert(new)
            }
        };
        let began = Instant::now();
        let answer = client.ask(&self.bytes).await.map_err(Trouble::Broken)?;
        let took = began.elapsed();
        let (status, last) = (answer.status, answer.last);
        let mut outcomes = Outcomes::default();
        if status == 200 {
            outcomes = self.outcomes(answer.body, first, events).map_err(Trouble::Wrong)?;
        } else if !self.running.hard {
            let text = String::from_utf8_lossy(answer.body);
            return Err(Trouble::Wrong(format!("answered with {status}: {text}").into()));
        }
        if began >= self.running.from {
            let mut tally = self.running.tally(self.kind);
            *tally.statuses.entry(status).or_default() += 1;
            tally.events += outcomes.logged;
            tally.failed += outcomes.failed;
            if status == 200 {
                tally.micros.saturating_record((took.as_micros() as u64).max(1));
            }
        }
        Ok(match (last, status == 200 && outcomes.failed == 0) {
            (true, true) => Next::Connect,
            (false, true) => Next::Ask,
            (_, false) => Next::Wait,
        })
    }

    /// Notes which events were logged.
    fn outcomes(&mut self, body: &[u8], first: u64, events: usize) -> Result<Outcomes> {
        let mut outcomes = Outcomes::default();
        let wrong = |text: &[u8]| format!("answered {:?}", String::from_utf8_lossy(text));
        match self.kind {
            Kind::Call if body == SUCCESS => {
                self.ledger.logged(first);
                outcomes.logged = 1;
            }
            Kind::Call => return Err(wrong(body).into()),
            Kind::Batch => {
                let lines = body.strip_suffix(b"\n").unwrap_or(body).split(|byte| *byte == b'\n');
                for (line, place) in lines.zip(first..) {
                    match outcome(line) {
                        Some(true) => {
                            self.ledger.logged(place);
                            outcomes.logged += 1;
                        }
                        Some(false) if self.running.hard => outcomes.failed += 1,
                        _ => return Err(wrong(line).into()),
                    }
                }
                if outcomes.logged + outcomes.failed != events as u64 {
                    return Err("a batch was answered with fewer or more lines than it has".into());
                }
            }
        }
        Ok(outcomes)
    }
}

/// Whether a line of a batch was logged, as `{"line":1,"id":7}` says.
fn outcome(line: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(br#"{"line":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match &rest[digits..] {
        rest if rest.starts_with(br#","id":"#) => Some(true),
        rest if rest.starts_with(br#","error":"#) => Some(false),
        _ => None,
    }
}

#[derive(Default)]
struct Outcomes {
    logged: u64,
    failed: u64,
}

enum Next {
    Ask,
    /// The service has ended the connection.
    Connect,
    Wait,
}

enum Trouble {
    Broken(Box<dyn std::error::Error + Send + Sync>),
    Wrong(Box<dyn std::error::Error + Send + Sync>),
}

impl Trouble {
    fn silence() -> Self {
        Self::Broken(format!("no answer within {PATIENCE:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_whether_its_event_was_logged() {
        assert_eq!(outcome(br#"{"line":12,"id":7}"#), Some(true));
        assert_eq!(outcome(br#"{"line":12,"error":{"kind":"invalid_input"}}"#), Some(false));
        for line in ["", "{}", r#"{"line":1}"#, r#"{"line":1,"idle":7}"#, r#"{"id":7,"line":1}"#] {
            assert_eq!(outcome(line.as_bytes()), None, "{line}");
        }
    }
}
