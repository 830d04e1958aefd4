//! What is heard, and for how long.
//!
//! Owns: which stretch of a session is listening to which tags, and the sums of it by tag. Does not own
//! which rows are seen, nor in which words types say it (`meaning`).
//!
//! A `modify_stream` event is a *choice*: its tags are heard from then on, each of them, repeats counted
//! once. It is heard until the next choice, the end of the stream (`stop_stream`, `stop_listen`) or of the
//! session: its `cleanup_session`, or its last event that is seen. A choice without tags ends the one before.
//! While the stream is paused (`pause_stream`) nothing is heard; the choice goes on when the stream starts
//! again, and a new choice is heard at once. Whether a stream was started is not asked, since many clients
//! do not log it. What is not logged is not known: the tags that a stream starts with are no choice.
//!
//! Of a silence of the session at most the *listening gap* is heard, a setting: who goes away without a word
//! is taken to listen for so long after the last sign of life, not until the server clears the session away, which
//! it does days later at times. It is [`GAP_MICROS`] unless given. Without it every silence is heard through,
//! which is the plain definition: from the choice to the next one or the end. A time with the gap is never longer
//! than that, and the same where no silence is longer than the gap. Clients that send no heartbeat are silent
//! while they are heard, so that theirs is a time at least.
//!
//! Invariant: memory grows with the tags, and with the different pairs of a session and a tag it chose.

use std::collections::HashSet;

use crate::analysis::gap;
use crate::analysis::meaning::Meaning;
use crate::query::scan::{Row, Symbol};
use crate::time::{SECOND, Timestamp};

/// The listening gap unless given, 5 minutes: clients send a heartbeat a minute, and a few may be lost.
pub(crate) const GAP_MICROS: u64 = 300 * SECOND.unsigned_abs();

/// What one session hears.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    hearing: Hearing,
    /// The time of the session's row before.
    last: Timestamp,
    /// The tags of the choice, sorted, each once.
    choice: Vec<Symbol>,
    /// Of the choice so far.
    choice_micros: i64,
    /// Choices so far.
    pub(crate) choices: u64,
    /// Different tags chosen so far.
    pub(crate) tags: u64,
    /// With any tag, of choices that have ended.
    pub(crate) micros: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hearing {
    #[default]
    Nothing,
    Choice,
    /// Nothing, while there is a choice.
    Paused,
}

/// What all sessions together make of one tag.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TagTally {
    /// Choices that hold it.
    pub(crate) events: u64,
    /// Sessions with such a choice.
    pub(crate) sessions: u64,
    /// For how long it was heard.
    pub(crate) micros: i64,
}

/// The sums by tag.
#[derive(Debug)]
pub(crate) struct Listening {
    gap_micros: i64,
    tallies: Vec<TagTally>,
    /// A session's number, then a tag's.
    pairs: HashSet<(Symbol, Symbol)>,
}

impl Listening {
    /// With what is heard of a silence at most, all of it unless given.
    pub(crate) fn new(gap_micros: Option<u64>) -> Self {
        let gap_micros = gap_micros.map_or(i64::MAX, gap::micros);
        Self { gap_micros, tallies: Vec::new(), pairs: HashSet::new() }
    }

    /// The next row of a session, in order of time.
    pub(crate) fn see(&mut self, heard: &mut Heard, row: &Row<'_>, meaning: Meaning) {
        self.advance(heard, row.server_time);
        match meaning {
            Meaning::ModifyStream => self.choose(heard, row),
            Meaning::StopStream | Meaning::CleanupSession => self.end_choice(heard),
            Meaning::PauseStream if heard.hearing == Hearing::Choice => {
                heard.hearing = Hearing::Paused;
            }
            Meaning::StartStream if heard.hearing == Hearing::Paused => {
                heard.hearing = Hearing::Choice;
            }
            _ => {}
        }
    }

    /// The session ends now.
    pub(crate) fn end(&mut self, heard: &mut Heard, now: Timestamp) {
        self.advance(heard, now);
        self.end_choice(heard);
    }

    /// What was made of a tag.
    pub(crate) fn tally(&self, tag: Symbol) -> TagTally {
        self.tallies.get(tag.index()).copied().unwrap_or_default()
    }

    fn advance(&self, heard: &mut Heard, now: Timestamp) {
        let passed = now.as_micros().saturating_sub(heard.last.as_micros());
        if heard.hearing == Hearing::Choice {
            let listened = passed.clamp(0, self.gap_micros);
            heard.choice_micros = heard.choice_micros.saturating_add(listened);
        }
        heard.last = now;
    }

    fn choose(&mut self, heard: &mut Heard, row: &Row<'_>) {
        self.end_choice(heard);
        heard.choices += 1;
        heard.choice.extend(row.tags());
        heard.choice.sort_unstable();
        heard.choice.dedup();
        for tag in &heard.choice {
            if self.tallies.len() <= tag.index() {
                self.tallies.resize(tag.index() + 1, TagTally::default());
            }
            let tally = &mut self.tallies[tag.index()];
            tally.events += 1;
            if self.pairs.insert((row.session, *tag)) {
                tally.sessions += 1;
                heard.tags += 1;
            }
        }
        if !heard.choice.is_empty() {
            heard.hearing = Hearing::Choice;
        }
    }

    fn end_choice(&mut self, heard: &mut Heard) {
        let micros = std::mem::take(&mut heard.choice_micros);
        for tag in heard.choice.drain(..) {
            if let Some(tally) = self.tallies.get_mut(tag.index()) {
                tally.micros = tally.micros.saturating_add(micros);
            }
        }
        heard.micros = heard.micros.saturating_add(micros);
        heard.hearing = Hearing::Nothing;
    }
}
