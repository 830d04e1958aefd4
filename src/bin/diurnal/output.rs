//! Results on their way to standard output.
//!
//! Owns: events as a table, and any row as a JSON line. Does not own events as JSON lines and as CSV, which
//! the library writes, the alignment (`table`) nor the escapes (`text`).
//!
//! Invariant: events are written as they come, never gathered.

use std::io::Write;

use diurnal::export::csv::{self, format_tags};
use diurnal::export::{EventWriter as _, jsonl};
use diurnal::{Event, Timestamp, Zone};
use serde::Serialize;

use crate::args::EventFormat;
use crate::failure::Failure;
use crate::table::{Column, Table};
use crate::text;

const EVENT_COLUMNS: &[Column] = &[
    Column::right("ID"),
    Column::left("SERVER TIME"),
    Column::left("SESSION"),
    Column::left("TYPE"),
    Column::left("CLIENT TIME"),
    Column::right("LATITUDE"),
    Column::right("LONGITUDE"),
    Column::left("TAGS"),
    Column::left("DATA"),
];

/// Events on their way to the output; the zone is that of a table, other formats being exact UTC.
pub(crate) enum EventOutput<'a> {
    Table(Table<'a>, Zone),
    Jsonl(jsonl::Writer<&'a mut dyn Write>),
    Csv(csv::Writer<&'a mut dyn Write>),
}

impl<'a> EventOutput<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, format: EventFormat, zone: Zone) -> Self {
        match format {
            EventFormat::Table => Self::Table(Table::new(out, EVENT_COLUMNS), zone),
            EventFormat::Jsonl => Self::Jsonl(jsonl::Writer::new(out)),
            EventFormat::Csv => Self::Csv(csv::Writer::new(out)),
        }
    }

    pub(crate) fn write(&mut self, event: &Event) -> Result<(), Failure> {
        match self {
            Self::Table(table, zone) => Ok(table.row(table_cells(event, *zone))?),
            Self::Jsonl(writer) => Ok(writer.write(event)?),
            Self::Csv(writer) => Ok(writer.write(event)?),
        }
    }

    /// Sends on what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Table(table, _) => Ok(table.flush()?),
            Self::Jsonl(writer) => Ok(writer.flush()?),
            Self::Csv(writer) => Ok(writer.flush()?),
        }
    }

    /// Ends with what is held back.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Table(table, _) => Ok(table.finish()?),
            Self::Jsonl(mut writer) => Ok(writer.finish()?),
            Self::Csv(mut writer) => Ok(writer.finish()?),
        }
    }
}

/// Writes every event of a result.
pub(crate) fn write_events(
    out: &mut dyn Write,
    format: EventFormat,
    zone: Zone,
    events: impl Iterator<Item = diurnal::Result<Event>>,
) -> Result<(), Failure> {
    let mut writer = EventOutput::new(out, format, zone);
    for event in events {
        match event {
            Ok(event) => writer.write(&event)?,
            Err(error) => {
                // The rows before a failure are shown in any format.
                writer.finish()?;
                return Err(error.into());
            }
        }
    }
    writer.finish()
}

/// One JSON value on a line of its own.
pub(crate) fn write_json_line(out: &mut dyn Write, row: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn table_cells(event: &Event, zone: Zone) -> Vec<String> {
    let degrees = |degrees: Option<f64>| degrees.map(format_degrees).unwrap_or_default();
    vec![
        event.id.to_string(),
        exact_time(zone, event.server_time),
        text::neutral(&event.session_id),
        text::neutral(&event.event_type),
        event.client_time.as_deref().map(text::neutral).unwrap_or_default(),
        degrees(event.latitude),
        degrees(event.longitude),
        text::shortened(&format_tags(&event.tags)),
        event.data.as_deref().map(text::shortened).unwrap_or_default(),
    ]
}

/// A server time that a cursor can be made of: to the microsecond in UTC, as JSON has it.
fn exact_time(zone: Zone, time: Timestamp) -> String {
    if zone == Zone::UTC { time.to_string() } else { zone.text(time) }
}

/// The shortest text that reads back as the same number, as JSON has it: `1.0`, `1e-7`.
fn format_degrees(degrees: f64) -> String {
    format!("{degrees:?}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use diurnal::EventId;

    use super::*;

    fn event() -> Event {
        Event {
            id: EventId::from_u64(1 << 32 | 7).unwrap(),
            server_time: "1970-01-02T10:00:00.5Z".parse().unwrap(),
            session_id: "a,b".to_owned(),
            event_type: "x".to_owned(),
            client_time: None,
            latitude: Some(1.0),
            longitude: Some(-1e-7),
            tags: vec!["1".to_owned(), "2".to_owned()],
            data: Some("\u{1b}[2J\n\"".to_owned()),
        }
    }

    fn written(format: EventFormat) -> String {
        let bare = Event {
            client_time: Some("now".to_owned()),
            latitude: None,
            longitude: None,
            tags: Vec::new(),
            data: Some(String::new()),
            ..event()
        };
        let mut out = Vec::new();
        write_events(&mut out, format, Zone::UTC, [Ok(event()), Ok(bare)].into_iter()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_lines_are_exact() {
        assert_eq!(
            written(EventFormat::Jsonl),
            "{\"id\":4294967303,\"server_time\":\"1970-01-02T10:00:00.500000Z\",\
             \"session_id\":\"a,b\",\"event_type\":\"x\",\"latitude\":1.0,\"longitude\":-1e-7,\
             \"tags\":[\"1\",\"2\"],\"data\":\"\\u001b[2J\\n\\\"\"}\n\
             {\"id\":4294967303,\"server_time\":\"1970-01-02T10:00:00.500000Z\",\
             \"session_id\":\"a,b\",\"event_type\":\"x\",\"client_time\":\"now\",\"data\":\"\"}\n"
        );
    }

    #[test]
    fn a_table_shows_no_control_character() {
        let table = written(EventFormat::Table);
        assert!(!table.contains('\u{1b}'));
        assert!(table.contains("\\x1b[2J\\n\""));
        assert_eq!(table.lines().count(), 3);
    }
}
