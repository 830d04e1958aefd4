//! The command `tail`.
//!
//! Owns: with which events it begins, how it goes on, and the file in which a position is kept. Does not own
//! what is delivered, which is the library's, nor its form (`output`).
//!
//! Invariant: a position is kept only once all that came before it has left the program.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use diurnal::{
    Day, Error, ErrorKind, Event, Filter, Order, Position, Query, Start, Store, Subscription,
};

use crate::args::tail::{Last, TailArguments};
use crate::args::{EventFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::output::EventOutput;
use crate::query::explain;
use crate::text;

/// How many of the last events are printed where nothing was said.
const LAST_DEFAULT: usize = 10;

/// Bytes of a position file, far more than a position has.
const POSITION_BYTES_MAX: u64 = 1024 * 1024;

pub(crate) fn tail(arguments: &TailArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let filter = filter(&arguments.filters)?;
    let store = Store::open_read_only(&arguments.store)?;
    if arguments.filters.explain {
        let json = arguments.format == Some(EventFormat::Jsonl);
        return explain(&store, &Query::from(filter), json, out);
    }
    let kept = arguments.position_file.as_deref();
    let position = match &arguments.after {
        Some(position) => Some(position.clone()),
        None => kept.map(read_position).transpose()?.flatten(),
    };
    let (start, last) = match (position, arguments.last.unwrap_or(Last::Events(LAST_DEFAULT))) {
        (Some(position), _) => (Start::After(position), 0),
        (None, Last::All) => (Start::Beginning, 0),
        (None, Last::Events(events)) => (Start::Now, events),
    };
    let mut subscription = store.subscribe_from(&filter, &start)?;
    let format = format_or_default(arguments.format, EventFormat::Table, EventFormat::Jsonl);
    let mut gaps = Gaps { allowed: arguments.filters.allow_gaps, days: BTreeSet::new() };
    let mut events = EventOutput::new(out, format, arguments.filters.tz);
    for event in last_events(&store, &filter, &subscription, last, &mut gaps)? {
        events.write(&event)?;
    }
    events.flush()?;
    keep(kept, &subscription.position())?;
    let patience = if arguments.follow { Duration::MAX } else { Duration::ZERO };
    loop {
        match subscription.next_batch(patience) {
            Ok(batch) => {
                batch.events.iter().try_for_each(|event| events.write(event))?;
                events.flush()?;
                keep(kept, &batch.position)?;
                if batch.events.is_empty() && !arguments.follow {
                    break;
                }
            }
            Err(error) => gaps.leave_out(error)?,
        }
    }
    events.finish()?;
    Ok(if gaps.days.is_empty() { Outcome::Done } else { Outcome::Damaged })
}

/// So many of the last events before the subscription's beginning, oldest first.
fn last_events(
    store: &Store,
    filter: &Filter,
    subscription: &Subscription,
    last: usize,
    gaps: &mut Gaps,
) -> Result<Vec<Event>, Failure> {
    let query = Query::from(filter.clone()).order(Order::Descending);
    let mut found = match gaps.allowed {
        true => store.allow_gaps().query(&query)?,
        false => store.query(&query)?,
    };
    // What has come since then is delivered.
    let before = |event: &diurnal::Result<Event>| {
        event.as_ref().map_or(true, |event| subscription.is_past(event.id))
    };
    let events =
        found.by_ref().filter(before).take(last).collect::<diurnal::Result<Vec<Event>>>()?;
    for gap in found.gaps() {
        gaps.leave_out(gap.error.clone())?;
    }
    Ok(events.into_iter().rev().collect())
}

/// The days that were left out.
struct Gaps {
    allowed: bool,
    days: BTreeSet<Day>,
}

impl Gaps {
    /// Names a day that cannot be read, once, where that is allowed.
    fn leave_out(&mut self, error: Error) -> Result<(), Failure> {
        let damage = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version);
        match error.day().filter(|_| self.allowed && damage) {
            Some(day) => {
                if self.days.insert(day) {
                    text::warning("diurnal: gap:", &error.to_string());
                }
                Ok(())
            }
            None => Err(error.into()),
        }
    }
}

/// The position that a file holds; `None` where there is no file yet.
fn read_position(path: &Path) -> Result<Option<Position>, Failure> {
    let text = match fs::metadata(path).and_then(|metadata| match metadata.len() {
        0..=POSITION_BYTES_MAX => fs::read_to_string(path),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file("read", path, &error)),
        Ok(text) => text,
    };
    let parsed = text.trim().parse();
    parsed.map(Some).map_err(|error| Failure::message(format!("{}: {error}", path.display())))
}

/// Puts a position in the place of the one that a file holds: the one or the other is there, whatever
/// happens.
fn keep(path: Option<&Path>, position: &Position) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let draft = PathBuf::from(name);
    let kept = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        writeln!(file, "{position}")?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    kept().map_err(|error| Failure::file("write", path, &error))
}
