//! Readings of a client's time, which is kept as the client wrote it.
//!
//! Owns: which texts name an instant, and [`Form`], the way in which a text is written, so that a
//! column can hold instants and forms in place of texts. Does not own the texts themselves (`event`)
//! nor the text of a server time (`time`, `wire`).
//!
//! Invariants: no text and no bits panic. Where [`shape`] answers, its instant is that of
//! [`instant`], and its form writes that instant as the very bytes that were read. What
//! [`Form::format`] writes, [`instant`] reads as the instant that was given.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::time::{DAY, SECOND, Timestamp};

/// The integer from which a Unix time is in milliseconds. Seconds reach it in the year 5138, and
/// milliseconds had passed it by 1973.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// Bytes that the longest form can write: `2026-11-23 10:00:00.123456 +02:00` has 33.
const TEXT_BYTES_MAX: usize = 40;

/// The widest offset of a zone: 23:59.
const OFFSET_MINUTES_MAX: i16 = 24 * 60 - 1;

const WEEKDAYS: [[u8; 3]; 7] = [*b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat", *b"Sun"];

const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

/// The instant that a client's time names, where it can be read.
///
/// A leap second is the second that follows it; digits below a microsecond are cut off.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match read(text.as_bytes()) {
        Some((instant, _)) => Some(instant),
        None => read_rarer(text),
    }
}

/// The instant and the form of a text that can be stored as these two.
pub(crate) fn shape(text: &str) -> Option<(Timestamp, Form)> {
    let (instant, form) = read(text.as_bytes())?;
    // Reading forgives more than a form can say, such as a leap second or a comma for a point, so
    // the promise is kept by trying it.
    (form.text(instant)?.as_bytes() == text.as_bytes()).then_some((instant, form))
}

/// How a client's time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// `2026-11-23T10:00:00.123Z`, or less of it.
    Iso { separator: Separator, precision: Precision, digits: u8, zone: Zone },
    /// `Mon, 23 Nov 2026 10:00:00 +0000`: RFC 2822, and 822 with a short year.
    Mail { weekday: bool, day_padded: bool, year_short: bool, zone: Zone },
    /// Unix seconds, with this many decimals.
    Seconds { digits: u8 },
    /// Unix milliseconds.
    Milliseconds,
}

/// What stands between date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Separator {
    Upper,
    Lower,
    Blank,
}

/// The last part that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Precision {
    Seconds,
    Minutes,
    Date,
}

/// How an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Style {
    /// Not at all, which means UTC.
    Absent,
    /// `Z`
    Upper,
    /// `z`
    Lower,
    /// `GMT`
    Gmt,
    /// `+02:00`
    Colon,
    /// `+0200`
    Basic,
    /// `+02`
    Hours,
}

/// A zone as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Zone {
    style: Style,
    /// A blank stands before it.
    apart: bool,
    /// Its `+` has become a blank: a form's encoding that a client forgot to escape.
    plus_lost: bool,
    offset_minutes: i16,
}

impl Zone {
    const fn utc(style: Style, apart: bool) -> Self {
        Self { style, apart, plus_lost: false, offset_minutes: 0 }
    }

    fn micros(self) -> i64 {
        i64::from(self.offset_minutes) * 60 * SECOND
    }

    fn has_offset(self) -> bool {
        matches!(self.style, Style::Colon | Style::Basic | Style::Hours)
    }

    /// Whether some text is written so.
    fn is_sound(self) -> bool {
        if self.has_offset() {
            return self.offset_minutes.abs() <= OFFSET_MINUTES_MAX
                && (self.style != Style::Hours || self.offset_minutes % 60 == 0)
                && !(self.plus_lost && self.offset_minutes < 0);
        }
        self.offset_minutes == 0 && !self.plus_lost && !(self.style == Style::Absent && self.apart)
    }

    /// Style in 3 bits, two flags, and the offset in 12 bits with its sign lowest, so that UTC is
    /// a small number.
    fn to_bits(self) -> u32 {
        let offset = i32::from(self.offset_minutes);
        let offset = ((offset << 1) ^ (offset >> 31)) as u32;
        self.style as u32
            | u32::from(self.apart) << 3
            | u32::from(self.plus_lost) << 4
            | offset << 5
    }

    fn from_bits(bits: u32) -> Option<Self> {
        let style = match bits & 7 {
            0 => Style::Absent,
            1 => Style::Upper,
            2 => Style::Lower,
            3 => Style::Gmt,
            4 => Style::Colon,
            5 => Style::Basic,
            6 => Style::Hours,
            _ => return None,
        };
        let offset = bits >> 5;
        let offset = (offset >> 1) as i32 ^ -((offset & 1) as i32);
        Some(Self {
            style,
            apart: bits >> 3 & 1 == 1,
            plus_lost: bits >> 4 & 1 == 1,
            offset_minutes: i16::try_from(offset).ok()?,
        })
    }
}

impl Form {
    /// The text of an instant in this form; `None` where the form cannot name it exactly.
    pub(crate) fn format(self, instant: Timestamp) -> Option<String> {
        let text = self.text(instant)?;
        std::str::from_utf8(text.as_bytes()).ok().map(str::to_owned)
    }

    /// The kind in the lowest two bits, what is particular to it up to bit 8, a zone from bit 9.
    pub(crate) fn to_u32(self) -> u32 {
        match self {
            Self::Iso { separator, precision, digits, zone } => {
                (separator as u32) << 2
                    | (precision as u32) << 4
                    | u32::from(digits) << 6
                    | zone.to_bits() << 9
            }
            Self::Mail { weekday, day_padded, year_short, zone } => {
                1 | u32::from(weekday) << 2
                    | u32::from(day_padded) << 3
                    | u32::from(year_short) << 4
                    | zone.to_bits() << 9
            }
            Self::Seconds { digits } => 2 | u32::from(digits) << 6,
            Self::Milliseconds => 3,
        }
    }

    /// The form with these bits, which may come from a disk; `None` where no form has them.
    pub(crate) fn from_u32(bits: u32) -> Option<Self> {
        let digits = (bits >> 6 & 7) as u8;
        let flag = |place: u32| bits >> place & 1 == 1;
        let form = match bits & 3 {
            0 => Self::Iso {
                separator: match bits >> 2 & 3 {
                    0 => Separator::Upper,
                    1 => Separator::Lower,
                    2 => Separator::Blank,
                    _ => return None,
                },
                precision: match bits >> 4 & 3 {
                    0 => Precision::Seconds,
                    1 => Precision::Minutes,
                    2 => Precision::Date,
                    _ => return None,
                },
                digits,
                zone: Zone::from_bits(bits >> 9)?,
            },
            1 => Self::Mail {
                weekday: flag(2),
                day_padded: flag(3),
                year_short: flag(4),
                zone: Zone::from_bits(bits >> 9)?,
            },
            2 => Self::Seconds { digits },
            _ => Self::Milliseconds,
        };
        // Writing it again finds the bits that mean nothing to this kind.
        (form.is_sound() && form.to_u32() == bits).then_some(form)
    }

    /// Whether some text is written so.
    fn is_sound(self) -> bool {
        match self {
            Self::Iso { separator, precision, digits, zone } => {
                let fits = match precision {
                    Precision::Seconds => digits <= 6,
                    Precision::Minutes => digits == 0,
                    Precision::Date => {
                        digits == 0
                            && separator == Separator::Upper
                            && zone == Zone::utc(Style::Absent, false)
                    }
                };
                fits && zone.style != Style::Gmt && zone.is_sound()
            }
            Self::Mail { zone, .. } => {
                matches!(zone.style, Style::Gmt | Style::Basic) && zone.apart && zone.is_sound()
            }
            Self::Seconds { digits } => digits <= 6,
            Self::Milliseconds => true,
        }
    }

    fn text(self, instant: Timestamp) -> Option<Text> {
        let mut text = Text::new();
        match self {
            Self::Iso { separator, precision, digits, zone } => {
                let local = Local::at(instant, zone)?;
                text.iso(&local, separator, precision, digits)?;
                text.zone(zone);
            }
            Self::Mail { weekday, day_padded, year_short, zone } => {
                let local = Local::at(instant, zone)?;
                text.mail(&local, weekday, day_padded, year_short)?;
                text.zone(zone);
            }
            Self::Seconds { digits } => {
                let micros = instant.as_micros().unsigned_abs();
                let seconds = micros / SECOND as u64;
                if seconds >= MILLISECONDS_FROM {
                    return None;
                }
                text.sign(instant);
                text.integer(seconds);
                text.fraction((micros % SECOND as u64) as u32, digits)?;
            }
            Self::Milliseconds => {
                let micros = instant.as_micros().unsigned_abs();
                if !micros.is_multiple_of(1000) || micros / 1000 < MILLISECONDS_FROM {
                    return None;
                }
                instant.to_chrono()?;
                text.sign(instant);
                text.integer(micros / 1000);
            }
        }
        Some(text)
    }
}

/// An instant as a calendar and a clock of some zone show it.
struct Local {
    date: NaiveDate,
    year: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

impl Local {
    /// `None` outside the years 0 to 9999, which four digits can name.
    fn at(instant: Timestamp, zone: Zone) -> Option<Self> {
        let local = instant.as_micros().checked_add(zone.micros())?;
        let date = NaiveDate::from_epoch_days(i32::try_from(local.div_euclid(DAY)).ok()?)?;
        let year = u32::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
        let time = local.rem_euclid(DAY);
        let seconds = (time / SECOND) as u32;
        Some(Self {
            date,
            year,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: (time % SECOND) as u32,
        })
    }
}

/// A text being written, without a trip to the allocator.
struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES_MAX], length: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn two(&mut self, number: u32) {
        self.byte(b'0' + (number / 10 % 10) as u8);
        self.byte(b'0' + (number % 10) as u8);
    }

    fn integer(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.bytes(&digits[start..]);
    }

    fn sign(&mut self, instant: Timestamp) {
        if instant.as_micros() < 0 {
            self.byte(b'-');
        }
    }

    /// Nothing where there are no digits; `None` where the digits do not hold the fraction.
    fn fraction(&mut self, mut micros: u32, digits: u8) -> Option<()> {
        if digits > 0 {
            self.byte(b'.');
        }
        for _ in 0..digits {
            self.byte(b'0' + (micros / 100_000 % 10) as u8);
            micros = micros % 100_000 * 10;
        }
        (micros == 0).then_some(())
    }

    fn clock(&mut self, local: &Local) {
        self.two(local.hour);
        self.byte(b':');
        self.two(local.minute);
    }

    fn iso(
        &mut self,
        local: &Local,
        separator: Separator,
        precision: Precision,
        digits: u8,
    ) -> Option<()> {
        self.two(local.year / 100);
        self.two(local.year % 100);
        self.byte(b'-');
        self.two(local.date.month());
        self.byte(b'-');
        self.two(local.date.day());
        if precision == Precision::Date {
            let midnight = local.hour + local.minute + local.second + local.micros == 0;
            return midnight.then_some(());
        }
        self.byte(match separator {
            Separator::Upper => b'T',
            Separator::Lower => b't',
            Separator::Blank => b' ',
        });
        self.clock(local);
        if precision == Precision::Minutes {
            return (local.second + local.micros == 0).then_some(());
        }
        self.byte(b':');
        self.two(local.second);
        self.fraction(local.micros, digits)
    }

    fn mail(
        &mut self,
        local: &Local,
        weekday: bool,
        day_padded: bool,
        year_short: bool,
    ) -> Option<()> {
        if weekday {
            self.bytes(&WEEKDAYS[local.date.weekday() as usize]);
            self.bytes(b", ");
        }
        let day = local.date.day();
        if day_padded {
            self.two(day);
        } else {
            self.integer(u64::from(day));
        }
        self.byte(b' ');
        self.bytes(&MONTHS[local.date.month0() as usize]);
        self.byte(b' ');
        if !year_short {
            self.two(local.year / 100);
        } else if !(1950..2050).contains(&local.year) {
            return None;
        }
        self.two(local.year % 100);
        self.byte(b' ');
        self.clock(local);
        self.byte(b':');
        self.two(local.second);
        (local.micros == 0).then_some(())
    }

    fn zone(&mut self, zone: Zone) {
        if zone.apart {
            self.byte(b' ');
        }
        match zone.style {
            Style::Absent => {}
            Style::Upper => self.byte(b'Z'),
            Style::Lower => self.byte(b'z'),
            Style::Gmt => self.bytes(b"GMT"),
            Style::Colon | Style::Basic | Style::Hours => {
                let minutes = u32::from(zone.offset_minutes.unsigned_abs());
                self.byte(match (zone.plus_lost, zone.offset_minutes < 0) {
                    (true, _) => b' ',
                    (false, true) => b'-',
                    (false, false) => b'+',
                });
                self.two(minutes / 60);
                if zone.style == Style::Colon {
                    self.byte(b':');
                }
                if zone.style != Style::Hours {
                    self.two(minutes % 60);
                }
            }
        }
    }
}

/// Reads the common texts, quickly. The form may forgive more than it can write.
fn read(bytes: &[u8]) -> Option<(Timestamp, Form)> {
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
fn read_rarer(text: &str) -> Option<Timestamp> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> i64 {
        instant(text).unwrap_or_else(|| panic!("{text:?} is not read")).as_micros()
    }

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    #[test]
    fn every_spelling_of_one_instant_reads_as_it() {
        let expected = at("2013-01-05T16:12:13Z");
        for text in [
            "2013-01-05T16:12:13Z",
            "2013-01-05t16:12:13z",
            "2013-01-05 16:12:13Z",
            "2013-01-05 16:12:13 Z",
            "2013-01-05T16:12:13",
            "2013-01-05 16:12:13",
            "2013-01-05T16:12:13.000000000000",
            "2013-01-05T16:12:13,0",
            "2013-01-05T16:12:13+00:00",
            "2013-01-05T16:12:13-00:00",
            "2013-01-05T11:12:13-0500",
            "2013-01-05 11:12:13 -0500",
            "2013-01-05 11:12:13 \u{2212}05:00".replace(" \u{2212}", "\u{2212}").as_str(),
            "2013-01-05T18:12:13+02",
            "2013-01-05 18:12:13 +02:00",
            "2013-01-05 16:12:13  0000",
            "2013-01-05T16:12:13 00:00",
            "2013-01-05T18:12:13 0200",
            "2013-01-05T18:12:13 02",
            "2013-01-05 18:12:13  02:00",
            "2013-01-05T18:12:13.0 02:00",
            "Sat, 05 Jan 2013 16:12:13 +0000",
            "Sat, 5 Jan 2013 16:12:13 GMT",
            "sat, 5 jan 2013 16:12:13 gmt",
            "05 Jan 13 16:12:13 UT",
            "Sat, 05 Jan 13 11:12:13 EST",
            "Sat, 05 Jan 2013 11:12:13 -0500 (a comment)",
            "Sat, 05 Jan 2013 18:12:13  0200",
            "Sat,  5 Jan 2013 18:12:13  0200 (a comment)",
            "1357402333",
            "+1357402333",
            "1357402333000",
            "1357402333.0",
            "1357402333000.0",
            " \t2013-01-05T16:12:13Z\n",
        ] {
            assert_eq!(micros(text), expected, "{text:?}");
        }
    }

    #[test]
    fn parts_that_are_left_out_are_zero() {
        assert_eq!(micros("2013-01-05"), at("2013-01-05T00:00:00Z"));
        assert_eq!(micros("2013-01-05 16:12"), at("2013-01-05T16:12:00Z"));
        assert_eq!(micros("2013-01-05T16:12+02:00"), at("2013-01-05T14:12:00Z"));
        assert_eq!(micros("5 Jan 2013 16:12 GMT"), at("2013-01-05T16:12:00Z"));
    }

    #[test]
    fn fractions_are_cut_to_microseconds() {
        assert_eq!(micros("1970-01-01T00:00:00.5Z"), 500_000);
        assert_eq!(micros("1970-01-01 00:00:00.1234569"), 123_456);
        assert_eq!(micros("1.000001"), 1_000_001);
        assert_eq!(micros("-0.25"), -250_000);
        assert_eq!(micros("100000000000.5"), 100_000_000_000_500);
    }

    #[test]
    fn the_size_of_an_integer_decides_between_seconds_and_milliseconds() {
        assert_eq!(micros("0"), 0);
        assert_eq!(micros("-1"), -1_000_000);
        assert_eq!(micros("99999999999"), 99_999_999_999_000_000);
        assert_eq!(micros("100000000000"), 100_000_000_000_000);
        assert_eq!(micros("-100000000000"), -100_000_000_000_000);
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        let next = at("2017-01-01T00:00:00Z");
        assert_eq!(micros("2016-12-31T23:59:60Z"), next);
        assert_eq!(micros("2016-12-31 23:59:60"), next);
        assert_eq!(micros("Sat, 31 Dec 2016 23:59:60 GMT"), next);
        assert_eq!(micros("2016-12-31T23:59:60.5Z"), next + 500_000);
        assert_eq!(shape("2016-12-31T23:59:60Z"), None);
        assert_eq!(shape("Sat, 31 Dec 2016 23:59:60 GMT"), None);
    }

    #[test]
    fn a_time_that_a_clock_change_skips_or_repeats_is_read_by_its_offset() {
        assert_eq!(micros("2026-03-29T02:30:00+01:00"), at("2026-03-29T01:30:00Z"));
        assert_eq!(micros("2026-10-25T02:30:00+02:00"), at("2026-10-25T00:30:00Z"));
        assert_eq!(micros("2026-10-25T02:30:00+01:00"), at("2026-10-25T01:30:00Z"));
        assert_eq!(micros("2024-02-29T23:30:00-23:59"), at("2024-03-01T23:29:00Z"));
    }

    #[test]
    fn other_text_names_no_instant() {
        for text in [
            "",
            " ",
            "-",
            "+",
            ".",
            "1.",
            ".5",
            "1e9",
            "--1",
            "yesterday",
            "2013",
            "2013-01",
            "2013-13-01",
            "2013-02-29",
            "2013-01-05T",
            "2013-01-05T16",
            "2013-01-05T24:00:00Z",
            "2013-01-05T16:60:00Z",
            "2013-01-05T16:12:61Z",
            "2013-01-05T16:12:13.Z",
            "2013-01-05T16:12:13+24:00",
            "2013-01-05T16:12:13+0260",
            "2013-01-05T16:12:13+2",
            "2013-01-05T16:12:13   0000",
            "2013-01-05T16:12:13  +0000",
            "2013-01-05T16:12:13ZZ",
            "2013-01-05Z",
            "Mon, 05 Jan 2013 16:12:13 +0000",
            "Sat, 05 Jan 2013 16:12:13",
            "Sat, 05 Jan 2013 16:12:13 +2400",
            "Sat Jan 05 2013 16:12:13 GMT+0000 (UTC)",
            "05 Jan 999999 16:12:13 GMT",
            "9223372036854775807",
            "-9223372036854775808",
            "99999999999999999999999",
            "9000000000000000",
            "２013-01-05",
            "201é-01-05",
        ] {
            if text == "2013" {
                // A year alone cannot be told from Unix seconds.
                assert_eq!(micros(text), 2_013_000_000);
            } else {
                assert_eq!(instant(text), None, "{text:?}");
                assert_eq!(shape(text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn the_common_texts_have_a_form() {
        for text in [
            "2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00.1Z",
            "2026-11-23T10:00:00.123Z",
            "2026-11-23T10:00:00.123456Z",
            "2026-11-23T10:00:00.000000+02:00",
            "2026-11-23T10:00:00-0330",
            "2026-11-23T10:00:00+02",
            "2026-11-23 10:00:00.120",
            "2026-11-23 10:00",
            "2026-11-23",
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.999999-23:59",
            "2013-01-05 16:12:13  0000",
            "2013-01-05 16:12:13 -0500",
            "2013-01-05T16:12:13 00:00",
            "Mon, 23 Nov 2026 10:00:00 +0000",
            "Mon, 23 Nov 2026 10:00:00 GMT",
            "Mon, 23 Nov 2026 10:00:00  0100",
            "Sat, 5 Jan 2013 16:12:13 -0500",
            "05 Jan 13 16:12:13 GMT",
            "1357402333",
            "1357402333.250",
            "1357402333123",
            "-1357402333123",
            "-0.5",
            "0",
        ] {
            let (instant, form) = shape(text).unwrap_or_else(|| panic!("{text:?} has no form"));
            assert_eq!(form.format(instant).as_deref(), Some(text));
            assert_eq!(Form::from_u32(form.to_u32()), Some(form));
        }
    }

    #[test]
    fn texts_that_a_form_would_change_have_none() {
        for text in [
            " 2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00Z\n",
            "2026-11-23T10:00:00-00:00",
            "2026-11-23T10:00:00,5Z",
            "2026-11-23T10:00:00.1234567Z",
            "2026-11-23T10:00:00.1230000Z",
            "Mon, 23 Nov 2026 10:00:00 -0000",
            "mon, 23 nov 2026 10:00:00 gmt",
            "007",
            "+7",
            "-0",
            "1357402333123.5",
        ] {
            assert!(instant(text).is_some(), "{text:?}");
            assert_eq!(shape(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_bits_of_a_form_are_fixed() {
        let bits = |text| shape(text).unwrap().1.to_u32();
        assert_eq!(bits("2026-11-23T10:00:00Z"), 1 << 9);
        assert_eq!(bits("2026-11-23T10:00:00.123Z"), 3 << 6 | 1 << 9);
        assert_eq!(bits("2026-11-23 10:00"), 2 << 2 | 1 << 4);
        assert_eq!(bits("2026-11-23"), 2 << 4);
        assert_eq!(bits("2026-11-23T10:00:00+02:00"), 4 << 9 | 240 << 14);
        assert_eq!(bits("2026-11-23t10:00:00-0001"), 1 << 2 | 5 << 9 | 1 << 14);
        assert_eq!(bits("2013-01-05 16:12:13  0000"), 2 << 2 | (5 | 8 | 16) << 9);
        assert_eq!(bits("Mon, 23 Nov 2026 10:00:00 GMT"), 1 | 3 << 2 | (3 | 8) << 9);
        assert_eq!(bits("7.50"), 2 | 2 << 6);
        assert_eq!(bits("1357402333123"), 3);
    }

    #[test]
    fn bits_that_no_form_has_are_refused() {
        for bits in [
            u32::MAX,
            3 << 2,                  // No such separator.
            3 << 4,                  // No such precision.
            7 << 6,                  // Seven decimals.
            7 << 9,                  // No such style.
            3 << 9,                  // GMT after an ISO time.
            8 << 9,                  // An absent zone that stands apart.
            1 << 14,                 // An offset of an absent zone.
            (4 | 16) << 9 | 1 << 14, // A lost plus before a negative offset.
            6 << 9 | 2 << 14,        // Minutes in hours alone.
            4 << 9 | 2880 << 14,     // 24 hours.
            2 << 4 | 1 << 9,         // A zone after a date.
            1 | 5 << 9,              // Mail whose zone does not stand apart.
            2 | 1 << 9,              // A zone of Unix seconds.
            3 | 1 << 6,              // Decimals of milliseconds.
        ] {
            assert_eq!(Form::from_u32(bits), None, "{bits:#x}");
        }
    }

    #[test]
    fn an_instant_that_a_form_cannot_name_has_no_text() {
        let form = |text| shape(text).unwrap().1;
        let time = Timestamp::from_micros;
        assert_eq!(form("2026-11-23T10:00:00.123Z").format(time(1)), None);
        assert_eq!(form("2026-11-23").format(time(1_000_000)), None);
        assert_eq!(form("23 Nov 26 10:00:00 GMT").format(time(at("2050-01-01T00:00:00Z"))), None);
        assert_eq!(form("1").format(time(i64::MAX / 10 * 10)), None);
        assert_eq!(form("1357402333123").format(time(0)), None);
        for text in ["2026-11-23T10:00:00.123456+02:00", "1.123456", "1357402333123"] {
            assert_eq!(form(text).format(Timestamp::MAX), None);
            assert_eq!(form(text).format(Timestamp::MIN), None);
        }
    }

    /// Text near enough to a time to get past the first bytes.
    fn near_time() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[-+ .,:TZ0-9A-Za-z()]{0,40}",
            "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{0,9})?)?\
             ( {0,3}[-+Zz\u{2212}]?([0-9]{1,2}:?[0-9]{0,2})?)?",
            "((Mon|Tue|Sat|sun), {1,2})?[0-3]?[0-9] {1,2}(Jan|Feb|mar|Dec) ([0-9]{2,6}) \
             [0-2][0-9]:[0-6][0-9](:[0-6][0-9])? {1,2}([-+]?[0-9]{2,4}|GMT|EST|Z|[a-z]{1,3})( \\(x\\))?",
            "[-+]?[0-9]{1,20}(\\.[0-9]{0,8})?",
        ]
    }

    fn any_form() -> impl Strategy<Value = Form> {
        let zone = (0..7_u32, 0..4_u32, prop_oneof![Just(0), 0..2880_u32])
            .prop_map(|(style, flags, offset)| style | flags << 3 | offset << 5);
        (0..64_u32, 0..7_u32, prop_oneof![Just(0), zone]).prop_map(|(kind, digits, zone)| {
            let (digits, zone) = (digits << 6, zone << 9);
            // Most bits are no form, so parts are left out until they are one.
            [kind | digits | zone, kind | zone, kind | digits, kind & 3 | zone]
                .into_iter()
                .find_map(Form::from_u32)
                .unwrap_or(Form::Milliseconds)
        })
    }

    fn any_time() -> impl Strategy<Value = i64> {
        let years = -70_000_000_000_000_000..260_000_000_000_000_000_i64;
        let near = 0..4_000_000_000_000_000_i64;
        let step = prop_oneof![Just(1), Just(1000), Just(SECOND), Just(60 * SECOND), Just(DAY)];
        (prop_oneof![any::<i64>(), years, near], step).prop_map(|(time, step)| time / step * step)
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_form_gives_its_text_back(text in near_time()) {
            let read = instant(&text);
            if let Some((time, form)) = shape(&text) {
                prop_assert_eq!(read, Some(time));
                let written = form.format(time);
                prop_assert_eq!(written.as_deref(), Some(text.as_str()));
                prop_assert_eq!(Form::from_u32(form.to_u32()), Some(form));
            }
            prop_assert!(read.is_none_or(|time| time.to_chrono().is_some()));
        }

        #[test]
        fn what_chrono_reads_is_read_alike(text in near_time()) {
            let text = text.trim();
            let read = DateTime::parse_from_rfc3339(text).or(DateTime::parse_from_rfc2822(text));
            if let Ok(time) = read {
                prop_assert_eq!(instant(text), Some(time.to_utc().into()));
            }
        }

        #[test]
        fn what_a_form_writes_reads_as_the_instant(form in any_form(), time in any_time()) {
            let time = Timestamp::from_micros(time);
            if let Some(text) = form.format(time) {
                prop_assert_eq!(instant(&text), Some(time), "{}", &text);
                let (again, form) = shape(&text).unwrap();
                prop_assert_eq!(again, time);
                prop_assert_eq!(form.format(time), Some(text));
            }
        }

        #[test]
        fn no_bits_panic(bits: u32, time: i64) {
            if let Some(form) = Form::from_u32(bits) {
                prop_assert_eq!(form.to_u32(), bits);
                let _ = form.format(Timestamp::from_micros(time));
            }
        }
    }
}
