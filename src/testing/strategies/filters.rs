//! Strategies for questions.

use geo::{LineString, MultiPolygon, Polygon};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::event::EventId;
use crate::query::{BoundingBox, Circle, Cursor, Filter, Order, Query};
use crate::testing::model::metres;
use crate::testing::strategies::events::{SESSIONS, TAGS, TYPES, place, texts, timestamp};
use crate::time::{Day, TimeRange, Timestamp};

fn time_range() -> impl Strategy<Value = TimeRange> {
    let end = || prop_oneof![5 => timestamp(), 1 => select(vec![Timestamp::MIN, Timestamp::MAX])];
    (end(), end(), 0..10).prop_map(|(a, b, turned)| match turned {
        // Turned about, it holds nothing.
        9 => TimeRange { from: a.max(b), to: a.min(b) },
        _ => TimeRange { from: a.min(b), to: a.max(b) },
    })
}

fn bounding_box() -> impl Strategy<Value = BoundingBox> {
    (place(), place()).prop_map(|(a, b)| BoundingBox {
        west: a.1,
        south: a.0.min(b.0),
        east: b.1,
        north: a.0.max(b.0),
    })
}

/// Circles whose edge often passes through a place that events have.
fn circle() -> impl Strategy<Value = Circle> {
    let radius = prop_oneof![
        2 => place().prop_map(Ok),
        1 => select(vec![0.0, 1.0, 5e3, 2e6, 1.2e7, 3e7]).prop_map(Err),
    ];
    (place(), radius).prop_map(|(centre, radius)| Circle {
        latitude: centre.0,
        longitude: centre.1,
        metres: radius.map_or_else(|metres| metres, |place| metres(centre, place)),
    })
}

fn ring(places: Vec<(f64, f64)>) -> LineString<f64> {
    places.into_iter().map(|(latitude, longitude)| (longitude, latitude)).collect()
}

fn polygon() -> impl Strategy<Value = Polygon<f64>> {
    let corners = |a: (f64, f64), b: (f64, f64)| vec![a, (a.0, b.1), b, (b.0, a.1)];
    let rectangle =
        (place(), place()).prop_map(move |(a, b)| Polygon::new(ring(corners(a, b)), Vec::new()));
    let holed = (place(), place(), 0.0_f64..0.5).prop_map(move |(a, b, part)| {
        let inward = |from: f64, to: f64| from + (to - from) * part;
        let hole =
            corners((inward(a.0, b.0), inward(a.1, b.1)), (inward(b.0, a.0), inward(b.1, a.1)));
        Polygon::new(ring(corners(a, b)), vec![ring(hole)])
    });
    // Often concave, sometimes crossing itself.
    let any = vec(place(), 3..9).prop_map(|places| Polygon::new(ring(places), Vec::new()));
    prop_oneof![rectangle, holed, any]
        // Rings of fewer than four points are refused; those need three different places.
        .prop_filter("a ring needs four points", |polygon| {
            std::iter::once(polygon.exterior())
                .chain(polygon.interiors())
                .all(|ring| ring.0.len() >= 4)
        })
}

/// A condition that does not nest.
fn condition() -> impl Strategy<Value = Filter> {
    let unknown = || Just("never logged".to_owned());
    let sessions = vec(prop_oneof![8 => texts(&SESSIONS), 1 => unknown()], 0..4);
    let types = vec(prop_oneof![8 => texts(&TYPES), 1 => unknown()], 0..4);
    let tags = || vec(prop_oneof![8 => texts(&TAGS), 1 => unknown()], 0..4);
    prop_oneof![
        1 => Just(Filter::All),
        3 => sessions.prop_map(Filter::Session),
        3 => types.prop_map(Filter::EventType),
        2 => tags().prop_map(Filter::AnyTag),
        2 => tags().prop_map(Filter::AllTags),
        3 => time_range().prop_map(Filter::ServerTime),
        3 => time_range().prop_map(Filter::ClientTime),
        3 => bounding_box().prop_map(Filter::BoundingBox),
        3 => vec(polygon(), 0..3).prop_map(|all| Filter::Polygon(MultiPolygon(all))),
        3 => circle().prop_map(Filter::Circle),
        1 => any::<bool>().prop_map(Filter::HasLocation),
        2 => texts(&["time", "\"", "\0", "ö", "imeoutl", "\u{1f333}", "never"])
            .prop_map(Filter::DataContains),
    ]
}

/// Any filter, conditions of every kind nested up to five deep.
pub fn filter() -> impl Strategy<Value = Filter> {
    condition().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(Filter::not),
        ]
    })
}

/// A place in the order of results: most often near one that an event has.
pub fn cursor() -> impl Strategy<Value = Cursor> + Clone {
    (timestamp(), 0_u32..100).prop_map(|(server_time, ordinal)| Cursor {
        server_time,
        id: EventId::new(Day::of(server_time).unwrap_or(Day::MIN), ordinal),
    })
}

/// Any question: a filter, an order, sometimes a limit, sometimes a cursor.
pub fn query() -> impl Strategy<Value = Query> {
    let limit = prop_oneof![4 => 0_u64..60, 1 => Just(u64::MAX)];
    let order = select(vec![Order::Ascending, Order::Descending]);
    (filter(), order, option::weighted(0.3, limit), option::weighted(0.3, cursor()))
        .prop_map(|(filter, order, limit, after)| Query { filter, order, limit, after })
}
