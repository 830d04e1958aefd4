//! Amounts as people read them.
//!
//! Owns: counted nouns, sizes, lengths of time and ways in tables and sentences. Does not own exact figures, which
//! JSON has.

use diurnal::{Timestamp, Zone};

/// So many of something, whose name takes an s for more than one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A size in units of 1024, which `--max-bytes` reads once its decimals are left out.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What rounds to 1024.0 is one of the next unit.
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// A time to the second, as clocks of a zone show it.
pub(crate) fn time(zone: Zone, time: Timestamp) -> String {
    zone.text(Timestamp::from_micros(
        time.as_micros().div_euclid(1_000_000).saturating_mul(1_000_000),
    ))
}

/// A length of time in its two largest units, the rest cut off: `1 h 12 min`; below ten seconds with a
/// fraction.
pub(crate) fn duration(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let text = match seconds {
        _ if micros == 0 => "0 s".to_owned(),
        0 if micros < 1_000 => format!("{micros} µs"),
        0 => format!("{} ms", micros / 1_000),
        1..10 => format!("{seconds}.{} s", micros / 100_000 % 10),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    };
    format!("{sign}{text}")
}

/// A way: metres, or kilometres from one on.
pub(crate) fn metres(metres: f64) -> String {
    match metres {
        ..999.5 => format!("{metres:.0} m"),
        ..99_950.0 => format!("{:.1} km", metres / 1_000.0),
        _ => format!("{:.0} km", metres / 1_000.0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_plural() {
        assert_eq!(["0 days", "1 day", "2 days"], [0, 1, 2].map(|count| counted(count, "day")));
    }

    #[test]
    fn sizes_have_the_unit_that_leaves_a_small_number() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn times_are_cut_to_the_second_and_say_their_offset() {
        let at = "2026-11-23T10:00:00.999999Z".parse().unwrap();
        assert_eq!(time(Zone::UTC, at), "2026-11-23T10:00:00Z");
        assert_eq!(time("Asia/Kolkata".parse().unwrap(), at), "2026-11-23T15:30:00+05:30");
    }

    #[test]
    fn lengths_of_time_have_two_units() {
        let said = [
            (0, "0 s"),
            (999, "999 µs"),
            (999_999, "999 ms"),
            (-1_250_000, "-1.2 s"),
            (59_999_999, "59 s"),
            (61_000_000, "1 min 1 s"),
            (4_320_000_000, "1 h 12 min"),
            (90_000_000_000, "1 d 1 h"),
            (i64::MAX, "106751991 d 4 h"),
            (i64::MIN, "-106751991 d 4 h"),
        ];
        for (micros, text) in said {
            assert_eq!(duration(micros), text);
        }
    }

    #[test]
    fn long_ways_are_kilometres() {
        for (way, text) in
            [(0.0, "0 m"), (999.4, "999 m"), (999.6, "1.0 km"), (123_456.0, "123 km")]
        {
            assert_eq!(metres(way), text);
        }
    }
}
