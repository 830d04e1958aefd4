//! An SQLite file, for those who want SQL.
//!
//! Owns: [`Writer`]: the tables, the indexes, the settings. The room below it: `read`.
//!
//! Invariants: memory is bounded by SQLite's page cache of 16 MiB; indexes are made once all rows are
//! there, by a sort that SQLite keeps in temporary files.
//!
//! While it is written the file has no journal and is not synced: it is whole or it is thrown away, and
//! whoever asked for it (`OutputFile`) syncs it at its end.

mod read;

use std::path::Path;

use rusqlite::{Connection, params};

use super::EventWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

pub use read::read;

/// Events of one transaction.
const TRANSACTION_EVENTS: u64 = 65_536;

/// The version of the tables, as `PRAGMA user_version`.
const SCHEMA_VERSION: i32 = 1;

/// `application_id` says "diur" to the program `file`. Degrees have the type ANY, since a column of
/// REAL turns -0.0 into 0; they are still numbers or nothing.
const TABLES: &str = "
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -16384;
PRAGMA temp_store = FILE;
PRAGMA application_id = 0x64697572;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    server_time INTEGER NOT NULL, -- microseconds since 1970-01-01T00:00:00Z
    session_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    client_time TEXT,             -- as the client wrote it
    client_instant INTEGER,       -- what can be read of it, in microseconds
    latitude ANY CHECK (latitude IS NULL OR typeof(latitude) = 'real'),
    longitude ANY CHECK (longitude IS NULL OR typeof(longitude) = 'real'),
    data TEXT
) STRICT;
CREATE TABLE tags (
    event_id INTEGER NOT NULL REFERENCES events (id),
    position INTEGER NOT NULL,    -- from 0, in the order given
    tag TEXT NOT NULL,
    PRIMARY KEY (event_id, position)
) STRICT, WITHOUT ROWID;
";

const INDEXES: &str = "
CREATE INDEX events_by_time ON events (server_time);
CREATE INDEX events_by_session ON events (session_id, server_time);
CREATE INDEX events_by_type ON events (event_type, server_time);
CREATE INDEX tags_by_tag ON tags (tag, event_id);
CREATE VIEW sessions AS
    SELECT session_id, count(*) AS events, min(server_time) AS first, max(server_time) AS last
    FROM events GROUP BY session_id;
CREATE VIEW readable AS
    SELECT id,
        strftime('%Y-%m-%dT%H:%M:%S', server_time / 1000000, 'unixepoch')
            || printf('.%06dZ', server_time % 1000000) AS server_time,
        session_id, event_type, client_time, latitude, longitude,
        (SELECT group_concat(tag, ',') FROM
            (SELECT tag FROM tags WHERE event_id = events.id ORDER BY position)) AS tags,
        data
    FROM events;
";

const INSERT_EVENT: &str = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const INSERT_TAG: &str = "INSERT INTO tags VALUES (?1, ?2, ?3)";

/// Writes events into the tables `events` and `tags` of a new file, with indexes on the session, the
/// type, the server time and the tag, and the views `sessions` and `readable`.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    count: u64,
}

impl Writer {
    /// Begins a file, which must be absent or empty. It is not durable when it is
    /// [finished](EventWriter::finish): make it as the temporary file of an [`OutputFile`](super::OutputFile).
    ///
    /// # Errors
    ///
    /// `DiskFull` or `Io` where it cannot be made, or is there and has something in it.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let connection = Connection::open(path).map_err(write_error)?;
        connection.execute_batch(TABLES).map_err(write_error)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(write_error)?;
        connection.execute_batch("BEGIN").map_err(write_error)?;
        Ok(Self { connection, count: 0 })
    }

    fn insert(&self, event: &Event) -> rusqlite::Result<()> {
        // Below 2^53.
        let id = event.id.as_u64() as i64;
        self.connection.prepare_cached(INSERT_EVENT)?.execute(params![
            id,
            event.server_time.as_micros(),
            event.session_id,
            event.event_type,
            event.client_time,
            event.client_instant().map(|time| time.as_micros()),
            event.latitude,
            event.longitude,
            event.data,
        ])?;
        if event.tags.is_empty() {
            return Ok(());
        }
        let mut insert = self.connection.prepare_cached(INSERT_TAG)?;
        for (position, tag) in (0_i64..).zip(&event.tags) {
            insert.execute(params![id, position, tag])?;
        }
        Ok(())
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event) -> Result<()> {
        self.insert(event).map_err(write_error)?;
        self.count += 1;
        if self.count.is_multiple_of(TRANSACTION_EVENTS) {
            self.connection.execute_batch("COMMIT; BEGIN").map_err(write_error)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT").map_err(write_error)?;
        self.connection.execute_batch(INDEXES).map_err(write_error)?;
        // What the planner needs to choose between the indexes.
        self.connection.execute_batch("PRAGMA analysis_limit = 1000; ANALYZE").map_err(write_error)
    }
}

fn write_error(error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => ErrorKind::DiskFull,
        _ => ErrorKind::Io,
    };
    Error::new(kind, "writing SQLite").caused_by(error)
}
