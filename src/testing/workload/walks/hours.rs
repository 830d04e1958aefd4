//! When people come, and where to.
//!
//! Owns: the cities, their opening hours, and the text of a local time. Does not own what people do
//! there (`walk`).
//!
//! Invariant: [`Hours::at`] ascends, and never lies in the last hour.

use chrono::{Datelike, NaiveDate};

use super::super::random::Random;
use crate::time::{DAY, SECOND};

const HOUR: i64 = 3_600 * SECOND;

/// How many people come in each hour of a city's day, as weights.
const OPEN: [u64; 24] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 8, 10, 9, 8, 10, 12, 11, 8, 5, 3, 2, 1, 0, 0];

#[derive(Debug)]
pub(super) struct City {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    /// Metres of a degree of longitude there.
    pub(super) longitude_metres: f64,
    pub(super) offset_hours: i64,
    visitors: u64,
}

const fn city(place: (f64, f64), metres: f64, offset_hours: i64, visitors: u64) -> City {
    let (latitude, longitude) = place;
    City { latitude, longitude, longitude_metres: metres, offset_hours, visitors }
}

/// Boston, Vienna, London, San Francisco, Helsinki, Melbourne.
static CITIES: [City; 6] = [
    city((42.359, -71.062), 82_170.0, -5, 30),
    city((48.208, 16.371), 74_110.0, 1, 20),
    city((51.508, -0.128), 69_210.0, 0, 20),
    city((37.784, -122.407), 87_880.0, -8, 12),
    city((60.170, 24.941), 55_310.0, 2, 10),
    city((-37.814, 144.963), 87_850.0, 10, 8),
];

impl City {
    fn weight(&self, utc_hour: i64) -> u64 {
        let local = (utc_hour + self.offset_hours).rem_euclid(24);
        OPEN[local as usize] * self.visitors
    }
}

/// The days of a workload, each with the same flow of visitors.
#[derive(Debug, Clone)]
pub(super) struct Hours {
    /// Weights of the hours before each UTC hour, and of the whole day as the last.
    before: [u64; 25],
    /// Weights of all days but for the last hour.
    total: f64,
}

impl Hours {
    pub(super) fn new(days: u32) -> Self {
        let mut before = [0; 25];
        for hour in 0..24 {
            // No hour is quite without visitors, so that every share has its instant.
            let weight = CITIES.iter().map(|city| city.weight(hour)).sum::<u64>().max(1);
            before[hour as usize + 1] = before[hour as usize] + weight;
        }
        let total = before[24] as f64 * f64::from(days) - (before[24] - before[23]) as f64;
        Self { before, total }
    }

    /// Microseconds from the start at which this share of all people, below 1, has come.
    pub(super) fn at(&self, share: f64) -> i64 {
        let come = share * self.total;
        let of_day = self.before[24] as f64;
        let day = (come / of_day).floor();
        let rest = come - day * of_day;
        let hour = self.before[1..24].partition_point(|before| *before as f64 <= rest);
        let weight = (self.before[hour + 1] - self.before[hour]) as f64;
        let within = ((rest - self.before[hour] as f64) / weight).clamp(0.0, 1.0);
        day as i64 * DAY + hour as i64 * HOUR + (within * HOUR as f64) as i64
    }

    /// The city in which somebody begins so many microseconds after the start.
    pub(super) fn city(&self, since_start: i64, random: &mut Random) -> &'static City {
        let hour = since_start.rem_euclid(DAY) / HOUR;
        let mut drawn = random.below(self.before[hour as usize + 1] - self.before[hour as usize]);
        for city in &CITIES {
            let weight = city.weight(hour);
            if drawn < weight {
                return city;
            }
            drawn -= weight;
        }
        &CITIES[0]
    }
}

/// Dates as text; the last one is kept, since the next is most often the same.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalDates {
    day: i64,
    text: String,
}

impl LocalDates {
    /// A local time in ISO 8601 with its offset, to the second or to the millisecond.
    pub(super) fn text(&mut self, local_micros: i64, offset_hours: i64, millis: bool) -> String {
        let day = local_micros.div_euclid(DAY);
        if self.text.is_empty() || self.day != day {
            let date = NaiveDate::from_epoch_days(day as i32).unwrap_or_default();
            self.day = day;
            self.text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        }
        let second = local_micros.rem_euclid(DAY) / SECOND;
        let mut text = String::with_capacity(self.text.len() + "T10:00:00.000+01:00".len());
        text.push_str(&self.text);
        for (mark, number) in [('T', second / 3_600), (':', second / 60 % 60), (':', second % 60)] {
            push_two(&mut text, mark, number);
        }
        if millis {
            let milli = local_micros.rem_euclid(SECOND) / 1_000;
            text.push('.');
            text.push(digit(milli / 100));
            text.push(digit(milli / 10 % 10));
            text.push(digit(milli % 10));
        }
        push_two(&mut text, if offset_hours < 0 { '-' } else { '+' }, offset_hours.abs());
        text.push_str(":00");
        text
    }
}

fn push_two(text: &mut String, mark: char, number: i64) {
    text.push(mark);
    text.push(digit(number / 10));
    text.push(digit(number % 10));
}

fn digit(number: i64) -> char {
    char::from(b'0' + number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_ascend_through_the_days_and_leave_the_last_hour() {
        let hours = Hours::new(3);
        let at: Vec<_> = (0..10_000).map(|share| hours.at(f64::from(share) / 10_000.0)).collect();
        assert!(at.is_sorted());
        assert_eq!(at.first(), Some(&0));
        assert!(at.last().is_some_and(|last| (68 * HOUR..71 * HOUR).contains(last)));
    }

    #[test]
    fn local_times_are_iso_8601() {
        let mut dates = LocalDates::default();
        assert_eq!(dates.text(0, 1, false), "1970-01-01T00:00:00+01:00");
        assert_eq!(dates.text(-1_000, -5, true), "1969-12-31T23:59:59.999-05:00");
        assert_eq!(dates.text(DAY + 45_296_007_000, 10, true), "1970-01-02T12:34:56.007+10:00");
    }
}
