//! SQLite's tables: the schema of somebody who knows it.
//!
//! Owns: the tables, how rows are written to them, the settings. WAL, a page cache of 64 MiB. The indexes are
//! there from the start, as in a log that is asked while it grows. Session ids and tags are integers where
//! they can be. A row has its tags as text, too, so that a timeline need not look for them.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::machine::Result;

const SCHEMA: &str = "
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        session NOT NULL,
        type TEXT NOT NULL,
        server_time INTEGER NOT NULL,
        client_time TEXT,
        lat REAL,
        lon REAL,
        tags TEXT,
        data TEXT
    );
    CREATE INDEX events_session ON events (session, server_time);
    CREATE INDEX events_type ON events (type, server_time);
    CREATE INDEX events_time ON events (server_time);
    CREATE TABLE tags (
        tag NOT NULL,
        event INTEGER NOT NULL,
        PRIMARY KEY (tag, event)
    ) WITHOUT ROWID;
";

pub const INSERT_EVENT: &str = "
    INSERT INTO events (session, type, server_time, client_time, lat, lon, tags, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub const INSERT_TAG: &str = "INSERT OR IGNORE INTO tags VALUES (?, ?)";

/// Stands between the tags of a row; no tag holds a control character.
pub const TAG_END: &str = "\n";

pub fn connect(at: &Path, synchronous: &str) -> Result<Connection> {
    let connection = Connection::open(at.join("events.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

pub fn create(at: &Path, synchronous: &str) -> Result<Connection> {
    let connection = connect(at, synchronous)?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// An integer where the text is one and comes back the same.
pub fn value(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Value::Integer(number),
        _ => Value::Text(text.to_owned()),
    }
}
