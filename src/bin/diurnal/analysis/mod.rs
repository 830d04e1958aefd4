//! The commands that ask what the log is for.
//!
//! Owns: one room for each family of questions: how answers are printed; and the way from a question to its
//! answer. Does not own the answers, which are the
//! library's (`diurnal::analysis`).

pub(crate) mod errors;
pub(crate) mod flows;
pub(crate) mod health;
pub(crate) mod sessions;
pub(crate) mod tags;

use std::io::Write;
use std::path::Path;

use diurnal::analysis::Question;
use diurnal::{Filter, Query, Store};

use crate::args::filters::FilterArguments;
use crate::args::{ListFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::query::explain;
use crate::{gaps, human};

/// Asks a question about the events that the filters let through, and writes what is answered.
fn answer<Q: Question>(
    store: &Path,
    filters: &FilterArguments,
    format: Option<ListFormat>,
    out: &mut dyn Write,
    question: impl FnOnce(Filter) -> Q,
    write: impl FnOnce(&Q::Answer, ListFormat, &mut dyn Write) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let filter = filter(filters)?;
    let store = Store::open_read_only(store)?;
    if filters.explain {
        let json = matches!(format, Some(ListFormat::Json | ListFormat::Jsonl));
        return explain(&store, &Query::from(filter), json, out);
    }
    let question = question(filter);
    let allowed = filters.allow_gaps;
    let (report, outcome) =
        gaps::ask(&store, allowed, |it| it.ask(&question), |it| it.ask(&question))?;
    write(&report, format_or_default(format, ListFormat::Table, ListFormat::Jsonl), out)?;
    Ok(outcome)
}

/// A length of time for a table.
fn span(micros: u64) -> String {
    human::duration(i64::try_from(micros).unwrap_or(i64::MAX))
}
