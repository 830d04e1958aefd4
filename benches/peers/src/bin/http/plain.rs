//! The peer: what somebody would write with axum and SQLite who knows both.
//!
//! Owns: `log_event` of version 1 and batches of JSON lines, with the same checks and the same answers as
//! diurnal's service. Does not own the tables (`tables`).
//!
//! One thread writes: it takes whatever waits into one transaction, which is what makes SQLite fast from many
//! connections. `synchronous=FULL`: an answer says that its event is on disk. What waits is bounded, and more
//! than that is answered with 503.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use diurnal::limits::{
    CLIENT_TIME_BYTES_MAX, DATA_BYTES_DEFAULT, EVENT_TYPE_BYTES_MAX, SESSION_ID_BYTES_MAX,
    TAG_BYTES_MAX, TAGS_MAX,
};
use diurnal::{Clock, SystemClock};
use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::machine::Result;
use crate::tables::{self, INSERT_EVENT, INSERT_TAG, TAG_END};

const BODY_BYTES_MAX: usize = 16 << 20;

/// Events that wait for the writer, and of one transaction.
const QUEUE_EVENTS: usize = 65_536;
const TRANSACTION_EVENTS: usize = 16_384;

/// Pages of the write-ahead log between two checkpoints, 64 MiB: SQLite's default of 4 MiB has the writer
/// copy and sync the same pages again and again.
const CHECKPOINT_PAGES: u32 = 16_384;

pub(crate) fn about() -> String {
    format!(
        "axum + SQLite {}: WAL, synchronous FULL, cache 64 MiB, a checkpoint each 64 MiB; one writer, one \
         transaction for whatever waits",
        rusqlite::version()
    )
}

/// An event, checked.
struct Row {
    session: String,
    kind: String,
    micros: i64,
    client_time: Option<String>,
    place: Option<(f64, f64)>,
    tags: Vec<String>,
    data: Option<String>,
}

/// Rows that become durable together, and who waits for the id of the first; the others follow it.
struct Request {
    rows: Vec<Row>,
    answer: oneshot::Sender<std::result::Result<i64, String>>,
    _room: OwnedSemaphorePermit,
}

struct Service {
    queue: mpsc::UnboundedSender<Request>,
    room: Arc<Semaphore>,
}

type Shared = Arc<Service>;

pub(crate) async fn serve(
    listener: TcpListener,
    at: &Path,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let connection = tables::create(at, "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    let (queue, requests) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(QUEUE_EVENTS));
    let writer = std::thread::spawn(move || write(connection, requests));
    let router = Router::new()
        .route("/roundware/", get(log_event).post(log_event))
        .route("/v1/events", post(log_events))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(Service { queue, room }));
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).with_graceful_shutdown(until).await?;
    writer.join().map_err(|_| "the writer stopped")?
}

fn write(connection: Connection, mut requests: mpsc::UnboundedReceiver<Request>) -> Result<()> {
    while let Some(first) = requests.blocking_recv() {
        let mut events = first.rows.len();
        let mut group = vec![first];
        while events < TRANSACTION_EVENTS
            && let Ok(next) = requests.try_recv()
        {
            events += next.rows.len();
            group.push(next);
        }
        let written = insert(&connection, &group);
        for (number, request) in group.into_iter().enumerate() {
            let answer = match &written {
                Ok(ids) => Ok(ids[number]),
                Err(error) => Err(error.to_string()),
            };
            drop(request.answer.send(answer));
        }
    }
    connection.close().map_err(|(_, error)| error.into())
}

/// One transaction; the id of each request's first row.
fn insert(connection: &Connection, group: &[Request]) -> Result<Vec<i64>> {
    let transaction = connection.unchecked_transaction()?;
    let mut event = connection.prepare_cached(INSERT_EVENT)?;
    let mut tag = connection.prepare_cached(INSERT_TAG)?;
    let mut ids = Vec::with_capacity(group.len());
    for request in group {
        let mut first = None;
        for row in &request.rows {
            let id = event.insert(params![
                tables::value(&row.session),
                row.kind,
                row.micros,
                row.client_time,
                row.place.map(|place| place.0),
                row.place.map(|place| place.1),
                Some(row.tags.join(TAG_END)).filter(|tags| !tags.is_empty()),
                row.data,
            ])?;
            first.get_or_insert(id);
            for name in &row.tags {
                tag.execute(params![tables::value(name), id])?;
            }
        }
        ids.push(first.unwrap_or_default());
    }
    transaction.commit()?;
    Ok(ids)
}

impl Service {
    /// Waits until the rows are durable.
    async fn log(&self, rows: Vec<Row>) -> std::result::Result<i64, Response> {
        let busy = || {
            let retry = [(header::RETRY_AFTER, "1")];
            let error = Json(json!({"error": {"kind": "busy", "message": "the queue is full"}}));
            (StatusCode::SERVICE_UNAVAILABLE, retry, error).into_response()
        };
        let events = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(events) else {
            return Err(busy());
        };
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Request { rows, answer, _room: room }).is_err() {
            return Err(busy());
        }
        match answered.await {
            Ok(Ok(id)) => Ok(id),
            Ok(Err(_)) | Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        }
    }
}

async fn log_event(
    State(service): State<Shared>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    match call(query.as_deref().unwrap_or_default(), &body) {
        Ok(row) => match service.log(vec![row]).await {
            Ok(_) => {
                let json = [(header::CONTENT_TYPE, "application/json")];
                (json, r#"{"success": true}"#).into_response()
            }
            Err(refused) => refused,
        },
        Err(message) => Json(json!({"error_message": message})).into_response(),
    }
}

/// The event of a call, its parameters in the query or in a form.
fn call(query: &str, form: &[u8]) -> std::result::Result<Row, String> {
    let mut line = Line::default();
    let mut operation = None;
    let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        match &*name {
            "operation" => operation = Some(value),
            "session_id" => line.session_id = Some(Word(value)),
            "event_type" => line.event_type = Some(value),
            "latitude" => line.latitude = Some(degrees(&value)?),
            "longitude" => line.longitude = Some(degrees(&value)?),
            "client_time" => line.client_time = Some(value),
            "tags" | "tag_ids" => {
                let tags = value.split(',').map(|tag| Word(tag.trim().to_owned().into()));
                line.tags = Some(tags.collect());
            }
            "data" => line.data = Some(value),
            _ => {}
        }
    }
    match operation {
        Some(name) if name.eq_ignore_ascii_case("log_event") => row(line, now()),
        name => Err(format!("Invalid operation, {}", name.unwrap_or_default())),
    }
}

fn degrees(text: &str) -> std::result::Result<f64, String> {
    text.parse().map_err(|_| "latitude, longitude: must be numbers".to_owned())
}

fn now() -> i64 {
    SystemClock.now().as_micros()
}

async fn log_events(State(service): State<Shared>, body: Bytes) -> Response {
    let now = now();
    let lines = body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let mut rows = Vec::new();
    let mut outcomes = Vec::new();
    for (number, line) in lines {
        let read = serde_json::from_slice::<Line>(line).map_err(|error| error.to_string());
        outcomes.push((number + 1, read.and_then(|line| row(line, now)).map(|row| rows.push(row))));
    }
    let mut id = match service.log(rows).await {
        Ok(id) => id,
        Err(refused) => return refused,
    };
    let mut text = String::new();
    for (number, outcome) in outcomes {
        match outcome {
            Ok(()) => {
                let _ = writeln!(text, r#"{{"line":{number},"id":{id}}}"#);
                id += 1;
            }
            Err(message) => {
                let error = json!({"kind": "invalid_input", "message": message});
                let _ = writeln!(text, r#"{{"line":{number},"error":{error}}}"#);
            }
        }
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}

/// An event as it is written, before it is checked.
#[derive(Default, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    session_id: Option<Word<'a>>,
    #[serde(borrow)]
    event_type: Option<Cow<'a, str>>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    #[serde(borrow)]
    client_time: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "tag_ids")]
    tags: Option<Vec<Word<'a>>>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
}

/// A text, or a number as one.
struct Word<'a>(Cow<'a, str>);

impl<'a, 'de: 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Word<'de>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("a text or an integer")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Word<'de>, E> {
                Ok(Word(text.into()))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Word<'de>, E> {
                Ok(Word(text.to_owned().into()))
            }
            fn visit_i64<E>(self, number: i64) -> std::result::Result<Word<'de>, E> {
                Ok(Word(number.to_string().into()))
            }
            fn visit_u64<E>(self, number: u64) -> std::result::Result<Word<'de>, E> {
                Ok(Word(number.to_string().into()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The rules of diurnal's events.
fn row(line: Line, micros: i64) -> std::result::Result<Row, String> {
    let session = line.session_id.ok_or("a session_id is required for this operation")?;
    let kind = line.event_type.ok_or("an event_type is required for this operation")?;
    named("session_id", &session.0, SESSION_ID_BYTES_MAX)?;
    named("event_type", &kind, EVENT_TYPE_BYTES_MAX)?;
    let place = match (line.latitude, line.longitude) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => {
            Some((latitude, longitude))
        }
        _ => return Err("latitude, longitude: must be a place, or neither given".to_owned()),
    };
    if line.client_time.as_ref().is_some_and(|text| text.len() > CLIENT_TIME_BYTES_MAX) {
        return Err(format!("client_time: at most {CLIENT_TIME_BYTES_MAX} bytes"));
    }
    let tags = line.tags.unwrap_or_default();
    if tags.len() > TAGS_MAX {
        return Err(format!("tags: at most {TAGS_MAX}"));
    }
    tags.iter().try_for_each(|tag| named("tags", &tag.0, TAG_BYTES_MAX))?;
    if line.data.as_ref().is_some_and(|text| text.len() > DATA_BYTES_DEFAULT) {
        return Err(format!("data: at most {DATA_BYTES_DEFAULT} bytes"));
    }
    Ok(Row {
        session: session.0.into_owned(),
        kind: kind.into_owned(),
        micros,
        client_time: line.client_time.map(Cow::into_owned),
        place,
        tags: tags.into_iter().map(|tag| tag.0.into_owned()).collect(),
        data: line.data.map(Cow::into_owned),
    })
}

fn named(field: &str, text: &str, bytes_max: usize) -> std::result::Result<(), String> {
    match !text.is_empty() && text.len() <= bytes_max && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(format!("{field}: 1 to {bytes_max} bytes, no control characters")),
    }
}

/// How many events are stored of each session.
pub(crate) fn stored(at: &Path) -> Result<HashMap<u64, u64>> {
    let connection = tables::connect(at, "FULL")?;
    let sql = "SELECT session, count(*) FROM events GROUP BY session";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
