//! Connections.
//!
//! Owns: [`serve`]: how many connections there are, how long one may take for what it says, and how they end. Does not
//! own what they are answered (`super`), nor what becomes of one that takes nothing (`patient`).
//!
//! Invariants: a connection that says nothing, takes nothing or is gone without a word ends; no client of another
//! machine has all of them; where all places are taken, those that are answered make way for those that wait; those that
//! have asked are answered before the service ends, as far as the patience reaches; none is left once [`serve`] returns.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;

use super::Service;
use super::metrics::Counted;
use super::pace::client_of;
use super::patient::Patient;
use crate::error::Result;

/// The head of a request, with an event in its address that is as large as a client can send.
const HEAD_BYTES_MAX: usize = 128 * 1024;
const HEADERS_MAX: usize = 64;
/// How long a connection is kept that says nothing, or part of a head, and has a place meanwhile.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long after a failure of the listener it is tried again: files are free by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long after one connection was told to make way another is told, where the first has not ended yet.
const WAY_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection that has asked nothing yet may still ask when the service ends.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Silence after which the other end is asked whether it is there, how often, and how many times.
const PROBE_AFTER: Duration = Duration::from_secs(15);
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// Answers what comes to a listener until `until` ends or the store fails.
///
/// Then nothing more is accepted; what was asked is answered, for as long as the patience of the settings reaches, and
/// the connections are closed. The store stays open until the last clone of the service is dropped.
///
/// A runtime for this alone needs [`Settings::blocking_threads`](super::Settings::blocking_threads) beside its workers.
///
/// # Errors
///
/// As what made the store fail, where it did: open it anew.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    until: impl Future<Output = ()>,
) -> Result<()> {
    let mut connections = Connections::new(&service);
    let failed = tokio::select! {
        never = connections.accept_from(&listener) => match never {},
        () = until => None,
        error = service.failed() => Some(error),
    };
    drop(listener);
    service.state.end();
    connections.end().await;
    failed.map_or(Ok(()), Err)
}

/// The connections of a service.
struct Connections<'s> {
    service: &'s Service,
    router: Router,
    turns: Arc<Semaphore>,
    /// Whether a connection waits, and the next that is answered is to make way for it.
    crowded: Arc<AtomicBool>,
    clients: Clients,
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl<'s> Connections<'s> {
    fn new(service: &'s Service) -> Self {
        let settings = &service.state.settings;
        Self {
            service,
            router: service.router(),
            turns: Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS))),
            crowded: Arc::default(),
            clients: Clients::new(settings.connections_per_client),
            tasks: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    async fn accept_from(&mut self, listener: &TcpListener) -> Infallible {
        let mut failing = false;
        let mut waiting = None;
        loop {
            let turn = Arc::clone(&self.turns).acquire_owned();
            tokio::select! {
                Some(_) = self.tasks.join_next() => {}
                Ok(turn) = turn, if waiting.is_some() => {
                    if let Some((stream, address)) = waiting.take() {
                        self.begin(stream, address, turn);
                    }
                }
                () = tokio::time::sleep(WAY_PAUSE), if waiting.is_some() => {}
                accepted = listener.accept(), if waiting.is_none() => match accepted {
                    Ok(connection) => {
                        failing = false;
                        waiting = Some(connection);
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        // Said once, not twenty times a second.
                        if !std::mem::replace(&mut failing, true) {
                            tracing::warn!(%error, "connections cannot be accepted");
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
            let crowded = waiting.is_some() && self.turns.available_permits() == 0;
            self.crowded.store(crowded, Ordering::Relaxed);
        }
    }

    /// Answers one connection until it ends.
    fn begin(&mut self, stream: TcpStream, address: SocketAddr, turn: OwnedSemaphorePermit) {
        let Some(place) = self.clients.place_for(address.ip()) else {
            tracing::debug!("a client has as many connections as it may");
            return;
        };
        let patience = self.service.state.settings.patience;
        if let Err(error) = prepare(&stream, patience) {
            tracing::debug!(%error, "a connection has ended before it began");
            return;
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&has_asked);
        let calls = self.router.clone().map_request(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(address));
            request
        });
        let crowded = Arc::clone(&self.crowded);
        let calls = calls.map_response(move |mut response: Response| {
            if crowded.load(Ordering::Relaxed) && crowded.swap(false, Ordering::Relaxed) {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            response
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.min(HEAD_PATIENCE))
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(
                TokioIo::new(Patient::new(stream, patience)),
                TowerToHyperService::new(calls),
            );
        let served = self.graceful.watch(served);
        let state = Arc::clone(&self.service.state);
        self.tasks.spawn(async move {
            let _held = (turn, place, Counted::new(&state.metrics.connections));
            let silent = async {
                state.ended().await;
                tokio::time::sleep(LAST_WORDS).await;
                if has_asked.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                served = served => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection has ended early");
                    }
                }
                () = silent => {}
            }
        });
    }

    /// Waits until what was asked is answered, closes what is left, and waits until nobody holds the store.
    async fn end(mut self) {
        let state = &self.service.state;
        let end = Instant::now() + state.settings.patience;
        if tokio::time::timeout_at(end, self.graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were closed before they were answered");
        }
        self.tasks.shutdown().await;
        let end = end.max(Instant::now() + LAST_WORDS);
        if tokio::time::timeout_at(end, state.released()).await.is_err() {
            tracing::warn!("questions are still being answered, to nobody");
        }
    }
}

/// Whether a failure to accept is that of the connection: the next one may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Has answers leave at once, and the system find out when the other end is gone without a word.
fn prepare(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER);
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    let probes = probes.with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    // What was sent and is not acknowledged for so long is sent in vain: of itself the system waits for a
    // quarter of an hour.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(patience))?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = patience;
    Ok(())
}

/// How many connections each client has, as long as it has any.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The places of connections among those of their client.
struct Clients {
    places: usize,
    taken: Taken,
}

impl Clients {
    fn new(places: usize) -> Self {
        Self { places, taken: Arc::default() }
    }

    /// A place for a connection of this address, where there is one. On a loopback address all clients are one: a proxy,
    /// or the machine's own.
    fn place_for(&self, address: IpAddr) -> Option<Place> {
        let address = client_of(address);
        if address.is_loopback() {
            return Some(Place { of: None });
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.places {
            return None;
        }
        *count += 1;
        Some(Place { of: Some((address, Arc::clone(&self.taken))) })
    }
}

/// The place of a connection among those of its client, given back when it is dropped.
struct Place {
    of: Option<(IpAddr, Taken)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((address, taken)) = self.of.take() else { return };
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_so_many_connections_and_others_have_theirs() {
        let clients = Clients::new(2);
        let first = clients.place_for(address("192.0.2.1"));
        let second = clients.place_for(address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(clients.place_for(address("192.0.2.1")).is_none());
        let other = clients.place_for(address("192.0.2.2"));
        assert!(other.is_some());
        drop(first);
        let third = clients.place_for(address("192.0.2.1"));
        assert!(third.is_some());
        drop((second, third, other));
        assert!(clients.taken.lock().unwrap().is_empty(), "no address is kept");
        let here: Vec<_> = (0..10).map(|_| clients.place_for(address("127.0.0.1"))).collect();
        assert!(here.iter().all(Option::is_some));
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn the_system_is_told_when_to_give_a_connection_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (client, accepted) =
                tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
            let (stream, _) = accepted.unwrap();
            prepare(&stream, Duration::from_secs(30)).unwrap();
            let socket = SockRef::from(&stream);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
            let gone_after = socket.tcp_keepalive_time().unwrap()
                + socket.tcp_keepalive_interval().unwrap()
                    * socket.tcp_keepalive_retries().unwrap();
            assert!(gone_after <= Duration::from_secs(60), "{gone_after:?}");
            drop(client);
        });
    }
}
