//! Instants, UTC days, and half-open ranges of instants.
//!
//! Owns: [`Timestamp`], [`Day`], [`TimeRange`], and how they are written and read as text. Does not
//! own the readings of a client's time, which are in `client_time`, nor any clock.
//!
//! Invariant: a [`Day`] is never past [`DAY_MAX`], so that every event id fits 53 bits.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::limits::DAY_MAX;

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Microseconds of a quarter of an hour: every time zone's offset is a multiple of it.
pub(crate) const QUARTER: i64 = 900 * SECOND;
/// Quarters of an hour in a day.
pub(crate) const DAY_QUARTERS: usize = 96;

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
///
/// As text it is RFC 3339 in UTC with six decimals, `2026-11-23T10:00:00.123456Z`; reading takes
/// any RFC 3339 text, or a date, which means its midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant as chrono has it; `None` beyond the years that chrono can name.
    #[must_use]
    pub fn to_chrono(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Nanoseconds are cut off.
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_chrono() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{} microseconds since 1970-01-01T00:00:00Z", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(time.to_utc().into());
        }
        match text.parse::<NaiveDate>() {
            Ok(date) if text.len() == "2026-11-23".len() => {
                Ok(date.and_time(chrono::NaiveTime::MIN).and_utc().into())
            }
            _ => Err(Error::invalid(
                "time",
                "must be RFC 3339, as 2026-11-23T10:00:00Z, or a date, as 2026-11-23",
                text,
            )),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_text(deserializer)
    }
}

/// A UTC day, as the number of days since 1970-01-01.
///
/// As text it is its date, `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The first day that events can be filed under, 1970-01-01.
    pub const MIN: Self = Self(0);
    /// The last day that events can be filed under, in the year 7711.
    pub const MAX: Self = Self(DAY_MAX);

    /// The day with this number; `None` past [`Day::MAX`].
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number <= DAY_MAX { Some(Self(number)) } else { None }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The day on which an instant lies; `None` before 1970 and after [`Day::MAX`].
    #[must_use]
    pub fn of(time: Timestamp) -> Option<Self> {
        u32::try_from(time.0.div_euclid(DAY)).ok().and_then(Self::from_number)
    }

    /// The first instant of the day.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * DAY)
    }

    /// The instants of the day.
    #[must_use]
    pub const fn range(self) -> TimeRange {
        TimeRange { from: self.start(), to: Timestamp(self.start().0 + DAY) }
    }

    /// The day as chrono has it.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(i32::try_from(self.0).unwrap_or(i32::MAX)).unwrap_or_default()
    }

    /// From a date of chrono's; `None` outside [`Day::MIN`] to [`Day::MAX`].
    #[must_use]
    pub fn from_date(date: NaiveDate) -> Option<Self> {
        u32::try_from(date.to_epoch_days()).ok().and_then(Self::from_number)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date().format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let date = text.parse::<NaiveDate>().ok().filter(|_| text.len() == "2026-11-23".len());
        date.and_then(Self::from_date)
            .ok_or_else(|| Error::invalid("day", "must be a date, as 2026-11-23", text))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_text(deserializer)
    }
}

fn parse_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = Error>,
    D: Deserializer<'de>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(Error::into_serde)
}

/// Instants from one, inclusive, to another, exclusive.
///
/// A missing end in the serde form is the beginning or the end of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant inside.
    #[serde(default = "earliest", skip_serializing_if = "is_earliest")]
    pub from: Timestamp,
    /// The first instant after.
    #[serde(default = "latest", skip_serializing_if = "is_latest")]
    pub to: Timestamp,
}

fn earliest() -> Timestamp {
    Timestamp::MIN
}

fn latest() -> Timestamp {
    Timestamp::MAX
}

fn is_earliest(time: &Timestamp) -> bool {
    *time == Timestamp::MIN
}

fn is_latest(time: &Timestamp) -> bool {
    *time == Timestamp::MAX
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Whether the instant lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether every instant of `first ..= last` lies inside.
    pub(crate) fn covers(&self, first: Timestamp, last: Timestamp) -> bool {
        self.from <= first && last < self.to
    }

    /// Whether any instant of `first ..= last` lies inside.
    pub(crate) fn meets(&self, first: Timestamp, last: Timestamp) -> bool {
        self.from <= last && first < self.to
    }

    /// The instants in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

/// Which quarter of an hour of its day a time lies in, from 0.
pub(crate) fn quarter_of_day(time: Timestamp) -> u8 {
    // Below 96.
    (time.0.rem_euclid(DAY) / QUARTER) as u8
}
