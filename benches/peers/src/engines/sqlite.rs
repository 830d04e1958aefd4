//! SQLite, asked by somebody who knows it.
//!
//! Owns: the statements. `synchronous=FULL` where each event is to be durable, `NORMAL` for the bulk load,
//! where only the checkpoint at the end is. Does not own the tables (`tables`).
//!
//! Not owned: geometry. SQL narrows to the bounding box, and `geo` decides.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use diurnal::{Day, Event, TimeRange};
use geo::{BoundingRect, Distance, Haversine, Intersects, Point};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Params, Row, params};

use super::{Calls, Engine, Together, alone, together};
use crate::machine::{Result, Stopwatch, timed};
use crate::question::{Answer, Line, Question};
use crate::source::{Source, Survey};
use crate::tables::{INSERT_EVENT, INSERT_TAG, TAG_END, connect, create, value};

#[derive(Default)]
pub(crate) struct Sqlite(Option<Connection>);

impl Sqlite {
    fn connection(&self) -> Result<&Connection> {
        Ok(self.0.as_ref().ok_or("the database is not open")?)
    }
}

fn close(connection: Connection) -> Result<()> {
    connection.close().map_err(|(_, error)| error.into())
}

fn text(value: Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}

struct Inserts<'a> {
    event: CachedStatement<'a>,
    tag: CachedStatement<'a>,
}

impl<'a> Inserts<'a> {
    fn new(connection: &'a Connection) -> Result<Self> {
        Ok(Self {
            event: connection.prepare_cached(INSERT_EVENT)?,
            tag: connection.prepare_cached(INSERT_TAG)?,
        })
    }

    fn insert(&mut self, event: &Event) -> Result<()> {
        let id = self.event.insert(params![
            value(&event.session_id),
            event.event_type,
            event.server_time.as_micros(),
            event.client_time,
            event.latitude,
            event.longitude,
            Some(event.tags.join(TAG_END)).filter(|tags| !tags.is_empty()),
            event.data,
        ])?;
        for tag in &event.tags {
            self.tag.execute(params![value(tag), id])?;
        }
        Ok(())
    }
}

fn insert_all(connection: &Connection, events: &[Event]) -> Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let mut inserts = Inserts::new(connection)?;
    for event in events {
        inserts.insert(event)?;
    }
    Ok(transaction.commit()?)
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn about(&mut self) -> Result<String> {
        Ok(format!(
            "SQLite {}: WAL, synchronous FULL for durable events and NORMAL in bulk, cache 64 MiB; \
             a transaction for each batch; from threads one connection behind a mutex",
            rusqlite::version()
        ))
    }

    fn load(&mut self, at: &Path, source: &Source, _survey: &Survey) -> Result<f64> {
        let mut watch = Stopwatch::default();
        let connection = watch.time(|| create(at, "NORMAL"))?;
        for batch in source.batches() {
            watch.time(|| insert_all(&connection, &batch))?;
        }
        // Closing checkpoints the log into the database and syncs it.
        watch.time(|| close(connection))?;
        Ok(watch.0)
    }

    fn open(&mut self, at: &Path) -> Result<f64> {
        let (connection, seconds) = timed(|| {
            let connection = connect(at, "FULL")?;
            // Without a statement nothing has been read yet.
            connection.query_row("SELECT max(id) FROM events", [], |_| Ok(()))?;
            Ok(connection)
        })?;
        self.0 = Some(connection);
        Ok(seconds)
    }

    fn close(&mut self) -> Result<()> {
        match self.0.take() {
            Some(connection) => close(connection),
            None => Ok(()),
        }
    }

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>> {
        let connection = self.connection()?;
        Ok(match question {
            Question::AllTags => {
                let sql = "SELECT tag, count(*) FROM tags GROUP BY tag";
                let read = || all(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
                let (counts, seconds) = timed(read)?;
                let pairs = counts.into_iter().map(|(key, count)| (text(key), count));
                Some((Answer::counts(pairs.collect()), seconds))
            }
            Question::Hours(kind) => {
                let sql = "SELECT server_time / 3600000000 AS hour, count(*) FROM events
                           WHERE type = ? GROUP BY hour";
                let read = || all(connection, sql, [kind], |row| Ok((row.get(0)?, row.get(1)?)));
                let (counts, seconds) = timed(read)?;
                let pairs = counts.into_iter().map(|(key, count)| (text(key), count));
                Some((Answer::counts(pairs.collect()), seconds))
            }
            Question::Timeline(id) => {
                let (lines, seconds) = timed(|| timeline(connection, id))?;
                Some((Answer::Timeline(lines), seconds))
            }
            Question::Sessions => {
                let sql = "SELECT session, min(server_time), max(server_time), count(*)
                           FROM events GROUP BY session";
                let line = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                let (lines, seconds) = timed(|| all(connection, sql, [], line))?;
                let lines = lines.into_iter().map(|(id, a, b, count)| (text(id), a, b, count));
                Some((Answer::sessions(lines.collect()), seconds))
            }
            Question::PolygonByScan(_) => None,
            counted => {
                let (count, seconds) = timed(|| count(connection, counted))?;
                Some((Answer::Count(count), seconds))
            }
        })
    }

    fn drop_day(&mut self, day: Day) -> Result<Option<f64>> {
        let connection = self.connection()?;
        let TimeRange { from, to } = day.range();
        let times = [from.as_micros(), to.as_micros()];
        let remove = || {
            let transaction = connection.unchecked_transaction()?;
            // The key of the tags begins with the tag, so this reads all of them.
            connection.execute(
                "DELETE FROM tags WHERE event IN
                     (SELECT id FROM events WHERE server_time >= ? AND server_time < ?)",
                times,
            )?;
            connection
                .execute("DELETE FROM events WHERE server_time >= ? AND server_time < ?", times)?;
            Ok(transaction.commit()?)
        };
        Ok(Some(timed(remove)?.1))
    }

    fn alone(&mut self, at: &Path, events: &[Event], _shared: bool) -> Result<Option<Vec<f64>>> {
        let connection = create(at, "FULL")?;
        alone(events, |event| insert_all(&connection, std::slice::from_ref(event)))
    }

    fn together(&mut self, at: &Path, calls: &Calls, _shared: bool) -> Result<Option<Together>> {
        let connection = Mutex::new(create(at, "FULL")?);
        together(calls, |event| {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            insert_all(&connection, std::slice::from_ref(event))
        })
    }
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

fn timeline(connection: &Connection, id: &str) -> Result<Vec<Line>> {
    let sql = "SELECT server_time, type, client_time, lat, lon, tags, data FROM events
               WHERE session = ? ORDER BY server_time, id";
    all(connection, sql, [value(id)], |row| {
        Ok(Line {
            micros: row.get(0)?,
            event_type: row.get(1)?,
            client_time: row.get(2)?,
            latitude: row.get(3)?,
            longitude: row.get(4)?,
            tags: row
                .get::<_, Option<String>>(5)?
                .map_or_else(Vec::new, |tags| tags.split(TAG_END).map(str::to_owned).collect()),
            data: row.get(6)?,
        })
    })
}

fn count(connection: &Connection, question: &Question) -> Result<u64> {
    let one = |sql: &str, params: &[Value]| -> Result<u64> {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row(rusqlite::params_from_iter(params), |row| row.get(0))?)
    };
    let time = |range: &TimeRange| {
        [Value::Integer(range.from.as_micros()), Value::Integer(range.to.as_micros())]
    };
    match question {
        Question::Type(kind) => {
            one("SELECT count(*) FROM events WHERE type = ?", &[Value::Text(kind.clone())])
        }
        Question::TypeIn(kind, range) => {
            let [from, to] = time(range);
            let sql = "SELECT count(*) FROM events
                       WHERE type = ? AND server_time >= ? AND server_time < ?";
            one(sql, &[Value::Text(kind.clone()), from, to])
        }
        Question::Tag(tag) => one("SELECT count(*) FROM tags WHERE tag = ?", &[value(tag)]),
        Question::Tags(first, second) => {
            let sql = "SELECT count(*) FROM tags a JOIN tags b ON a.event = b.event
                       WHERE a.tag = ? AND b.tag = ?";
            one(sql, &[value(first), value(second)])
        }
        Question::TagTypeIn(tag, kind, range) => {
            let [from, to] = time(range);
            let sql = "SELECT count(*) FROM tags JOIN events ON id = event
                       WHERE tag = ? AND type = ? AND server_time >= ? AND server_time < ?";
            one(sql, &[value(tag), Value::Text(kind.clone()), from, to])
        }
        Question::Box(bounds) => {
            let sql = "SELECT count(*) FROM events
                       WHERE lat BETWEEN ? AND ? AND lon BETWEEN ? AND ?";
            let sides = [bounds.south, bounds.north, bounds.west, bounds.east];
            one(sql, &sides.map(Value::Real))
        }
        Question::Circle(circle) => {
            let centre = Point::new(circle.longitude, circle.latitude);
            let [south, north, west, east] = super::rows::around(circle);
            among(connection, [south, north, west, east], |place| {
                Haversine.distance(centre, place) <= circle.metres
            })
        }
        Question::Polygon(polygon) => {
            let rect = polygon.bounding_rect().ok_or("a polygon without points")?;
            let sides = [rect.min().y, rect.max().y, rect.min().x, rect.max().x];
            among(connection, sides, |place| polygon.intersects(&place))
        }
        other => Err(format!("{other:?} is no count").into()),
    }
}

/// Places within a box that the closure holds to be inside.
fn among(connection: &Connection, sides: [f64; 4], inside: impl Fn(Point) -> bool) -> Result<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT lon, lat FROM events WHERE lat BETWEEN ? AND ? AND lon BETWEEN ? AND ?",
    )?;
    let mut rows = statement.query(sides)?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += u64::from(inside(Point::new(row.get(0)?, row.get(1)?)));
    }
    Ok(count)
}
