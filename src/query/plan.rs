//! From a filter to conditions that can be answered.
//!
//! Owns: [`Plan`], the filter prepared once for a query, and which days and blocks it can rule out from
//! what is known without reading them. Pure: it reads nothing. Does not own the answering (`eval`).
//!
//! Invariant: what is ruled out holds no match.

use crate::catalog::DaySummary;
use crate::error::Result;
use crate::index::cells::Bounds;
use crate::index::term::Field;
use crate::index::zones::{Extent, Zone};
use crate::query::filter::Filter;
use crate::query::region::{Cover, Region};
use crate::time::{Day, TimeRange};

/// A condition, ready to be answered.
#[derive(Debug)]
pub(crate) enum Condition {
    All,
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// Any of these keys, or all of them.
    Terms {
        field: Field,
        keys: Vec<String>,
        all: bool,
    },
    ServerTime(TimeRange),
    ClientTime(TimeRange),
    Place {
        region: Box<Region>,
        cover: Cover,
    },
    HasLocation(bool),
    DataContains(String),
}

/// A filter, prepared.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) condition: Condition,
    /// Terms that an event must have, all of them and nothing more; `None` where there is more to it.
    conjunction: Option<Vec<(Field, String)>>,
}

impl Plan {
    /// Checks and prepares a filter.
    pub(crate) fn new(filter: &Filter) -> Result<Self> {
        filter.validate()?;
        let condition = Condition::of(filter);
        let conjunction = condition.conjunction();
        Ok(Self { condition, conjunction })
    }

    /// The terms that an event must have, where that is all that is asked.
    pub(crate) fn conjunction(&self) -> Option<&[(Field, String)]> {
        self.conjunction.as_deref()
    }

    /// Whether the day may hold a match; `summary` where the day need not be opened to know more.
    pub(crate) fn may_match(&self, day: Day, summary: Option<&DaySummary>) -> bool {
        self.condition.may_match_day(day, summary)
    }

    /// Sessions of which one must be an event's, where the filter names such.
    pub(crate) fn sessions(&self) -> Option<&[String]> {
        self.steps().iter().find_map(|step| match step {
            Condition::Terms { field: Field::Session, keys, .. } => Some(&keys[..]),
            _ => None,
        })
    }

    /// Whether every event matches.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.condition, Condition::All)
    }

    /// The conditions that an event must meet, cheapest first.
    pub(crate) fn steps(&self) -> &[Condition] {
        match &self.condition {
            Condition::And(conditions) => conditions,
            single => std::slice::from_ref(single),
        }
    }
}

impl Condition {
    fn of(filter: &Filter) -> Self {
        let terms = |field, keys: &[String], all| Self::Terms { field, keys: keys.to_vec(), all };
        match filter {
            Filter::All => Self::All,
            Filter::And(filters) => Self::all_of(filters.iter().map(Self::of).collect()),
            Filter::Or(filters) => Self::Or(filters.iter().map(Self::of).collect()),
            Filter::Not(filter) => Self::Not(Box::new(Self::of(filter))),
            Filter::Session(ids) => terms(Field::Session, ids, false),
            Filter::EventType(names) => terms(Field::EventType, names, false),
            Filter::AnyTag(tags) => terms(Field::Tag, tags, false),
            Filter::AllTags(tags) => terms(Field::Tag, tags, true),
            Filter::ServerTime(range) => Self::ServerTime(*range),
            Filter::ClientTime(range) => Self::ClientTime(*range),
            Filter::BoundingBox(_) | Filter::Polygon(_) | Filter::Circle(_) => {
                // Every geometric filter has a region; without one nothing would lie inside.
                Region::new(filter).map_or(Self::Or(Vec::new()), Self::place)
            }
            Filter::HasLocation(has) => Self::HasLocation(*has),
            Filter::DataContains(text) => Self::DataContains(text.clone()),
        }
    }

    fn place(region: Region) -> Self {
        let cover = region.cover();
        Self::Place { region: Box::new(region), cover }
    }

    /// A conjunction without conjunctions in it, cheapest first.
    fn all_of(conditions: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(conditions.len());
        for condition in conditions {
            match condition {
                Self::All => {}
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort_by_key(Self::cost);
        match flat.len() {
            0 => Self::All,
            1 => flat.remove(0),
            _ => Self::And(flat),
        }
    }

    fn conjunction(&self) -> Option<Vec<(Field, String)>> {
        match self {
            Self::All => Some(Vec::new()),
            Self::Terms { field, keys, all } if *all || keys.len() == 1 => {
                Some(keys.iter().map(|key| (*field, key.clone())).collect())
            }
            Self::And(all) => {
                let each: Option<Vec<_>> = all.iter().map(Self::conjunction).collect();
                Some(each?.concat())
            }
            _ => None,
        }
    }

    /// What answering costs, roughly: a bitmap, a zone, a column of numbers, a column of text.
    fn cost(&self) -> u32 {
        match self {
            Self::All => 0,
            Self::Terms { keys, .. } => 1 + u32::try_from(keys.len()).unwrap_or(u32::MAX) / 64,
            Self::ServerTime(_) => 200,
            Self::HasLocation(_) => 210,
            Self::Place { .. } => 220,
            Self::ClientTime(_) => 230,
            Self::DataContains(_) => 300,
            Self::Not(inner) => inner.cost() + 1,
            Self::And(inner) | Self::Or(inner) => {
                inner.iter().map(Self::cost).max().unwrap_or(0) + 2
            }
        }
    }

    fn may_match_day(&self, day: Day, summary: Option<&DaySummary>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|inner| inner.may_match_day(day, summary)),
            Self::Or(any) => any.iter().any(|inner| inner.may_match_day(day, summary)),
            Self::ServerTime(range) => {
                let common = day.range().intersection(range);
                common.from < common.to && summary.is_none_or(|it| self.may_match_zone(&it.zone))
            }
            Self::Terms { field: Field::Session, keys, .. } => {
                summary.is_none_or(|summary| keys.iter().any(|session| summary.may_hold(session)))
            }
            Self::Terms { field, keys, all } => {
                let may_hold = |key: &String| {
                    summary.is_none_or(|summary| summary.total(*field, key) != Some(0))
                };
                if *all { keys.iter().all(may_hold) } else { keys.iter().any(may_hold) }
            }
            other => summary.is_none_or(|summary| other.may_match_zone(&summary.zone)),
        }
    }

    /// Whether rows of this zone may match.
    pub(crate) fn may_match_zone(&self, zone: &Zone) -> bool {
        match self {
            Self::And(all) => all.iter().all(|inner| inner.may_match_zone(zone)),
            Self::Or(any) => any.iter().any(|inner| inner.may_match_zone(zone)),
            Self::ServerTime(range) => range.meets(zone.server_time.0, zone.server_time.1),
            Self::ClientTime(range) => {
                zone.client_time.is_some_and(|(first, last)| range.meets(first, last))
            }
            Self::Place { region, .. } => {
                zone.extent.is_some_and(|extent| region.meets_rect(&bounds_of(extent)))
            }
            Self::HasLocation(true) => zone.located_rows > 0,
            Self::HasLocation(false) => zone.located_rows < zone.rows,
            Self::All | Self::Not(_) | Self::Terms { .. } | Self::DataContains(_) => true,
        }
    }

    /// Whether every row of this zone matches, for sure.
    pub(crate) fn covers_zone(&self, zone: &Zone) -> bool {
        match self {
            Self::ServerTime(range) => range.covers(zone.server_time.0, zone.server_time.1),
            Self::HasLocation(has) => zone.located_rows == if *has { zone.rows } else { 0 },
            Self::Place { region, .. } => {
                zone.located_rows == zone.rows
                    && zone.extent.is_some_and(|extent| region.covers_rect(&bounds_of(extent)))
            }
            _ => false,
        }
    }
}

fn bounds_of(extent: Extent) -> Bounds {
    let Extent { south, north, west, east } = extent;
    Bounds { south, west, north, east }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, name: &str, of: &[Self]| {
            write!(f, "{name} of {} conditions", of.len())
        };
        match self {
            Self::All => f.write_str("every event"),
            Self::And(all) => list(f, "all", all),
            Self::Or(any) => list(f, "any", any),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Terms { field, keys, all } => {
                let shown: Vec<_> = keys.iter().take(4).map(String::as_str).collect();
                let more = if keys.len() > 4 { ", …" } else { "" };
                let which = if *all { "all of" } else { "any of" };
                write!(f, "{field} {which} [{}{more}]", shown.join(", "))
            }
            Self::ServerTime(range) => write!(f, "server time {}", text_of(range)),
            Self::ClientTime(range) => write!(f, "client time {}", text_of(range)),
            Self::Place { .. } => f.write_str("inside the area"),
            Self::HasLocation(true) => f.write_str("with a location"),
            Self::HasLocation(false) => f.write_str("without a location"),
            Self::DataContains(text) => {
                write!(f, "data contains {:?}", crate::error::shortened(text))
            }
        }
    }
}

fn text_of(range: &TimeRange) -> String {
    match (range.from == TimeRange::ALL.from, range.to == TimeRange::ALL.to) {
        (true, true) => "at any time".to_owned(),
        (true, false) => format!("before {}", range.to),
        (false, true) => format!("from {}", range.from),
        (false, false) => format!("from {} to {}", range.from, range.to),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops there")]
mod tests;
