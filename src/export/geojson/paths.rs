//! The path of each session as a line.
//!
//! Owns: [`write_paths`]: which events make a line, where a line is cut, and what is said of it. Does
//! not own which sessions there are (`query`).
//!
//! Invariants: at most [`POSITIONS_MAX`] positions are held, besides one summary for each session; no
//! line crosses the antimeridian, as RFC 7946 asks in its section 3.1.9.

use std::io::Write;

use serde::Serialize;

use super::Features;
use crate::error::Result;
use crate::export::write_json;
use crate::query::aggregate::SessionSummary;
use crate::query::{Filter, Query};
use crate::store::Store;
use crate::time::Timestamp;

/// Positions of one feature; a session with more has several, which share their ends.
const POSITIONS_MAX: usize = 1 << 16;

/// Longitude and latitude in degrees.
type Position = [f64; 2];

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'static str,
    geometry: Option<Geometry<'a>>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Geometry<'a> {
    r#type: &'static str,
    coordinates: OneOrMany<'a, Position>,
}

#[derive(Serialize)]
struct Properties<'a> {
    session_id: &'a str,
    first: Timestamp,
    last: Timestamp,
    events: u64,
    /// The server time at each position.
    times: OneOrMany<'a, Timestamp>,
}

/// What a point, a line, or the lines of a cut one have.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a, T> {
    One(&'a T),
    List(&'a [T]),
    Lists(&'a [Vec<T>]),
}

/// Stretches of a path between its crossings of the antimeridian, each with positions and times.
#[derive(Default)]
struct Path {
    positions: Vec<Vec<Position>>,
    times: Vec<Vec<Timestamp>>,
    count: usize,
}

impl Path {
    fn last(&self) -> Option<(Position, Timestamp)> {
        let position = self.positions.last().and_then(|part| part.last());
        position.copied().zip(self.times.last().and_then(|part| part.last()).copied())
    }

    /// Goes to a position; across the antimeridian where that is the shorter way.
    fn go(&mut self, to: Position, time: Timestamp) {
        match self.last() {
            None => self.begin(to, time),
            Some((from, left)) if (to[0] - from[0]).abs() > 180.0 => {
                let (edge, latitude, crossed) = crossing((from, left), (to, time));
                self.add([edge, latitude], crossed);
                self.begin([-edge, latitude], crossed);
                self.add(to, time);
            }
            Some(_) => self.add(to, time),
        }
    }

    fn begin(&mut self, position: Position, time: Timestamp) {
        self.positions.push(Vec::new());
        self.times.push(Vec::new());
        self.add(position, time);
    }

    fn add(&mut self, position: Position, time: Timestamp) {
        if let (Some(positions), Some(times)) = (self.positions.last_mut(), self.times.last_mut()) {
            positions.push(position);
            times.push(time);
            self.count += 1;
        }
    }
}

/// Where and when a straight way between two positions meets the antimeridian: the longitude on the
/// side that is left, the latitude, the time.
fn crossing(from: (Position, Timestamp), to: (Position, Timestamp)) -> (f64, f64, Timestamp) {
    let (([longitude, latitude], left), (end, reached)) = (from, to);
    let edge = 180.0_f64.copysign(longitude);
    let whole = 360.0 - (end[0] - longitude).abs();
    let share = if whole > 0.0 { (edge - longitude).abs() / whole } else { 0.0 };
    let micros = (reached.as_micros() - left.as_micros()) as f64 * share;
    let crossed = Timestamp::from_micros(left.as_micros() + micros as i64);
    (edge, latitude + (end[1] - latitude) * share, crossed)
}

/// Writes one feature for each session that has a matching event: a `LineString` through the places of
/// those events in order of time, with `times`, the server time at each position; a `MultiLineString`
/// where the path crosses the antimeridian, with times in lists likewise; a `Point` where there is one
/// place, and no geometry where there is none. `first`, `last` and `events` are those of all matching
/// events. A path of more than 65,536 positions is several features that share their ends.
///
/// Progress is told as sessions written and sessions in all. Returns how many sessions were written.
/// Memory grows with the number of sessions alone. Lines are for maps, and are not read back.
///
/// # Errors
///
/// As [`Store::sessions`]; `DiskFull` or `Io` where the output takes no more.
pub fn write_paths(
    store: &Store,
    filter: &Filter,
    out: impl Write,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64> {
    let mut features = Features { out, count: 0 };
    let sessions = store.sessions(filter)?;
    let total = sessions.len() as u64;
    for (done, session) in (1..).zip(&sessions) {
        write_session(store, filter, session, &mut features)?;
        progress(done, total);
    }
    features.finish()?;
    Ok(total)
}

fn write_session(
    store: &Store,
    filter: &Filter,
    session: &SessionSummary,
    features: &mut Features<impl Write>,
) -> Result<()> {
    let mut path = Path::default();
    let mut written = false;
    let places = Query::from(Filter::session(&session.id))
        .filter(filter.clone())
        .filter(Filter::HasLocation(true));
    for event in store.query(&places)? {
        let event = event?;
        let Some((longitude, latitude)) = event.longitude.zip(event.latitude) else { continue };
        if path.count >= POSITIONS_MAX {
            write_path(session, &path, features)?;
            written = true;
            let end = path.last();
            path = Path::default();
            end.into_iter().for_each(|(position, time)| path.begin(position, time));
        }
        path.go([longitude, latitude], event.server_time);
    }
    if written && path.count < 2 {
        return Ok(());
    }
    write_path(session, &path, features)
}

fn write_path(
    session: &SessionSummary,
    path: &Path,
    features: &mut Features<impl Write>,
) -> Result<()> {
    let (kind, coordinates, times) = match (path.positions.as_slice(), path.times.as_slice()) {
        ([positions], [times]) => match (positions.as_slice(), times.as_slice()) {
            ([position], [time]) => ("Point", OneOrMany::One(position), OneOrMany::One(time)),
            _ => ("LineString", OneOrMany::List(positions), OneOrMany::List(times)),
        },
        (positions, times) => {
            ("MultiLineString", OneOrMany::Lists(positions), OneOrMany::Lists(times))
        }
    };
    let feature = Feature {
        r#type: "Feature",
        geometry: (path.count > 0).then_some(Geometry { r#type: kind, coordinates }),
        properties: Properties {
            session_id: &session.id,
            first: session.first_seen,
            last: session.last_seen,
            events: session.events,
            times: if path.count > 0 { times } else { OneOrMany::List(&[]) },
        },
    };
    write_json(features.begin()?, &feature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::NewEvent;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_session_is_a_line_a_point_or_nothing_in_time() {
        let store = Store::in_memory().unwrap();
        let event = |session: i32, second| NewEvent::new(session, "x").server_time(at(second));
        let events = [
            event(1, 5).location(2.0, 20.0),
            event(1, 0).location(1.0, 10.0),
            event(1, 9),
            event(-1, 6).location(0.0, 170.0),
            event(-1, 8).location(1.0, -170.0),
            event(3, 7).location(-0.0, 1.5),
            event(4, 8),
        ];
        store.log_events(events).unwrap();
        let mut out = Vec::new();
        let mut told = Vec::new();
        let count = write_paths(&store, &Filter::All, &mut out, |n, of| told.push((n, of)));
        assert_eq!((count.unwrap(), told), (4, vec![(1, 4), (2, 4), (3, 4), (4, 4)]));
        let time = |second| format!("\"1970-01-01T00:00:0{second}.000000Z\"");
        let feature = |geometry: &str, session, first, last, events, times: String| {
            format!(
                "{{\"type\":\"Feature\",\"geometry\":{geometry},\"properties\":{{\"session_id\":\
                 \"{session}\",\"first\":{},\"last\":{},\"events\":{events},\"times\":{times}}}}}",
                time(first),
                time(last)
            )
        };
        let line = "{\"type\":\"LineString\",\"coordinates\":[[10.0,1.0],[20.0,2.0]]}";
        let cut = "{\"type\":\"MultiLineString\",\"coordinates\":\
                   [[[170.0,0.0],[180.0,0.5]],[[-180.0,0.5],[-170.0,1.0]]]}";
        let point = "{\"type\":\"Point\",\"coordinates\":[1.5,-0.0]}";
        let (t0, t5, t6, t7, t8) = (time(0), time(5), time(6), time(7), time(8));
        let expected = [
            feature(line, 1, 0, 9, 3, format!("[{t0},{t5}]")),
            feature(cut, -1, 6, 8, 2, format!("[[{t6},{t7}],[{t7},{t8}]]")),
            feature(point, 3, 7, 7, 1, t7),
            feature("null", 4, 8, 8, 1, "[]".to_owned()),
        ];
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n",
                expected.join(",\n")
            )
        );
    }

    #[test]
    fn a_long_path_is_features_that_share_their_ends() {
        let store = Store::in_memory().unwrap();
        let events = (0..=POSITIONS_MAX as i64 + 1).map(|n| {
            let place = NewEvent::new(1, "x").location(1.0, (n % 100) as f64);
            place.server_time(Timestamp::from_micros(n))
        });
        store.log_events(events).unwrap();
        let mut out = Vec::new();
        write_paths(&store, &Filter::All, &mut out, |_, _| {}).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let lines = read["features"].as_array().unwrap();
        let places = |n: usize| lines[n]["geometry"]["coordinates"].as_array().unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!((places(0).len(), places(1).len()), (POSITIONS_MAX, 3));
        assert_eq!(places(0).last(), places(1).first());
    }
}
