//! Whether the indexes and the log agree.
//!
//! Owns: `check`: reading every byte of every day, and comparing every zone, dictionary, posting and
//! catalog entry with the rows. Does not own mending (`rebuild`).
//!
//! The expected postings are made from the rows one by one, not by the code that folds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::DaySummary;
use crate::client_time;
use crate::codec::columns::Head;
use crate::codec::row::Row;
use crate::day::contents::{BlockEntry, Contents};
use crate::day::file::{self, SectionHead, SectionKind};
use crate::day::view::{DayView, PartView};
use crate::error::{Error, ErrorKind, Result};
use crate::index::cells::Cell;
use crate::index::postings::OpenPage;
use crate::index::term::Field;
use crate::index::zones::Zone;
use crate::snapshot::{self, Snapshot};
use crate::time::{self, Day};
use crate::upkeep::progress::Meter;

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// Days looked at.
    pub days: u64,
    /// Events read.
    pub events: u64,
    /// Events that an earlier rebuild could not read: known, and no disagreement.
    pub events_lost: u64,
    /// Ordinals whose events were erased: holes, and no disagreement.
    #[serde(default)]
    pub events_erased: u64,
    /// Days that may have had more events, of which nothing tells: damage took their lists too.
    pub days_cut_short: Vec<Day>,
    /// Every disagreement.
    pub problems: Vec<Problem>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// The day concerned, where it is one day's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// Where in the day.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// Whether it is of a format that only a newer diurnal reads.
    #[serde(skip)]
    pub(crate) newer: bool,
}

impl CheckReport {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(day) = self.day {
            write!(f, "day {day}: ")?;
        }
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Checks every day of a snapshot; whoever asks has told the meter to expect them.
pub(crate) fn check(snapshot: &Snapshot, meter: &mut Meter<'_>) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    for day in snapshot.days() {
        meter.begin_day(snapshot.events(day));
        let has_gap = snapshot.gaps.contains(&day);
        if has_gap {
            report.problems.push(problem_of(day, "files set aside", &snapshot::gap_error(day)));
        }
        match snapshot.view_after_gap(day) {
            Ok(Some(view)) => {
                let mut checked =
                    DayCheck { view: &view, events: 0, lost: 0, erased: 0, problems: Vec::new() };
                checked.run(snapshot, meter);
                report.days += 1;
                report.events += checked.events;
                report.events_lost += if has_gap { 0 } else { checked.lost };
                report.events_erased += checked.erased;
                let cut_short = !has_gap && view.parts.iter().any(|part| part.is_unknown());
                report.days_cut_short.extend(Some(day).filter(|_| cut_short));
                report.problems.append(&mut checked.problems);
            }
            Ok(None) => report.days += u64::from(has_gap),
            Err(error) => {
                report.days += 1;
                report.problems.push(problem_of(day, "the day's files", &error));
            }
        }
        meter.end_day();
    }
    Ok(report)
}

pub(crate) fn problem_of(day: Day, place: &str, error: &Error) -> Problem {
    let newer = error.kind() == ErrorKind::Version;
    Problem { day: Some(day), place: place.to_owned(), what: error.to_string(), newer }
}

/// The check of one day.
struct DayCheck<'a> {
    view: &'a DayView,
    events: u64,
    lost: u64,
    erased: u64,
    problems: Vec<Problem>,
}

/// What the postings of a term must be.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    rows: Vec<u32>,
    /// In microseconds.
    times: Option<(i64, i64)>,
}

type ExpectedTerms = BTreeMap<(Field, Vec<u8>), Expected>;

impl DayCheck<'_> {
    fn report(&mut self, place: impl Into<String>, what: impl Into<String>) {
        let (place, what) = (place.into(), what.into());
        self.problems.push(Problem { day: Some(self.view.day), place, what, newer: false });
    }

    fn report_error(&mut self, place: &str, error: &Error) {
        self.problems.push(problem_of(self.view.day, place, error));
    }

    fn run(&mut self, snapshot: &Snapshot, meter: &mut Meter<'_>) {
        if self.view.file.is_some() {
            let listed = self.view.parts.iter().flat_map(|part| part.end_in_file()).max();
            let sealed = !snapshot.live.contains_key(&self.view.day);
            if let Err(error) = check_sections(self.view, listed.unwrap_or(0), sealed, |_| {}) {
                self.report_error("the day's file", &error);
            }
        }
        for part in meter.parts(self.view) {
            if part.is_unknown() {
                continue;
            } else if part.is_lost() {
                self.lost += u64::from(part.rows);
            } else {
                match self.view.open(part) {
                    Ok(part) => self.check_part(&part),
                    Err(error) => {
                        self.report_error(&format!("contents at ordinal {}", part.first), &error);
                    }
                }
            }
        }
        if let Some(listed) = snapshot.summary(self.view.day) {
            match DaySummary::derive(self.view, listed.file_len) {
                Ok(derived) if derived == *listed => {}
                Ok(_) => self.report("the catalog", "its entry is not what the day holds"),
                Err(error) => self.report_error("the catalog", &error),
            }
        }
    }

    fn check_part(&mut self, part: &PartView<'_>) {
        let mut expected = ExpectedTerms::new();
        let first = part.first();
        for block in part.blocks() {
            match self.check_block(block) {
                Ok(rows) => {
                    let holes = rows.iter().filter(|row| row.is_hole()).count() as u64;
                    self.erased += holes;
                    self.events += rows.len() as u64 - holes;
                    expect(&mut expected, block.first - first, &rows);
                }
                Err(error) => {
                    self.report_error(&format!("block at ordinal {}", block.first), &error);
                    return;
                }
            }
        }
        let place = format!("postings at ordinal {first}");
        let mut found = Vec::new();
        for field in Field::ALL {
            let scanned = part.scan(field, &[]..&[], |key, posting| {
                let rows: Vec<u32> = posting.bitmap()?.iter().collect();
                let term = format!("{field} {:?}", String::from_utf8_lossy(key));
                if rows.len() != posting.cardinality as usize {
                    found.push(format!("{term} counts {} rows wrongly", posting.cardinality));
                }
                match expected.remove(&(field, key.to_vec())) {
                    None => found.push(format!("{term} is no row's")),
                    Some(it) if it != (Expected { rows, times: posting.times }) => {
                        found.push(format!("{term} has not the rows or times that the log has"));
                    }
                    Some(_) => {}
                }
                Ok(())
            });
            if let Err(error) = scanned {
                // Of a page that cannot be read, nothing says which terms are missing.
                self.report_error(&place, &error);
                expected.clear();
                break;
            }
        }
        for (field, key) in expected.into_keys() {
            found.push(format!("{field} {:?} is missing", String::from_utf8_lossy(&key)));
        }
        found.into_iter().for_each(|what| self.report(place.clone(), what));
    }

    /// The rows of a block, whose zone and dictionaries are seen to be theirs.
    fn check_block(&mut self, block: &BlockEntry) -> Result<Vec<Row>> {
        let rows = self.view.stored_rows(block)?;
        let place = format!("block at ordinal {}", block.first);
        if zone_of(&rows) != block.zone {
            self.report(place.clone(), "its zone is not that of its rows");
        }
        for row in &rows {
            if Day::of(row.server_time) != Some(self.view.day) {
                self.report(place.clone(), format!("a row of {} lies here", row.server_time));
            }
        }
        Ok(rows)
    }
}

/// What a block's zone must be.
fn zone_of(rows: &[Row]) -> Zone {
    let count = |names: BTreeSet<&str>| u32::try_from(names.len()).unwrap_or(u32::MAX);
    let events = || rows.iter().filter(|row| !row.is_hole());
    let mut zone = Zone {
        sessions: count(events().map(|row| row.session_id.as_str()).collect()),
        types: count(events().map(|row| row.event_type.as_str()).collect()),
        tags: count(events().flat_map(|row| row.tags.iter().map(String::as_str)).collect()),
        ..Zone::default()
    };
    for row in events() {
        let client = row.client_time.as_deref().and_then(client_time::instant);
        zone.add(row.server_time, client, row.location);
    }
    zone
}

fn expect(expected: &mut ExpectedTerms, start: u32, rows: &[Row]) {
    for (place, row) in (start..).zip(rows) {
        let mut add = |field: Field, key: &[u8]| {
            let term = expected.entry((field, key.to_vec())).or_default();
            if term.rows.last() != Some(&place) {
                term.rows.push(place);
            }
            if field == Field::Session {
                let time = row.server_time.as_micros();
                let (first, last) = term.times.unwrap_or((time, time));
                term.times = Some((first.min(time), last.max(time)));
            }
        };
        add(Field::Session, row.session_id.as_bytes());
        if row.is_hole() {
            continue;
        }
        add(Field::EventType, row.event_type.as_bytes());
        row.tags.iter().for_each(|tag| add(Field::Tag, tag.as_bytes()));
        if let Some(place) = row.location {
            add(Field::Cell, &Cell::of(place.latitude, place.longitude).key());
        }
        add(Field::QuarterHour, &[time::quarter_of_day(row.server_time)]);
    }
}

/// Reads every section of a day's file, up to its valid end. The footer of a sealed day follows what
/// it lists; what follows while the day is being written is a leftover of an interrupted fold. `passed` is
/// told where each section ends.
pub(crate) fn check_sections(
    view: &DayView,
    listed_end: u64,
    sealed: bool,
    mut passed: impl FnMut(u64),
) -> Result<()> {
    let mut offset = file::HEADER_BYTES;
    // Of a day whose rows were all lost nothing but the footer is there.
    let listed_end = listed_end.max(offset);
    while offset < listed_end || (sealed && offset == listed_end) {
        let bytes = view.read(offset, file::SECTION_HEAD_BYTES as usize)?;
        let head = SectionHead::decode(&bytes, offset)
            .ok_or_else(|| Error::corrupt(format!("no section begins at offset {offset}")))?;
        let body = view.read(offset + file::SECTION_HEAD_BYTES, head.len as usize)?;
        let checked = match head.kind {
            SectionKind::Block => Head::decode(&body).and_then(|head| head.verify(&body)),
            SectionKind::Page => OpenPage::open(body).map(|_| ()),
            SectionKind::Footer => file::decode_footer(&body, offset).map(|_| ()),
            SectionKind::Contents => {
                Contents::of_section(&body, head.first, head.rows, offset).map(|_| ())
            }
        };
        checked.map_err(|error| error.at(format_args!("section at offset {offset}")))?;
        offset += file::SECTION_HEAD_BYTES + u64::from(head.len);
        if head.kind == SectionKind::Footer {
            let trailer = view.read(offset, file::TRAILER_BYTES as usize)?;
            file::decode_trailer(&trailer, offset)?;
            offset += file::TRAILER_BYTES;
        }
        passed(offset);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::codec::row::any;
    use crate::day::cache::Cache;
    use crate::day::fold;
    use crate::day::part::{Part, State};
    use crate::time::Timestamp;

    fn part_of(rows: &[Row]) -> Part {
        fold::in_memory(100, &rows.iter().collect::<Vec<_>>()).unwrap()
    }

    fn contents_of(rows: &[Row]) -> Contents {
        match part_of(rows).state {
            State::Unmerged(contents) => Contents::clone(&contents),
            other => panic!("{other:?}"),
        }
    }

    /// The events and the erased ones of a part of the day of `any::rows`, and what is told of it.
    fn checked(part: Part) -> (u64, u64, Vec<String>) {
        let day = Day::of(any::row(0).server_time).unwrap();
        let view = DayView::new(day, None, vec![Arc::new(part)], Arc::new(Cache::new(1 << 20)));
        let mut check =
            DayCheck { view: &view, events: 0, lost: 0, erased: 0, problems: Vec::new() };
        check.check_part(&view.open(&view.parts[0]).unwrap());
        let told = check.problems.into_iter().map(|problem| problem.what).collect();
        (check.events, check.erased, told)
    }

    fn told(part: Part) -> Vec<String> {
        checked(part).2
    }

    #[test]
    fn events_are_counted_without_those_that_were_erased() {
        let mut rows = any::rows(20);
        for row in &mut rows[3..6] {
            *row = Row::hole(row.server_time);
        }
        assert_eq!(checked(part_of(&rows)), (17, 3, Vec::new()));
    }

    #[test]
    fn postings_that_are_those_of_other_rows_are_told() {
        let mut rows = any::rows(20);
        rows[3].event_type = "rare".to_owned();
        let told_where = |change: fn(&mut Row)| {
            let mut others = rows.clone();
            change(&mut others[3]);
            let pages = contents_of(&others).pages;
            told(Part::unmerged(100, Contents { pages, ..contents_of(&rows) }))
        };
        assert_eq!(told_where(|_| ()), Vec::<String>::new());
        let others = |term| format!("{term} has not the rows or times that the log has");
        let (third, fifth) = (others("session \"3\""), others("session \"5\""));
        assert_eq!(told_where(|row| row.session_id = "5".to_owned()), [third.clone(), fifth]);
        let unknown = "session \"x\" is no row's".to_owned();
        assert_eq!(told_where(|row| row.session_id = "x".to_owned()), [third.clone(), unknown]);
        let later = |row: &mut Row| {
            row.server_time = Timestamp::from_micros(row.server_time.as_micros() + 1);
        };
        assert_eq!(told_where(later), [third]);
        let missing = ["event type \"rare\" is missing".to_owned()];
        let told = told_where(|row| row.event_type = "heartbeat".to_owned());
        assert_eq!(told, [&[others("event type \"heartbeat\"")][..], &missing].concat());
    }

    #[test]
    fn a_block_with_anothers_zone_or_a_row_of_another_day_is_told() {
        let mut rows = any::rows(20);
        let mut contents = contents_of(&rows);
        contents.blocks[0].zone = contents_of(&rows[1..]).blocks[0].zone;
        let told_of = told(Part::unmerged(100, contents));
        assert_eq!(told_of, ["its zone is not that of its rows"]);
        let time = Timestamp::from_micros(rows[19].server_time.as_micros() + 86_400_000_000);
        rows[19].server_time = time;
        assert_eq!(told(part_of(&rows)), [format!("a row of {time} lies here")]);
    }
}
