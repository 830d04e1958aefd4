//! That times are read as clients mean them, and written again as they came.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::time::{DAY, SECOND};

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
