//! What every map on a sheet has.
//!
//! Owns: the ground with its net of degrees, the frame, the scale bar, and the notes below the map. Does not own
//! what lies on it.

use svg::Document;
use svg::node::element::{ClipPath, Group, Rectangle};

use super::draw::{
    self, Anchor, FAINT, GREY, INK, MIDDLE, PAPER, SMALL, label, label_on_map, line, round_up,
};
use super::frame::{Area, Frame};

/// Where a map lies on its sheet.
pub(super) const MAP: Area = Area { x: 70.0, y: 62.0, width: 760.0, height: 640.0 };

/// Where its legend lies.
pub(super) const PANEL: Area = Area { x: 852.0, y: 62.0, width: 330.0, height: 722.0 };

/// The name under which what lies on the map is cut at its frame.
const CLIP: &str = "map";

/// Pixels between two lines of the net, at least.
const NET_PIXELS: f64 = 110.0;

/// Lines of the net in one direction, at most: what a step rounded up leaves, with room.
const NET_LINES_MAX: usize = 40;

/// Pixels of the scale bar, at most.
const BAR_PIXELS: f64 = 160.0;

/// The ground, and on it what `draw` adds; then the frame and the scale bar.
pub(super) fn map(sheet: Document, frame: &Frame, draw: impl FnOnce(Group) -> Group) -> Document {
    let clip = ClipPath::new().set("id", CLIP).add(rectangle(MAP));
    let inside = Group::new().set("clip-path", format!("url(#{CLIP})"));
    let sheet = sheet.add(clip).add(rectangle(MAP).set("fill", PAPER));
    let sheet = net(sheet, frame).add(draw(inside));
    scale_bar(sheet, frame).add(rim())
}

/// The ground alone, and why there is nothing on it.
pub(super) fn empty(sheet: Document, why: &str) -> Document {
    let (x, y) = (MAP.x + MAP.width / 2.0, MAP.y + MAP.height / 2.0);
    sheet
        .add(rectangle(MAP).set("fill", PAPER))
        .add(label(x, y, MIDDLE, Anchor::Middle, why).set("fill", GREY))
        .add(rim())
}

fn rectangle(area: Area) -> Rectangle {
    Rectangle::new()
        .set("x", area.x)
        .set("y", area.y)
        .set("width", area.width)
        .set("height", area.height)
}

fn rim() -> Rectangle {
    rectangle(MAP).set("fill", "none").set("stroke", GREY)
}

/// Lines of round degrees, with their degrees outside of the frame.
fn net(mut sheet: Document, frame: &Frame) -> Document {
    let (west, east) = frame.sides();
    let step = round_up(NET_PIXELS / frame.degree_pixels());
    for longitude in multiples(step, west, east) {
        let x = frame.x_of(longitude);
        let turned = (longitude + 180.0).rem_euclid(360.0) - 180.0;
        let text = degrees(turned, step, ["E", "W"]);
        sheet = sheet
            .add(line(&[vec![(x, MAP.y), (x, MAP.bottom())]], FAINT, 1.0))
            .add(label(x, MAP.bottom() + 15.0, SMALL, Anchor::Middle, &text).set("fill", GREY));
    }
    let (south, north) = frame.edges();
    for latitude in multiples(step, south, north) {
        let y = frame.y_of(latitude);
        let text = degrees(latitude, step, ["N", "S"]);
        // Turned, it is as short as the room beside the map.
        let (x, turn) = (MAP.x - 8.0, format!("rotate(-90 {} {})", MAP.x - 8.0, draw::tenth(y)));
        sheet = sheet.add(line(&[vec![(MAP.x, y), (MAP.right(), y)]], FAINT, 1.0)).add(
            label(x, y, SMALL, Anchor::Middle, &text).set("fill", GREY).set("transform", turn),
        );
    }
    sheet
}

/// Multiples of a step between two values, not too near to them for a label.
fn multiples(step: f64, from: f64, to: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil() as i64;
    let inset = (to - from) * 0.055;
    let all = (0..NET_LINES_MAX as i64).map(move |number| (first + number) as f64 * step);
    all.skip_while(move |value| *value < from + inset).take_while(move |value| *value < to - inset)
}

/// `42.35° N`, with as many decimals as steps need.
fn degrees(value: f64, step: f64, sides: [&str; 2]) -> String {
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let shown = format!("{:.decimals$}", value.abs());
    let nothing = shown.chars().all(|c| c == '0' || c == '.');
    // The equator, Greenwich and the antimeridian are on neither side.
    let neither = nothing || value.abs() == 180.0;
    let side = if neither { "" } else { sides[usize::from(value < 0.0)] };
    format!("{shown}° {side}").trim_end().to_owned()
}

/// A round length of the ground in the middle of the map.
fn scale_bar(sheet: Document, frame: &Frame) -> Document {
    let metre_pixels = 1.0 / frame.pixel_metres();
    let most = round_up(BAR_PIXELS / metre_pixels);
    let shorter = [1.0, 2.0, 2.5, 5.0, 10.0].map(|part| most / part);
    let metres = shorter.into_iter().find(|it| it * metre_pixels <= BAR_PIXELS).unwrap_or(most);
    let pixels = metres * metre_pixels;
    let text =
        if metres >= 1_000.0 { format!("{} km", metres / 1_000.0) } else { format!("{metres} m") };
    let (x, y) = (MAP.x + 14.0, MAP.bottom() - 14.0);
    let bar = vec![(x, y - 6.0), (x, y), (x + pixels, y), (x + pixels, y - 6.0)];
    sheet
        .add(line(std::slice::from_ref(&bar), "#ffffff", 5.0))
        .add(line(&[bar], INK, 2.0))
        .add(label_on_map(x + pixels / 2.0, y - 6.0, Anchor::Middle, &text))
}

/// Sentences below the map, as many as there is room for.
pub(super) fn notes(mut sheet: Document, notes: &[String]) -> Document {
    let y = MAP.bottom() + 34.0;
    for (number, note) in notes.iter().take(4).enumerate() {
        let note = draw::fit(note, MAP.right() - 20.0, SMALL);
        let y = y + number as f64 * 15.0;
        sheet = sheet.add(label(20.0, y, SMALL, Anchor::Start, &note).set("fill", GREY));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_have_the_decimals_of_their_steps() {
        assert_eq!(degrees(42.35, 0.05, ["N", "S"]), "42.35° N");
        assert_eq!(degrees(-71.0, 1.0, ["E", "W"]), "71° W");
        assert_eq!(degrees(-0.000_000_01, 0.002, ["E", "W"]), "0.000°");
        assert_eq!(degrees(-180.0, 0.1, ["E", "W"]), "180.0°");
        assert_eq!(degrees(116.3, 0.1, ["E", "W"]), "116.3° E");
    }
}
