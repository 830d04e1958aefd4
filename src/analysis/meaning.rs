//! What event types stand for.
//!
//! Owns: [`Meaning`], and which types have which; [`PASSIVE`], the types that are no actions, and [`BEATS`]
//! among them, which come over and over. Types are unrestricted, so clients of different ages say the same in
//! several words; a type that is not listed means nothing here, and is an action.

use crate::event::event_type;
use crate::query::scan::{Symbol, Words};

/// What an event tells of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Meaning {
    StartSession,
    CleanupSession,
    Heartbeat,
    /// Listening begins, or goes on after a pause.
    StartStream,
    /// Listening ends.
    StopStream,
    /// Listening pauses; what was chosen is heard again when it goes on.
    PauseStream,
    /// What is heard is chosen by tags.
    ModifyStream,
    StartRecord,
    StopRecord,
    StartUpload,
    StopUpload,
    ClientError,
    /// Anything else.
    Other,
}

const LISTED: [(&str, Meaning); 15] = [
    (event_type::START_SESSION, Meaning::StartSession),
    (event_type::CLEANUP_SESSION, Meaning::CleanupSession),
    (event_type::HEARTBEAT, Meaning::Heartbeat),
    (event_type::START_STREAM, Meaning::StartStream),
    ("play_stream", Meaning::StartStream),
    ("start_listen", Meaning::StartStream),
    (event_type::STOP_STREAM, Meaning::StopStream),
    ("pause_stream", Meaning::PauseStream),
    ("stop_listen", Meaning::StopStream),
    (event_type::MODIFY_STREAM, Meaning::ModifyStream),
    (event_type::START_RECORD, Meaning::StartRecord),
    (event_type::STOP_RECORD, Meaning::StopRecord),
    (event_type::START_UPLOAD, Meaning::StartUpload),
    (event_type::STOP_UPLOAD, Meaning::StopUpload),
    (event_type::CLIENT_ERROR, Meaning::ClientError),
];

/// Passive types that clients send over and over: between any two other events there would be one.
pub(crate) const BEATS: [&str; 2] = [event_type::HEARTBEAT, "location_update"];

/// Types of events that no participant causes, unless a question says otherwise: the client or the server
/// logs them by itself. Any other event is an action, the end of an upload too, without which the upload
/// would look given up.
pub(crate) const PASSIVE: [&str; 7] = [
    event_type::START_SESSION,
    event_type::CLEANUP_SESSION,
    event_type::CLIENT_ERROR,
    event_type::START_ASSET,
    event_type::STOP_ASSET,
    BEATS[0],
    BEATS[1],
];

/// What a type stands for.
#[cfg(feature = "map")]
pub(crate) fn meaning_of(event_type: &str) -> Meaning {
    let listed = LISTED.into_iter().find(|(name, _)| *name == event_type);
    listed.map_or(Meaning::Other, |(_, meaning)| meaning)
}

/// The types of a meaning.
pub(crate) fn types_of(meaning: Meaning) -> impl Iterator<Item = &'static str> {
    LISTED.into_iter().filter(move |(_, listed)| *listed == meaning).map(|(name, _)| name)
}

/// What the numbers of types stand for in one scan.
#[derive(Debug)]
pub(crate) struct Meanings(Vec<Meaning>);

impl Meanings {
    /// Gives the listed types their numbers, before any other has one.
    pub(crate) fn new(words: &mut Words) -> Self {
        let mut meanings = vec![Meaning::Other; words.types.len()];
        for (name, meaning) in LISTED {
            let place = words.types.intern(name).index();
            meanings.resize(meanings.len().max(place + 1), Meaning::Other);
            meanings[place] = meaning;
        }
        Self(meanings)
    }

    /// What a type stands for.
    pub(crate) fn of(&self, event_type: Symbol) -> Meaning {
        self.0.get(event_type.index()).copied().unwrap_or(Meaning::Other)
    }
}
