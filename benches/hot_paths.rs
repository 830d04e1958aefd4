//! The paths that are taken most: logging in bulk and alone, folding, counting from the indexes,
//! decoding, geometry, one session's timeline, and opening. Run with `cargo bench --features testing`;
//! `cargo test --features testing --bench hot_paths` runs each once.
//!
//! Stores are in memory, so that the disk does not weigh on what is measured; `benches/peers` measures
//! with it.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use diurnal::testing::workload::Workload;
use diurnal::{BoundingBox, Circle, Event, Filter, GroupBy, NewEvent, Query, Store, analysis};
use geo::polygon;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const EVENTS: u64 = 40_000;
const BATCH_EVENTS: usize = 1_000;

/// One block unless the setting says otherwise.
const BLOCK_EVENTS: usize = 4_096;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let events: Vec<_> = Workload::realistic().events(EVENTS).days(1).iter().collect();
    log(&mut criterion, &events);
    let store = stored(&events)?;
    count(&mut criterion, &store);
    questions(&mut criterion, &store);
    geometry(&mut criterion, &store)?;
    decode(&mut criterion, &store);
    timeline(&mut criterion, &store)?;
    open(&mut criterion, &events)?;
    criterion.final_summary();
    Ok(())
}

fn stored(events: &[NewEvent]) -> diurnal::Result<Store> {
    let store = Store::in_memory()?;
    for batch in events.chunks(BATCH_EVENTS) {
        store.log_events(batch.iter().cloned())?;
    }
    Ok(store)
}

fn log(criterion: &mut Criterion, events: &[NewEvent]) {
    let mut group = criterion.benchmark_group("log");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    group.bench_function("batches of 1000", |bencher| {
        bencher.iter_with_large_drop(|| stored(black_box(events)));
    });
    // One batch that fills a block: what it costs beyond the batch is the fold.
    group.throughput(Throughput::Elements(BLOCK_EVENTS as u64));
    group.bench_function("one block, folded", |bencher| {
        let block = || (Store::in_memory(), events[..BLOCK_EVENTS].to_vec());
        let log = |(store, block): (diurnal::Result<Store>, Vec<NewEvent>)| {
            store.and_then(|store| store.log_events(block).map(|ids| (store, ids)))
        };
        bencher.iter_batched(block, log, BatchSize::LargeInput);
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("one event", |bencher| {
        let store = Store::in_memory();
        let mut next = events.iter().cycle();
        bencher.iter(|| {
            let event = next.next().cloned();
            store.as_ref().ok().zip(event).map(|(store, event)| store.log_event(event))
        });
    });
    group.finish();
}

fn count(criterion: &mut Criterion, store: &Store) {
    let mut group = criterion.benchmark_group("count");
    group.throughput(Throughput::Elements(EVENTS));
    let chosen = Filter::tag(4).and(Filter::event_type("modify_stream"));
    counted(&mut group, "type", store, &Filter::event_type("heartbeat"));
    counted(&mut group, "tag and tag", store, &Filter::all_tags([4, 21]));
    counted(&mut group, "tag and type", store, &chosen);
    group.bench_function("every tag", |bencher| {
        bencher.iter(|| store.count_by(black_box(&Filter::All), GroupBy::Tag));
    });
    group.bench_function("every session", |bencher| {
        bencher.iter(|| store.sessions(black_box(&Filter::All)));
    });
    group.finish();
}

fn questions(criterion: &mut Criterion, store: &Store) {
    let mut group = criterion.benchmark_group("question");
    group.throughput(Throughput::Elements(EVENTS));
    group.sample_size(10);
    let sessions = analysis::Sessions::new();
    group.bench_function("sessions", |bencher| bencher.iter(|| store.ask(black_box(&sessions))));
    let settings = analysis::SessionSettings::default().cut_idle(true);
    let cut = analysis::Sessions::new().settings(settings);
    group.bench_function("sessions, cut", |bencher| bencher.iter(|| store.ask(black_box(&cut))));
    let tags = analysis::Tags::new();
    group.bench_function("tags", |bencher| bencher.iter(|| store.ask(black_box(&tags))));
    group.finish();
}

fn counted(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, store: &Store, filter: &Filter) {
    group.bench_function(name, |bencher| bencher.iter(|| store.count(black_box(filter))));
}

fn geometry(criterion: &mut Criterion, store: &Store) -> Result<()> {
    let somewhere = one(store, Filter::BoundingBox(BOSTON))?;
    let (latitude, longitude) = somewhere.latitude.zip(somewhere.longitude).unwrap_or_default();
    let bounds = BoundingBox {
        west: longitude - 0.01,
        south: latitude - 0.01,
        east: longitude + 0.01,
        north: latitude + 0.01,
    };
    let outline = polygon![
        (x: longitude - 0.012, y: latitude - 0.004),
        (x: longitude + 0.006, y: latitude - 0.006),
        (x: longitude + 0.002, y: latitude + 0.003),
        (x: longitude - 0.007, y: latitude + 0.007),
    ];
    let circle = Circle { latitude, longitude, metres: 900.0 };
    let mut group = criterion.benchmark_group("place");
    group.throughput(Throughput::Elements(EVENTS));
    counted(&mut group, "box", store, &Filter::BoundingBox(bounds));
    counted(&mut group, "circle", store, &Filter::Circle(circle));
    counted(&mut group, "polygon", store, &Filter::polygon(outline));
    group.finish();
    Ok(())
}

/// Where some of the walks are.
const BOSTON: BoundingBox = BoundingBox { west: -71.1, south: 42.3, east: -71.0, north: 42.4 };

fn one(store: &Store, filter: Filter) -> Result<Event> {
    let mut events = store.query(&Query::from(filter).limit(1))?;
    Ok(events.next().ok_or("no event matches")??)
}

fn decode(criterion: &mut Criterion, store: &Store) {
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    group.bench_function("histogram by hour", |bencher| {
        bencher.iter(|| store.count_by(black_box(&Filter::event_type("heartbeat")), GroupBy::Hour));
    });
    let all = Query::new();
    group.bench_function("every event", |bencher| {
        bencher.iter(|| store.query(black_box(&all)).map(|events| events.flatten().count()));
    });
    group.finish();
}

fn timeline(criterion: &mut Criterion, store: &Store) -> Result<()> {
    let session = one(store, Filter::event_type("stop_upload"))?.session_id;
    let query = Query::from(Filter::session(session));
    let events = store.count(&query.filter)?;
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements(events));
    group.bench_function("timeline", |bencher| {
        bencher.iter(|| store.query(black_box(&query)).map(|events| events.flatten().count()));
    });
    group.finish();
    Ok(())
}

/// On disk: a store in memory cannot be opened again.
fn open(criterion: &mut Criterion, events: &[NewEvent]) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("store");
    let store = Store::open(&path)?;
    store.log_events(events.iter().cloned())?;
    store.close()?;
    let mut group = criterion.benchmark_group("open");
    group.sample_size(10);
    group.bench_function("for reading", |bencher| {
        bencher.iter(|| Store::open_read_only(black_box(&path)));
    });
    group.bench_function("for writing, and count", |bencher| {
        bencher.iter(|| Store::open(black_box(&path)).and_then(|it| it.count(&Filter::All)));
    });
    group.finish();
    Ok(())
}
