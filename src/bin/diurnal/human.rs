//! Figures as people say them, in tables.
//!
//! Owns: lengths of time and ways in one or two units. JSON has them exactly.

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
mod tests {
    use super::*;

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
