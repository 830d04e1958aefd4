//! Which answers are empty.
//!
//! Owns: for each question, when its answer has nothing to show, and which event types it looks for beside those
//! of its filter. Does not own what is said then (`near_miss`).

use diurnal::analysis::{
    Activity, ClientErrors, ClientErrorsReport, ClockSkew, ClockSkewReport, Funnel, FunnelReport,
    Health, HealthReport, Heat, Heatmap, Histogram, Paths, PathsReport, Question, Sessions,
    SessionsReport, Silence, SilenceReport, Tags, TagsReport, Tracks, TracksReport,
};

/// A question whose answer may have nothing to show, for which a mistyped name may be to blame.
pub(super) trait MayBeEmpty: Question {
    /// Whether an answer has nothing to show.
    fn is_empty(answer: &Self::Answer) -> bool;

    /// Event types that the question itself looks for.
    fn types(&self) -> Vec<String> {
        Vec::new()
    }
}

impl MayBeEmpty for Sessions {
    fn is_empty(answer: &SessionsReport) -> bool {
        answer.totals.sessions == 0
    }
}

impl MayBeEmpty for Tags {
    fn is_empty(answer: &TagsReport) -> bool {
        answer.choices == 0
    }
}

impl MayBeEmpty for Histogram {
    fn is_empty(answer: &Activity) -> bool {
        answer.events == 0
    }
}

impl MayBeEmpty for Heatmap {
    fn is_empty(answer: &Heat) -> bool {
        answer.events == 0
    }
}

impl MayBeEmpty for Tracks {
    fn is_empty(answer: &TracksReport) -> bool {
        answer.events == 0
    }
}

impl MayBeEmpty for Paths {
    fn is_empty(answer: &PathsReport) -> bool {
        answer.events == 0
    }
}

impl MayBeEmpty for Funnel {
    /// A step that nobody reaches is an answer, unless it has another name.
    fn is_empty(answer: &FunnelReport) -> bool {
        answer.steps.iter().any(|step| step.sessions == 0)
    }

    fn types(&self) -> Vec<String> {
        self.steps.iter().flat_map(|step| step.types()).cloned().collect()
    }
}

impl MayBeEmpty for Health {
    fn is_empty(answer: &HealthReport) -> bool {
        answer.total.events == 0
    }
}

impl MayBeEmpty for Silence {
    fn is_empty(answer: &SilenceReport) -> bool {
        answer.sources == 0
    }

    fn types(&self) -> Vec<String> {
        self.heartbeat_types.clone()
    }
}

impl MayBeEmpty for ClientErrors {
    fn is_empty(answer: &ClientErrorsReport) -> bool {
        answer.count == 0
    }

    fn types(&self) -> Vec<String> {
        self.types.clone()
    }
}

impl MayBeEmpty for ClockSkew {
    fn is_empty(answer: &ClockSkewReport) -> bool {
        answer.readings == 0
    }
}
