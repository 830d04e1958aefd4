//! Goal: a service that tests ask. Method: [`Running`] is a [`Service`] on a port of its own, with a runtime of its
//! own; what is sent and what comes back are plain bytes over a socket, so that a test sees what a client would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test says what it expects by failing; not each feature has a test for each tool"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use diurnal::Store;
use diurnal::http::{Service, Settings, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long an answer is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// A service that answers until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<diurnal::Result<()>>>,
}

impl Running {
    pub(crate) fn start(store: Store, settings: Settings) -> Self {
        let threads = settings.blocking_threads();
        let service = Service::new(store, settings).unwrap();
        Self::serving(threads, |listener, stopped| {
            serve(listener, service, async move {
                let _ = stopped.await;
            })
        })
    }

    /// Below a path of an application of others, which answers as long as it is there.
    pub(crate) fn nested(path: &str, store: Store, settings: Settings) -> Self {
        let threads = settings.blocking_threads();
        let service = Service::new(store, settings).unwrap();
        let others = Router::new().nest_service(path, service.router());
        Self::serving(threads, |listener, _| async move {
            axum::serve(listener, others).await.unwrap();
            Ok(())
        })
    }

    fn serving<S>(
        threads: usize,
        serve: impl FnOnce(TcpListener, oneshot::Receiver<()>) -> S,
    ) -> Self
    where
        S: Future<Output = diurnal::Result<()>> + Send + 'static,
    {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().max_blocking_threads(threads);
        let runtime = builder.build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = runtime.spawn(serve(listener, stopped));
        Self { address, runtime: Some(runtime), stop: Some(stop), served: Some(served) }
    }

    /// Over an empty store in memory, which a clone of is given back.
    pub(crate) fn in_memory() -> (Self, Store) {
        let store = Store::in_memory().unwrap();
        (Self::start(store.clone(), Settings::default()), store)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends the service gracefully; the store is free once this returns, clones of it aside.
    pub(crate) fn stop(mut self) -> diurnal::Result<()> {
        let _ = self.stop.take().unwrap().send(());
        let runtime = self.runtime.take().unwrap();
        let served = runtime.block_on(self.served.take().unwrap()).unwrap();
        runtime.shutdown_timeout(PATIENCE);
        served
    }

    /// Waits until the service has ended by itself.
    pub(crate) fn ended(mut self) -> diurnal::Result<()> {
        let runtime = self.runtime.take().unwrap();
        runtime.block_on(self.served.take().unwrap()).unwrap()
    }

    /// A connection of its own, to be kept.
    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.address)
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn call(&self, request: &Request) -> Answer {
        self.connect().call(request)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call(&Request::get(path))
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.call(&Request::post(path).json(body))
    }

    /// Sends a request whose answer is read as it comes.
    pub(crate) fn open(&self, request: &Request) -> (Answer, Body) {
        let mut connection = self.connect();
        connection.send(request);
        connection.head(request.method != "HEAD")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let given = |name: &str| self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !given("host") {
            text += &format!("Host: {host}\r\n");
        }
        if !given("content-length") && (!self.body.is_empty() || self.method != "GET") {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

pub(crate) fn batch(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/v1/events").body("application/x-ndjson", body)
}

/// Lines of so many events.
pub(crate) fn lines(count: usize) -> String {
    let line = |n: usize| {
        json!({ "session_id": n % 50, "event_type": "heartbeat", "data": format!("number {n}") })
            .to_string()
            + "\n"
    };
    (0..count).map(line).collect()
}

pub(crate) fn keyed(key: &str, body: impl Into<Vec<u8>>) -> Request {
    batch(body).header("Idempotency-Key", key)
}

/// The ids of a batch of which no line was refused.
#[track_caller]
pub(crate) fn ids(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = |line: &Value| line["id"].as_u64().unwrap_or_else(|| panic!("{line}"));
    answer.lines().iter().map(id).collect()
}

/// A connection that is kept between calls.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { address, stream: BufReader::new(stream) }
    }

    pub(crate) fn call(&mut self, request: &Request) -> Answer {
        self.send(request);
        self.answer(request.method != "HEAD")
    }

    pub(crate) fn send(&mut self, request: &Request) {
        let bytes = request.bytes(self.address);
        // Who is refused before all was sent may have the connection closed; the answer tells.
        let _ = self.stream.get_mut().write_all(&bytes);
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }

    /// Reads an answer, which has a body unless it is that of a `HEAD`.
    pub(crate) fn answer(&mut self, has_body: bool) -> Answer {
        let mut answer = read_head(&mut self.stream).unwrap();
        let mut body = Body { length: length(&answer, has_body), stream: &mut self.stream };
        body.read_to_end(&mut answer.body).unwrap();
        answer
    }

    /// Reads the head of an answer, and gives its body to be read as it comes.
    pub(crate) fn head(mut self, has_body: bool) -> (Answer, Body<BufReader<TcpStream>>) {
        let answer = read_head(&mut self.stream).unwrap();
        let length = length(&answer, has_body);
        (answer, Body { length, stream: self.stream })
    }
}

/// What comes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A body of JSON lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The status must be this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

/// How much of a body is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(u64),
    Chunks(u64),
    UntilClosed,
}

/// A body that is read as it comes, unpacked from its chunks.
pub(crate) struct Body<S = BufReader<TcpStream>> {
    length: Length,
    stream: S,
}

impl<S: BufRead> Read for Body<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Length::Chunks(0) = self.length {
            self.next_chunk()?;
        }
        let (Length::Bytes(left) | Length::Chunks(left)) = &mut self.length else {
            return self.stream.read(buffer);
        };
        let wanted = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.stream.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= read as u64;
        if let Length::Chunks(0) = self.length {
            line(&mut self.stream)?;
        }
        Ok(read)
    }
}

impl<S: BufRead> Body<S> {
    /// Reads a line, without its end; `None` at the end of the body.
    pub(crate) fn line(&mut self) -> io::Result<Option<String>> {
        let mut text = Vec::new();
        let mut byte = [0];
        while self.read(&mut byte)? == 1 {
            match byte[0] {
                b'\n' => return Ok(Some(String::from_utf8(text).unwrap())),
                byte => text.push(byte),
            }
        }
        Ok((!text.is_empty()).then(|| String::from_utf8(text).unwrap()))
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let head = line(&mut self.stream)?;
        let size = head.split(';').next().unwrap_or_default();
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
        match u64::from_str_radix(size.trim(), 16).map_err(invalid)? {
            0 => {
                while !line(&mut self.stream)?.is_empty() {}
                self.length = Length::Bytes(0);
            }
            size => self.length = Length::Chunks(size),
        }
        Ok(())
    }
}

fn length(answer: &Answer, has_body: bool) -> Length {
    let chunked = answer.header("transfer-encoding") == Some("chunked");
    match answer.header("content-length") {
        _ if !has_body || answer.status == 204 || answer.status == 304 => Length::Bytes(0),
        Some(length) => Length::Bytes(length.parse().unwrap()),
        None if chunked => Length::Chunks(0),
        None => Length::UntilClosed,
    }
}

fn read_head(stream: &mut impl BufRead) -> io::Result<Answer> {
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {first:?}")))?;
    let mut answer = Answer { status, ..Answer::default() };
    loop {
        let text = line(stream)?;
        let Some((name, value)) = text.split_once(':') else { return Ok(answer) };
        answer.headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes)?;
    if !bytes.ends_with(b"\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[test]
fn a_service_answers_on_one_connection_again_and_again_and_frees_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(Store::open(directory.path()).unwrap(), Settings::default());
    let mut connection = running.connect();
    for _ in 0..3 {
        let answer = connection.call(&Request::get("/healthz")).expect(200);
        assert_eq!(answer.json(), json!({ "status": "ok" }));
        assert_eq!(connection.call(&Request::new("HEAD", "/healthz")).expect(200).body, b"");
    }
    let (answer, mut body) = running.open(&Request::get("/metrics"));
    assert_eq!(answer.status, 200);
    assert!(body.line().unwrap().is_some_and(|line| line.starts_with('#')));
    running.get("/nothing").expect(404);
    drop((connection, body));
    running.stop().unwrap();
    Store::open(directory.path()).unwrap();
}
