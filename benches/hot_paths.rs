//! The paths that are taken most: logging in bulk, counting from the indexes, and reading one
//! session. Run with `cargo bench`; `cargo test --bench hot_paths` runs each once.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use diurnal::{Filter, NewEvent, Result, Store, Timestamp, event_type};

const EVENTS: usize = 20_000;
const SESSIONS: usize = 250;
const BATCH_EVENTS: usize = 1_000;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let events = walks()?;
    log_events(&mut criterion, &events);
    let store = stored(&events)?;
    count_type_and_tag(&mut criterion, &store);
    session_timeline(&mut criterion, &store);
    criterion.final_summary();
    Ok(())
}

/// Sessions that walk through a city, one event a second in turn: mostly heartbeats, some choices
/// of tags.
fn walks() -> Result<Vec<NewEvent>> {
    let start = "2026-11-23T08:00:00Z".parse::<Timestamp>()?.as_micros();
    let event = |index: usize| {
        let step = (index / SESSIONS) as f64;
        let chooses = index.is_multiple_of(7);
        let kind = if chooses { event_type::MODIFY_STREAM } else { event_type::HEARTBEAT };
        let tags = if chooses { 3 } else { 0 };
        NewEvent::new(index % SESSIONS, kind)
            .server_time(Timestamp::from_micros(start + index as i64 * 1_000_000))
            .location(42.36 + step * 1e-4, -71.06 - (index % SESSIONS) as f64 * 1e-3)
            .tags((0..tags).map(|tag| (index + tag * 5) % 23))
    };
    Ok((0..EVENTS).map(event).collect())
}

fn stored(events: &[NewEvent]) -> Result<Store> {
    let store = Store::in_memory()?;
    for batch in events.chunks(BATCH_EVENTS) {
        store.log_events(batch.iter().cloned())?;
    }
    Ok(store)
}

fn log_events(criterion: &mut Criterion, events: &[NewEvent]) {
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(EVENTS as u64)).sample_size(10);
    group.bench_function("batches of 1000, in memory", |bencher| {
        bencher.iter_with_large_drop(|| stored(black_box(events)));
    });
    group.finish();
}

fn count_type_and_tag(criterion: &mut Criterion, store: &Store) {
    let filter = Filter::event_type(event_type::MODIFY_STREAM).and(Filter::tag(3));
    let mut group = criterion.benchmark_group("count");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("type and tag", |bencher| {
        bencher.iter(|| store.count(black_box(&filter)));
    });
    group.finish();
}

fn session_timeline(criterion: &mut Criterion, store: &Store) {
    let query = Filter::session(17).into();
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements((EVENTS / SESSIONS) as u64));
    group.bench_function("timeline", |bencher| {
        bencher.iter(|| store.query(black_box(&query)).map(|events| events.flatten().count()));
    });
    group.finish();
}
