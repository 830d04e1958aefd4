//! Amounts as people read them.
//!
//! Owns: counted nouns, sizes and lengths of time in tables and sentences. Does not own exact figures, which
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

/// How long it is from one time to another, in its two largest units.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_micros().saturating_sub(from.as_micros()).max(0) / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if days > 0 {
        format!("{days}d {}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h {}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m {}s", seconds % 60)
    } else {
        format!("{seconds}s")
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
    fn spans_have_two_units() {
        let of =
            |seconds: i64| span(Timestamp::default(), Timestamp::from_micros(seconds * 1_000_000));
        assert_eq!(
            [59, 61, 3600, 90_000, -1].map(of),
            ["59s", "1m 1s", "1h 0m", "1d 1h", "0s"].map(str::to_owned)
        );
    }
}
