//! What breaks?
//!
//! Owns: [`ClientErrors`], the errors that clients report, grouped by what their messages have in common. Does
//! not own what that is (`pattern`).
//!
//! - An error is an event of the types in question, `client_error` alone unless the setting says more. Its
//!   message is its data; errors without data, and those with empty data, are a group each.
//! - Errors whose messages have the same pattern are a group, with how many there are, in how many sessions, the
//!   first and the last server time, and the first message as an example.
//!
//! Bounds: at most [`GROUPS_MAX`] groups are told apart, the first that are met in order of time; errors of any
//! other are counted in `others`. A group takes at most 1.6 KiB and the set of its sessions: 2 bytes for each, at
//! most one bit for each session of the store.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method, new_method};
use crate::analysis::meaning::{Meaning, types_of};
use crate::analysis::sealed::Answered;
use crate::analysis::{LIMIT, Moment, message_pattern, places};
use crate::codec::columns::ColumnKind;
use crate::error::Result;
use crate::event::EventId;
use crate::index::postings::Bitmap;
use crate::query::Filter;
use crate::query::scan::{Row, Words, scan};
use crate::time::Timestamp;

/// Groups that are told apart.
const GROUPS_MAX: usize = 10_000;

/// Bytes of an example.
const EXAMPLE_BYTES_MAX: usize = 1024;

/// What breaks? Asks for the errors that clients reported, grouped by their messages with numbers and ids left
/// out; see [`Store::ask`](crate::Store::ask) and [`message_pattern`].
///
/// ```
/// use diurnal::analysis::ClientErrors;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// store.log_event(NewEvent::new(1, "client_error").data("timeout after 300 ms"))?;
/// store.log_event(NewEvent::new(2, "client_error").data("timeout after 1500 ms"))?;
///
/// let answer = store.ask(&ClientErrors::new())?;
/// let group = &answer.groups[0];
/// assert_eq!(group.pattern.as_deref(), Some("timeout after <n> ms"));
/// assert_eq!((group.count, group.sessions), (2, 2));
/// assert_eq!(group.example.as_deref(), Some("timeout after 300 ms"));
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClientErrors {
    /// Which events; by default all.
    pub filter: Filter,
    /// The event types that are errors; by default `client_error`.
    pub types: Vec<String>,
    /// How many groups are listed; by default 100.
    pub limit: u64,
}

impl Default for ClientErrors {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            types: types_of(Meaning::ClientError).map(str::to_owned).collect(),
            limit: LIMIT,
        }
    }
}

impl ClientErrors {
    new_method!();

    filter_method!();

    /// The event types that are errors, in place of the default.
    #[must_use]
    pub fn types<T: ToString>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(|name| name.to_string()).collect();
        self
    }

    limit_method!("How many groups are listed.");
}

/// What [`ClientErrors`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientErrorsReport {
    /// Errors, listed or not.
    pub count: u64,
    /// Sessions with an error.
    pub sessions: u64,
    /// Groups that were told apart, listed or not; at most 10,000.
    pub groups_found: u64,
    /// The largest groups first, then by pattern; no more than the limit.
    pub groups: Vec<ErrorGroup>,
    /// The errors of groups that are not listed; `None` where all are.
    pub others: Option<OtherErrors>,
}

/// Errors that say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// What their messages have in common; `None` for errors without data.
    pub pattern: Option<String>,
    /// How many.
    pub count: u64,
    /// In how many sessions.
    pub sessions: u64,
    /// The earliest server time.
    pub first: Timestamp,
    /// The latest server time.
    pub last: Timestamp,
    /// The first one's message, as it was logged up to 1,024 bytes, and `…` where it is longer.
    pub example: Option<String>,
    /// The first one's id.
    pub example_id: EventId,
}

/// Errors of groups that are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherErrors {
    /// How many.
    pub count: u64,
    /// In how many sessions.
    pub sessions: u64,
    /// The earliest server time.
    pub first: Timestamp,
    /// The latest server time.
    pub last: Timestamp,
}

impl Answered for ClientErrors {
    type Answer = ClientErrorsReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<ClientErrorsReport> {
        let filter = self.filter.clone().and(Filter::event_types(&self.types));
        let mut groups = Groups::default();
        scan(moment.snapshot, &filter, &[ColumnKind::Data], &mut Words::default(), |row| {
            groups.add(row);
            Ok(())
        })?;
        Ok(groups.report(self.limit))
    }
}

/// What is known midway.
#[derive(Default)]
struct Groups {
    without_data: Option<Group>,
    by_pattern: HashMap<String, Group>,
    /// Of groups that are not told apart.
    others: Option<Figures>,
}

struct Group {
    figures: Figures,
    example: Option<String>,
    example_id: EventId,
}

#[derive(Debug, Clone)]
struct Figures {
    count: u64,
    sessions: Bitmap,
    first: Timestamp,
    last: Timestamp,
}

impl Groups {
    fn add(&mut self, row: &Row<'_>) {
        let full = self.by_pattern.len() >= GROUPS_MAX;
        let group = match row.data().map(message_pattern) {
            None => self.without_data.get_or_insert_with(|| Group::new(row)),
            Some(pattern) if full && !self.by_pattern.contains_key(&pattern) => {
                return self.others.get_or_insert_with(|| Figures::new(row)).add(row);
            }
            Some(pattern) => self.by_pattern.entry(pattern).or_insert_with(|| Group::new(row)),
        };
        group.figures.add(row);
    }

    fn report(self, limit: u64) -> ClientErrorsReport {
        let mut groups: Vec<(Option<String>, Group)> = Vec::new();
        groups.extend(self.without_data.map(|group| (None, group)));
        groups.extend(self.by_pattern.into_iter().map(|(pattern, group)| (Some(pattern), group)));
        groups
            .sort_by(|a, b| b.1.figures.count.cmp(&a.1.figures.count).then_with(|| a.0.cmp(&b.0)));
        let groups_found = groups.len() as u64;
        let mut others = self.others;
        for (_, group) in groups.drain(places(limit).min(groups.len())..) {
            match &mut others {
                Some(others) => others.merge(&group.figures),
                none => *none = Some(group.figures),
            }
        }
        let mut all = others.clone();
        for (_, group) in &groups {
            match &mut all {
                Some(all) => all.merge(&group.figures),
                none => *none = Some(group.figures.clone()),
            }
        }
        ClientErrorsReport {
            count: all.as_ref().map_or(0, |all| all.count),
            sessions: all.as_ref().map_or(0, |all| all.sessions.len()),
            groups_found,
            groups: groups.into_iter().map(|(pattern, group)| group.told(pattern)).collect(),
            others: others.map(|others| OtherErrors {
                count: others.count,
                sessions: others.sessions.len(),
                first: others.first,
                last: others.last,
            }),
        }
    }
}

impl Group {
    fn new(row: &Row<'_>) -> Self {
        let example = row.data().map(|data| match data.len() <= EXAMPLE_BYTES_MAX {
            true => data.to_owned(),
            false => format!("{}…", &data[..boundary(data, EXAMPLE_BYTES_MAX)]),
        });
        Self { figures: Figures::new(row), example, example_id: row.id }
    }

    fn told(self, pattern: Option<String>) -> ErrorGroup {
        ErrorGroup {
            pattern,
            count: self.figures.count,
            sessions: self.figures.sessions.len(),
            first: self.figures.first,
            last: self.figures.last,
            example: self.example,
            example_id: self.example_id,
        }
    }
}

/// The last place up to this one where a text can be cut.
fn boundary(text: &str, up_to: usize) -> usize {
    (0..=up_to).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

impl Figures {
    /// Of no error yet, and that one is about to be added.
    fn new(row: &Row<'_>) -> Self {
        let (first, last) = (row.server_time, row.server_time);
        Self { count: 0, sessions: Bitmap::empty(), first, last }
    }

    fn add(&mut self, row: &Row<'_>) {
        self.count += 1;
        self.sessions.insert(row.session.index() as u32);
        self.last = row.server_time;
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sessions |= &other.sessions;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}
