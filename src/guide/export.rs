//! What exported files hold, and who reads them.
//!
//! `diurnal export STORE [FILTERS] -o FILE` and the module `export` write five formats. Each holds every field
//! of every event, to the bit: `diurnal import` gives back the same events. Ids are written and not read: the
//! store that events are imported into gives them new ones. A second import of a file adds nothing with
//! `--skip-existing`.
//!
//! | | feature | bytes an event | held in memory |
//! |---|---|---|---|
//! | JSON lines | `export` | 261 | one event |
//! | CSV | `export` | 182 | one event |
//! | GeoJSON | `export` | 312 | one event; with `--lines` a path of 65,536 positions and a line for each session |
//! | Parquet | `parquet` | 22 | a batch with 4 MiB of text, and a row group of 131,072 rows or about 32 MiB |
//! | SQLite | `sqlite` | 339 | a page cache of 16 MiB; indexes are sorted in temporary files |
//!
//! The bytes are those of 18,223 real events of 359 days, for which the store takes 35 bytes an event. Beside
//! what the format holds, a query holds a page of places and a few blocks.
//!
//! A file that is named is written as `FILE.tmp` beside its place, synced and then renamed: whatever is interrupted
//! leaves nothing half under the name. A file that is there is not replaced without `--force`. JSON lines, CSV,
//! GeoJSON and Parquet can be piped.
//!
//! # JSON lines
//!
//! One object a line, as `diurnal query --format jsonl` prints it: `id`, `server_time` (RFC 3339 with six
//! decimals), `session_id`, `event_type`, and where present `client_time`, `latitude`, `longitude`, `tags` (a list
//! of strings) and `data`.
//!
//! # CSV
//!
//! RFC 4180: a header, records that end with CR LF, cells quoted where they hold a quote, a comma or a line end. A
//! cell with nothing in it is an absent field, `""` is the empty text. Tags are comma text, or a JSON list where
//! that cannot hold them. The file is UTF-8 without a byte order mark, which the import would take.
//!
//! A spreadsheet runs a cell that opens with `=`, `+`, `-`, `@`, a tab, a line end or NUL, or a wide form of these, as a
//! formula. Unless it is a plain number such as `-1`, such a cell has an apostrophe before it, and so has one that
//! already begins with apostrophes before such a character. The import takes one off, and so gives back what was
//! exported; in a file by others, `'=x` is read as `=x`. A spreadsheet that saves the file again may change it: it
//! knows no quoted empty cell, and shortens long numbers.
//!
//! # GeoJSON
//!
//! RFC 7946: one `FeatureCollection`, a feature a line. An event is a feature with its `id`, a `Point` of longitude and
//! latitude, or `null` where it has no location, and the other fields as `properties`. The import reads any
//! collection of points with such properties, one feature of at most 8 MiB at a time.
//!
//! With `--lines` each session is a feature: a `LineString` through its places in order of server time, whose
//! property `times` has the time at each position, with `session_id`, `first`, `last` and `events`. Where a path
//! crosses the antimeridian it is cut into a `MultiLineString`, and `times` into lists likewise; one place is a
//! `Point`, none is `null`. Lines are for maps, and are not imported.
//!
//! # Parquet
//!
//! | column | type | |
//! |---|---|---|
//! | `id` | INT64 | |
//! | `server_time` | INT64, TIMESTAMP in UTC of microseconds | |
//! | `session_id`, `event_type` | STRING | with a dictionary |
//! | `client_time` | STRING, optional | as the client wrote it |
//! | `client_instant` | TIMESTAMP, optional | what can be read of it |
//! | `latitude`, `longitude` | DOUBLE, optional | |
//! | `tags` | LIST of STRING | empty where there are none |
//! | `data` | STRING, optional | |
//! | `geometry` | BYTE_ARRAY, optional | a point in well-known binary, described by the key `geo` of GeoParquet 1.1 |
//!
//! Pages are compressed by zstd, rising numbers are encoded as differences. Rows are in order of server time, so
//! that the statistics of row groups rule out what a time range does not need.
//!
//! ```sql
//! -- DuckDB: `geometry` is a GEOMETRY('OGC:CRS84'), and needs no extension to be read.
//! SELECT unnest(tags) AS tag, count(DISTINCT session_id) AS sessions
//! FROM 'events.parquet' WHERE event_type = 'modify_stream' GROUP BY tag ORDER BY sessions DESC;
//! ```
//!
//! ```python
//! # The key `geo` is in `pyarrow.parquet.read_metadata("events.parquet").metadata`.
//! pyarrow.parquet.read_table("events.parquet", filters=[("event_type", "=", "client_error")])
//! geopandas.read_parquet("events.parquet")      # the geometry is found by the file's own metadata
//! spark.read.parquet("events.parquet")
//! ```
//!
//! The tests read the file with the crate `parquet`, pyarrow and DuckDB. Spark 4.3.0 has read one with the events
//! of 2013, with lists as `array<string>` and both times as `timestamp`, and counted as `diurnal count` does.
//! DataFusion reads the same record batches without a file: `Store::record_batches` (feature `arrow`) gives them
//! as an iterator, with the filter answered by the store's indexes.
//!
//! The import finds columns by their names, whoever wrote the file; `session_id` and `event_type` are required. Only
//! zstd and uncompressed pages are read. Where the reader of the crate `parquet` panics at a damaged file, that is
//! caught and is an error, as long as panics unwind. A page that claims to hold more than 64 MiB or 16,777,216
//! values is refused before memory is taken for it. The metadata of a hostile file is bounded by the file's length
//! alone, and takes some times that.
//!
//! # SQLite
//!
//! ```sql
//! CREATE TABLE events (
//!     id INTEGER PRIMARY KEY,
//!     server_time INTEGER NOT NULL, -- microseconds since 1970-01-01T00:00:00Z
//!     session_id TEXT NOT NULL,
//!     event_type TEXT NOT NULL,
//!     client_time TEXT,             -- as the client wrote it
//!     client_instant INTEGER,       -- what can be read of it, in microseconds
//!     latitude ANY, longitude ANY,  -- REAL numbers, or NULL
//!     data TEXT
//! ) STRICT;
//! CREATE TABLE tags (
//!     event_id INTEGER NOT NULL REFERENCES events (id),
//!     position INTEGER NOT NULL,    -- from 0, in the order given
//!     tag TEXT NOT NULL,
//!     PRIMARY KEY (event_id, position)
//! ) STRICT, WITHOUT ROWID;
//! ```
//!
//! There are indexes on the server time, on the session and the type with the time, and on the tag. The view
//! `sessions` has `session_id`, `events`, `first` and `last`; the view `readable` shows events with their time as
//! text and their tags as comma text. `user_version` is 1. STRICT tables need SQLite 3.37
//! or newer. Degrees are of the type ANY, since a REAL column turns -0.0 into 0.
//!
//! ```sql
//! SELECT tag, count(DISTINCT session_id) FROM tags JOIN events ON id = event_id GROUP BY tag;
//! ```
//!
//! While it is written the file has no journal and no sync: `journal_mode = OFF`, `synchronous = OFF`, a transaction
//! for every 65,536 events; it is synced once, at its end. The import reads the two tables in order of id, from any
//! file that has them. It runs nothing that the file defines: no view, no trigger, no function.
