//! The command `histogram`.
//!
//! Owns: buckets of time with their counts, as a table and as JSON.

use std::io::Write;

use diurnal::analysis::{Activity, Bucket, Histogram};

use super::{ask, bar};
use crate::amounts::counted;
use crate::args::activity::HistogramArguments;
use crate::args::{ObjectFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::output::write_json_line;
use crate::picture::write_plot;
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn histogram(
    arguments: &HistogramArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let question = |filter| {
        Histogram::new(arguments.bucket)
            .filter(filter)
            .zone(arguments.filters.tz)
            .by_type(arguments.by_type)
            .gap(arguments.gap)
    };
    let json = arguments.format == Some(ObjectFormat::Json);
    let (activity, outcome) = ask(&arguments.store, &arguments.filters, json, out, question)?;
    let Some(activity) = activity else { return Ok(outcome) };
    if let Some(path) = &arguments.output {
        write_plot(path, out, || plot(arguments, &activity))?;
        return Ok(outcome);
    }
    match format_or_default(arguments.format, ObjectFormat::Table, ObjectFormat::Json) {
        ObjectFormat::Table => write_table(arguments, &activity, out)?,
        ObjectFormat::Json => write_json_line(out, &activity)?,
    }
    Ok(outcome)
}

fn write_table(
    arguments: &HistogramArguments,
    activity: &Activity,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut columns = vec![
        Column::left("START"),
        Column::right("EVENTS"),
        Column::right("SESSIONS"),
        Column::right("ALIVE"),
        Column::left(""),
    ];
    if arguments.by_type {
        columns.push(Column::left("BY TYPE"));
    }
    let mut table = Table::new(out, &columns);
    let most = activity.buckets.iter().map(|bucket| bucket.events).max().unwrap_or_default();
    for bucket in &activity.buckets {
        table.row(vec![
            bucket.local.clone(),
            bucket.events.to_string(),
            bucket.sessions.to_string(),
            bucket.alive_max.to_string(),
            bar(bucket.events, most),
            by_type(bucket),
        ])?;
    }
    table.finish()?;
    write!(out, "\n{}", sum(activity))?;
    if let Some(peak) = &activity.peak {
        let at = arguments.filters.tz.text(peak.at);
        write!(out, "; most alive at once: {}, at {at}", peak.sessions)?;
    }
    writeln!(out)?;
    Ok(())
}

/// `12 events of 1 session`.
fn sum(activity: &Activity) -> String {
    let sessions = counted(activity.sessions, "session");
    format!("{} of {sessions}", counted(activity.events, "event"))
}

/// Events, by type where that was asked for, and below them the sessions that were alive.
#[cfg(feature = "map")]
fn plot(arguments: &HistogramArguments, activity: &Activity) -> String {
    use diurnal::map::plot::{Panel, Series, TimePlot};

    let buckets = &activity.buckets;
    let events = match arguments.by_type {
        true => types(activity),
        false => vec![Series::new("events", buckets.iter().map(|it| it.events as f64))],
    };
    let alive = Series::new("sessions", buckets.iter().map(|it| it.alive_max as f64));
    let store = arguments.store.file_name().unwrap_or(arguments.store.as_os_str());
    let plot = TimePlot {
        title: format!("Activity in {}", store.to_string_lossy()),
        note: format!("{} · times: {}", sum(activity), arguments.filters.tz),
        zone: arguments.filters.tz,
        spans: buckets.iter().map(|it| (it.start, it.end)).collect(),
        panels: vec![
            Panel { title: "Events".to_owned(), series: events },
            Panel { title: "Sessions alive at once".to_owned(), series: vec![alive] },
        ],
    };
    plot.svg()
}

#[cfg(not(feature = "map"))]
fn plot(_: &HistogramArguments, _: &Activity) -> String {
    String::new()
}

/// A series for each type, the most frequent first.
#[cfg(feature = "map")]
fn types(activity: &Activity) -> Vec<diurnal::map::plot::Series> {
    let mut series = std::collections::BTreeMap::<&str, Vec<f64>>::new();
    for (place, bucket) in activity.buckets.iter().enumerate() {
        for count in &bucket.by_type {
            let none = || vec![0.0; activity.buckets.len()];
            series.entry(&count.key).or_insert_with(none)[place] = count.count as f64;
        }
    }
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let mut series: Vec<_> = series.into_iter().collect();
    series.sort_by(|a, b| sum(&b.1).total_cmp(&sum(&a.1)));
    let named = |(name, values): (&str, Vec<f64>)| diurnal::map::plot::Series::new(name, values);
    series.into_iter().map(named).collect()
}

/// `heartbeat 12, modify_stream 3`.
fn by_type(bucket: &Bucket) -> String {
    let one = |count: &diurnal::Count| format!("{} {}", text::neutral(&count.key), count.count);
    bucket.by_type.iter().map(one).collect::<Vec<_>>().join(", ")
}
