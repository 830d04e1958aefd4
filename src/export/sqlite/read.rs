//! Rows of an SQLite file back to events.
//!
//! Owns: [`read`]. Does not own the tables (`sqlite`) nor the rules of an event.
//!
//! Invariants: one event is held at a time, of values of at most [`VALUE_BYTES_MAX`] bytes; nothing that
//! a hostile file defines is run, and a file whose rows go in circles ends the reading.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};

use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::export::{Row, file_error};
use crate::limits::TAGS_MAX;
use crate::time::Timestamp;

/// Bytes of one value: the largest data that a store may allow, with room to spare.
const VALUE_BYTES_MAX: i32 = 4 * 1024 * 1024;

const EVENTS: &str = "
SELECT id, server_time, session_id, event_type, client_time, latitude, longitude, data
FROM main.events NOT INDEXED ORDER BY id";
const TAGS: &str = "SELECT tag FROM main.tags WHERE event_id = ?1 ORDER BY position";

/// Whether a name is a table with rows of its own: a view or a virtual table runs what it likes.
const TABLE: &str =
    "SELECT count(*) FROM main.sqlite_schema WHERE name = ?1 AND type = 'table' AND rootpage > 0";

/// Reads each row of the table `events` as an event, in order of its id, with the rows of `tags` that
/// name that id. The tables are those of [`Writer`](super::Writer), whoever filled them.
///
/// # Errors
///
/// `InvalidInput` where the file is not such an SQLite file or is
/// damaged, `NotFound` or `Io` where it cannot be read. Rows that were given before stay given. A row that
/// makes no event is no error: it says why.
pub fn read(path: impl AsRef<Path>, mut on_row: impl FnMut(Row) -> ControlFlow<()>) -> Result<()> {
    let path = path.as_ref();
    // SQLite has no words for what keeps a file from being opened.
    std::fs::File::open(path)
        .map_err(|error| Error::io(format!("opening {}", path.display()), error))?;
    let connection = open(path).map_err(damaged)?;
    for table in ["events", "tags"] {
        let there = connection.query_row(TABLE, [table], |row| row.get::<_, i64>(0));
        if there.map_err(damaged)? != 1 {
            return Err(file_error(format!("has no table {table}")));
        }
    }
    let mut tags = connection.prepare(TAGS).map_err(damaged)?;
    let mut events = connection.prepare(EVENTS).map_err(damaged)?;
    let mut rows = events.query([]).map_err(damaged)?;
    let mut last = None;
    let mut number = 0;
    while let Some(row) = rows.next().map_err(damaged)? {
        let id: i64 = row.get(0).map_err(damaged)?;
        if last.is_some_and(|last| id <= last) {
            return Err(file_error(format!("is damaged: event {id} is out of order")));
        }
        last = Some(id);
        number += 1;
        let event = match tags_of(&mut tags, id)? {
            Ok(tags) => event(row).map(|event| event.tags(tags)),
            Err(error) => Err(error),
        };
        if on_row(Row::new(number, event)).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON;
         PRAGMA mmap_size = 0; PRAGMA cache_size = -4096;",
    )?;
    Ok(connection)
}

/// What SQLite says of a file that is none, or is damaged, or has other tables.
fn damaged(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::OutOfMemory) => {
            Error::new(ErrorKind::Io, "reading SQLite").caused_by(error)
        }
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Error::new(ErrorKind::Locked, "another program writes to the file").caused_by(error)
        }
        _ => file_error(format!("is not an SQLite file of events that can be read: {error}")),
    }
}

/// The tags of an event, in order; or which rule they break.
fn tags_of(tags: &mut Statement<'_>, id: i64) -> Result<Result<Vec<String>>> {
    let mut rows = tags.query([id]).map_err(damaged)?;
    let mut found = Vec::new();
    let mut broken = None;
    while let Some(row) = rows.next().map_err(damaged)? {
        // One too many is refused later, by its rule; more need not be held.
        if found.len() > TAGS_MAX || broken.is_some() {
            break;
        }
        match text("tags", row.get_ref(0).map_err(damaged)?) {
            Ok(tag) => found.extend(tag),
            Err(error) => broken = Some(error),
        }
    }
    Ok(broken.map_or(Ok(found), Err))
}

fn event(row: &rusqlite::Row<'_>) -> Result<NewEvent> {
    let value = |place: usize| row.get_ref(place).map_err(damaged);
    let required = |name: &str, place| {
        let missing = || file_error(format!("{name}: is required for an event"));
        text(name, value(place)?)?.ok_or_else(missing)
    };
    let mut event = NewEvent::new(required("session_id", 2)?, required("event_type", 3)?);
    match value(1)? {
        ValueRef::Null => {}
        ValueRef::Integer(micros) => event = event.server_time(Timestamp::from_micros(micros)),
        other => return Err(wrong("server_time", "microseconds since 1970", other)),
    }
    if let Some(text) = text("client_time", value(4)?)? {
        event = event.client_time(text);
    }
    match (degrees("latitude", value(5)?)?, degrees("longitude", value(6)?)?) {
        (Some(latitude), Some(longitude)) => event = event.location(latitude, longitude),
        (None, None) => {}
        _ => return Err(file_error("latitude and longitude: must be given together")),
    }
    match text("data", value(7)?)? {
        Some(data) => Ok(event.data(data)),
        None => Ok(event),
    }
}

fn wrong(field: &str, rule: &str, value: ValueRef<'_>) -> Error {
    file_error(format!("{field}: must be {rule}, not of the type {}", value.data_type()))
}

fn text(field: &str, value: ValueRef<'_>) -> Result<Option<String>> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(file_error(format!("{field}: must be UTF-8"))),
        },
        ValueRef::Integer(number) => Ok(Some(number.to_string())),
        other => Err(wrong(field, "text", other)),
    }
}

fn degrees(field: &str, value: ValueRef<'_>) -> Result<Option<f64>> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Real(degrees) => Ok(Some(degrees)),
        // No whole number of degrees is too large to be exact.
        ValueRef::Integer(degrees) => Ok(Some(degrees as f64)),
        other => Err(wrong(field, "a number", other)),
    }
}
