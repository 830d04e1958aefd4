//! Which mark stands for which event.
//!
//! Owns: [`Kind`], with its colour, its shape and its rank. Does not own what types mean (`analysis::meaning`).
//!
//! Invariant: two kinds differ in colour and in shape, so that either tells them apart.

use super::draw::COLOURS;
use crate::analysis::TrackEvent;
use crate::analysis::meaning::{Meaning, meaning_of};

/// What clients send to say where they are, and no more.
const LOCATION_UPDATE: &str = "location_update";

/// What is seen of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Error,
    Record,
    Upload,
    Choice,
    Listen,
    Session,
    Other,
    /// A heartbeat or a location: a step of the way.
    Step,
}

impl Kind {
    /// Those that tell most, first.
    pub(super) const ALL: [Self; 8] = [
        Self::Error,
        Self::Record,
        Self::Upload,
        Self::Choice,
        Self::Listen,
        Self::Session,
        Self::Other,
        Self::Step,
    ];

    pub(super) fn of(event: &TrackEvent) -> Self {
        match meaning_of(&event.event_type) {
            Meaning::ClientError => Self::Error,
            Meaning::StartRecord | Meaning::StopRecord => Self::Record,
            Meaning::StartUpload | Meaning::StopUpload => Self::Upload,
            Meaning::ModifyStream => Self::Choice,
            Meaning::StartStream | Meaning::PauseStream | Meaning::StopStream => Self::Listen,
            Meaning::StartSession | Meaning::CleanupSession => Self::Session,
            Meaning::Heartbeat => Self::Step,
            Meaning::Other if event.event_type == LOCATION_UPDATE => Self::Step,
            Meaning::Other => Self::Other,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "client error",
            Self::Record => "recording",
            Self::Upload => "upload",
            Self::Choice => "choice of tags",
            Self::Listen => "listening",
            Self::Session => "session begins or ends",
            Self::Other => "other",
            Self::Step => "heartbeat, location",
        }
    }

    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Error => COLOURS[1],
            Self::Record => COLOURS[3],
            Self::Upload => COLOURS[4],
            Self::Choice => COLOURS[2],
            Self::Listen => COLOURS[5],
            Self::Session => COLOURS[6],
            Self::Other => COLOURS[0],
            Self::Step => "#8a8a8a",
        }
    }

    /// Pixels from the middle of a mark to its rim.
    pub(super) fn radius(self) -> f64 {
        match self {
            Self::Step => 3.0,
            Self::Error => 7.0,
            _ => 6.0,
        }
    }

    /// Its rim around 0,0, where 1 is the radius; right and down.
    pub(super) fn outline(self) -> Vec<(f64, f64)> {
        match self {
            Self::Error => crossed(std::f64::consts::FRAC_PI_4),
            Self::Other => crossed(0.0),
            Self::Record => regular(20, 0.0),
            Self::Step => regular(8, 0.0),
            Self::Session => regular(4, std::f64::consts::FRAC_PI_4),
            Self::Choice => regular(4, 0.0),
            Self::Upload => regular(3, -std::f64::consts::FRAC_PI_2),
            Self::Listen => regular(3, 0.0),
        }
    }
}

/// So many corners around a circle, from an angle on.
fn regular(corners: u32, from: f64) -> Vec<(f64, f64)> {
    let corner = |number| {
        let angle = from + f64::from(number) / f64::from(corners) * std::f64::consts::TAU;
        (angle.cos(), angle.sin())
    };
    (0..corners).map(corner).collect()
}

/// Two bars across each other, turned by an angle.
fn crossed(angle: f64) -> Vec<(f64, f64)> {
    const HALF: f64 = 0.3;
    let (sine, cosine) = angle.sin_cos();
    let quarter = [(1.0, -HALF), (1.0, HALF), (HALF, HALF)];
    let turn = |(x, y): (f64, f64), times: u32| (0..times).fold((x, y), |(x, y), _| (-y, x));
    let corners = (0..4).flat_map(|times| quarter.map(|corner| turn(corner, times)));
    corners.map(|(x, y)| (x * cosine - y * sine, x * sine + y * cosine)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_differ_in_colour_and_in_shape() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            for other in &Kind::ALL[place + 1..] {
                assert_ne!(kind.colour(), other.colour(), "{kind:?} {other:?}");
                assert_ne!(kind.outline(), other.outline(), "{kind:?} {other:?}");
            }
        }
        assert!(Kind::ALL.is_sorted());
    }
}
