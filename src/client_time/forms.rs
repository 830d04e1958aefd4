//! The ways in which a client's time is written.
//!
//! Owns: [`Form`], its bits, and the text of an instant in it. Does not own how a text is read
//! (`readings`).
//!
//! Invariant: no bits panic; those that no form has are refused.

use chrono::{Datelike, NaiveDate};

use crate::time::{DAY, SECOND, Timestamp};

/// The integer from which a Unix time is in milliseconds. Seconds reach it in the year 5138, and
/// milliseconds had passed it by 1973.
pub(super) const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// Bytes that the longest form can write: `2026-11-23 10:00:00.123456 +02:00` has 33.
const TEXT_BYTES_MAX: usize = 40;

/// The widest offset of a zone: 23:59.
const OFFSET_MINUTES_MAX: i16 = 24 * 60 - 1;

pub(super) const WEEKDAYS: [[u8; 3]; 7] =
    [*b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat", *b"Sun"];

pub(super) const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

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
    pub(super) style: Style,
    /// A blank stands before it.
    pub(super) apart: bool,
    /// Its `+` has become a blank: a form's encoding that a client forgot to escape.
    pub(super) plus_lost: bool,
    pub(super) offset_minutes: i16,
}

impl Zone {
    pub(super) const fn utc(style: Style, apart: bool) -> Self {
        Self { style, apart, plus_lost: false, offset_minutes: 0 }
    }

    pub(super) fn micros(self) -> i64 {
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

    pub(super) fn text(self, instant: Timestamp) -> Option<Text> {
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
pub(super) struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES_MAX], length: 0 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
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
