//! Text and shapes of a picture.
//!
//! Owns: the sheet that every picture is drawn on, labels that fit their room, lines, and the colours. Does not own
//! what is drawn.
//!
//! Invariants: a text that is longer than its room is cut, and says so with an ellipsis; no character that XML
//! forbids gets into a picture; numbers are rounded to a tenth of a pixel.

use svg::Document;
use svg::node::element::{Path, Polygon, Rectangle, Text, Title};

/// Pixels of a picture.
pub(super) const WIDTH: f64 = 1200.0;
pub(super) const HEIGHT: f64 = 800.0;

/// Of headings, of labels, of notes.
pub(super) const LARGE: f64 = 20.0;
pub(super) const MIDDLE: f64 = 13.0;
pub(super) const SMALL: f64 = 11.0;

/// Colours for text and frames: dark, middle and light, on white.
pub(super) const INK: &str = "#222222";
pub(super) const GREY: &str = "#5f5f5f";
pub(super) const FAINT: &str = "#d9d9d9";
pub(super) const PAPER: &str = "#fbfbf8";

/// Of Okabe and Ito (2008), which people tell apart whatever they see of colour; yellow, which is too
/// light on white, is left out.
pub(super) const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// Where a label's place is on it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A white sheet with a title, and a line below it.
pub(super) fn sheet(title: &str, below: &str) -> Document {
    let paper = Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#ffffff");
    Document::new()
        .set("width", WIDTH)
        .set("height", HEIGHT)
        .set("viewBox", (0, 0, WIDTH as i32, HEIGHT as i32))
        .set("font-family", "'DejaVu Sans', Verdana, sans-serif")
        .add(Title::new(clean(title)))
        .add(paper)
        .add(label(20.0, 30.0, LARGE, Anchor::Start, &fit(title, WIDTH - 40.0, LARGE)))
        .add(
            label(20.0, 48.0, SMALL, Anchor::Start, &fit(below, WIDTH - 40.0, SMALL))
                .set("fill", GREY),
        )
}

/// Text at a place.
pub(super) fn label(x: f64, y: f64, size: f64, anchor: Anchor, text: &str) -> Text {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    Text::new(clean(text))
        .set("x", tenth(x))
        .set("y", tenth(y))
        .set("font-size", size)
        .set("text-anchor", anchor)
        .set("fill", INK)
}

/// A label that stands on a map, whatever is below it.
pub(super) fn label_on_map(x: f64, y: f64, anchor: Anchor, text: &str) -> Text {
    label(x, y, SMALL, anchor, text)
        .set("stroke", "#ffffff")
        .set("stroke-width", 3)
        .set("stroke-linejoin", "round")
        .set("paint-order", "stroke")
}

/// A line through points, from pieces that do not touch.
pub(super) fn line(pieces: &[Vec<(f64, f64)>], colour: &str, width: f64) -> Path {
    use std::fmt::Write as _;
    let mut way = String::new();
    for piece in pieces {
        for (number, (x, y)) in piece.iter().enumerate() {
            let step = if number == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(way, "{step}{} {}", tenth(*x), tenth(*y));
        }
    }
    Path::new()
        .set("d", way)
        .set("fill", "none")
        .set("stroke", colour)
        .set("stroke-width", width)
        .set("stroke-linejoin", "round")
        .set("stroke-linecap", "round")
}

/// A dot at each place.
pub(super) fn dots(places: &[(f64, f64)], colour: &str, radius: f64) -> Path {
    use std::fmt::Write as _;
    let mut dots = String::new();
    for (x, y) in places {
        // Writing to a string cannot fail.
        let _ = write!(dots, "M{} {}h0", tenth(*x), tenth(*y));
    }
    // A line of no length has the round ends alone.
    Path::new()
        .set("d", dots)
        .set("fill", "none")
        .set("stroke", colour)
        .set("stroke-width", tenth(2.0 * radius))
        .set("stroke-linecap", "round")
}

/// A filled outline around a place, with a rim that sets it off.
pub(super) fn shape(outline: &[(f64, f64)], x: f64, y: f64, radius: f64, colour: &str) -> Polygon {
    let points = outline
        .iter()
        .map(|(right, down)| format!("{},{}", tenth(x + right * radius), tenth(y + down * radius)))
        .collect::<Vec<_>>()
        .join(" ");
    Polygon::new()
        .set("points", points)
        .set("fill", colour)
        .set("stroke", "#ffffff")
        .set("stroke-width", 0.8)
}

/// Rounded, so that a picture is short and the same everywhere.
pub(super) fn tenth(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

/// The text as XML may hold it, on one line.
pub(super) fn clean(text: &str) -> String {
    let allowed = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            '\u{fffd}'
        }
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(allowed).collect()
}

/// The text, cut where it would be wider than so many pixels.
pub(super) fn fit(text: &str, pixels: f64, size: f64) -> String {
    let mut width = 0.0;
    let mut cut = 0;
    for (at, c) in text.char_indices() {
        width += em(c) * size;
        if width > pixels {
            return format!("{}…", text[..cut].trim_end());
        }
        if width + em('…') * size <= pixels {
            cut = at + c.len_utf8();
        }
    }
    text.to_owned()
}

/// How wide a text is, about.
pub(super) fn width(text: &str, size: f64) -> f64 {
    // Summed as `fit` does, which then leaves a text of this width whole.
    text.chars().fold(0.0, |width, c| width + em(c) * size)
}

/// The width of a character in DejaVu Sans, rounded up, in units of the font's size.
fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        '0'..='9' | 'a'..='z' | '_' | '"' => 0.64,
        'A'..='Z' => 0.78,
        '\u{20}'..='\u{24f}' => 0.84,
        _ => 1.0,
    }
}

/// A count with a comma at each thousand.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something, whose name takes an s for more than one.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// The least of 1, 2 and 5, and of these with zeros behind or before, that is not less.
pub(super) fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        assert_eq!(fit("abc", 100.0, 10.0), "abc");
        assert_eq!(fit("", 0.0, 10.0), "");
        let cut = fit(&"é".repeat(100), 100.0, 10.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 100.0, "{cut}");
    }

    #[test]
    fn a_picture_has_no_character_that_xml_forbids() {
        assert_eq!(
            clean("a\u{0}\u{1b}[1m\nb\u{ffff}\u{202e}"),
            "a\u{fffd}\u{fffd}[1m b\u{fffd}\u{fffd}"
        );
        let text = label(0.0, 0.0, 1.0, Anchor::Start, "</text><script>&\"").to_string();
        assert!(text.contains("&lt;/text&gt;&lt;script&gt;&amp;"), "{text}");
    }

    #[test]
    fn figures_are_round() {
        let of = [0.011, 1.0, 1.1, 2.0, 4.9, 51.0].map(round_up);
        let expected = [0.02, 1.0, 2.0, 2.0, 5.0, 100.0];
        assert!(of.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{of:?}");
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        let counts = [0, 1, 1_000].map(|count| counted(count, "event"));
        assert_eq!(counts, ["0 events", "1 event", "1,000 events"]);
    }
}
