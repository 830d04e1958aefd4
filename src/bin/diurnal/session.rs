//! The commands `session` and `sessions`.
//!
//! Owns: one session as a page or as one JSON object, and the list of sessions. Does not own how
//! events are written (`output`).

use std::io::Write;

use diurnal::{Count, Query, Session, Store, Timestamp};
use serde::{Serialize, Serializer};

use crate::args::reading::{SessionArguments, SessionsArguments};
use crate::args::{EventFormat, ObjectFormat, RowFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::gaps;
use crate::output::{write_events, write_json_line};
use crate::query::explain;
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn session(
    arguments: &SessionArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let store = Store::open_read_only(&arguments.store)?;
    let id = &arguments.id;
    let (session, outcome) =
        gaps::ask(&store, arguments.allow_gaps, |it| it.session(id), |it| it.session(id))?;
    let Some(session) = session else {
        return Err(Failure::message(format!("not found: no session {:?}", arguments.id)));
    };
    match format_or_default(arguments.format, ObjectFormat::Table, ObjectFormat::Json) {
        ObjectFormat::Table => write_page(&session, out)?,
        ObjectFormat::Json => write_object(&session, out)?,
    }
    Ok(outcome)
}

fn write_page(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "session     {}", text::neutral(&session.id))?;
    writeln!(out, "first seen  {}", session.first_seen)?;
    writeln!(out, "last seen   {}", session.last_seen)?;
    writeln!(out, "events      {}\n", session.event_count)?;
    let mut table = Table::new(out, &[Column::left("TYPE"), Column::right("COUNT")]);
    for count in &session.counts_by_type {
        table.row(vec![text::neutral(&count.key), count.count.to_string()])?;
    }
    table.finish()?;
    writeln!(out)?;
    write_events(out, EventFormat::Table, session.events()?)
}

/// One object, its timeline written event by event.
fn write_object(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(b"{\"id\":")?;
    serde_json::to_writer(&mut *out, &session.id)?;
    write!(
        out,
        ",\"first_seen\":\"{}\",\"last_seen\":\"{}\",\"events\":{},\"by_type\":",
        session.first_seen, session.last_seen, session.event_count
    )?;
    serde_json::to_writer(&mut *out, &ByType(&session.counts_by_type))?;
    out.write_all(b",\"timeline\":[")?;
    for (index, event) in session.events()?.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &event?)?;
    }
    out.write_all(b"]}\n")?;
    Ok(())
}

/// Counts as an object that keeps their order.
struct ByType<'a>(&'a [Count]);

impl Serialize for ByType<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|count| (&count.key, count.count)))
    }
}

const SESSION_COLUMNS: &[Column] = &[
    Column::left("SESSION"),
    Column::left("FIRST"),
    Column::left("LAST"),
    Column::right("EVENTS"),
];

pub(crate) fn sessions(
    arguments: &SessionsArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a str,
        first: Timestamp,
        last: Timestamp,
        events: u64,
    }
    let filter = filter(&arguments.filters)?;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        let json = arguments.format == Some(RowFormat::Jsonl);
        return explain(&store, &Query::from(filter), json, out);
    }
    let allowed = arguments.filters.allow_gaps;
    let (sessions, outcome) =
        gaps::ask(&store, allowed, |it| it.sessions(&filter), |it| it.sessions(&filter))?;
    match format_or_default(arguments.format, RowFormat::Table, RowFormat::Jsonl) {
        RowFormat::Jsonl => {
            for session in &sessions {
                let (first, last) = (session.first_seen, session.last_seen);
                let row = Row { id: &session.id, first, last, events: session.events };
                write_json_line(out, &row)?;
            }
        }
        RowFormat::Table => {
            let mut table = Table::new(out, SESSION_COLUMNS);
            for session in &sessions {
                table.row(vec![
                    text::neutral(&session.id),
                    session.first_seen.to_string(),
                    session.last_seen.to_string(),
                    session.events.to_string(),
                ])?;
            }
            table.finish()?;
        }
    }
    Ok(outcome)
}
