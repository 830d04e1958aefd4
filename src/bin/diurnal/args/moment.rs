//! Moments as people name them.
//!
//! Owns: [`Moment`], what `--from` and `--to` take, and the instant that one means in a zone at a time; and
//! which zones `--tz` takes. Does not own the clock, nor what clocks of a zone show, which are the library's.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diurnal::{Timestamp, Zone};

use super::values::parse_span;

const SECOND: i64 = 1_000_000;

const FORMS: &str = "must be a time as 2026-11-23T10:00:00Z, a date, a date and time of the zone, \
                     now, today, yesterday, or how long ago as 2d or 36h";

/// A moment, as it was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It says its offset.
    Instant(Timestamp),
    /// What clocks of the zone show then.
    Local(NaiveDateTime),
    /// So many microseconds before now.
    Ago(i64),
    /// The midnight that began today in the zone, or so many days before it.
    Midnight { days_ago: u32 },
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "now" => return Ok(Self::Ago(0)),
            "today" => return Ok(Self::Midnight { days_ago: 0 }),
            "yesterday" => return Ok(Self::Midnight { days_ago: 1 }),
            _ => {}
        }
        let ago = || {
            let micros = parse_span(text).ok()?.as_micros();
            i64::try_from(micros).ok().map(Self::Ago)
        };
        let date = || text.parse().ok().filter(|_| text.len() == "2026-11-23".len());
        let midnight = || date().map(|date: NaiveDate| Self::Local(date.and_time(NaiveTime::MIN)));
        // Of the library's forms, a date alone depends on the zone.
        let instant = || text.parse().ok().map(Self::Instant);
        let found = ago().or_else(midnight).or_else(instant).or_else(|| parse_local(text));
        found.ok_or_else(|| FORMS.to_owned())
    }
}

fn parse_local(text: &str) -> Option<Moment> {
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let text = text.replacen(' ', "T", 1);
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
        .map(Moment::Local)
}

impl Moment {
    /// The instant that is meant where it is `now`, in a zone.
    pub(crate) fn instant(self, zone: Zone, now: Timestamp) -> Timestamp {
        match self {
            Self::Instant(instant) => instant,
            Self::Local(local) => zone.instant(local),
            Self::Ago(micros) => Timestamp::from_micros(now.as_micros().saturating_sub(micros)),
            Self::Midnight { days_ago } => {
                let offset = i64::from(zone.offset_seconds(now)) * SECOND;
                let local = Timestamp::from_micros(now.as_micros().saturating_add(offset));
                let date = local.to_chrono().and_then(|local| {
                    local.date_naive().checked_sub_days(chrono::Days::new(days_ago.into()))
                });
                date.map_or(now, |date| zone.instant(date.and_time(NaiveTime::MIN)))
            }
        }
    }
}

/// A zone: what the library reads, or the one that the system keeps.
pub(crate) fn parse_zone(text: &str) -> Result<Zone, String> {
    if text != "local" {
        let rule = "must be local, UTC, an offset as +02:00, or a name as Europe/Vienna";
        return text.parse().map_err(|_| rule.to_owned());
    }
    let told = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let name = told.or_else(|| iana_time_zone::get_timezone().ok());
    name.and_then(|name| name.trim_start_matches(':').parse().ok())
        .ok_or_else(|| "is a zone without a name here; give one, as Europe/Vienna".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn means(text: &str, zone: &str) -> String {
        // In Vienna it is the 24th already.
        let now = "2026-11-23T23:30:00Z".parse().unwrap();
        let moment: Moment = text.parse().unwrap();
        moment.instant(parse_zone(zone).unwrap(), now).to_string().replace(".000000Z", "Z")
    }

    #[test]
    fn times_are_of_the_zone_unless_they_say_their_offset() {
        for (text, utc, vienna) in [
            ("2026-07-01", "2026-07-01T00:00:00Z", "2026-06-30T22:00:00Z"),
            ("2026-11-01 10:30", "2026-11-01T10:30:00Z", "2026-11-01T09:30:00Z"),
            ("2026-11-01T10:30:05", "2026-11-01T10:30:05Z", "2026-11-01T09:30:05Z"),
            ("2026-11-01T10:30:05-01:00", "2026-11-01T11:30:05Z", "2026-11-01T11:30:05Z"),
            ("today", "2026-11-23T00:00:00Z", "2026-11-23T23:00:00Z"),
            ("yesterday", "2026-11-22T00:00:00Z", "2026-11-22T23:00:00Z"),
            ("now", "2026-11-23T23:30:00Z", "2026-11-23T23:30:00Z"),
            ("36h", "2026-11-22T11:30:00Z", "2026-11-22T11:30:00Z"),
            ("2d", "2026-11-21T23:30:00Z", "2026-11-21T23:30:00Z"),
        ] {
            assert_eq!(means(text, "UTC"), utc, "{text}");
            assert_eq!(means(text, "Europe/Vienna"), vienna, "{text}");
        }
    }

    #[test]
    fn what_names_no_moment_is_refused() {
        for wrong in
            ["", "d", "-2d", "+2d", "2x", "2.5d", "99999999999999d", "tomorrow", "2026-13-01", "é"]
        {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
        assert!(parse_zone("Mars/Olympus").is_err());
    }
}
