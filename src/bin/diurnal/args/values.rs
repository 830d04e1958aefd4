//! Single values of options.
//!
//! Owns: how a size, a length of time, a point and a cursor are read. Does not own which option takes them.

use std::time::Duration;

use diurnal::{Cursor, Timestamp};

/// A cursor as the library writes it, or with the event's time as results show it.
pub(super) fn parse_cursor(text: &str) -> Result<Cursor, String> {
    let micros = text.rsplit_once(':').and_then(|(time, id)| {
        let time: Timestamp = time.parse().ok()?;
        Some(format!("{}:{id}", time.as_micros()))
    });
    micros.as_deref().unwrap_or(text).parse().map_err(|_| {
        "must be the server time and the id of an event, as in \
         2026-11-23T10:00:00.123456Z:89206128115712"
            .to_owned()
    })
}

/// Bytes: plain, or with a unit of 1000 (K, M, G, T, with or without B) or of 1024 (KiB and so on).
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1000_u64.pow(2),
        "g" | "gb" => 1000_u64.pow(3),
        "t" | "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("the unit must be one of K, M, G, T, KiB, MiB, GiB, TiB".to_owned()),
    };
    let number: u64 =
        number.parse().map_err(|_| "must be a number of bytes, as 500M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "is more bytes than can be counted".to_owned())
}

/// A length of time: a number with a unit from µs to w, as 90s or 15m.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros: u64 = match unit.trim_start() {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "w" => 604_800_000_000,
        _ => return Err("must be a number with a unit: us, ms, s, m, h, d or w, as 15m".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "must be a number with a unit, as 15m")?;
    let length = number.checked_mul(micros).ok_or("is longer than can be counted")?;
    Ok(Duration::from_micros(length))
}

/// A latitude and a longitude.
pub(super) fn parse_point(text: &str) -> Result<(f64, f64), String> {
    let [latitude, longitude] = parse_numbers(text, "LAT,LON as in 42.35,-71.06")?;
    Ok((latitude, longitude))
}

/// So many numbers with commas between them.
pub(super) fn parse_numbers<const N: usize>(text: &str, shape: &str) -> Result<[f64; N], String> {
    let numbers = text
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        .collect::<Option<Vec<f64>>>();
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| format!("must be {shape}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1000_and_of_1024() {
        assert_eq!(parse_size("123"), Ok(123));
        assert_eq!(parse_size("500M"), Ok(500_000_000));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("1 kb"), Ok(1000));
        for wrong in ["", "M", "1.5G", "-1", "1X", "99999999999T"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_have_units() {
        let micros = |text| parse_span(text).map(|span| span.as_micros());
        assert_eq!(micros("15m"), Ok(900_000_000));
        assert_eq!(micros("2 h"), Ok(7_200_000_000));
        assert_eq!(micros("7us"), Ok(7));
        for wrong in ["", "5", "m", "-1s", "1.5h", "1y", "99999999999999d"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_read_in_both_forms() {
        let cursor = parse_cursor("2026-11-23T10:00:00.123456Z:89206128115712");
        assert!(cursor.is_ok());
        assert_eq!(
            cursor.as_ref().map(ToString::to_string).map(|t| parse_cursor(&t)),
            Ok(cursor.clone())
        );
        assert!(parse_cursor("2026-11-23").is_err());
    }
}
