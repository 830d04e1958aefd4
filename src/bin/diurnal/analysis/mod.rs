//! The commands that ask what the log is for.
//!
//! Owns: one room for each family of questions: how answers are printed; and the way from a question to its
//! answer, and to a hint where that is empty (`empty`). Does not own the answers, which are the library's
//! (`diurnal::analysis`).

mod empty;
pub(crate) mod errors;
pub(crate) mod flows;
pub(crate) mod health;
pub(crate) mod heatmap;
pub(crate) mod histogram;
pub(crate) mod map;
pub(crate) mod sessions;
pub(crate) mod skew;
pub(crate) mod tags;

use std::io::Write;
use std::path::Path;

use diurnal::{Filter, Query, Store};

use crate::args::filters::FilterArguments;
use crate::args::{ListFormat, format_or_default};
use crate::failure::{Failure, Outcome};
use crate::filters::filter;
use crate::query::explain;
use crate::{amounts, gaps, near_miss};
use empty::MayBeEmpty;

/// Asks a question about the events that the filters let through; no answer where they ask how it is found,
/// which is then written.
fn ask<Q: MayBeEmpty>(
    store: &Path,
    filters: &FilterArguments,
    json: bool,
    out: &mut dyn Write,
    question: impl FnOnce(Filter) -> Q,
) -> Result<(Option<Q::Answer>, Outcome), Failure> {
    let filter = filter(filters)?;
    let store = Store::open_read_only(store)?;
    if filters.explain {
        return Ok((None, explain(&store, &Query::from(filter), json, out)?));
    }
    let question = question(filter);
    let allowed = filters.allow_gaps;
    let (answer, outcome) =
        gaps::ask(&store, allowed, |it| it.ask(&question), |it| it.ask(&question))?;
    if Q::is_empty(&answer) {
        near_miss::tell(&store, filters, question.types());
    }
    Ok((Some(answer), outcome))
}

/// As [`ask`], and writes a list that is answered.
fn answer<Q: MayBeEmpty>(
    store: &Path,
    filters: &FilterArguments,
    format: Option<ListFormat>,
    out: &mut dyn Write,
    question: impl FnOnce(Filter) -> Q,
    write: impl FnOnce(&Q::Answer, ListFormat, &mut dyn Write) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let json = matches!(format, Some(ListFormat::Json | ListFormat::Jsonl));
    let (report, outcome) = ask(store, filters, json, out, question)?;
    if let Some(report) = report {
        write(&report, format_or_default(format, ListFormat::Table, ListFormat::Jsonl), out)?;
    }
    Ok(outcome)
}

/// A length of time for a table.
fn span(micros: u64) -> String {
    amounts::duration(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// What a total says of those that a list leaves out.
fn not_listed(others: u64) -> String {
    if others == 0 { String::new() } else { format!(", {others} of them not listed") }
}

/// Columns of the longest bar.
const BAR_COLUMNS: u64 = 24;

/// An amount beside the largest one, as a bar; the least amount can be seen.
fn bar(amount: u64, most: u64) -> String {
    const PIECES: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = |amount: u64| amount as f64 / most.max(1) as f64 * (BAR_COLUMNS * 8) as f64;
    let length = (eighths(amount.min(most)).round() as usize).max(usize::from(amount > 0));
    format!("{}{}", "█".repeat(length / 8), PIECES[length % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_amounts() {
        assert_eq!(bar(0, 0), "");
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(1, u64::MAX), "▏");
        assert_eq!(bar(1, 48), "▌");
        assert_eq!(bar(u64::MAX, u64::MAX), "█".repeat(24));
    }
}
