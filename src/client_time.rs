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
mod tests;
