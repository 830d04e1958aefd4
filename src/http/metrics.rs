//! What is counted, for Prometheus.
//!
//! Owns: [`Metrics`], its names and units, and `GET /metrics`. Names follow
//! <https://prometheus.io/docs/practices/naming/>; the text is OpenMetrics 1.0.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::answer::Failure;
use super::state::Shared;

/// Upper bounds of the durations of commits and requests: an SD card to a slow question.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How long the store is waited for: less than those who collect metrics wait.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A group of calls, and how they ended: both are few, whatever clients send.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Call {
    /// The path of the call as the service knows it, with `{id}` for what differs.
    pub(super) call: String,
    pub(super) status: u16,
}

/// Counts since the service began.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    pub(super) events: Counter,
    commits: Counter,
    failed_commits: Counter,
    commit_seconds: Histogram,
    pub(super) requests: Family<Call, Counter>,
    pub(super) request_seconds: Histogram,
    pub(super) connections: Gauge,
    pub(super) followers: Gauge,
    waiting_bytes: Gauge,
    store_events: Gauge,
    store_days: Gauge,
    store_bytes: Gauge,
    ready: Gauge,
    registry: Arc<Registry>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let seconds = || Histogram::new(SECONDS);
        let mut metrics = Self {
            events: Counter::default(),
            commits: Counter::default(),
            failed_commits: Counter::default(),
            commit_seconds: seconds(),
            requests: Family::default(),
            request_seconds: seconds(),
            connections: Gauge::default(),
            followers: Gauge::default(),
            waiting_bytes: Gauge::default(),
            store_events: Gauge::default(),
            store_days: Gauge::default(),
            store_bytes: Gauge::default(),
            ready: Gauge::default(),
            registry: Arc::default(),
        };
        let mut registry = Registry::with_prefix("diurnal");
        metrics.register(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        let mut counter =
            |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        counter("events_logged", "Events that were made durable", &self.events);
        counter("commits", "Commits of events", &self.commits);
        counter("commits_failed", "Commits of events that failed", &self.failed_commits);
        registry.register("requests", "Requests answered", self.requests.clone());
        let mut histogram = |name, help, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        histogram("commit_duration", "Time of a commit, the sync included", &self.commit_seconds);
        histogram("request_duration", "Time until an answer begins", &self.request_seconds);
        let mut gauge = |name, help, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("connections", "Connections now", &self.connections);
        gauge("followers", "Clients that follow live events now", &self.followers);
        gauge("store_events", "Events in the store", &self.store_events);
        gauge("store_days", "Days in the store", &self.store_days);
        gauge("ready", "1 where events are taken", &self.ready);
        let mut bytes = |name, help, gauge: &Gauge| {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        };
        bytes("queue", "Events that wait to be logged", &self.waiting_bytes);
        bytes("store_size", "Files of the store's days", &self.store_bytes);
    }

    /// Takes note of a commit of so many events, or of one that failed.
    pub(super) fn committed(&self, events: Option<u64>, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        match events {
            Some(events) => {
                self.commits.inc();
                self.events.inc_by(events);
            }
            None => {
                self.failed_commits.inc();
            }
        }
    }
}

/// Counts something for as long as it is there.
#[derive(Debug)]
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// `GET /metrics`.
pub(super) async fn metrics(State(state): State<Shared>) -> Result<impl IntoResponse, Failure> {
    let metrics = &state.metrics;
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    // Under load, of all times, a watcher is answered: with the store as it was last seen.
    let info = tokio::time::timeout(STORE_PATIENCE, state.read(crate::Store::info)).await;
    if let Ok(Ok(info)) = info {
        metrics.store_events.set(signed(info.events));
        metrics.store_days.set(signed(info.days));
        metrics.store_bytes.set(signed(info.bytes));
    }
    metrics.waiting_bytes.set(signed(state.recorder.waiting_bytes()));
    metrics.ready.set(i64::from(state.recorder.failure().is_none()));
    let mut text = String::new();
    encode(&mut text, &metrics.registry)
        .map_err(|_| Failure::busy("the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}
