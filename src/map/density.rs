//! Counts by cell as SVG.
//!
//! Owns: the classes of counts with their colours, the cells on the map and the legend.

use svg::Document;
use svg::node::element::{Group, Rectangle};

use super::MapSettings;
use super::base::{self, MAP, PANEL};
use super::draw::{self, Anchor, INK, MIDDLE, SMALL, counted, label, sheet, thousands};
use super::frame::Frame;
use crate::analysis::{Cell, Heat};

/// From few to many; darker is more, whatever somebody sees of colour (ColorBrewer's YlGnBu).
const SHADES: [&str; 6] = ["#e3f2b2", "#a1dab4", "#5fc1c0", "#2c92c0", "#2b5ea8", "#1f2a72"];

/// Counts of one shade, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) colour: &'static str,
}

/// Classes in equal ratios up to the largest count; as few as there are different counts.
pub(super) fn classes(most: u64) -> Vec<Class> {
    let ratio = (most.max(1) as f64).powf(1.0 / SHADES.len() as f64);
    let mut classes: Vec<Class> = Vec::new();
    let mut from = 1;
    for (number, colour) in SHADES.into_iter().enumerate() {
        let last = number + 1 == SHADES.len();
        let to = if last { most } else { ratio.powi(number as i32 + 1).floor() as u64 };
        if to >= from && from <= most {
            classes.push(Class { from, to: to.min(most), colour });
            if to >= most {
                break;
            }
            from = to + 1;
        }
    }
    classes
}

/// What is to be said of a heatmap, beside the map.
pub(super) fn notes(heat: &Heat) -> Vec<String> {
    let mut notes = vec![format!(
        "{} in {}; {} without a place.",
        counted(heat.events, "event"),
        counted(heat.cells_total, "cell"),
        thousands(heat.nowhere)
    )];
    let listed = heat.cells.len() as u64;
    if listed < heat.cells_total {
        notes.push(format!("The {} cells with most events are drawn.", thousands(listed)));
    }
    notes
}

pub(super) fn svg(heat: &Heat, settings: &MapSettings) -> String {
    let sheet = sheet(&settings.title, "projection: Web Mercator, north is up");
    let classes = classes(heat.cells.iter().map(|cell| cell.events).max().unwrap_or(0));
    let mut said = notes(heat);
    let sheet = match Frame::around_cells(&heat.cells, MAP) {
        None => base::empty(sheet, "No event has a place."),
        Some(frame) => {
            said.push("A cell that would be smaller than two pixels is drawn with two.".to_owned());
            base::map(sheet, &frame, |map| draw_cells(map, &heat.cells, &classes, &frame))
        }
    };
    base::notes(legend(sheet, &classes), &said).to_string()
}

fn draw_cells(mut map: Group, cells: &[Cell], classes: &[Class], frame: &Frame) -> Group {
    // Those with most events come last, and on top.
    for cell in cells.iter().rev() {
        let b = cell.bounds;
        let Some(class) = classes.iter().find(|it| cell.events <= it.to) else { continue };
        let (x, _) = frame.at(b.north, (b.west + b.east) / 2.0);
        let (top, bottom) = (frame.y_of(b.north), frame.y_of(b.south));
        let width = ((b.east - b.west) * frame.degree_pixels()).max(2.0);
        let height = (bottom - top).max(2.0);
        map = map.add(
            Rectangle::new()
                .set("x", draw::tenth(x - width / 2.0))
                .set("y", draw::tenth((top + bottom - height) / 2.0))
                .set("width", draw::tenth(width))
                .set("height", draw::tenth(height))
                .set("fill", class.colour),
        );
    }
    map
}

fn legend(sheet: Document, classes: &[Class]) -> Document {
    let mut y = PANEL.y + 11.0;
    let heading = label(PANEL.x, y, MIDDLE, Anchor::Start, "Events in a cell");
    let mut sheet = sheet.add(heading.set("font-weight", "bold"));
    for class in classes {
        y += 26.0;
        let swatch = Rectangle::new()
            .set("x", PANEL.x)
            .set("y", y - 14.0)
            .set("width", 30)
            .set("height", 20)
            .set("fill", class.colour)
            .set("stroke", INK)
            .set("stroke-width", 0.5);
        let text = match class.from == class.to {
            true => thousands(class.from),
            false => format!("{} – {}", thousands(class.from), thousands(class.to)),
        };
        sheet = sheet.add(swatch).add(label(PANEL.x + 40.0, y, SMALL, Anchor::Start, &text));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_a_class() {
        for most in [1, 2, 3, 7, 64, 1_000, 123_456_789, u64::MAX] {
            let classes = classes(most);
            assert_eq!(classes.first().map(|it| it.from), Some(1));
            assert_eq!(classes.last().map(|it| it.to), Some(most));
            assert!(classes.windows(2).all(|pair| pair[0].to + 1 == pair[1].from), "{classes:?}");
            assert!(classes.iter().all(|it| it.from <= it.to));
        }
        assert!(classes(0).is_empty());
    }
}
