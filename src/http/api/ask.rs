//! `POST /v1/questions/NAME`: the questions of `analysis`.
//!
//! Owns: how long a list they may ask for. Does not own the questions.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::answer::Failure;
use super::super::state::Shared;
use super::given::{Gaps, Given, Parameters, answer_json, answered};
use crate::analysis::{
    ClientErrors, ClockSkew, Funnel, Health, Heatmap, Histogram, Paths, Question, Session,
    Sessions, Silence, Tags, Tracks,
};

/// Rows of a list that may be asked for.
pub(super) const ROWS_MAX: u64 = 10_000;
/// Buckets of a histogram: a minute each, for two months in which all have events.
const BUCKETS_MAX: usize = 100_000;
/// Sessions of which figures are listed where nothing is said, as in the library.
const SESSIONS_DEFAULT: u64 = 1_000;

/// A question as it may be asked here.
pub(super) trait Asked: Question + DeserializeOwned + Send + 'static {
    /// Refuses what would be answered with too much, and bounds what says nothing.
    fn bound(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

macro_rules! asked_with_limit {
    ($($question:ty),*) => {$(
        impl Asked for $question {
            fn bound(&mut self) -> Result<(), Failure> {
                check_limit(self.limit)
            }
        }
    )*};
}

asked_with_limit!(Tags, Paths, Funnel, Health, Silence, ClientErrors, ClockSkew);

impl Asked for Session {}

impl Asked for Histogram {
    fn bound(&mut self) -> Result<(), Failure> {
        self.buckets_max = BUCKETS_MAX;
        Ok(())
    }
}

impl Asked for Sessions {
    fn bound(&mut self) -> Result<(), Failure> {
        check_limit(*self.limit.get_or_insert(SESSIONS_DEFAULT))
    }
}

impl Asked for Heatmap {
    fn bound(&mut self) -> Result<(), Failure> {
        check_limit(*self.limit.get_or_insert(ROWS_MAX as usize) as u64)
    }
}

impl Asked for Tracks {
    fn bound(&mut self) -> Result<(), Failure> {
        // The answer tells how many events it has left out.
        self.events_max = self.events_max.min(ROWS_MAX as usize);
        Ok(())
    }
}

/// Refuses a limit that is too high.
pub(super) fn check_limit(limit: u64) -> Result<(), Failure> {
    match limit {
        ..=ROWS_MAX => Ok(()),
        _ => Err(Failure::invalid(format!("limit: must be at most {ROWS_MAX}, not {limit}"))),
    }
}

/// Answers a question.
pub(super) async fn ask<Q: Asked>(
    State(state): State<Shared>,
    Parameters(gaps): Parameters<Gaps>,
    Given(mut question): Given<Q>,
) -> Result<Response, Failure>
where
    Q::Answer: Serialize,
{
    question.bound()?;
    let answer = state.read(move |store| {
        let whole = |store: &crate::Store| store.ask(&question);
        answer_json(store, gaps, whole, |store| store.allow_gaps().ask(&question))
    });
    answer.await.map(answered)
}
