//! `POST /v1/count`: how many events match, all told or by a key.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::super::answer::Failure;
use super::super::state::Shared;
use super::ask::check_limit;
use super::given::{Gaps, Given, Parameters, answer_json, answered};
use crate::query::gaps::WithGaps;
use crate::query::{Count, Filter, GroupBy};

/// Counts of an answer unless given.
const LIMIT: u64 = 1_000;

/// What is counted.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    filter: Filter,
    by: Option<GroupBy>,
    limit: u64,
}

impl Default for Counted {
    fn default() -> Self {
        Self { filter: Filter::All, by: None, limit: LIMIT }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    All { count: u64 },
    Each { counts: Vec<Count>, more: bool },
}

impl Answer {
    fn each(mut counts: Vec<Count>, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = counts.len() > limit;
        counts.truncate(limit);
        Self::Each { counts, more }
    }
}

pub(super) async fn count(
    State(state): State<Shared>,
    Parameters(gaps): Parameters<Gaps>,
    Given(Counted { filter, by, limit }): Given<Counted>,
) -> Result<Response, Failure> {
    check_limit(limit)?;
    let answer = state.read(move |store| {
        let whole = |store: &crate::Store| match by {
            None => store.count(&filter).map(|count| Answer::All { count }),
            Some(by) => store.count_by(&filter, by).map(|counts| Answer::each(counts, limit)),
        };
        let with_gaps = |store: &crate::Store| match by {
            None => {
                store.allow_gaps().count(&filter).map(|it| map(it, |count| Answer::All { count }))
            }
            Some(by) => {
                let counts = store.allow_gaps().count_by(&filter, by);
                counts.map(|it| map(it, |counts| Answer::each(counts, limit)))
            }
        };
        answer_json(store, gaps, whole, with_gaps)
    });
    answer.await.map(answered)
}

fn map<T, U>(WithGaps { found, gaps }: WithGaps<T>, to: impl FnOnce(T) -> U) -> WithGaps<U> {
    WithGaps { found: to(found), gaps }
}
