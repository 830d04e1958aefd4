//! What a client's time says.
//!
//! Owns: which texts name an instant, and the form that a common one is in. Does not own how a form is
//! written (`forms`).
//!
//! Invariant: no text panics.

use chrono::{DateTime, Datelike, NaiveDate};

use super::forms::{Form, MILLISECONDS_FROM, MONTHS, Precision, Separator, Style, WEEKDAYS, Zone};
use crate::time::{DAY, SECOND, Timestamp};

/// Reads the common texts, quickly. The form may forgive more than it can write.
pub(super) fn read(bytes: &[u8]) -> Option<(Timestamp, Form)> {
    match bytes {
        [_, _, _, _, b'-', ..] if bytes[0] != b'-' => read_iso(Scan { rest: bytes }),
        [b'0'..=b'9' | b'+' | b'-', ..] => {
            read_unix(Scan { rest: bytes }).or_else(|| read_mail(Scan { rest: bytes }))
        }
        _ => read_mail(Scan { rest: bytes }),
    }
}

fn read_iso(mut scan: Scan<'_>) -> Option<(Timestamp, Form)> {
    let year = scan.digits(4)?;
    scan.byte(b'-')?;
    let month = scan.digits(2)?;
    scan.byte(b'-')?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, scan.digits(2)?)?;
    let midnight = i64::from(date.to_epoch_days()) * DAY;
    let separator = match scan.next() {
        None => {
            let zone = Zone::utc(Style::Absent, false);
            let (separator, precision) = (Separator::Upper, Precision::Date);
            let form = Form::Iso { separator, precision, digits: 0, zone };
            return Some((Timestamp::from_micros(midnight), form));
        }
        Some(b'T') => Separator::Upper,
        Some(b't') => Separator::Lower,
        Some(b' ') => Separator::Blank,
        Some(_) => return None,
    };
    let mut time = scan.clock()?;
    let (mut precision, mut digits) = (Precision::Minutes, 0);
    if scan.byte(b':').is_some() {
        let micros;
        time += scan.second(60)?;
        (micros, digits) = scan.fraction(b".,")?;
        time += micros;
        precision = Precision::Seconds;
    }
    let zone = scan.zone()?;
    scan.end()?;
    let instant = Timestamp::from_micros(midnight + time - zone.micros());
    Some((instant, Form::Iso { separator, precision, digits, zone }))
}

fn read_unix(mut scan: Scan<'_>) -> Option<(Timestamp, Form)> {
    let negative = scan.byte(b'-').is_some();
    if !negative {
        // A plus says nothing new.
        let _ = scan.byte(b'+');
    }
    let number = scan.integer()?;
    let (micros, digits) = scan.fraction(b".")?;
    scan.end()?;
    let (micros, form) = if number.unsigned_abs() < MILLISECONDS_FROM {
        (number.checked_mul(SECOND)?.checked_add(micros)?, Form::Seconds { digits })
    } else {
        (number.checked_mul(1000)?.checked_add(micros / 1000)?, Form::Milliseconds)
    };
    let instant = Timestamp::from_micros(if negative { -micros } else { micros });
    instant.to_chrono()?;
    Some((instant, form))
}

/// Reads what mail programs commonly write: a part of what RFC 2822 allows, and read alike.
fn read_mail(mut scan: Scan<'_>) -> Option<(Timestamp, Form)> {
    let weekday = match scan.rest {
        [b'A'..=b'Z', _, _, b',', b' ', rest @ ..] => {
            let name = &scan.rest[..3];
            scan.rest = rest;
            Some(WEEKDAYS.iter().position(|weekday| weekday == name)?)
        }
        _ => None,
    };
    let day_padded = matches!(scan.rest, [_, b'0'..=b'9', ..]);
    let day = scan.digits(if day_padded { 2 } else { 1 })?;
    scan.byte(b' ')?;
    let month = {
        let (name, rest) = scan.rest.split_first_chunk::<3>()?;
        scan.rest = rest;
        MONTHS.iter().position(|month| month == name)? as u32 + 1
    };
    scan.byte(b' ')?;
    let year_short = matches!(scan.rest, [_, _, b' ', ..]);
    let year = match scan.digits(if year_short { 2 } else { 4 })? {
        year @ 0..=49 if year_short => year + 2000,
        year if year_short => year + 1900,
        year => year,
    };
    scan.byte(b' ')?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    if weekday.is_some_and(|weekday| weekday != date.weekday() as usize) {
        return None;
    }
    let mut time = scan.clock()?;
    scan.byte(b':')?;
    time += scan.second(59)?;
    let zone = match scan.rest {
        b" GMT" => Zone::utc(Style::Gmt, true),
        _ => {
            let zone = scan.zone()?;
            scan.end()?;
            Some(zone).filter(|zone| zone.style == Style::Basic && zone.apart)?
        }
    };
    let instant = i64::from(date.to_epoch_days()) * DAY + time - zone.micros();
    let form = Form::Mail { weekday: weekday.is_some(), day_padded, year_short, zone };
    Some((Timestamp::from_micros(instant), form))
}

/// Reads what is left of RFC 3339 and of RFC 2822: a true minus sign, named zones, comments.
pub(super) fn read_rarer(text: &str) -> Option<Timestamp> {
    let mail = |text: &str| DateTime::parse_from_rfc2822(text).ok();
    let time = DateTime::parse_from_rfc3339(text).ok().or_else(|| mail(text)).or_else(|| {
        // The second of two blanks before digits is where a zone's plus was.
        let (before, after) = text.rsplit_once("  ")?;
        let zoned = after.starts_with(|first: char| first.is_ascii_digit());
        zoned.then(|| mail(&format!("{before} +{after}"))).flatten()
    });
    time.map(|time| time.to_utc().into())
}

/// A text being read.
struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let mut number = 0;
        for digit in digits {
            number = number * 10 + u32::from(value(*digit)?);
        }
        self.rest = rest;
        Some(number)
    }

    /// As many digits as there are, at least one; `None` past what an `i64` holds.
    fn integer(&mut self) -> Option<i64> {
        let mut number = i64::from(value(self.next()?)?);
        while let Some(digit) = self.rest.first().copied().and_then(value) {
            number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
            self.rest = &self.rest[1..];
        }
        Some(number)
    }

    /// Hour and minute, in microseconds.
    fn clock(&mut self) -> Option<i64> {
        let hour = self.digits(2).filter(|hour| *hour < 24)?;
        self.byte(b':')?;
        let minute = self.digits(2).filter(|minute| *minute < 60)?;
        Some(i64::from(hour * 60 + minute) * 60 * SECOND)
    }

    fn second(&mut self, last: u32) -> Option<i64> {
        let second = self.digits(2).filter(|second| *second <= last)?;
        Some(i64::from(second) * SECOND)
    }

    /// The microseconds and the number of digits, at most 6, that follow a point, if there is one.
    fn fraction(&mut self, points: &[u8]) -> Option<(i64, u8)> {
        match self.rest.first() {
            Some(first) if points.contains(first) => {}
            _ => return Some((0, 0)),
        }
        let digits = &self.rest[1..];
        let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        let mut micros = 0;
        for place in 0..6 {
            let digit = digits.get(place).copied().and_then(value).filter(|_| place < count);
            micros = micros * 10 + i64::from(digit.unwrap_or(0));
        }
        self.rest = &digits[count..];
        (count > 0).then_some((micros, count.min(6) as u8))
    }

    /// What may follow the time of an ISO text. One blank may stand before the zone, and one more
    /// in the place of its plus.
    fn zone(&mut self) -> Option<Zone> {
        let blanks = self.rest.iter().take_while(|byte| **byte == b' ').count();
        self.rest = &self.rest[blanks..];
        let (sign, plus_lost) = match (self.rest.first(), blanks) {
            (None, 0) => return Some(Zone::utc(Style::Absent, false)),
            (Some(b'Z'), 0 | 1) => {
                return self.next().map(|_| Zone::utc(Style::Upper, blanks == 1));
            }
            (Some(b'z'), 0 | 1) => {
                return self.next().map(|_| Zone::utc(Style::Lower, blanks == 1));
            }
            (Some(b'+'), 0 | 1) => (1, false),
            (Some(b'-'), 0 | 1) => (-1, false),
            (Some(b'0'..=b'9'), 1 | 2) => (1, true),
            _ => return None,
        };
        if !plus_lost {
            self.next()?;
        }
        let apart = blanks == if plus_lost { 2 } else { 1 };
        let hours = self.digits(2).filter(|hours| *hours < 24)?;
        let style = match self.rest {
            [] => Style::Hours,
            [b':', ..] => Style::Colon,
            _ => Style::Basic,
        };
        if style == Style::Colon {
            self.next()?;
        }
        let minutes = match style {
            Style::Hours => 0,
            _ => self.digits(2).filter(|minutes| *minutes < 60)?,
        };
        let offset_minutes = sign * (hours * 60 + minutes) as i16;
        Some(Zone { style, apart, plus_lost, offset_minutes })
    }
}

fn value(digit: u8) -> Option<u8> {
    digit.is_ascii_digit().then(|| digit - b'0')
}
