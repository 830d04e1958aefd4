//! Ways of sessions as SVG.
//!
//! Owns: the lines with their direction, their ends, and the marks of events on the map. Does not own the panel
//! beside it (`panel`).
//!
//! A way leaves out points that are nearer than a pixel to the one before; of marks of a kind in a square of two
//! pixels one is drawn. Both are said below the map, and so is what has no place.

use std::collections::{BTreeMap, HashSet};

use svg::node::element::Group;

use super::MapSettings;
use super::base::{self, MAP};
use super::draw::{self, Anchor, COLOURS, label_on_map, shape, sheet};
use super::frame::Frame;
use super::kind::Kind;
use super::panel::{self, Noted, clock};
use crate::analysis::{Track, TracksReport};

/// Pixels between two arrows on a way.
const ARROW_PIXELS: f64 = 90.0;

/// Sessions of which the ends are named.
const NAMED_MAX: usize = 6;

/// The side of a square in which one mark stands for all of its kind.
const ALIKE_PIXELS: f64 = 2.0;

/// Numbers of events are written together that are nearer: as high, and twice as wide.
const TOGETHER_PIXELS: f64 = 13.0;

/// A session's colour, and the dashes that tell it from others of the colour.
pub(super) fn look(session: usize) -> (&'static str, &'static str) {
    // Black is that of marks.
    let colours = COLOURS.len() - 1;
    let dashes = ["none", "9 5", "2 5"];
    (COLOURS[session % colours], dashes[session / colours % dashes.len()])
}

/// What is to be said of a report, beside the map.
pub(super) fn notes(report: &TracksReport) -> Vec<String> {
    let mut notes = Vec::new();
    let events = draw::counted(report.events, "event");
    if report.nowhere > 0 {
        let nowhere = draw::thousands(report.nowhere);
        notes.push(format!("Without a place, and so without a mark: {nowhere} of {events}."));
    } else {
        notes.push(format!("{events}, each with a place."));
    }
    if report.left_out > 0 {
        let left_out = draw::counted(report.left_out, "later event");
        notes.push(format!("Left out, since there are too many: {left_out}."));
    }
    notes
}

/// Those with a place first, since these are what is seen.
pub(super) fn in_order(report: &TracksReport) -> Vec<&Track> {
    let nowhere = report.tracks.iter().filter(|track| track.places().next().is_none());
    report.placed().chain(nowhere).collect()
}

pub(super) fn svg(report: &TracksReport, settings: &MapSettings) -> String {
    let below = format!("times: {} · projection: Web Mercator, north is up", settings.zone);
    let tracks = in_order(report);
    let (sheet, noted) = panel::draw(sheet(&settings.title, &below), &tracks, settings);
    let mut said = notes(report);
    let sheet = match Frame::around_tracks(&report.tracks, MAP) {
        None => base::empty(sheet, "No event has a place."),
        Some(frame) => {
            said.push(
                "Points nearer than a pixel to the one before are left out of a way; of marks of a kind in \
                 a square of two pixels, one is drawn."
                    .to_owned(),
            );
            let (steps, marks): (Vec<_>, Vec<_>) =
                marks(&tracks, &frame).into_iter().rev().partition(|(kind, _)| *kind == Kind::Step);
            base::map(sheet, &frame, |map| {
                let map = draw_ways(draw_marks(map, steps), &tracks, &frame);
                let map = draw_ends(draw_marks(map, marks), &tracks, &frame, settings);
                draw_numbers(map, &noted, &frame)
            })
        }
    };
    base::notes(sheet, &said).to_string()
}

/// A way on the sheet, thinned, in the pieces that do not leap from one side of the globe to the other.
fn way(track: &Track, frame: &Frame) -> Vec<Vec<(f64, f64)>> {
    let leap = frame.degree_pixels() * 180.0;
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut held = None;
    for (_, latitude, longitude) in track.places() {
        let here = frame.at(latitude, longitude);
        let Some(piece) = pieces.last_mut() else {
            pieces.push(vec![here]);
            continue;
        };
        let before = piece.last().copied().unwrap_or(here);
        let from = held.unwrap_or(before);
        if (here.0 - from.0).abs() > leap {
            piece.extend(held.take());
            pieces.push(vec![here]);
        } else if (here.0 - before.0).hypot(here.1 - before.1) >= 1.0 {
            piece.push(here);
            held = None;
        } else {
            held = Some(here);
        }
    }
    if let Some(piece) = pieces.last_mut() {
        piece.extend(held);
    }
    pieces
}

fn draw_ways(mut map: Group, tracks: &[&Track], frame: &Frame) -> Group {
    let width = if tracks.len() > NAMED_MAX { 1.4 } else { 2.0 };
    for (session, track) in tracks.iter().enumerate() {
        let pieces = way(track, frame);
        let (colour, dashes) = look(session);
        let line = draw::line(&pieces, colour, width);
        map = map.add(line.set("stroke-dasharray", dashes).set("stroke-opacity", 0.75));
        for ((x, y), (right, down)) in arrows(&pieces) {
            let turn = |(a, b): (f64, f64)| (a * right - b * down, a * down + b * right);
            let outline = [(1.0, 0.0), (-0.8, 0.7), (-0.8, -0.7)].map(turn);
            map = map.add(shape(&outline, x, y, 6.0, colour));
        }
    }
    map
}

/// A place and the direction there.
type Arrow = ((f64, f64), (f64, f64));

/// One arrow in the middle of a short way, several on a long one.
fn arrows(pieces: &[Vec<(f64, f64)>]) -> Vec<Arrow> {
    let steps = || pieces.iter().flat_map(|piece| piece.windows(2));
    let length = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1);
    let whole: f64 = steps().map(length).sum();
    let mut next = (whole / 2.0).min(ARROW_PIXELS / 2.0);
    let mut gone = 0.0;
    let mut arrows: Vec<Arrow> = Vec::new();
    for pair in steps() {
        let length = length(pair);
        while length > 0.0 && gone + length >= next && whole > 12.0 {
            let share = (next - gone) / length;
            let along = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let at = (pair[0].0 + along.0 * share, pair[0].1 + along.1 * share);
            next += ARROW_PIXELS;
            // Where a way is tangled, an arrow on an arrow says nothing.
            let free = |arrow: &Arrow| (arrow.0.0 - at.0).hypot(arrow.0.1 - at.1) > 14.0;
            if arrows.iter().rev().take(200).all(free) {
                arrows.push((at, (along.0 / length, along.1 / length)));
            }
        }
        gone += length;
    }
    arrows
}

/// Where marks of each kind are.
fn marks(tracks: &[&Track], frame: &Frame) -> BTreeMap<Kind, Vec<(f64, f64)>> {
    let mut marks = BTreeMap::<Kind, Vec<(f64, f64)>>::new();
    for track in tracks {
        for (event, latitude, longitude) in track.places() {
            marks.entry(Kind::of(event)).or_default().push(frame.at(latitude, longitude));
        }
    }
    marks
}

/// Each kind on top of those before it.
fn draw_marks(mut map: Group, marks: Vec<(Kind, Vec<(f64, f64)>)>) -> Group {
    for (kind, mut places) in marks {
        let outline = kind.outline();
        let mut drawn = HashSet::new();
        let square = |pixel: f64| (pixel / ALIKE_PIXELS).floor() as i64;
        places.retain(|(x, y)| drawn.insert((square(*x), square(*y))));
        if kind == Kind::Step {
            // There are many of them: all are one line of dots, without rims.
            map = map.add(draw::dots(&places, kind.colour(), kind.radius()));
            continue;
        }
        for (x, y) in places {
            map = map.add(shape(&outline, x, y, kind.radius(), kind.colour()));
        }
    }
    map
}

/// Where and when ways begin and end.
fn draw_ends(mut map: Group, tracks: &[&Track], frame: &Frame, settings: &MapSettings) -> Group {
    let placed = tracks.iter().filter(|track| track.places().next().is_some()).count();
    if placed > NAMED_MAX {
        return map;
    }
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for track in tracks {
        // The one above, and higher where that is taken; the other below.
        let ends = [
            ("begins", track.places().next(), -10.0, -13.0),
            ("ends", track.places().last(), 19.0, 13.0),
        ];
        for (word, end, aside, further) in ends {
            let Some((event, latitude, longitude)) = end else { continue };
            let (x, y) = frame.at(latitude, longitude);
            let (_, time) = clock(settings.zone, event.server_time);
            let mut text = format!("{word} {time}");
            if placed > 1 {
                text = format!("{} {text}", draw::fit(&track.session, 90.0, draw::SMALL));
            }
            let half = draw::width(&text, draw::SMALL) / 2.0 + 2.0;
            let x = x.clamp(MAP.x + half, (MAP.right() - half).max(MAP.x + half));
            let free = |y: &f64| {
                !taken.iter().any(|it| (it.0 - x).abs() < it.2 + half && (it.1 - y).abs() < 12.0)
            };
            let mut places = (0..2 * NAMED_MAX).map(|times| y + aside + further * times as f64);
            let y = places.find(free).unwrap_or(y + aside);
            taken.push((x, y, half));
            map = map.add(label_on_map(x, y, Anchor::Middle, &text));
        }
    }
    map
}

/// The numbers under which the panel tells of events, beside their marks.
fn draw_numbers(mut map: Group, noted: &[Noted<'_>], frame: &Frame) -> Group {
    let mut groups: Vec<Vec<(usize, (f64, f64))>> = Vec::new();
    for (place, event) in noted.iter().enumerate() {
        let at = event.event.latitude.zip(event.event.longitude);
        let Some((x, y)) = at.map(|(latitude, longitude)| frame.at(latitude, longitude)) else {
            continue;
        };
        let near = |group: &&mut Vec<(usize, (f64, f64))>| {
            group.first().is_some_and(|(_, at)| {
                (at.0 - x).abs() < 2.0 * TOGETHER_PIXELS && (at.1 - y).abs() < TOGETHER_PIXELS
            })
        };
        match groups.iter_mut().find(near) {
            Some(group) => group.push((place + 1, (x, y))),
            None => groups.push(vec![(place + 1, (x, y))]),
        }
    }
    for numbers in groups {
        let Some((_, (x, y))) = numbers.first().copied() else { continue };
        let list: Vec<usize> = numbers.iter().map(|(number, _)| *number).collect();
        let text = draw::fit(&runs(&list), 110.0, draw::SMALL);
        let to_right = x + 10.0 + draw::width(&text, draw::SMALL) < MAP.right();
        let (x, anchor) = if to_right { (x + 9.0, Anchor::Start) } else { (x - 9.0, Anchor::End) };
        map = map.add(label_on_map(x, y + 4.0, anchor, &text).set("font-weight", "bold"));
    }
    map
}

/// `1–3, 7`.
fn runs(numbers: &[usize]) -> String {
    let run = |run: &[usize]| match run {
        [first, .., last] if run.len() > 2 => format!("{first}–{last}"),
        _ => run.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    numbers.chunk_by(|a, b| a + 1 == *b).map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_are_short() {
        assert_eq!(runs(&[1, 2, 3, 7, 9, 10]), "1–3, 7, 9, 10");
        assert_eq!(runs(&[]), "");
    }

    #[test]
    fn arrows_point_along_the_way() {
        let one = arrows(&[vec![(0.0, 0.0), (20.0, 0.0)]]);
        assert_eq!(one, [((10.0, 0.0), (1.0, 0.0))]);
        let many = arrows(&[vec![(0.0, 0.0), (0.0, 200.0)]]);
        assert_eq!(many, [((0.0, 45.0), (0.0, 1.0)), ((0.0, 135.0), (0.0, 1.0))]);
        assert!(arrows(&[vec![(1.0, 1.0)], vec![(2.0, 2.0), (2.0, 2.0)]]).is_empty());
    }

    #[test]
    fn sessions_look_different() {
        let looks: HashSet<_> = (0..18).map(look).collect();
        assert_eq!(looks.len(), 18);
    }
}
