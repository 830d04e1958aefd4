//! Which days are thrown away.
//!
//! Owns: [`plan`], which decides and does nothing, and [`enforce`], which does. Does not own how a day is
//! removed.
//!
//! A day is too old by age when it lies `max_age_days` or more before the *reference day*. Going from the
//! oldest day on, days on the far side of a gap without events are *confirmed* once
//! [`RETENTION_CONFIRMING_DAYS`] of them hold events. So one jump of the clock, back or forth, never
//! expires the store.
//!
//! - Where retention acts by itself, the reference is today by the clock, unless that lies past a gap
//!   after the newest confirmed day, which is the reference then. A gap is more than
//!   [`RETENTION_GAP_DAYS`] days, or half of `max_age_days`: after a real pause of that length retention
//!   waits for a week of events.
//! - Where somebody asks for it, the reference is the newest confirmed day, so that a log of years ago
//!   is pruned as one of today is. A gap is more than `max_age_days`, or [`ASKED_GAP_DAYS_MIN`].
//!
//! By bytes, the oldest days go first, whatever their date; the day written last always stays.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::index::zones::Zone;
use crate::limits::{RETENTION_CONFIRMING_DAYS, RETENTION_GAP_DAYS};
use crate::settings::Retention;
use crate::snapshot::{Sealed, Snapshot};
use crate::time::{Day, Timestamp};
use crate::upkeep::progress::Meter;
use crate::writer::days::OpenDays;

/// A day of the store, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DayInfo {
    /// The UTC day.
    pub day: Day,
    /// Events that it holds.
    pub events: u64,
    /// The earliest server time; absent where the day cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// The latest server time; absent where the day cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether it is finished: no longer being written.
    pub sealed: bool,
}

/// What a prune did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// The days that go, oldest first.
    pub dropped: Vec<DayInfo>,
    /// Bytes of their files.
    pub bytes_freed: u64,
    /// Days that are too old by the clock and stay, since the clock may have jumped.
    pub held_back: Vec<Day>,
}

impl fmt::Display for PruneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} days, {} bytes", self.dropped.len(), self.bytes_freed)
    }
}

/// A shorter pause is none where somebody asks for a prune: he can look at what it would do.
const ASKED_GAP_DAYS_MIN: u32 = 30;

/// Who wants days to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// A new day, or the opening of the store; today by the clock.
    Automatic { today: Option<Day> },
    /// Somebody.
    Asked,
}

/// Decides which days go. `days` are in order; `current` is the day written last.
pub(crate) fn plan(
    days: &[DayInfo],
    retention: &Retention,
    trigger: Trigger,
    current: Option<Day>,
) -> PruneReport {
    let numbers: Vec<Day> = days.iter().map(|info| info.day).collect();
    let mut report = PruneReport::default();
    let mut goes = vec![false; days.len()];
    if let Some(age) = retention.max_age_days {
        let is_old = |day: Day, reference: Option<Day>| {
            reference
                .is_some_and(|reference| reference.number().saturating_sub(day.number()) >= age)
        };
        let (confirmed, latest) = match trigger {
            Trigger::Automatic { today } => {
                let gap = (age / 2).clamp(1, RETENTION_GAP_DAYS);
                (reference_day(&numbers, gap, today), today)
            }
            Trigger::Asked => {
                let gap = age.max(ASKED_GAP_DAYS_MIN);
                (newest_confirmed(&numbers, gap), numbers.last().copied())
            }
        };
        for (place, day) in numbers.iter().enumerate() {
            goes[place] = is_old(*day, confirmed) && Some(*day) != current;
            if !goes[place] && is_old(*day, latest) && Some(*day) != current {
                report.held_back.push(*day);
            }
        }
    }
    if let Some(bytes_max) = retention.max_bytes {
        let kept = days.iter().zip(&goes).filter(|(_, goes)| !**goes);
        let mut bytes: u64 = kept.map(|(info, _)| info.bytes).sum();
        for (place, info) in days.iter().enumerate() {
            if bytes > bytes_max && !goes[place] && Some(info.day) != current {
                goes[place] = true;
                bytes -= info.bytes;
            }
        }
    }
    let going = days.iter().zip(&goes).filter(|(_, goes)| **goes);
    report.dropped = going.map(|(info, _)| info.clone()).collect();
    report.bytes_freed = report.dropped.iter().map(|info| info.bytes).sum();
    report.held_back.retain(|day| !report.dropped.iter().any(|info| info.day == *day));
    report
}

/// The day that ages are counted from.
fn reference_day(days: &[Day], gap: u32, today: Option<Day>) -> Option<Day> {
    let newest = newest_confirmed(days, gap)?;
    match today {
        Some(today) if today.number() <= newest.number() + gap => Some(today),
        _ => Some(newest),
    }
}

/// The newest day before any gap, or past one with enough days beyond it.
fn newest_confirmed(days: &[Day], gap: u32) -> Option<Day> {
    let mut confirmed = None;
    let mut start = 0;
    for place in 0..days.len() {
        let is_last =
            days.get(place + 1).is_none_or(|next| next.number() - days[place].number() > gap);
        if !is_last {
            continue;
        }
        let stretch = &days[start..=place];
        if stretch.len() >= RETENTION_CONFIRMING_DAYS || confirmed.is_none() {
            confirmed = stretch.last().copied();
        }
        start = place + 1;
    }
    confirmed
}

/// Drops what retention does not keep.
pub(crate) fn enforce(
    days: &OpenDays,
    retention: &Retention,
    trigger: Trigger,
    meter: &mut Meter<'_>,
) -> Result<PruneReport> {
    if *retention == Retention::KEEP_ALL {
        return Ok(PruneReport::default());
    }
    let infos = list(&days.snapshot(Vec::new)?)?;
    let mut report = plan(&infos, retention, trigger, days.current());
    let mut dropped = Vec::new();
    meter.expect(report.dropped.iter().map(|info| info.events).sum());
    for info in report.dropped {
        meter.begin_day(info.events);
        match days.drop_day(info.day) {
            Ok(()) => dropped.push(info),
            // Another thread was first, or events of the day wait: it goes the next time.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Locked) => {}
            Err(error) => return Err(error),
        }
        meter.end_day();
    }
    report.bytes_freed = dropped.iter().map(|info| info.bytes).sum();
    report.dropped = dropped;
    Ok(report)
}

/// The days of a snapshot; one that cannot be read has no times.
pub(crate) fn list(snapshot: &Snapshot) -> Result<Vec<DayInfo>> {
    let files = snapshot.shelf.list()?;
    let mut infos = Vec::new();
    for day in snapshot.days() {
        let bytes =
            files.get(&day).map_or(0, |files| files.columns.unwrap_or(0) + files.log.unwrap_or(0));
        let sealed = !snapshot.live.contains_key(&day);
        let listed = snapshot.sealed.get(&day).filter(|_| sealed).and_then(Sealed::summary);
        let times = match (listed, snapshot.live.get(&day)) {
            (Some(summary), _) => Some(summary.zone.server_time).filter(|_| summary.rows > 0),
            (None, Some(Ok(view))) => {
                let zone = view.parts.iter().filter_map(|part| part.zone());
                let zone = zone.reduce(Zone::union);
                zone.map(|zone| zone.server_time)
            }
            (None, _) => None,
        };
        infos.push(DayInfo {
            day,
            events: snapshot.events(day),
            first: times.map(|(first, _)| first),
            last: times.map(|(_, last)| last),
            bytes,
            sealed,
        });
    }
    Ok(infos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(numbers: &[u32]) -> Vec<DayInfo> {
        let info = |number: &u32| DayInfo {
            day: Day::from_number(*number).unwrap(),
            events: 1,
            first: None,
            last: None,
            bytes: 10,
            sealed: true,
        };
        numbers.iter().map(info).collect()
    }

    fn dropped(infos: &[DayInfo], retention: Retention, today: u32) -> Vec<u32> {
        let current = infos.last().map(|info| info.day);
        let trigger = Trigger::Automatic { today: Day::from_number(today) };
        let report = plan(infos, &retention, trigger, current);
        report.dropped.iter().map(|info| info.day.number()).collect()
    }

    #[test]
    fn days_past_the_age_go() {
        let infos = days(&(100..=110).collect::<Vec<_>>());
        assert_eq!(dropped(&infos, Retention::KEEP_ALL.max_age_days(10), 110), [100]);
        assert_eq!(dropped(&infos, Retention::KEEP_ALL.max_age_days(10), 111), [100, 101]);
    }

    #[test]
    fn a_jump_of_less_than_the_age_costs_nothing_either() {
        let infos = days(&(100..=130).chain([155]).collect::<Vec<_>>());
        assert_eq!(dropped(&infos, Retention::KEEP_ALL.max_age_days(30), 155), [100]);
    }

    #[test]
    fn a_jump_forward_expires_nothing_until_a_week_of_days_confirms_it() {
        let keep = Retention::KEEP_ALL.max_age_days(30);
        let mut numbers: Vec<u32> = (100..130).collect();
        for jumped in 50_000..50_006 {
            numbers.push(jumped);
            assert_eq!(dropped(&days(&numbers), keep, jumped), [0; 0], "after {jumped}");
        }
        numbers.push(50_006);
        assert_eq!(dropped(&days(&numbers), keep, 50_006).len(), 30);
    }

    #[test]
    fn a_day_begun_by_a_small_jump_is_counted_from_where_the_clock_tells_nothing_better() {
        let keep = Retention::KEEP_ALL.max_age_days(30);
        let infos = days(&(100..=130).chain([136]).collect::<Vec<_>>());
        assert_eq!(dropped(&infos, keep, 131), [100, 101]);
        assert_eq!(dropped(&infos, keep, 50_000), (100..=106).collect::<Vec<_>>());
    }

    #[test]
    fn who_asks_prunes_a_log_of_years_ago_from_its_newest_day() {
        let infos = days(&[100, 110, 135, 150]);
        let asked = |age| {
            let keep = Retention::KEEP_ALL.max_age_days(age);
            let report = plan(&infos, &keep, Trigger::Asked, None);
            report.dropped.iter().map(|info| info.day.number()).collect::<Vec<_>>()
        };
        assert_eq!(asked(1), [100, 110, 135]);
        assert_eq!(asked(20), [100, 110]);
        assert_eq!(asked(50), [100]);
        assert_eq!(asked(51), [0; 0]);
    }

    #[test]
    fn a_jump_back_expires_nothing() {
        let keep = Retention::KEEP_ALL.max_age_days(30);
        assert_eq!(dropped(&days(&[0, 20_000, 20_001]), keep, 0), [0; 0]);
    }

    #[test]
    fn by_bytes_the_oldest_go_and_the_current_day_stays() {
        let keep = Retention::KEEP_ALL.max_bytes(25);
        assert_eq!(dropped(&days(&[1, 2, 3, 4]), keep, 4), [1, 2]);
        assert_eq!(dropped(&days(&[1, 2]), Retention::KEEP_ALL.max_bytes(0), 2), [1]);
    }
}
