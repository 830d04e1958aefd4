//! How far a subscription has come, as a value that can be kept.
//!
//! Owns: [`Position`]: its text, and the digests that stand for days which are not listed. Does not own
//! which days are listed (`progress`).
//!
//! A position lists some days, each with the ordinal that comes next, and has one digest for each stretch
//! of the others: the sum of a hash of each day and its ordinal. So its size is bounded, whatever the
//! history. A digest that is no longer that of the days says that one of them has grown; where it was
//! one, which one and from where on is found by trying.
//!
//! ```text
//! position  1 { "," day } { "," stretch }          days and stretches ascending
//! day       number ":" next ordinal ":" mark [ "@" rows back ] { "~" first "-" end }
//! stretch   first day "-" last day ":" digest      both days inside; numbers of days since 1970-01-01
//! ```
//! Marks and digests are hexadecimal, all other numbers decimal. A mark is of the row before the next
//! ordinal, or so many rows further back; 0 where it is not known, and `-` where no event before matters. What follows `~` are ordinals that could not be read
//! so far.
//!
//! Invariants: days and stretches are in order, and no two stretches overlap; a day that is listed is in
//! no digest.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::bytes::checksum;
use crate::error::{Error, Result};
use crate::limits::POSITION_TEXT_BYTES_MAX;
use crate::time::Day;

/// The version of the text.
const VERSION: &str = "1";

/// How many events a day may have grown by for a digest to tell from where on.
const GROWTH_MAX: u32 = 1 << 14;

/// How far a subscription has come: where another one can go on.
///
/// A plain value without a tie to the process: keep its text beside what was done with the events. The
/// default is the beginning. It is of one store, and of its backups; elsewhere it leads to events
/// that were seen or leaves some out.
///
/// As text it is at most about 2,000 characters, however long the history, without blanks or quotes,
/// such as `1,20780:123:9f3a12cd`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Position {
    pub(crate) days: Vec<DayPlace>,
    pub(crate) stretches: Vec<Stretch>,
}

/// How far a subscription has come in one day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DayPlace {
    pub(crate) day: Day,
    /// The first ordinal that was not gone past.
    pub(crate) next: u32,
    pub(crate) mark: Option<Mark>,
    /// Ordinals before it that could not be read.
    pub(crate) owed: Vec<Range<u32>>,
}

/// What tells a day from another that has its name after it was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// Nothing that was gone past matters: there is no event, or none that may match.
    Nothing,
    /// The last event of it: the hash of its row, not 0, and how many rows before the last one it is.
    Event { hash: u32, back: u32 },
}

/// Days in a row that are not listed one by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stretch {
    pub(crate) first: Day,
    pub(crate) last: Day,
    pub(crate) digest: u64,
}

/// What a day that is gone past up to an ordinal adds to a digest.
pub(crate) fn digest(day: Day, next: u32) -> u64 {
    match next {
        // As a day that is not there.
        0 => 0,
        _ => checksum(&(u64::from(day.number()) << 32 | u64::from(next)).to_le_bytes()),
    }
}

impl Stretch {
    /// From where on each of these days, which end before the ordinal given with them, was not seen:
    /// `None` where more than one of them has changed.
    pub(crate) fn resolve(&self, days: &[(Day, u32)]) -> Option<Vec<(Day, u32)>> {
        let now = days.iter().fold(0_u64, |sum, (day, end)| sum.wrapping_add(digest(*day, *end)));
        let more = now.wrapping_sub(self.digest);
        if more == 0 {
            return Some(days.to_vec());
        }
        let before = |day: Day, end: u32| {
            let wanted = digest(day, end).wrapping_sub(more);
            let fits = |next: &u32| digest(day, *next) == wanted;
            (end.saturating_sub(GROWTH_MAX)..end).rev().chain([0]).find(fits)
        };
        let mut changed = days.iter().enumerate();
        let (place, next) =
            changed.find_map(|(place, (day, end))| Some((place, before(*day, *end)?)))?;
        let mut resolved = days.to_vec();
        resolved[place].1 = next;
        Some(resolved)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(VERSION)?;
        for DayPlace { day, next, mark, owed } in &self.days {
            write!(f, ",{}:{next}:", day.number())?;
            match mark {
                None => f.write_str("0")?,
                Some(Mark::Nothing) => f.write_str("-")?,
                Some(Mark::Event { hash, back: 0 }) => write!(f, "{hash:x}")?,
                Some(Mark::Event { hash, back }) => write!(f, "{hash:x}@{back}")?,
            }
            owed.iter().try_for_each(|range| write!(f, "~{}-{}", range.start, range.end))?;
        }
        for Stretch { first, last, digest } in &self.stretches {
            write!(f, ",{}-{}:{digest:x}", first.number(), last.number())?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bounded = Some(text).filter(|text| text.len() <= POSITION_TEXT_BYTES_MAX);
        bounded.and_then(parse).ok_or_else(|| {
            Error::invalid("position", "must be a position that a subscription gave", text)
        })
    }
}

fn parse(text: &str) -> Option<Position> {
    let mut entries = text.split(',');
    let mut position = Position::default();
    if entries.next() != Some(VERSION) {
        return None;
    }
    for entry in entries {
        let (place, rest) = entry.split_once(':')?;
        match place.split_once('-') {
            Some((first, last)) => {
                let digest = hex(rest)?;
                let stretch = Stretch { first: day(first)?, last: day(last)?, digest };
                let after = position.stretches.last().is_none_or(|it| it.last < stretch.first);
                position.stretches.push(Some(stretch).filter(|it| after && it.first <= it.last)?);
            }
            None => {
                let listed = parse_day(day(place)?, rest)?;
                let after = position.days.last().is_none_or(|it| it.day < listed.day);
                position
                    .days
                    .push(Some(listed).filter(|_| after && position.stretches.is_empty())?);
            }
        }
    }
    Some(position)
}

fn parse_day(day: Day, text: &str) -> Option<DayPlace> {
    let mut pieces = text.split('~');
    let (next, mark) = pieces.next()?.split_once(':')?;
    let next = decimal(next)?;
    let mark = parse_mark(mark, next)?;
    let mut owed: Vec<Range<u32>> = Vec::new();
    for piece in pieces {
        let (start, end) = piece.split_once('-')?;
        let range = decimal(start)?..decimal(end)?;
        let after = owed.last().is_none_or(|before| before.end <= range.start);
        owed.push(Some(range).filter(|range| after && !range.is_empty() && range.end <= next)?);
    }
    Some(DayPlace { day, next, mark, owed })
}

/// A mark before this ordinal, which may be none.
fn parse_mark(text: &str, next: u32) -> Option<Option<Mark>> {
    let (hash, back) = match text.split_once('@') {
        _ if text == "-" => return Some(Some(Mark::Nothing)),
        _ if text == "0" => return Some(None),
        Some((hash, back)) => (hash, decimal(back).filter(|back| *back > 0)?),
        None => (text, 0),
    };
    let hash = u32::try_from(hex(hash)?).ok().filter(|hash| *hash > 0)?;
    (back < next).then_some(Some(Mark::Event { hash, back }))
}

fn day(text: &str) -> Option<Day> {
    Day::from_number(decimal(text)?)
}

/// A number as this module writes it, without a sign.
fn decimal(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn hex(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(text, 16).ok())?
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(Error::into_serde)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(number).unwrap()
    }

    #[test]
    fn a_position_is_written_as_the_head_of_the_file_says_and_read_back() {
        let (owed, mark) = (vec![2..3, 7..9], Some(Mark::Event { hash: 0x9f3a_12cd, back: 0 }));
        let days = vec![
            DayPlace { day: day(0), next: 5, mark: None, owed: Vec::new() },
            DayPlace { day: day(1), next: 2, mark: Some(Mark::Nothing), owed: Vec::new() },
            DayPlace { day: day(20_780), next: 123, mark, owed },
            DayPlace {
                day: day(20_781),
                next: 9,
                mark: Some(Mark::Event { hash: 0xab, back: 8 }),
                owed: Vec::new(),
            },
        ];
        let stretches = vec![Stretch { first: day(100), last: day(249), digest: 0xfeed }];
        let position = Position { days, stretches };
        let text = "1,0:5:0,1:2:-,20780:123:9f3a12cd~2-3~7-9,20781:9:ab@8,100-249:feed";
        assert_eq!(position.to_string(), text);
        assert_eq!(text.parse::<Position>().unwrap(), position);
        assert_eq!("1".parse::<Position>().unwrap(), Position::default());
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }

    #[test]
    fn text_that_no_subscription_gave_is_refused() {
        let wrong = [
            "",
            "2",
            "1,",
            "1,5",
            "1,5:1",
            "1,5:1:",
            "1,5:1:0,5:2:0",
            "1,6:1:0,5:1:0",
            "1,5:+1:0",
            "1,5:1:0~0-0",
            "1,5:1:0~0-2",
            "1,5:9:0~3-4~2-3",
            "1,9-8:0",
            "1,1-2:0,2-3:0",
            "1,1-2:0,5:1:0",
            "1,4294967295:1:0",
            "1,5:4294967296:0",
            "1,5:1:1ffffffff",
            "1,5:1:a@1",
            "1,5:9:0@1",
            "1,5:9:a@0",
            "1,5:0:a",
            "1 ",
        ];
        for text in wrong {
            assert!(text.parse::<Position>().is_err(), "{text:?}");
        }
        let long = format!("1{}", ",1:1:0".repeat(POSITION_TEXT_BYTES_MAX));
        assert!(long.parse::<Position>().unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_digest_finds_the_one_day_that_has_grown_and_from_where_on() {
        let before: Vec<(Day, u32)> = (0..150).map(|n| (day(n), n * 7 % 1000 + 1)).collect();
        let sum = |days: &[(Day, u32)]| {
            days.iter().map(|(d, n)| digest(*d, *n)).fold(0, u64::wrapping_add)
        };
        let stretch = Stretch { first: day(0), last: day(200), digest: sum(&before) };
        assert_eq!(stretch.resolve(&before).unwrap(), before);
        for (place, more) in [(0, 1), (77, 300), (149, GROWTH_MAX)] {
            let mut after = before.clone();
            after[place].1 += more;
            assert_eq!(stretch.resolve(&after).unwrap(), before, "{place} grew by {more}");
            after[place + 1 - 2 * (place / 149)].1 += 1;
            assert_eq!(stretch.resolve(&after), None, "two have grown");
        }
        let mut begun = before.clone();
        begun.push((day(180), 1_000_000));
        assert_eq!(stretch.resolve(&begun).unwrap().last(), Some(&(day(180), 0)));
        assert_eq!(stretch.resolve(&before[1..]), None, "one was dropped");
    }
}
