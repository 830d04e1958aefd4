//! Results on their way to standard output.
//!
//! Owns: events as a table, and any row as a JSON line. Does not own events as JSON lines and as CSV, which
//! the library writes, the alignment (`table`) nor the escapes (`text`).
//!
//! Invariant: events are written as they come, never gathered.

use std::io::Write;

use diurnal::Event;
use diurnal::export::csv::{self, format_tags};
use diurnal::export::{EventWriter, jsonl, write_all};
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

/// Writes every event of a result.
pub(crate) fn write_events(
    out: &mut dyn Write,
    format: EventFormat,
    events: impl Iterator<Item = diurnal::Result<Event>>,
) -> Result<(), Failure> {
    match format {
        EventFormat::Table => {
            let mut table = Table::new(out, EVENT_COLUMNS);
            let mut result = Ok(());
            for event in events {
                match event {
                    Ok(event) => table.row(table_cells(&event))?,
                    Err(error) => {
                        result = Err(error.into());
                        break;
                    }
                }
            }
            // The rows before a failure are shown in any format.
            table.finish()?;
            result
        }
        EventFormat::Jsonl => written(events, &mut jsonl::Writer::new(out)),
        EventFormat::Csv => written(events, &mut csv::Writer::new(out)),
    }
}

fn written(
    events: impl Iterator<Item = diurnal::Result<Event>>,
    writer: &mut dyn EventWriter,
) -> Result<(), Failure> {
    write_all(events, writer, |_count| {})?;
    Ok(())
}

/// One JSON value on a line of its own.
pub(crate) fn write_json_line(out: &mut dyn Write, row: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn table_cells(event: &Event) -> Vec<String> {
    let degrees = |degrees: Option<f64>| degrees.map(format_degrees).unwrap_or_default();
    vec![
        event.id.to_string(),
        event.server_time.to_string(),
        text::neutral(&event.session_id),
        text::neutral(&event.event_type),
        event.client_time.as_deref().map(text::neutral).unwrap_or_default(),
        degrees(event.latitude),
        degrees(event.longitude),
        text::shortened(&format_tags(&event.tags)),
        event.data.as_deref().map(text::shortened).unwrap_or_default(),
    ]
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
        write_events(&mut out, format, [Ok(event()), Ok(bare)].into_iter()).unwrap();
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
