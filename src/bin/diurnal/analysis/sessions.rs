//! The commands `session` and `sessions`.
//!
//! Owns: how one session went, as a page or as one JSON object, and the list of all. Does not own how events
//! are written (`output`), nor how long and how far is said (`amounts`).

use std::io::Write;

use diurnal::analysis::{
    Quantiles, Session, SessionFigures, SessionReport, SessionSort, Sessions, SessionsReport,
};
use diurnal::{BoundingBox, Order, Query, Store, Zone};

use super::{answer, not_listed};
use crate::amounts::{self, counted};
use crate::args::reading::OrderArgument;
use crate::args::sessions::{SessionArguments, SessionsArguments};
use crate::args::{EventFormat, ListFormat, ObjectFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::output::{write_events, write_json_line};
use crate::query::explain;
use crate::table::{Column, Table};
use crate::{gaps, text};

/// Sessions in a table unless told otherwise.
const TABLE_LIMIT: u64 = 1_000;

pub(crate) fn session(
    arguments: &SessionArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let filter = filter(&arguments.filters)?;
    let settings = arguments.settings.settings();
    let question = Session::new(&arguments.id).filter(filter.clone()).settings(settings);
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        let asked = Query::from(diurnal::Filter::session(&arguments.id)).filter(filter);
        return explain(&store, &asked, arguments.format == Some(ObjectFormat::Json), out);
    }
    let (allowed, zone) = (arguments.filters.allow_gaps, arguments.filters.tz);
    let (report, outcome) =
        gaps::ask(&store, allowed, |it| it.ask(&question), |it| it.ask(&question))?;
    let Some(report) = report else {
        return Err(Failure::message(format!("not found: no session {:?}", arguments.id)));
    };
    let mut timeline = question.timeline(&report);
    timeline.limit = arguments.limit.into_iter().chain(timeline.limit).min();
    let mut events = match allowed {
        true => store.allow_gaps().query(&timeline)?,
        false => store.query(&timeline)?,
    };
    match format_or_default(arguments.format, ObjectFormat::Table, ObjectFormat::Json) {
        ObjectFormat::Table => {
            write_page(&report, zone, out)?;
            write_events(out, EventFormat::Table, zone, &mut events)?;
        }
        ObjectFormat::Json => write_object(&report, &mut events, out)?,
    }
    Ok(match outcome {
        // Days that only the timeline reads.
        Outcome::Done => gaps::tell(events.gaps()),
        told => told,
    })
}

fn write_page(report: &SessionReport, zone: Zone, out: &mut dyn Write) -> Result<(), Failure> {
    let it = &report.figures;
    writeln!(out, "session     {}", text::neutral(&it.id))?;
    writeln!(out, "first       {}", amounts::time(zone, it.first))?;
    writeln!(out, "last        {}", amounts::time(zone, it.last))?;
    let (duration, active) = (it.duration_micros, it.active_micros);
    writeln!(
        out,
        "duration    {}, {} active",
        amounts::duration(duration),
        amounts::duration(active)
    )?;
    let cut =
        if it.cut_events > 0 { format!(", {} cut off", it.cut_events) } else { String::new() };
    writeln!(out, "events      {}, {}{cut}", it.events, counted(it.actions, "action"))?;
    writeln!(out, "path        {}", path(it))?;
    let listening = amounts::duration(it.listening_micros);
    let (choices, tags) = (counted(it.choices, "choice"), counted(it.tags_chosen, "tag"));
    writeln!(out, "listening   {listening}, {choices} of {tags}")?;
    writeln!(
        out,
        "recordings  {} started, {} stopped, {} abandoned; uploads {} started, {} stopped",
        it.recordings_started,
        it.recordings_stopped,
        it.abandoned,
        it.uploads_started,
        it.uploads_stopped
    )?;
    writeln!(out, "errors      {}", it.errors)?;
    writeln!(out, "clock       {}\n", clock(report))?;
    let mut table = Table::new(out, &[Column::left("TYPE"), Column::right("COUNT")]);
    for count in &report.by_type {
        table.row(vec![text::neutral(&count.key), count.count.to_string()])?;
    }
    table.finish()?;
    writeln!(out)?;
    if !report.tags.is_empty() {
        let columns = [Column::left("TAG"), Column::right("CHOICES"), Column::right("HEARD")];
        let mut table = Table::new(out, &columns);
        for tag in &report.tags {
            let heard = amounts::duration(tag.listening_micros);
            table.row(vec![text::neutral(&tag.tag), tag.choices.to_string(), heard])?;
        }
        table.finish()?;
        writeln!(out)?;
    }
    Ok(())
}

fn path(figures: &SessionFigures) -> String {
    match figures.bounds {
        None => "no points".to_owned(),
        Some(BoundingBox { west, south, east, north }) => format!(
            "{}, {}, within W,S,E,N {west},{south},{east},{north}",
            counted(figures.points, "point"),
            amounts::metres(figures.metres)
        ),
    }
}

/// How far the client's clock is off.
fn clock(report: &SessionReport) -> String {
    let Some(skew) = report.skew else { return "no client time that can be read".to_owned() };
    let said = amounts::duration;
    format!(
        "client minus server {} in the median, {} to {}, of {}",
        said(skew.median),
        said(skew.min),
        said(skew.max),
        counted(report.figures.client_times, "client time")
    )
}

/// One object, its timeline written event by event.
fn write_object(
    report: &SessionReport,
    events: impl Iterator<Item = diurnal::Result<diurnal::Event>>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    out.write_all(b"{\"report\":")?;
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b",\"timeline\":[")?;
    for (index, event) in events.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &event?)?;
    }
    out.write_all(b"]}\n")?;
    Ok(())
}

pub(crate) fn sessions(
    arguments: &SessionsArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let shown = format_or_default(arguments.format, ListFormat::Table, ListFormat::Jsonl);
    let question = |filter| {
        let mut question = Sessions::new()
            .filter(filter)
            .settings(arguments.settings.settings())
            .sort(arguments.sort)
            .order(order(arguments));
        question.limit = arguments.limit.or((shown == ListFormat::Table).then_some(TABLE_LIMIT));
        question
    };
    let zone = arguments.filters.tz;
    let write = |report: &SessionsReport, format, out: &mut dyn Write| match format {
        ListFormat::Table => write_table(report, zone, out),
        ListFormat::Json => write_json_line(out, report),
        ListFormat::Jsonl => {
            report.sessions.iter().try_for_each(|session| write_json_line(out, session))
        }
    };
    answer(&arguments.store, &arguments.filters, arguments.format, out, question, write)
}

/// The order asked for: where none was, names and times ascend, and amounts descend.
fn order(arguments: &SessionsArguments) -> Order {
    match (arguments.order, arguments.sort) {
        (Some(OrderArgument::Asc), _)
        | (None, SessionSort::Id | SessionSort::First | SessionSort::Last) => Order::Ascending,
        _ => Order::Descending,
    }
}

const COLUMNS: &[Column] = &[
    Column::left("SESSION"),
    Column::left("FIRST"),
    Column::right("DURATION"),
    Column::right("ACTIVE"),
    Column::right("EVENTS"),
    Column::right("ACTIONS"),
    Column::right("POINTS"),
    Column::right("WAY"),
    Column::right("TAGS"),
    Column::right("HEARD"),
    Column::right("RECORDED"),
    Column::right("UPLOADED"),
    Column::right("ABANDONED"),
    Column::right("ERRORS"),
    Column::right("SKEW"),
];

fn write_table(report: &SessionsReport, zone: Zone, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new(out, COLUMNS);
    for it in &report.sessions {
        table.row(vec![
            text::neutral(&it.id),
            amounts::time(zone, it.first),
            amounts::duration(it.duration_micros),
            amounts::duration(it.active_micros),
            it.events.to_string(),
            it.actions.to_string(),
            it.points.to_string(),
            amounts::metres(it.metres),
            it.tags_chosen.to_string(),
            amounts::duration(it.listening_micros),
            it.recordings_started.to_string(),
            it.uploads_stopped.to_string(),
            it.abandoned.to_string(),
            it.errors.to_string(),
            it.skew_micros.map_or_else(|| "-".to_owned(), amounts::duration),
        ])?;
    }
    table.finish()?;
    write_totals(report, out)
}

fn write_totals(report: &SessionsReport, out: &mut dyn Write) -> Result<(), Failure> {
    let totals = &report.totals;
    let more = not_listed(totals.sessions.saturating_sub(report.sessions.len() as u64));
    writeln!(out, "\n{}{more}", counted(totals.sessions, "session"))?;
    if totals.sessions_without_action > 0 {
        writeln!(out, "{} more without an action", totals.sessions_without_action)?;
    }
    writeln!(
        out,
        "{} of tags; {}, {}, {} abandoned; {}\n",
        counted(totals.choices, "choice"),
        counted(totals.recordings_started, "recording"),
        counted(totals.uploads_stopped, "upload"),
        totals.abandoned,
        counted(totals.errors, "error")
    )?;
    let columns = [
        Column::left(""),
        Column::right("TOTAL"),
        Column::right("MEDIAN"),
        Column::right("P90"),
        Column::right("P99"),
        Column::right("MAX"),
    ];
    let mut table = Table::new(out, &columns);
    let whole = |count: u64| count.to_string();
    let (duration, metres) = (totals.duration_micros, totals.metres);
    table.row(spread("duration", duration, report.duration_micros, amounts::duration))?;
    table.row(spread("events", totals.events, report.events, whole))?;
    table.row(spread("way", metres, report.metres, amounts::metres))?;
    Ok(table.finish()?)
}

/// A figure's total and spread.
fn spread<T: Copy>(
    title: &str,
    total: T,
    spread: Option<Quantiles<T>>,
    said: impl Fn(T) -> String,
) -> Vec<String> {
    let mut cells = vec![title.to_owned(), said(total)];
    match spread {
        Some(it) => cells.extend([it.median, it.p90, it.p99, it.max].map(said)),
        None => cells.resize(6, String::new()),
    }
    cells
}
