//! Time zones: what a clock on the wall shows.
//!
//! Owns: [`Zone`], its text, and local times of instants. The data of `Area/City` zones is that of
//! `chrono-tz` (feature `tz`), so that a kiosk without zone files has it too. Does not own instants (`time`).

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, NaiveDateTime};
#[cfg(feature = "tz")]
use chrono::{Offset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::time::{SECOND, Timestamp};

/// A time zone: UTC, an offset from it as `+02:00`, or with the feature `tz` a name as `Europe/Vienna`.
///
/// ```
/// use diurnal::Zone;
///
/// let zone: Zone = "+05:30".parse()?;
/// assert_eq!(zone.to_string(), "+05:30");
/// assert!("Mars/Olympus".parse::<Zone>().is_err());
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Zone(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Kind {
    #[default]
    Utc,
    Fixed(FixedOffset),
    #[cfg(feature = "tz")]
    Named(chrono_tz::Tz),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Kind::Utc);

    /// The offset that is in force at an instant, in seconds east of UTC.
    #[must_use]
    pub fn offset_seconds(self, at: Timestamp) -> i32 {
        match (self.0, at.to_chrono()) {
            (Kind::Utc, _) | (_, None) => 0,
            (Kind::Fixed(offset), _) => offset.local_minus_utc(),
            #[cfg(feature = "tz")]
            (Kind::Named(zone), Some(utc)) => {
                zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()
            }
        }
    }

    /// An instant as clocks here show it, with their offset: `2026-11-23T10:00:00+01:00`, with `Z` for UTC,
    /// and a fraction only where there is one. It reads back as the same [`Timestamp`].
    #[must_use]
    pub fn text(self, at: Timestamp) -> String {
        let offset = self.offset_seconds(at);
        let local = at.to_chrono().zip(FixedOffset::east_opt(offset));
        match local {
            Some((time, offset)) => {
                let time: chrono::DateTime<FixedOffset> = time.with_timezone(&offset);
                time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, self == Self::UTC)
            }
            None => at.to_string(),
        }
    }

    /// The earliest instant at which clocks here show this date and time; where they skip it, the instant
    /// at which they skip.
    #[must_use]
    pub fn instant(self, local: NaiveDateTime) -> Timestamp {
        Timestamp::from_micros(self.earliest(local.and_utc().timestamp_micros()))
    }

    /// The earliest instant at which clocks here show this local time, in microseconds as if it were UTC;
    /// where they skip it, the instant at which they skip.
    pub(crate) fn earliest(self, local: i64) -> i64 {
        let before = self.offset(local.saturating_sub(DAY_AND_HALF));
        let after = self.offset(local.saturating_add(DAY_AND_HALF));
        let (with_before, with_after) = (local.saturating_sub(before), local.saturating_sub(after));
        if self.offset(with_before) == before {
            with_before
        } else if self.offset(with_after) == after {
            with_after
        } else {
            self.setting_between(with_after, with_before)
        }
    }

    /// The first instant after `from` with another offset than it has, where `to` is one.
    pub(crate) fn setting_between(self, from: i64, to: i64) -> i64 {
        let (before, mut low, mut high) = (self.offset(from), from, to);
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            if self.offset(middle) == before { low = middle } else { high = middle }
        }
        high
    }

    /// The offset in microseconds.
    pub(crate) fn offset(self, at: i64) -> i64 {
        i64::from(self.offset_seconds(Timestamp::from_micros(at))) * SECOND
    }
}

/// Longer than any offset from UTC, and shorter than the time between two settings of the clocks.
const DAY_AND_HALF: i64 = 36 * 3_600 * SECOND;

impl FromStr for Zone {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Ok(Self::UTC);
        }
        if text.starts_with(['+', '-']) {
            let offset: FixedOffset = text
                .parse()
                .map_err(|_| Error::invalid("zone", "an offset must be as +02:00", text))?;
            return Ok(Self(Kind::Fixed(offset)));
        }
        named(text)
    }
}

#[cfg(feature = "tz")]
fn named(text: &str) -> Result<Zone> {
    let found = chrono_tz::Tz::from_str_insensitive(text);
    found.map(|zone| Zone(Kind::Named(zone))).map_err(|_| {
        Error::invalid("zone", "must be UTC, an offset as +02:00 or a name as Europe/Vienna", text)
    })
}

#[cfg(not(feature = "tz"))]
fn named(text: &str) -> Result<Zone> {
    let rule = "must be UTC or an offset as +02:00; names need the feature tz";
    Err(Error::invalid("zone", rule, text))
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Utc => f.write_str("UTC"),
            Kind::Fixed(offset) => offset.fmt(f),
            #[cfg(feature = "tz")]
            Kind::Named(zone) => f.write_str(zone.name()),
        }
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(Error::into_serde)
    }
}

#[cfg(all(test, feature = "tz"))]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn earliest(zone: &str, local: &str) -> String {
        let local: Timestamp = format!("{local}Z").parse().unwrap();
        let earliest = zone.parse::<Zone>().unwrap().earliest(local.as_micros());
        Timestamp::from_micros(earliest).to_string()
    }

    #[test]
    fn local_times_are_found_across_both_settings_of_the_clocks() {
        let at = |local| earliest("Europe/Vienna", local);
        assert_eq!(at("2026-03-29T00:00:00"), "2026-03-28T23:00:00.000000Z");
        // Skipped: the moment at which clocks go from 02:00 to 03:00.
        assert_eq!(at("2026-03-29T02:30:00"), "2026-03-29T01:00:00.000000Z");
        assert_eq!(at("2026-03-29T03:00:00"), "2026-03-29T01:00:00.000000Z");
        assert_eq!(at("2026-03-30T00:00:00"), "2026-03-29T22:00:00.000000Z");
        // Shown twice: the first time.
        assert_eq!(at("2026-10-25T02:30:00"), "2026-10-25T00:30:00.000000Z");
        assert_eq!(at("2026-10-25T03:00:00"), "2026-10-25T02:00:00.000000Z");
        assert_eq!(at("2026-10-26T00:00:00"), "2026-10-25T23:00:00.000000Z");
        // A midnight that was skipped.
        assert_eq!(
            earliest("America/Sao_Paulo", "2018-11-04T00:00:00"),
            "2018-11-04T03:00:00.000000Z"
        );
        assert_eq!(earliest("+05:30", "2026-01-01T00:00:00"), "2025-12-31T18:30:00.000000Z");
    }

    #[test]
    fn a_zone_is_read_as_it_is_written() {
        for text in ["UTC", "+05:30", "-03:00", "Europe/Vienna", "Australia/Lord_Howe"] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
        }
        assert_eq!("europe/vienna".parse::<Zone>().unwrap().to_string(), "Europe/Vienna");
        for wrong in ["", "Vienna", "+99:00", "CEST+1"] {
            assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
        }
    }
}
