//! Goal: the tags that people want to hear are counted as the rules say. Method: hand-made choices; what a
//! choice is and how long it is heard is tested with the sessions, and against loops in `naive`.

use std::time::Duration;

use diurnal::analysis::{TagSort, Tags, TagsReport};
use diurnal::{Count, ErrorKind, Filter, Store};

use super::{choice, event, store_of};
use crate::common::{Draft, SECOND};

/// Three listeners: `a` chooses 1 and 2 twice, `b` and `c` choose 3, `c` for long.
fn listeners() -> Store {
    let of = |session: &str, draft: Draft| Draft { session: session.to_owned(), ..draft };
    store_of(&[
        of("a", choice(0, &["1", "2", "2"])),
        of("a", choice(10, &["2", "1"])),
        of("b", choice(12, &["3"])),
        of("c", choice(15, &["3", "1"])),
        of("a", event("stop_stream", 16)),
        of("a", choice(17, &[])),
        of("a", event("heartbeat", 400)),
        // Tags of other events are no choice.
        of("b", Draft { tags: vec!["4".to_owned()], ..event("start_upload", 20) }),
        of("c", event("heartbeat", 1_000)),
    ])
}

fn names(report: &TagsReport) -> Vec<&str> {
    report.tags.iter().map(|tag| tag.tag.as_str()).collect()
}

#[test]
fn tags_are_counted_by_choices_sessions_and_time() {
    let report = listeners().ask(&Tags::new()).unwrap();
    let lines: Vec<_> = report
        .tags
        .iter()
        .map(|it| (it.tag.as_str(), it.choices, it.sessions, it.listening_micros / SECOND))
        .collect();
    assert_eq!(lines, [("1", 3, 2, 316), ("2", 2, 1, 16), ("3", 2, 2, 308)]);
    assert_eq!((report.choices, report.sessions, report.tags_chosen), (5, 3, 3));
    assert_eq!(report.listening_micros, (16 + 8 + 300) * SECOND);
    let count = |key: &str, count| Count { key: key.to_owned(), count };
    assert_eq!(report.tags[0].together, [count("2", 2), count("3", 1)]);
    assert_eq!(report.tags[1].together, [count("1", 2)]);
    assert_eq!(report.tags[2].together, [count("1", 1)]);
}

#[test]
fn tags_are_listed_by_the_figure_asked_for() {
    let store = listeners();
    let by = |sort| store.ask(&Tags::new().sort(sort)).unwrap();
    assert_eq!(names(&by(TagSort::Choices)), ["1", "2", "3"]);
    assert_eq!(names(&by(TagSort::Sessions)), ["1", "3", "2"]);
    assert_eq!(names(&by(TagSort::Listening)), ["1", "3", "2"]);
    let report = store.ask(&Tags::new().sort(TagSort::Listening).limit(2).together(1)).unwrap();
    assert_eq!((names(&report), report.tags_chosen), (vec!["1", "3"], 3));
    assert_eq!(report.tags[0].together.len(), 1);
    let alone = store.ask(&Tags::new().together(0)).unwrap();
    assert!(alone.tags.iter().all(|tag| tag.together.is_empty()));
}

#[test]
fn of_a_silence_the_listening_gap_is_heard_and_without_one_all() {
    let heard = |question: Tags| {
        let report = listeners().ask(&question).unwrap();
        let of = |tag: &str| report.tags.iter().find(|it| it.tag == tag).unwrap().listening_micros;
        ["1", "2", "3"].map(|tag| of(tag) / SECOND)
    };
    let gap = |seconds| Tags::new().listening_gap(Duration::from_secs(seconds));
    assert_eq!(heard(Tags::new()), [316, 16, 308]);
    assert_eq!(heard(gap(100)), [116, 16, 108]);
    assert_eq!(heard(gap(985)), [1_001, 16, 993]);
    assert_eq!(heard(Tags::new().listening_gap(None)), [1_001, 16, 993]);
}

#[test]
fn who_goes_away_without_a_word_does_not_listen_until_the_clean_up() {
    let store = store_of(&[
        choice(0, &["3"]),
        event("heartbeat", 60),
        event("heartbeat", 120),
        event("cleanup_session", 80_000),
    ]);
    let heard = |question: &Tags| store.ask(question).unwrap().listening_micros / SECOND;
    assert_eq!(heard(&Tags::new()), 120 + 300);
    assert_eq!(heard(&Tags::new().listening_gap(None)), 80_000, "the plain definition");
}

#[test]
fn a_filter_is_what_is_seen() {
    let store = listeners();
    let report = store.ask(&Tags::new().filter(Filter::session("b"))).unwrap();
    assert_eq!((names(&report), report.sessions), (vec!["3"], 1));
    let none = store.ask(&Tags::new().filter(Filter::session("d"))).unwrap();
    assert_eq!((none.choices, none.tags.len()), (0, 0));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let store = listeners();
    for (question, name) in [
        (Tags::new().limit(0), "limit"),
        (Tags::new().limit(10_001), "limit"),
        (Tags::new().together(1_001), "together"),
        (Tags::new().listening_gap(Duration::ZERO), "listening_gap"),
    ] {
        let error = store.ask(&question).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn more_tags_than_are_looked_for_are_counted() {
    let tags: Vec<String> = (0..1_500).map(|tag| format!("{tag:04}")).collect();
    let words = |range: &[String]| Draft { tags: range.to_vec(), ..event("modify_stream", 0) };
    let mut drafts: Vec<Draft> = tags.chunks(250).map(words).collect();
    drafts.extend(tags[..1_000].chunks(250).map(words));
    let report = store_of(&drafts).ask(&Tags::new().limit(10_000).together(1_000)).unwrap();
    assert_eq!((report.tags_chosen, report.tags.len()), (1_500, 1_500));
    assert_eq!((report.tags[0].choices, report.tags[0].together.len()), (2, 249));
    assert!(report.tags[1_400].together.is_empty(), "beside it are only tags beyond the thousand");
}

#[test]
fn questions_and_answers_are_plain_values() {
    assert_eq!(serde_json::from_str::<Tags>("{}").unwrap(), Tags::new());
    let question = Tags::new().sort(TagSort::Sessions).listening_gap(Duration::from_secs(2));
    let json = serde_json::to_string(&question).unwrap();
    assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), question);
    let plain = Tags::new().listening_gap(None);
    let json = serde_json::to_string(&plain).unwrap();
    assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), plain);
    let report = listeners().ask(&Tags::new()).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<TagsReport>(&json).unwrap(), report);
}
