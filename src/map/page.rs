//! Maps as a page of HTML that needs no network.
//!
//! Owns: [`html`], the data that the page's script reads, and [`Tiles`]. Does not own how the page draws them
//! (`assets/page.js`, over Leaflet).
//!
//! Invariants: what clients sent is in the page as JSON alone, in which no `<` is left, and the script writes it
//! as text alone. The page may load pictures of the base map, where one was asked for, and nothing else.

use serde_json::{Value, json};

use super::frame::Frame;
use super::kind::Kind;
use super::{MapData, MapSettings, base, density, paths};
use crate::analysis::{Heat, Track, TrackEvent, TracksReport};
use crate::error::{Error, Result};
use crate::zone::Zone;

/// The page, with the places that are filled in.
const PAGE: &str = include_str!("assets/page.html");

/// What is filled in; the page has each once, and in this order.
const LEAFLET_CSS: (&str, &str) = ("/*leaflet.css*/", include_str!("assets/leaflet.css"));
const PAGE_CSS: (&str, &str) = ("/*page.css*/", include_str!("assets/page.css"));
const LEAFLET_JS: (&str, &str) = ("/*leaflet.js*/", include_str!("assets/leaflet.js"));
const PAGE_JS: (&str, &str) = ("/*page.js*/", include_str!("assets/page.js"));

/// A base map from a server of tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    url: String,
    attribution: String,
}

impl Tiles {
    /// From an address with `{z}`, `{x}` and `{y}`, and what its makers want to be said of them.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the address is not of `http` or `https`, or lacks one of the three.
    pub fn new(url: impl Into<String>, attribution: impl Into<String>) -> Result<Self> {
        let url = url.into();
        let of_web = url.starts_with("https://") || url.starts_with("http://");
        if !of_web || !["{z}", "{x}", "{y}"].iter().all(|part| url.contains(part)) {
            let rule = "must be an address as https://tile.example.org/{z}/{x}/{y}.png";
            return Err(Error::invalid("tiles", rule, url));
        }
        Ok(Self { url, attribution: attribution.into() })
    }
}

/// A map as a page of its own: to be moved and zoomed, with the details of each event, and lists of sessions, marks
/// and events. A base map is shown where there is a network.
#[must_use]
pub fn html(data: &MapData, settings: &MapSettings, tiles: Option<&Tiles>) -> String {
    let mut value = match data {
        MapData::Paths(report) => of_tracks(report, settings.zone),
        MapData::Density(heat) => of_heat(heat),
    };
    value["title"] = json!(settings.title);
    value["tiles"] = tiles
        .map_or(Value::Null, |tiles| json!({"url": tiles.url, "attribution": tiles.attribution}));
    let pictures = if tiles.is_some() { "data: http: https:" } else { "data:" };
    let filled = [
        ("/*pictures*/", pictures),
        LEAFLET_CSS,
        PAGE_CSS,
        ("/*data*/", &in_script(&value)),
        LEAFLET_JS,
        PAGE_JS,
    ];
    fill(PAGE, &filled)
}

/// The page with each mark replaced, from front to back: a mark in what was filled in stays what it is.
fn fill(page: &str, filled: &[(&str, &str)]) -> String {
    let mut rest = page;
    let mut text =
        String::with_capacity(page.len() + filled.iter().map(|it| it.1.len()).sum::<usize>());
    for (mark, content) in filled {
        if let Some((before, after)) = rest.split_once(mark) {
            text.push_str(before);
            text.push_str(content);
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// JSON that ends no script, opens no comment and breaks no line.
fn in_script(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text
}

fn of_tracks(report: &TracksReport, zone: Zone) -> Value {
    let frame = Frame::around_tracks(&report.tracks, base::MAP);
    let kind = |kind: Kind| {
        json!({
            "name": kind.name(),
            "colour": kind.colour(),
            "outline": kind.outline(),
            "radius": kind.radius(),
        })
    };
    let session = |(number, track): (usize, &Track)| {
        let (colour, dashes) = paths::look(number);
        let event = |event: &TrackEvent| of_event(event, frame.as_ref(), zone);
        json!({
            "id": track.session,
            "colour": colour,
            "dashes": dashes,
            "events": track.events.iter().map(event).collect::<Vec<_>>(),
        })
    };
    let mut notes = paths::notes(report);
    notes.push(format!("Times: {zone}."));
    json!({
        "notes": notes,
        "kinds": Kind::ALL.map(kind),
        "sessions": paths::in_order(report).into_iter().enumerate().map(session).collect::<Vec<_>>(),
    })
}

/// Number of the kind, id, time, type, tags, data; then latitude and longitude where it has a place.
fn of_event(event: &TrackEvent, frame: Option<&Frame>, zone: Zone) -> Value {
    let kind = Kind::ALL.iter().position(|kind| *kind == Kind::of(event));
    let mut fields = vec![
        json!(kind),
        json!(event.id),
        json!(zone.text(event.server_time)),
        json!(event.event_type),
        json!(event.tags.join(", ")),
        json!(event.data),
    ];
    if let (Some(latitude), Some(longitude), Some(frame)) = (event.latitude, event.longitude, frame)
    {
        fields.extend([json!(latitude), json!(frame.unrolled(longitude))]);
    }
    Value::Array(fields)
}

fn of_heat(heat: &Heat) -> Value {
    let frame = Frame::around_cells(&heat.cells, base::MAP);
    let classes = density::classes(heat.cells.iter().map(|cell| cell.events).max().unwrap_or(0));
    let class = |class: &density::Class| json!([class.from, class.to, class.colour]);
    let cells = heat.cells.iter().rev().filter_map(|cell| {
        let b = cell.bounds;
        let half = (b.east - b.west) / 2.0;
        let middle = frame.as_ref()?.unrolled(b.west + half);
        Some(json!([b.south, middle - half, b.north, middle + half, cell.events, cell.sessions]))
    });
    json!({
        "notes": density::notes(heat),
        "classes": classes.iter().map(class).collect::<Vec<_>>(),
        "cells": cells.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_place_to_fill_once_and_in_order() {
        let marks =
            ["/*pictures*/", LEAFLET_CSS.0, PAGE_CSS.0, "/*data*/", LEAFLET_JS.0, PAGE_JS.0];
        let places: Vec<_> = marks.iter().map(|mark| PAGE.find(mark)).collect();
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}");
        assert!(marks.iter().all(|mark| PAGE.matches(mark).count() == 1));
        for (_, script) in [LEAFLET_JS, PAGE_JS] {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
    }

    #[test]
    fn tiles_have_an_address_of_the_web() {
        assert!(Tiles::new("https://tile.example.org/{z}/{x}/{y}.png", "them").is_ok());
        for wrong in ["", "javascript:{z}{x}{y}", "https://tile.example.org/{z}/{x}.png"] {
            assert!(Tiles::new(wrong, "").is_err(), "{wrong}");
        }
    }
}
