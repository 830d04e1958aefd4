//! Goal: every rule of an event holds at its very edge, a refusal says which rule of which field
//! was broken by what, and nothing is written for it.
//!
//! Method: the last value that is allowed and the first that is not, through `log_event`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use diurnal::{Day, ErrorKind, EventId, Filter, ManualClock, NewEvent, Store, Timestamp, limits};

use crate::common::{at, day, everything, noon, small_blocks};

fn store() -> Store {
    small_blocks().clock(noon(day("2026-11-23"))).in_memory().unwrap()
}

fn event() -> NewEvent {
    NewEvent::new(1, "heartbeat")
}

/// The event is kept, and what is read back of it is what `read` says.
#[track_caller]
fn assert_kept<T: PartialEq + std::fmt::Debug>(
    event: NewEvent,
    read: impl Fn(&diurnal::Event) -> T,
    expected: T,
) {
    let store = store();
    store.validate(&event).unwrap();
    store.log_event(event).unwrap();
    let events = everything(&store);
    assert_eq!(events.len(), 1);
    assert_eq!(read(&events[0]), expected);
}

/// The event is refused in words that hold all of these, and leaves no trace.
#[track_caller]
fn assert_refused(event: NewEvent, words: &[&str]) {
    let store = store();
    let refused = store.validate(&event).unwrap_err();
    let error = store.log_event(event).unwrap_err();
    assert_eq!(refused.to_string(), error.to_string(), "validate says what log_event says");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    assert!(message.len() < 400, "a long value is shortened: {message}");
    assert!(!message.contains('\n'), "one line: {message:?}");
    assert_eq!(store.count(&Filter::All).unwrap(), 0);
    assert!(store.days().unwrap().is_empty(), "not even a day was begun");
    let id = store.log_event(self::event()).unwrap();
    assert_eq!(id, EventId::new(day("2026-11-23"), 0), "no ordinal was used up");
}

#[test]
fn session_ids_are_1_to_128_bytes() {
    let kept =
        |id: &str| assert_kept(NewEvent::new(id, "t"), |it| it.session_id.clone(), id.into());
    kept("1");
    kept(&"x".repeat(128));
    kept(&"é".repeat(64));
    kept(" ");
    let refused = |id: &str, words: &[&str]| assert_refused(NewEvent::new(id, "t"), words);
    refused("", &["session_id", "1 to 128 bytes", "\"\""]);
    refused(&"x".repeat(129), &["session_id", "1 to 128 bytes", "129", "xxxx", "…"]);
    refused(&"é".repeat(65), &["session_id", "130"]);
}

#[test]
fn event_types_are_1_to_64_bytes() {
    let kept =
        |name: &str| assert_kept(NewEvent::new(1, name), |it| it.event_type.clone(), name.into());
    kept("x");
    kept(&"x".repeat(64));
    kept("any name, not a primary one");
    assert_refused(NewEvent::new(1, ""), &["event_type", "1 to 64 bytes"]);
    assert_refused(NewEvent::new(1, "x".repeat(65)), &["event_type", "1 to 64 bytes", "65"]);
}

#[test]
fn tags_are_1_to_64_bytes_and_at_most_256() {
    let kept = |tags: Vec<String>| assert_kept(event().tags(&tags), |it| it.tags.clone(), tags);
    kept(Vec::new());
    kept(vec!["x".repeat(64), "3".to_owned(), "1".to_owned(), "3".to_owned(), " ,".to_owned()]);
    kept((0..256).map(|tag| tag.to_string()).collect());
    kept(vec!["same".to_owned(); 256]);
    assert_refused(event().tags(0..257), &["tags", "256", "257"]);
    assert_refused(event().tag(""), &["tags", "1 to 64 bytes"]);
    assert_refused(event().tags(["1", &"y".repeat(65)]), &["tags", "1 to 64 bytes", "yyy", "…"]);
}

#[test]
fn control_characters_are_refused_in_what_is_indexed_and_kept_elsewhere() {
    for control in ["\0", "\n", "\t", "\u{1b}", "\u{7f}", "\u{85}"] {
        let text = format!("a{control}b");
        assert_refused(NewEvent::new(&text, "t"), &["session_id", "control characters"]);
        assert_refused(NewEvent::new(1, &text), &["event_type", "control characters"]);
        assert_refused(event().tags(["fine", &text]), &["tags", "control characters"]);
        assert_kept(event().data(&text), |it| it.data.clone(), Some(text.clone()));
    }
    // Odd, and no control characters.
    for text in ["\u{202e}", "\u{feff}", "\u{2028}", "\u{200d}", "\u{e000}"] {
        assert_kept(NewEvent::new(text, text), |it| it.session_id.clone(), text.to_owned());
        assert_kept(event().tag(text), |it| it.tags.clone(), vec![text.to_owned()]);
    }
}

#[test]
fn integers_are_as_good_as_strings() {
    assert_kept(NewEvent::new(-1, "t"), |it| it.session_id.clone(), "-1".to_owned());
    let most = u64::MAX.to_string();
    assert_kept(NewEvent::new(u64::MAX, "t"), |it| it.session_id.clone(), most);
    assert_kept(event().tags([3, 8]), |it| it.tags.clone(), vec!["3".to_owned(), "8".to_owned()]);
    assert_kept(NewEvent::new("007", "t"), |it| it.session_id.clone(), "007".to_owned());
}

#[test]
fn data_is_at_most_64_kib_unless_the_setting_says_otherwise() {
    let kept =
        |data: &str| assert_kept(event().data(data), |it| it.data.clone(), Some(data.into()));
    kept("");
    kept("\0\r\n\u{1f333}");
    kept(&"x".repeat(64 * 1024));
    assert_kept(event(), |it| it.data.clone(), None);
    let long = "z".repeat(64 * 1024 + 1);
    assert_refused(event().data(&long), &["data", "65536", "65537", "zzz", "…"]);
    let small = small_blocks().data_bytes_max(10).in_memory().unwrap();
    small.log_event(event().data("0123456789")).unwrap();
    let error = small.log_event(event().data("0123456789a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let large = small_blocks().data_bytes_max(limits::DATA_BYTES_MAX).in_memory().unwrap();
    large.log_event(event().data("x".repeat(limits::DATA_BYTES_MAX))).unwrap();
    assert_eq!(everything(&large)[0].data.as_ref().unwrap().len(), limits::DATA_BYTES_MAX);
}

#[test]
fn places_lie_within_90_and_180_degrees_and_are_kept_bit_for_bit() {
    let bits =
        |it: &diurnal::Event| (it.latitude.map(f64::to_bits), it.longitude.map(f64::to_bits));
    let tiny = f64::from_bits(1);
    for (latitude, longitude) in [
        (90.0, 180.0),
        (-90.0, -180.0),
        (0.0, -0.0),
        (-0.0, 0.0),
        (tiny, -tiny),
        (90.0_f64.next_down(), 180.0_f64.next_down()),
        (0.1 + 0.2, 1.0 / 3.0),
    ] {
        let expected = (Some(latitude.to_bits()), Some(longitude.to_bits()));
        assert_kept(event().location(latitude, longitude), bits, expected);
    }
    assert_kept(event(), bits, (None, None));
    for wrong in [90.0_f64.next_up(), -90.0_f64.next_up().abs(), f64::NAN, f64::INFINITY, 1e300] {
        assert_refused(event().location(wrong, 0.0), &["latitude", "±90", &wrong.to_string()[..2]]);
        assert_refused(event().location(-wrong, 0.0), &["latitude", "±90"]);
    }
    for wrong in [180.0_f64.next_up(), f64::NAN, f64::NEG_INFINITY, -360.0] {
        assert_refused(event().location(0.0, wrong), &["longitude", "±180"]);
    }
}

#[test]
fn a_clients_time_is_kept_byte_for_byte_readable_or_not() {
    let read = |it: &diurnal::Event| {
        let instant = it.client_instant().map(|time| time.to_string());
        (it.client_time.clone().unwrap(), instant)
    };
    let ten = Some("2026-11-23T10:00:00.000000Z".to_owned());
    let fraction = Some("2026-11-23T10:00:00.123456Z".to_owned());
    let readings = [
        ("2026-11-23T10:00:00Z", &ten),
        ("2026-11-23T12:00:00+02:00", &ten),
        ("2026-11-23 12:00:00+02:00", &ten),
        ("2026-11-23T10:00:00.123456Z", &fraction),
        ("2026-11-23T10:00:00", &ten),
        ("2026-11-23 10:00:00.123456", &fraction),
        ("Mon, 23 Nov 2026 10:00:00 +0000", &ten),
        ("Mon, 23 Nov 2026 05:00:00 EST", &ten),
        ("1795428000", &ten),
        ("1795428000000", &ten),
        ("yesterday at noon", &None),
        ("0000-00-00 00:00:00", &None),
        (" ", &None),
        ("\t\n", &None),
        ("☕", &None),
    ];
    for (text, instant) in readings {
        assert_kept(event().client_time(text), read, (text.to_owned(), instant.clone()));
    }
    let longest = "x".repeat(64);
    assert_kept(event().client_time(&longest), read, (longest.clone(), None));
    assert_refused(event().client_time(""), &["client_time", "1 to 64 bytes"]);
    assert_refused(event().client_time("x".repeat(65)), &["client_time", "1 to 64 bytes", "65"]);
}

#[test]
fn server_times_lie_on_the_days_that_ids_can_name() {
    let first = Timestamp::from_micros(0);
    let last = Timestamp::from_micros(Day::MAX.range().to.as_micros() - 1);
    for time in [first, last] {
        assert_kept(event().server_time(time), |it| it.server_time, time);
    }
    for time in [
        Timestamp::from_micros(-1),
        Timestamp::MIN,
        Timestamp::from_micros(last.as_micros() + 1),
        Timestamp::MAX,
    ] {
        assert_refused(event().server_time(time), &["server_time", "1970-01-01"]);
    }
}

#[test]
fn without_a_server_time_the_clock_says() {
    let time = at(day("2026-11-23"), 123_456);
    let store = small_blocks().clock(ManualClock::new(time)).in_memory().unwrap();
    let id = store.log_event(event()).unwrap();
    assert_eq!(id.day(), day("2026-11-23"));
    assert_eq!(everything(&store)[0].server_time, time);
}

#[test]
fn a_batch_with_one_bad_event_is_refused_whole_and_names_its_place() {
    let store = store();
    let batch = |bad: usize| {
        (0..5).map(move |place| match place {
            it if it == bad => NewEvent::new(1, "heartbeat").tag(""),
            it => NewEvent::new(it, "heartbeat").server_time(at(day("2026-11-20"), it as i64)),
        })
    };
    for bad in 0..5 {
        let error = store.log_events(batch(bad)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let message = error.to_string();
        let place = message.find(&format!("event {bad}")).unwrap_or_else(|| panic!("{message}"));
        assert!(place < message.find("tags").unwrap(), "the place comes first: {message}");
    }
    assert_eq!(store.count(&Filter::All).unwrap(), 0);
    assert!(store.days().unwrap().is_empty());
    let ids = store.log_events(batch(5)).unwrap();
    let expected: Vec<_> = (0..5).map(|place| EventId::new(day("2026-11-20"), place)).collect();
    assert_eq!(ids, expected);
    assert_eq!(store.log_events([]).unwrap(), Vec::new());
}

#[test]
fn filters_that_break_a_rule_are_refused() {
    let store = store();
    let nested = |depth| (1..depth).fold(Filter::All, |filter, _| Filter::not(filter));
    assert_eq!(store.count(&nested(limits::FILTER_DEPTH_MAX)).unwrap(), 0);
    let wrong = [
        nested(limits::FILTER_DEPTH_MAX + 1),
        Filter::session(""),
        Filter::tag("x".repeat(65)),
        Filter::DataContains(String::new()),
        Filter::DataContains("x".repeat(limits::SEARCH_BYTES_MAX + 1)),
        Filter::sessions(0..limits::FILTER_TERMS_MAX),
        Filter::Circle(diurnal::Circle { latitude: 0.0, longitude: 0.0, metres: f64::NAN }),
        Filter::BoundingBox(diurnal::BoundingBox { west: 0.0, south: 1.0, east: 0.0, north: 0.0 }),
    ];
    for filter in wrong {
        let error = store.count(&filter).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(store.query(&filter.into()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn settings_that_break_a_rule_are_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let builders = [
        Store::builder().block_rows(limits::BLOCK_ROWS_MIN - 1),
        Store::builder().block_rows(limits::PART_ROWS_MAX + 1),
        Store::builder().data_bytes_max(limits::DATA_BYTES_MAX + 1),
        Store::builder().retention(diurnal::Retention::KEEP_ALL.max_age_days(0)),
    ];
    for builder in builders {
        let error = builder.open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(!path.exists());
    }
}
