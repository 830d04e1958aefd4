//! How far do people get?
//!
//! Owns: [`Funnel`], the sessions that reach each of several steps, and where the others stop.
//!
//! - A *step* is one event type, or any of several. The events of a session that the filter lets through
//!   are walked in the order of (server time, id), without those of [`Ignored`] types.
//! - A session *reaches* step k where it has an event of each step from 1 to k, one after the other; others may
//!   lie between them, and one event is one step. With the setting `within` the event of step k is at most so
//!   long after that of step 1. A session may try again: it reaches what its best attempt reaches.
//! - The *delay* of step k is taken where the session first reaches it: from the latest step 1 from which it
//!   is reached there.
//! - A session that reaches step k and none after it *drops out* there, and its last event tells where to:
//!   of those that were walked, whether it is a step or not.
//!
//! It is enough to know, for each step, the latest step 1 from which it was reached: whatever can follow an
//! earlier one in time can follow that one. Bounds: 8 bytes a session and step, 16 a session, 8 a type and
//! step; at most [`STEPS_MAX`] steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::builder::{filter_method, limit_method};
use crate::analysis::delays::{Delays, micros_between};
use crate::analysis::sealed::Answered;
use crate::analysis::{Ignored, LIMIT, Moment, Quantiles, micros_of, sorted_counts};
use crate::error::{Error, Result};
use crate::event::check_name;
use crate::limits::EVENT_TYPE_BYTES_MAX;
use crate::query::scan::{Row, Symbol, Words, scan};
use crate::query::{Count, Filter};
use crate::time::Timestamp;

/// A mask has a bit for each.
const STEPS_MAX: usize = 16;

/// Types of one step.
const STEP_TYPES_MAX: usize = 64;

/// One step of a [`Funnel`]: the event types that are it. As serde data a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FunnelStep(Vec<String>);

impl FunnelStep {
    /// Any of these types; at least one, at most 64.
    #[must_use]
    pub fn any_of<T: ToString>(types: impl IntoIterator<Item = T>) -> Self {
        Self(types.into_iter().map(|name| name.to_string()).collect())
    }

    /// The types.
    #[must_use]
    pub fn types(&self) -> &[String] {
        &self.0
    }
}

impl From<&str> for FunnelStep {
    fn from(name: &str) -> Self {
        Self::any_of([name])
    }
}

impl From<String> for FunnelStep {
    fn from(name: String) -> Self {
        Self(vec![name])
    }
}

/// How far do people get? Asks how many sessions reach each of several steps in order, how long it takes
/// them, and what those do last who get no further; see [`Store::ask`](crate::Store::ask).
///
/// A session reaches a step where it has an event of each step up to it, one after the other, whatever lies
/// between.
///
/// ```
/// use diurnal::analysis::Funnel;
/// use diurnal::{NewEvent, Store};
///
/// let store = Store::in_memory()?;
/// for event_type in ["start_record", "heartbeat", "stop_record", "start_upload", "stop_upload"] {
///     store.log_event(NewEvent::new(1, event_type))?;
/// }
/// store.log_event(NewEvent::new(2, "start_record"))?;
/// store.log_event(NewEvent::new(2, "client_error"))?;
///
/// let answer = store.ask(&Funnel::new(["start_record", "stop_upload"]))?;
/// assert_eq!((answer.steps[0].sessions, answer.steps[1].sessions), (2, 1));
/// assert_eq!(answer.steps[0].last_types[0].key, "client_error");
/// # Ok::<(), diurnal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Funnel {
    /// Which events; by default all.
    pub filter: Filter,
    /// In order, 1 to 16 of them.
    pub steps: Vec<FunnelStep>,
    /// Microseconds from step 1 within which a step must be reached; by default any time.
    pub within_micros: Option<u64>,
    /// Types that are left out; by default `heartbeat` and `location_update`. A type that is a step is
    /// not.
    pub ignored: Ignored,
    /// How many last types are listed for each step; by default 100.
    pub limit: u64,
}

impl Default for Funnel {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            steps: Vec::new(),
            within_micros: None,
            ignored: Ignored::default(),
            limit: LIMIT,
        }
    }
}

impl Funnel {
    /// These steps, of all events, with the settings' defaults.
    #[must_use]
    pub fn new<S: Into<FunnelStep>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self { steps: steps.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    filter_method!();

    /// A step counts only so long after step 1.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within_micros = Some(micros_of(within));
        self
    }

    /// Types that are left out, in place of the default.
    #[must_use]
    pub fn ignored(mut self, ignored: Ignored) -> Self {
        self.ignored = ignored;
        self
    }

    limit_method!("How many last types are listed for each step.");

    fn validate(&self) -> Result<()> {
        if self.steps.is_empty() || self.steps.len() > STEPS_MAX {
            let rule = format!("must be 1 to {STEPS_MAX}");
            return Err(Error::invalid("steps", rule, format!("{} steps", self.steps.len())));
        }
        for FunnelStep(types) in &self.steps {
            if types.is_empty() || types.len() > STEP_TYPES_MAX {
                let rule = format!("must each have 1 to {STEP_TYPES_MAX} event types");
                return Err(Error::invalid("steps", rule, format!("{} types", types.len())));
            }
            types.iter().try_for_each(|name| check_name("steps", name, EVENT_TYPE_BYTES_MAX))?;
        }
        Ok(())
    }
}

/// What [`Funnel`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FunnelReport {
    /// Sessions with an event that was walked, whether they reach a step or not.
    pub sessions: u64,
    /// The steps in order.
    pub steps: Vec<StepReport>,
}

/// One step of a funnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// Its event types.
    pub types: FunnelStep,
    /// Sessions that reach it.
    pub sessions: u64,
    /// Microseconds from step 1, at the first time that a session reaches it; `None` where none does. Exact
    /// up to 4,096 sessions; with more of them, quantiles but the least and the greatest are within 1/128.
    pub delay_micros: Option<Quantiles<u64>>,
    /// Sessions that reach it and not the next; 0 at the last step.
    pub dropped: u64,
    /// The types of those sessions' last events, the most frequent first; no more than the limit.
    pub last_types: Vec<Count>,
}

impl Answered for Funnel {
    type Answer = FunnelReport;

    fn answer(&self, moment: &Moment<'_>) -> Result<FunnelReport> {
        self.validate()?;
        let mut words = Words::default();
        let mut walk = Walk::new(self, &mut words);
        let types = self.steps.iter().flat_map(|step| &step.0);
        let ignored = self.ignored.but(types);
        scan(moment.snapshot, &ignored.leave_out(&self.filter), &[], &mut words, |row| {
            walk.step(row);
            Ok(())
        })?;
        Ok(walk.report(self, &words))
    }
}

/// What is known midway.
struct Walk {
    within_micros: u64,
    /// By type, a bit for each step that it is.
    masks: Vec<u32>,
    delays: Vec<Delays>,
    sessions: Vec<Option<Attempt>>,
    /// By session and step, when the latest step 1 was from which it was reached.
    begun: Vec<Timestamp>,
}

/// How far a session has got.
#[derive(Clone, Copy)]
struct Attempt {
    /// Steps that were reached.
    reached: usize,
    last: Symbol,
}

/// No event is so early.
const NEVER: Timestamp = Timestamp::MIN;

impl Walk {
    fn new(funnel: &Funnel, words: &mut Words) -> Self {
        let mut masks = Vec::new();
        for (step, FunnelStep(types)) in funnel.steps.iter().enumerate() {
            for name in types {
                let place = words.types.intern(name).index();
                masks.resize(masks.len().max(place + 1), 0);
                masks[place] |= 1 << step;
            }
        }
        Self {
            within_micros: funnel.within_micros.unwrap_or(u64::MAX),
            masks,
            delays: vec![Delays::default(); funnel.steps.len()],
            sessions: Vec::new(),
            begun: Vec::new(),
        }
    }

    fn step(&mut self, row: &Row<'_>) {
        let steps = self.delays.len();
        let session = row.session.index();
        if session >= self.sessions.len() {
            self.sessions.resize(session + 1, None);
            self.begun.resize((session + 1) * steps, NEVER);
        }
        let attempt =
            self.sessions[session].get_or_insert(Attempt { reached: 0, last: row.event_type });
        attempt.last = row.event_type;
        let mask = self.masks.get(row.event_type.index()).copied().unwrap_or(0);
        if mask == 0 {
            return;
        }
        let begun = &mut self.begun[session * steps..][..steps];
        // The last one first: one event is one step of an attempt.
        for step in (0..steps).rev().filter(|step| mask >> step & 1 == 1) {
            let start = match step.checked_sub(1) {
                None => row.server_time,
                Some(before) => begun[before],
            };
            let delay = micros_between(start, row.server_time);
            if start == NEVER || delay > self.within_micros {
                continue;
            }
            begun[step] = begun[step].max(start);
            if attempt.reached == step {
                attempt.reached += 1;
                self.delays[step].add(delay);
            }
        }
    }

    fn report(self, funnel: &Funnel, words: &Words) -> FunnelReport {
        let steps = funnel.steps.len();
        let types = words.types.len();
        let mut sessions = 0;
        let mut ended = vec![0_u64; steps + 1];
        let mut last_types = vec![0_u64; steps * types];
        for attempt in self.sessions.into_iter().flatten() {
            sessions += 1;
            ended[attempt.reached] += 1;
            // Whoever has not begun or has reached the last step has not dropped out.
            if (1..steps).contains(&attempt.reached) {
                last_types[(attempt.reached - 1) * types + attempt.last.index()] += 1;
            }
        }
        let reports = funnel.steps.iter().zip(self.delays).enumerate();
        let reports = reports.map(|(step, (types_of_step, delays))| StepReport {
            types: types_of_step.clone(),
            sessions: ended[step + 1..].iter().sum(),
            delay_micros: delays.quantiles(),
            dropped: if step + 1 < steps { ended[step + 1] } else { 0 },
            last_types: sorted_counts(
                &words.types,
                &last_types[step * types..][..types],
                funnel.limit,
            ),
        });
        FunnelReport { sessions, steps: reports.collect() }
    }
}
