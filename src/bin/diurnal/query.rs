//! The commands `query` and `count`.
//!
//! Owns: the questions they put to a store, and `--explain` for every command with filters. Does
//! not own the answers' form beyond the columns of a count.

use std::io::Write;

use diurnal::{Count, GroupBy, Order, Query, Store};
use serde::Serialize;

use crate::args::reading::{ByArgument, CountArguments, OrderArgument, QueryArguments};
use crate::args::{EventFormat, RowFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::gaps;
use crate::near_miss;
use crate::output::{write_events, write_json_line};
use crate::table::{Column, Table};
use crate::text;

pub(crate) fn query(arguments: QueryArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut query = Query::from(filter(&arguments.filters)?).order(match arguments.order {
        OrderArgument::Asc => Order::Ascending,
        OrderArgument::Desc => Order::Descending,
    });
    query.limit = arguments.limit;
    query.after = arguments.after;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        return explain(&store, &query, arguments.format == Some(EventFormat::Jsonl), out);
    }
    let format = format_or_default(arguments.format, EventFormat::Table, EventFormat::Jsonl);
    let mut events = match arguments.filters.allow_gaps {
        true => store.allow_gaps().query(&query)?,
        false => store.query(&query)?,
    };
    let mut any = false;
    let seen = events.by_ref().inspect(|_| any = true);
    write_events(out, format, arguments.filters.tz, seen)?;
    if !any {
        near_miss::tell(&store, &arguments.filters, Vec::new());
    }
    Ok(gaps::tell(events.gaps()))
}

pub(crate) fn count(arguments: &CountArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let filter = filter(&arguments.filters)?;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        let json = arguments.format == Some(RowFormat::Jsonl);
        return explain(&store, &Query::from(filter), json, out);
    }
    let format = format_or_default(arguments.format, RowFormat::Table, RowFormat::Jsonl);
    let allowed = arguments.filters.allow_gaps;
    let Some(by) = arguments.by else {
        let (count, outcome) =
            gaps::ask(&store, allowed, |it| it.count(&filter), |it| it.count(&filter))?;
        if count == 0 {
            near_miss::tell(&store, &arguments.filters, Vec::new());
        }
        return write_total(count, format, out).map(|()| outcome);
    };
    let (by, title) = match by {
        ByArgument::Session => (GroupBy::Session, "SESSION"),
        ByArgument::Type => (GroupBy::EventType, "TYPE"),
        ByArgument::Tag => (GroupBy::Tag, "TAG"),
        ByArgument::Hour => (GroupBy::Hour, "HOUR"),
        ByArgument::Day => (GroupBy::Day, "DAY"),
    };
    let strict = |store: &Store| store.count_by(&filter, by);
    let (counts, outcome) = gaps::ask(&store, allowed, strict, |it| it.count_by(&filter, by))?;
    if counts.is_empty() {
        near_miss::tell(&store, &arguments.filters, Vec::new());
    }
    write_counts(&counts, title, format, out).map(|()| outcome)
}

fn write_total(count: u64, format: RowFormat, out: &mut dyn Write) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Total {
        count: u64,
    }
    match format {
        RowFormat::Jsonl => write_json_line(out, &Total { count }),
        RowFormat::Table => {
            let mut table = Table::new(out, &[Column::right("COUNT")]);
            table.row(vec![count.to_string()])?;
            Ok(table.finish()?)
        }
    }
}

fn write_counts(
    counts: &[Count],
    title: &'static str,
    format: RowFormat,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match format {
        RowFormat::Jsonl => counts.iter().try_for_each(|count| write_json_line(out, count)),
        RowFormat::Table => {
            let mut table = Table::new(out, &[Column::left(title), Column::right("COUNT")]);
            for count in counts {
                table.row(vec![text::neutral(&count.key), count.count.to_string()])?;
            }
            Ok(table.finish()?)
        }
    }
}

/// Says how a query is answered: as text for people, or as JSON where that was asked for by name.
pub(crate) fn explain(
    store: &Store,
    query: &Query,
    json: bool,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let explain = store.explain(query)?;
    if json {
        write_json_line(out, &explain)?;
    } else {
        for line in explain.to_string().lines() {
            writeln!(out, "{}", text::neutral(line))?;
        }
    }
    Ok(Outcome::Done)
}
