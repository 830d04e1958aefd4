//! Goal: what is ruled out holds no match, what is covered matches as a whole, and the cheapest condition
//! is answered first. Method: each kind of condition, asked about days and zones on both sides of the edge
//! where the answer changes, and described in words.

use super::*;
use crate::query::filter::BoundingBox;
use crate::time::Timestamp;

fn plan(filter: &Filter) -> Plan {
    Plan::new(filter).unwrap()
}

fn between(from: i64, to: i64) -> TimeRange {
    TimeRange { from: Timestamp::from_micros(from), to: Timestamp::from_micros(to) }
}

fn area(south: f64, north: f64) -> Filter {
    Filter::BoundingBox(BoundingBox { west: 0.0, south, east: 10.0, north })
}

/// Four rows, received from 10 to 20, so many of them in a box of two to three degrees.
fn zone(located_rows: u32) -> Zone {
    let times = (Timestamp::from_micros(10), Timestamp::from_micros(20));
    let extent = Extent { south: 2.0, north: 3.0, west: 2.0, east: 3.0 };
    Zone {
        rows: 4,
        server_time: times,
        client_time: Some(times),
        located_rows,
        extent: Some(extent).filter(|_| located_rows > 0),
        ..Zone::default()
    }
}

/// Whether rows of the zone may match, and whether all of them do.
fn asked(filter: &Filter, located_rows: u32) -> (bool, bool) {
    let (plan, zone) = (plan(filter), zone(located_rows));
    (plan.condition.may_match_zone(&zone), plan.condition.covers_zone(&zone))
}

#[test]
fn a_zone_is_ruled_out_where_no_row_can_match_and_covered_where_all_do() {
    let (none, some, all) = ((false, false), (true, false), (true, true));
    for (located, there, absent, wide) in
        [(0, none, all, none), (2, some, some, some), (4, all, none, all)]
    {
        assert_eq!(asked(&Filter::HasLocation(true), located), there, "{located} of 4");
        assert_eq!(asked(&Filter::HasLocation(false), located), absent, "{located} of 4");
        assert_eq!(asked(&area(0.0, 10.0), located), wide, "{located} of 4");
        assert_eq!(asked(&area(50.0, 60.0), located), none, "{located} of 4");
    }
    for (range, answer) in
        [((10, 21), all), ((10, 20), some), ((11, 21), some), ((21, 30), none), ((0, 10), none)]
    {
        let range = between(range.0, range.1);
        assert_eq!(asked(&Filter::ServerTime(range), 0), answer, "{range:?}");
        let client = (answer.0, false);
        assert_eq!(asked(&Filter::ClientTime(range), 0), client, "{range:?}");
    }
}

#[test]
fn a_day_is_ruled_out_by_its_name_where_the_range_ends_with_its_first_instant() {
    let day = Day::from_number(20_000).unwrap();
    let (start, end) = (day.range().from.as_micros(), day.range().to.as_micros());
    for (from, to, may) in [
        (start - 5, start, false),
        (start - 5, start + 1, true),
        (end - 1, end + 5, true),
        (end, end + 5, false),
    ] {
        let plan = plan(&Filter::ServerTime(between(from, to)));
        assert_eq!(plan.may_match(day, None), may, "from {from} to {to}");
    }
}

#[test]
fn only_terms_that_must_all_be_there_are_counted_by_their_postings() {
    let terms = |filter: &Filter| {
        let plan = plan(filter);
        let terms = plan.conjunction().map(<[(Field, String)]>::to_vec);
        terms.map(|terms| terms.into_iter().map(|(_, key)| key).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(terms(&Filter::All).unwrap(), "");
    assert_eq!(terms(&Filter::session("s")).unwrap(), "s");
    assert_eq!(terms(&Filter::all_tags(["a", "b"])).unwrap(), "a b");
    assert_eq!(terms(&Filter::any_tag(["a", "b"])), None);
    assert_eq!(terms(&Filter::HasLocation(true)), None);
    let both = Filter::all_tags(["a", "b"]).and(Filter::session("s"));
    assert_eq!(terms(&both).unwrap(), "a b s");
    assert_eq!(terms(&both.and(Filter::DataContains("d".to_owned()))), None);
}

#[test]
fn a_conjunction_of_one_is_that_one_and_one_of_none_is_every_event() {
    let none = plan(&Filter::And(Vec::new()));
    assert!(none.is_all() && none.steps().len() == 1);
    let one = plan(&Filter::And(vec![Filter::session("s"), Filter::All]));
    assert_eq!(one.condition.to_string(), "session any of [s]");
    assert_eq!(one.sessions().unwrap(), ["s"]);
    assert_eq!(plan(&Filter::event_type("t")).sessions(), None);
}

#[test]
fn the_cheapest_condition_is_answered_first() {
    let tags: Vec<String> = (0..128).map(|number| format!("t{number}")).collect();
    let filter = Filter::And(vec![
        Filter::DataContains("text".to_owned()),
        Filter::ClientTime(TimeRange { from: Timestamp::from_micros(0), ..TimeRange::ALL }),
        area(0.0, 10.0),
        Filter::HasLocation(true),
        Filter::ServerTime(TimeRange { to: Timestamp::from_micros(0), ..TimeRange::ALL }),
        Filter::any_tag(tags),
        Filter::Or(vec![Filter::event_type("a"), Filter::event_type("b")]),
        Filter::not(Filter::all_tags(["a", "b", "c", "d"])),
        Filter::session("s"),
    ]);
    let steps: Vec<String> = plan(&filter).steps().iter().map(Condition::to_string).collect();
    assert_eq!(
        steps,
        [
            "session any of [s]",
            "not (tag all of [a, b, c, d])",
            "tag any of [t0, t1, t2, t3, …]",
            "any of 2 conditions",
            "server time before 1970-01-01T00:00:00.000000Z",
            "with a location",
            "inside the area",
            "client time from 1970-01-01T00:00:00.000000Z",
            "data contains \"text\"",
        ]
    );
}

#[test]
fn a_range_is_described_by_the_ends_it_has() {
    let text = |range| plan(&Filter::ServerTime(range)).condition.to_string();
    assert_eq!(text(TimeRange::ALL), "server time at any time");
    assert_eq!(
        text(between(0, 1_000_000)),
        "server time from 1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01.000000Z"
    );
}
