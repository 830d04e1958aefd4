//! What is known of each session, row by row.
//!
//! Owns: [`Tracker`], and with it the definition of each of the [`SessionFigures`]. Does not own listening
//! (`listening`), distances, boxes and readings of clocks, which are the room's above, nor what is made of the
//! figures.
//!
//! An *action* is an event whose type is not among the passive ones. With `cut_idle` a session is seen from
//! the time of its first action to that of its last one, both included; the actions are found first, by a
//! scan of their own, since nobody knows before the end which is the last.
//!
//! Invariants: rows come in order of (server time, id); memory is some 400 bytes a session, up to 512 more for
//! its readings of the client's clock, and what `listening` keeps; it does not grow with events.

use crate::analysis::bounds::Bounds;
use crate::analysis::distance::metres;
use crate::analysis::gap;
use crate::analysis::listening::{Heard, Listening};
use crate::analysis::meaning::{Meaning, Meanings};
use crate::analysis::session::{SessionFigures, SessionSettings};
use crate::analysis::skew::{self, Readings};
use crate::codec::columns::ColumnKind;
use crate::error::Result;
use crate::event::Location;
use crate::query::Filter;
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// The columns that figures are made of.
const COLUMNS: [ColumnKind; 3] = [ColumnKind::Location, ColumnKind::ClientTime, ColumnKind::Tags];

/// Every session that has a matching row.
#[derive(Debug)]
pub(super) struct Tracker<'a> {
    settings: &'a SessionSettings,
    active_gap_micros: i64,
    meanings: Meanings,
    /// By number of a type.
    passive: Vec<bool>,
    /// Where idle stretches are cut, the first and the last action by number of a session.
    actions: Option<Vec<Option<(Timestamp, Timestamp)>>>,
    /// By number of a session, one more than its place among the states; 0 where it has none.
    places: Vec<u32>,
    states: Vec<State>,
    listening: Listening,
}

/// One session so far.
#[derive(Debug)]
struct State {
    session: Symbol,
    /// Without its id, and what is known at the end alone.
    figures: SessionFigures,
    last_place: Option<Location>,
    bounds: Bounds,
    heard: Heard,
    readings: Readings,
}

impl<'a> Tracker<'a> {
    /// Sees every matching row; `seen` is shown those that count.
    pub(super) fn read(
        snapshot: &Snapshot,
        filter: &Filter,
        settings: &'a SessionSettings,
        words: &mut Words,
        mut seen: impl FnMut(&Row<'_>),
    ) -> Result<Self> {
        filter.validate()?;
        settings.validate()?;
        let meanings = Meanings::new(words);
        let mut passive = Vec::new();
        for name in &settings.passive {
            let place = words.types.intern(name).index();
            passive.resize(passive.len().max(place + 1), false);
            passive[place] = true;
        }
        let actions = match settings.cut_idle {
            true => Some(find_actions(snapshot, filter, settings, words)?),
            false => None,
        };
        let mut tracker = Self {
            settings,
            active_gap_micros: gap::micros(settings.active_gap),
            meanings,
            passive,
            actions,
            places: Vec::new(),
            states: Vec::new(),
            listening: Listening::new(settings.listening_gap),
        };
        scan(snapshot, filter, &COLUMNS, words, |row| {
            if tracker.see(row) {
                seen(row);
            }
            Ok(())
        })?;
        Ok(tracker)
    }

    /// The figures of every session, in order of the first event, and what was listened to.
    pub(super) fn finish(mut self, words: &Words) -> (Vec<SessionFigures>, Listening) {
        let states = self.states.into_iter();
        let figures = states.map(|state| state.finish(&mut self.listening, words)).collect();
        (figures, self.listening)
    }

    /// The readings of the clock of the first session.
    pub(super) fn readings(&self) -> &[i64] {
        self.states.first().map_or(&[], |state| state.readings.kept())
    }

    /// Whether the row counts.
    fn see(&mut self, row: &Row<'_>) -> bool {
        let place = self.place_of(row);
        let cut = self.actions.as_ref().is_some_and(|actions| {
            let within = actions.get(row.session.index()).copied().flatten();
            !within.is_some_and(|(first, last)| first <= row.server_time && row.server_time <= last)
        });
        let state = &mut self.states[place];
        if cut {
            state.figures.cut_events += 1;
            return false;
        }
        let meaning = self.meanings.of(row.event_type);
        state.note_time(row.server_time, self.active_gap_micros);
        let passive = self.passive.get(row.event_type.index()).is_some_and(|passive| *passive);
        state.figures.actions += u64::from(!passive);
        state.note_place(self.settings.no_fix.place(row.location()));
        self.listening.see(&mut state.heard, row, meaning);
        state.note_meaning(meaning);
        if let Some(client) = row.client_instant() {
            state.readings.add(skew::reading(client, row.server_time));
        }
        true
    }

    fn place_of(&mut self, row: &Row<'_>) -> usize {
        let number = row.session.index();
        if self.places.len() <= number {
            self.places.resize(number + 1, 0);
        }
        if self.places[number] == 0 {
            self.states.push(State::new(row.session, row.server_time));
            self.places[number] = self.states.len() as u32;
        }
        self.places[number] as usize - 1
    }
}

impl State {
    fn new(session: Symbol, first: Timestamp) -> Self {
        Self {
            session,
            figures: SessionFigures::none(first),
            last_place: None,
            bounds: Bounds::default(),
            heard: Heard::default(),
            readings: Readings::default(),
        }
    }

    fn note_time(&mut self, time: Timestamp, active_gap_micros: i64) {
        let figures = &mut self.figures;
        if figures.events == 0 {
            (figures.first, figures.last) = (time, time);
        }
        let silence = time.as_micros().saturating_sub(figures.last.as_micros());
        if silence <= active_gap_micros {
            figures.active_micros = figures.active_micros.saturating_add(silence);
        }
        figures.last = time;
        figures.events += 1;
    }

    fn note_place(&mut self, place: Option<Location>) {
        let Some(place) = place else { return };
        self.figures.points += 1;
        self.bounds.add(place);
        if let Some(last) = self.last_place.replace(place) {
            self.figures.metres += metres(last, place);
        }
    }

    fn note_meaning(&mut self, meaning: Meaning) {
        let figures = &mut self.figures;
        match meaning {
            Meaning::StartRecord => {
                figures.recordings_started += 1;
                figures.abandoned += 1;
            }
            Meaning::StopRecord => figures.recordings_stopped += 1,
            Meaning::StartUpload => figures.uploads_started += 1,
            Meaning::StopUpload => {
                figures.uploads_stopped += 1;
                // One of those that had been started has arrived.
                figures.abandoned = figures.abandoned.saturating_sub(1);
            }
            Meaning::ClientError => figures.errors += 1,
            _ => {}
        }
    }

    fn finish(mut self, listening: &mut Listening, words: &Words) -> SessionFigures {
        let SessionFigures { first, last, .. } = self.figures;
        listening.end(&mut self.heard, last);
        SessionFigures {
            id: words.sessions.word(self.session).to_owned(),
            duration_micros: last.as_micros().saturating_sub(first.as_micros()),
            bounds: self.bounds.bounding_box(),
            choices: self.heard.choices,
            tags_chosen: self.heard.tags,
            listening_micros: self.heard.micros,
            client_times: self.readings.seen(),
            skew_micros: self.readings.median(),
            ..self.figures
        }
    }
}

/// The times of each session's first and last action.
fn find_actions(
    snapshot: &Snapshot,
    filter: &Filter,
    settings: &SessionSettings,
    words: &mut Words,
) -> Result<Vec<Option<(Timestamp, Timestamp)>>> {
    let actions = Filter::not(Filter::event_types(&settings.passive));
    let mut found: Vec<Option<(Timestamp, Timestamp)>> = Vec::new();
    scan(snapshot, &filter.clone().and(actions), &[], words, |row| {
        let number = row.session.index();
        if found.len() <= number {
            found.resize(number + 1, None);
        }
        let (first, _) = found[number].unwrap_or((row.server_time, row.server_time));
        found[number] = Some((first, row.server_time));
        Ok(())
    })?;
    Ok(found)
}
