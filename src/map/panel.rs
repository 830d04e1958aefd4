//! What stands beside ways on a map: who, what, when.
//!
//! Owns: the legend of sessions and of marks, and the numbered list of what happened.
//!
//! Invariant: where there is no room for all, those that tell most are listed, and how many are not is said.

use svg::Document;

use super::MapSettings;
use super::base::PANEL;
use super::draw::{self, Anchor, GREY, MIDDLE, SMALL, fit, label, line, shape, thousands};
use super::kind::Kind;
use super::paths::look;
use crate::analysis::{Track, TrackEvent};
use crate::time::Timestamp;
use crate::zone::Zone;

/// Sessions in the legend.
const SESSIONS_MAX: usize = 6;

/// Pixels from one line to the next.
const LINE: f64 = 15.0;

/// An event of the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted<'a> {
    pub(super) event: &'a TrackEvent,
    session: usize,
}

/// The date and the time of day that clocks of a zone show.
pub(super) fn clock(zone: Zone, at: Timestamp) -> (String, String) {
    let text = zone.text(at);
    let date = text.get(..10).unwrap_or(&text).to_owned();
    let time = text.get(11..19).unwrap_or_default().to_owned();
    (date, time)
}

/// The panel, and the events that it numbers.
pub(super) fn draw<'a>(
    sheet: Document,
    tracks: &[&'a Track],
    settings: &MapSettings,
) -> (Document, Vec<Noted<'a>>) {
    let events = || tracks.iter().flat_map(|track| &track.events);
    let day = |event: &TrackEvent| clock(settings.zone, event.server_time).0;
    let first = events().next().map(day);
    let dated = events().any(|event| Some(day(event)) != first);
    let mut panel = Panel { sheet, y: PANEL.y + 11.0, dated };
    panel.sessions(tracks, settings);
    panel.kinds(tracks);
    let noted = panel.list(tracks, settings);
    (panel.sheet, noted)
}

/// The events that tell most and fit into so many lines, in order of time; and how many there are to tell.
fn noted<'a>(tracks: &[&'a Track], lines: usize) -> (Vec<Noted<'a>>, usize) {
    let all = tracks.iter().enumerate().flat_map(|(session, track)| {
        track.events.iter().map(move |event| Noted { event, session })
    });
    let mut noted: Vec<_> = all.filter(|it| Kind::of(it.event) != Kind::Step).collect();
    let told = noted.len();
    // With a place before those without.
    noted.sort_by_key(|it| (Kind::of(it.event), it.event.latitude.is_none()));
    let mut used = 0;
    let fits = |it: &Noted<'_>| {
        used += 1 + usize::from(!says(it.event).is_empty());
        used <= lines
    };
    let kept = noted.iter().copied().take_while(fits).count();
    noted.truncate(kept);
    noted.sort_by_key(|it| (it.event.server_time, it.event.id));
    (noted, told)
}

/// A sheet, and the line that is written next.
struct Panel {
    sheet: Document,
    y: f64,
    /// Whether times need their date.
    dated: bool,
}

impl Panel {
    fn add(&mut self, node: impl Into<Box<dyn svg::Node>>) {
        self.sheet = std::mem::replace(&mut self.sheet, Document::new()).add(node);
    }

    fn heading(&mut self, text: &str) {
        let label = label(PANEL.x, self.y, MIDDLE, Anchor::Start, text);
        self.add(label.set("font-weight", "bold"));
        self.y += LINE + 4.0;
    }

    /// A line of text, from so many pixels on.
    fn write(&mut self, indent: f64, text: &str, colour: &str) {
        let text = fit(text, PANEL.width - indent, SMALL);
        let label = label(PANEL.x + indent, self.y, SMALL, Anchor::Start, &text);
        self.add(label.set("fill", colour));
        self.y += LINE;
    }

    fn sessions(&mut self, tracks: &[&Track], settings: &MapSettings) {
        self.heading(if tracks.len() == 1 { "Session" } else { "Sessions" });
        if tracks.is_empty() {
            self.write(0.0, "none", GREY);
        }
        for (session, track) in tracks.iter().take(SESSIONS_MAX).enumerate() {
            if track.places().next().is_some() {
                let (colour, dashes) = look(session);
                let sample = vec![(PANEL.x, self.y - 4.0), (PANEL.x + 26.0, self.y - 4.0)];
                self.add(line(&[sample], colour, 2.5).set("stroke-dasharray", dashes));
            }
            let name = if track.session.is_empty() { "(no name)" } else { &track.session };
            self.write(34.0, name, draw::INK);
            if let (Some(first), Some(last)) = (track.events.first(), track.events.last()) {
                let (date, from) = clock(settings.zone, first.server_time);
                let (last_date, to) = clock(settings.zone, last.server_time);
                let to = if date == last_date { to } else { format!("{last_date} {to}") };
                self.write(34.0, &format!("{date} {from} – {to}"), GREY);
            }
        }
        if let Some(more @ 1..) = tracks.len().checked_sub(SESSIONS_MAX) {
            self.write(34.0, &format!("and {} more", thousands(more as u64)), GREY);
        }
        self.y += 10.0;
    }

    fn kinds(&mut self, tracks: &[&Track]) {
        if tracks.iter().all(|track| track.places().next().is_none()) {
            return;
        }
        self.heading("Marks");
        for kind in Kind::ALL {
            let of_kind = |event: &&TrackEvent| Kind::of(event) == kind;
            let places = tracks.iter().flat_map(|track| track.places().map(|(event, ..)| event));
            let count = places.filter(of_kind).count();
            if count > 0 {
                let (x, y) = (PANEL.x + 12.0, self.y - 4.0);
                self.add(shape(&kind.outline(), x, y, kind.radius(), kind.colour()));
                self.write(
                    34.0,
                    &format!("{}: {}", kind.name(), thousands(count as u64)),
                    draw::INK,
                );
            }
        }
        if tracks.iter().any(|track| track.places().nth(1).is_some()) {
            let arrow = [(1.0, 0.0), (-0.8, 0.7), (-0.8, -0.7)];
            self.add(shape(&arrow, PANEL.x + 12.0, self.y - 4.0, 6.0, GREY));
            self.write(34.0, "direction of the way", draw::INK);
        }
        self.y += 10.0;
    }

    fn list<'a>(&mut self, tracks: &[&'a Track], settings: &MapSettings) -> Vec<Noted<'a>> {
        // One line is the heading's, and the last that of those that are not listed.
        let lines = ((PANEL.bottom() - self.y) / LINE) as usize;
        let (noted, told) = noted(tracks, lines.saturating_sub(2));
        if noted.is_empty() {
            return noted;
        }
        self.heading("What happened");
        for (place, it) in noted.iter().enumerate() {
            self.event(place + 1, it, tracks, settings);
        }
        if told > noted.len() {
            self.write(0.0, &format!("and {} more", thousands((told - noted.len()) as u64)), GREY);
        }
        noted
    }

    /// Its number, time and type; below, what it says.
    fn event(&mut self, number: usize, it: &Noted<'_>, tracks: &[&Track], settings: &MapSettings) {
        let event = it.event;
        let kind = Kind::of(event);
        let number_label = label(PANEL.x + 18.0, self.y, SMALL, Anchor::End, &number.to_string());
        self.add(number_label.set("font-weight", "bold"));
        let (x, y) = (PANEL.x + 27.0, self.y - 4.0);
        self.add(shape(&kind.outline(), x, y, kind.radius() - 1.0, kind.colour()));
        let (date, time) = clock(settings.zone, event.server_time);
        let time = if self.dated { format!("{date} {time}") } else { time };
        let nowhere = if event.latitude.is_none() { " · no place" } else { "" };
        let session = match tracks.get(it.session) {
            Some(track) if tracks.len() > 1 => format!(" · {}", fit(&track.session, 80.0, SMALL)),
            _ => String::new(),
        };
        let head = format!("{time} {}{session}{nowhere}", fit(&event.event_type, 150.0, SMALL));
        self.write(38.0, &head, draw::INK);
        let says = says(event);
        if !says.is_empty() {
            self.write(38.0, &says, GREY);
        }
    }
}

/// Tags and data in a line.
fn says(event: &TrackEvent) -> String {
    let tags = match event.tags.as_slice() {
        [] => None,
        tags => Some(format!("tags {}", tags.join(", "))),
    };
    let data = event.data.clone().filter(|data| !data.is_empty());
    [tags, data].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
