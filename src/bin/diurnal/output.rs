//! Results on their way to standard output.
//!
//! Owns: events as a table, as JSON lines and as CSV, and any row as a JSON line. Does not own the
//! alignment (`table`), the quoting (`csv`) nor the escapes (`text`).
//!
//! Invariant: events are written as they come, never gathered.

use std::io::{self, Write};

use diurnal::{Event, Timestamp, Zone};
use serde::Serialize;

use crate::args::EventFormat;
use crate::csv::write_cell;
use crate::failure::Failure;
use crate::fields::format_tags;
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

const CSV_HEADER: &str =
    "id,server_time,session_id,event_type,client_time,latitude,longitude,tags,data";

/// Events on their way to the output; the zone is that of a table, other formats being exact UTC.
pub(crate) enum EventWriter<'a> {
    Table(Table<'a>, Zone),
    Jsonl(&'a mut dyn Write),
    Csv(&'a mut dyn Write),
}

impl<'a> EventWriter<'a> {
    /// Begins with the header, where the format has one.
    pub(crate) fn new(
        out: &'a mut dyn Write,
        format: EventFormat,
        zone: Zone,
    ) -> Result<Self, Failure> {
        Ok(match format {
            EventFormat::Table => Self::Table(Table::new(out, EVENT_COLUMNS), zone),
            EventFormat::Jsonl => Self::Jsonl(out),
            EventFormat::Csv => {
                writeln!(out, "{CSV_HEADER}")?;
                Self::Csv(out)
            }
        })
    }

    pub(crate) fn write(&mut self, event: &Event) -> Result<(), Failure> {
        match self {
            Self::Table(table, zone) => Ok(table.row(table_cells(event, *zone))?),
            Self::Jsonl(out) => write_json_line(*out, event),
            Self::Csv(out) => Ok(write_csv_record(*out, event)?),
        }
    }

    /// Sends on what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Table(table, _) => table.flush()?,
            Self::Jsonl(out) | Self::Csv(out) => out.flush()?,
        }
        Ok(())
    }

    /// Ends with what is held back.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Table(table, _) => Ok(table.finish()?),
            Self::Jsonl(_) | Self::Csv(_) => Ok(()),
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
    let mut writer = EventWriter::new(out, format, zone)?;
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

/// Text that is absent leaves nothing between its commas; text that is empty, two quotes.
fn write_csv_record(out: &mut dyn Write, event: &Event) -> io::Result<()> {
    write!(out, "{},{},", event.id, event.server_time)?;
    write_cell(out, &event.session_id)?;
    out.write_all(b",")?;
    write_cell(out, &event.event_type)?;
    out.write_all(b",")?;
    if let Some(text) = &event.client_time {
        write_cell(out, text)?;
    }
    for degrees in [event.latitude, event.longitude] {
        out.write_all(b",")?;
        if let Some(degrees) = degrees {
            out.write_all(format_degrees(degrees).as_bytes())?;
        }
    }
    out.write_all(b",")?;
    if !event.tags.is_empty() {
        write_cell(out, &format_tags(&event.tags))?;
    }
    out.write_all(b",")?;
    if let Some(text) = &event.data {
        write_cell(out, text)?;
    }
    out.write_all(b"\n")
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
    fn csv_is_exact() {
        assert_eq!(
            written(EventFormat::Csv),
            "id,server_time,session_id,event_type,client_time,latitude,longitude,tags,data\n\
             4294967303,1970-01-02T10:00:00.500000Z,\"a,b\",x,,1.0,-1e-7,\"1,2\",\"\u{1b}[2J\n\"\"\"\n\
             4294967303,1970-01-02T10:00:00.500000Z,\"a,b\",x,now,,,,\"\"\n"
        );
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
