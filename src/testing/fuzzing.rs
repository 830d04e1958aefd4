//! The door by which fuzzers reach the decoders.
//!
//! Owns: one harness for each kind of bytes that is read from disk, samples of such bytes, and damaged
//! bytes with the checksums that they call for. Not part of the interface: `tests/fuzz` alone uses it, and
//! it may change at any time.
//!
//! Invariant: a harness returns, whatever it is given, and panics only where the store is wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::FaultyStorage;
use crate::clock::ManualClock;
use crate::codec::bytes::checksum;
use crate::codec::row::Row;
use crate::codec::{batch, columns};
use crate::day::contents::{BlockEntry, Contents, Source, Span};
use crate::day::file::{self, SectionHead, SectionKind};
use crate::day::part::{Part, State};
use crate::day::{FileKind, fold, view};
use crate::error::{ErrorKind, Result};
use crate::event::NewEvent;
use crate::index::postings::{self, OpenPage, PageSource};
use crate::index::term::{Field, Term};
use crate::index::zones::Zone;
use crate::query::{Filter, GroupBy, Query};
use crate::store::Store;
use crate::time::{Day, Timestamp};

/// A kind of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A batch of a tail.
    Batch,
    /// A block of columns.
    Block,
    /// A zone.
    Zone,
    /// A page of postings.
    Page,
    /// The contents of a part.
    Contents,
    /// A list of parts.
    Parts,
    /// A day's file.
    DayFile,
    /// A day's log.
    Log,
    /// The catalog.
    Catalog,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Batch,
        Self::Block,
        Self::Zone,
        Self::Page,
        Self::Contents,
        Self::Parts,
        Self::DayFile,
        Self::Log,
        Self::Catalog,
    ];
}

/// Events of a sample's day.
const SAMPLE_EVENTS: u32 = 50;

const HEAD_BYTES: usize = file::SECTION_HEAD_BYTES as usize;

/// The day of every sample.
fn day() -> Day {
    Day::from_number(20_000).unwrap_or(Day::MIN)
}

/// Reads bytes of a kind, as they are and with the checksums that they call for.
pub fn read(kind: Kind, bytes: &[u8]) {
    for bytes in [bytes.to_vec(), resealed(kind, bytes)] {
        // An error is what a harness expects.
        let _ = match kind {
            Kind::Batch => read_batch(&bytes),
            Kind::Block => read_block(&bytes),
            Kind::Zone => read_zone(&bytes),
            Kind::Page => read_page(bytes),
            Kind::Contents => read_contents(&bytes),
            Kind::Parts => read_parts(&bytes),
            Kind::DayFile => read_store(&FileKind::Columns.name(day()), &bytes),
            Kind::Log => read_store(&FileKind::Log.name(day()), &bytes),
            Kind::Catalog => read_store(crate::catalog::NAME, &bytes),
        };
    }
}

fn read_batch(bytes: &[u8]) -> Result<()> {
    let rows = batch::decode(bytes)?;
    let again = batch::decode(&batch::encode(rows.iter())?)?;
    assert_eq!(format!("{rows:?}"), format!("{again:?}"));
    Ok(())
}

fn read_block(bytes: &[u8]) -> Result<()> {
    let head = columns::Head::decode(bytes)?;
    let count = u32::try_from(head.rows()).unwrap_or(u32::MAX);
    let mut fetch = |range| view::slice(bytes, range);
    let all = columns::each_kind(|kind| view::decode_block(kind, count, &mut fetch))?;
    let rows = columns::Columns::of(&all)?.rows(0..count)?;
    assert_eq!(rows.len(), head.rows());
    let together = columns::decode_all(&head, bytes)?;
    assert_eq!(format!("{together:?}"), format!("{all:?}"));
    Ok(())
}

fn read_zone(bytes: &[u8]) -> Result<()> {
    let zone = Zone::decode(bytes)?;
    assert_eq!(Zone::decode(&zone.encode())?, zone);
    Ok(())
}

fn read_parts(bytes: &[u8]) -> Result<()> {
    let parts = file::decode_parts(bytes, 1 << 20)?;
    let again = file::decode_parts(&file::encode_parts(parts.iter()), 1 << 20)?;
    assert_eq!(format!("{parts:?}"), format!("{again:?}"));
    Ok(())
}

/// The same contents, as if their blocks were in a file.
fn in_a_file(contents: &Contents) -> Contents {
    let source = |at: usize| Source::File(Span { offset: 24 + 100 * at as u64, len: 100 });
    let entry =
        |(at, block): (usize, &BlockEntry)| BlockEntry { source: source(at), ..block.clone() };
    let blocks = contents.blocks.iter().enumerate().map(entry).collect();
    Contents { blocks, pages: contents.pages.clone() }
}

/// The contents of the sample's first part.
fn read_contents(bytes: &[u8]) -> Result<()> {
    let contents = Contents::of_section(bytes, 0, SAMPLE_EVENTS, 1 << 20)?;
    let again = Contents::of_section(&contents.to_section(), 0, SAMPLE_EVENTS, 1 << 20)?;
    assert_eq!(format!("{contents:?}"), format!("{again:?}"));
    Ok(())
}

/// A part with one page.
struct OnePage(Arc<OpenPage>);

impl PageSource for OnePage {
    fn pages(&self) -> usize {
        1
    }

    fn first_term(&self, _page: usize) -> &[u8] {
        &[]
    }

    fn page(&self, _page: usize) -> Result<Arc<OpenPage>> {
        Ok(self.0.clone())
    }
}

fn read_page(bytes: Vec<u8>) -> Result<()> {
    let source = OnePage(Arc::new(OpenPage::open(bytes)?));
    let mut found = Vec::new();
    for field in Field::ALL {
        postings::scan(&source, field, &[]..&[], |key, posting| {
            let rows: Vec<u32> = posting.bitmap()?.iter().collect();
            let mut offsets = Vec::new();
            posting.offsets_into(&mut offsets)?;
            assert!(rows.is_sorted() && rows == offsets);
            found.push(Term::new(field, key));
            Ok(())
        })?;
    }
    for term in found.iter().take(100) {
        let _ = postings::lookup(&source, term)?;
    }
    Ok(())
}

/// A store with these bytes as one of its files: read, written to, and rebuilt.
fn read_store(name: &str, bytes: &[u8]) -> Result<()> {
    let disk = sample_disk(name == FileKind::Log.name(day()));
    disk.replace(name, bytes);
    let reader = Store::builder().open_read_only_on(&disk)?;
    ask(&reader);
    drop(reader);
    let store = builder().open_on(&disk)?;
    ask(&store);
    if let Err(error) = store.log_event(event(1)) {
        assert!(error.kind() != ErrorKind::OutcomeUnknown, "{error}");
    }
    store.rebuild()?;
    let report = store.check()?;
    // A day in which a newer diurnal has written is left for it, whatever else is wrong with it.
    let newer = |day| report.problems.iter().any(|problem| problem.newer && problem.day == day);
    let left: Vec<_> = report.problems.iter().filter(|problem| !newer(problem.day)).collect();
    assert!(left.is_empty(), "{left:?}");
    store.close()
}

fn ask(store: &Store) {
    // What is damaged is an error; that it is told is for other tests to see.
    let _ = store.check();
    let _ = store.query(&Query::new()).map(|found| found.take_while(Result::is_ok).count());
    let _ = store.count(&Filter::tag(1).and(Filter::HasLocation(true)));
    let _ = store.count_by(&Filter::All, GroupBy::Session);
    let _ = store.sessions(&Filter::All);
}

fn builder() -> crate::builder::StoreBuilder {
    let noon = day().start().as_micros() + 12 * 3_600 * 1_000_000;
    Store::builder().block_rows(16).clock(ManualClock::new(Timestamp::from_micros(noon)))
}

fn event(number: u32) -> NewEvent {
    let time = Timestamp::from_micros(day().start().as_micros() + i64::from(number) * 999_983);
    let event = NewEvent::new(number % 5, "heartbeat").server_time(time).tag(number % 3);
    match number % 4 {
        0 => event,
        1 => event.data("é".repeat(number as usize % 50)).client_time("yesterday"),
        _ => event.location(f64::from(number % 90), f64::from(number % 180)),
    }
}

fn row(number: u32) -> Row {
    let NewEvent { session_id, event_type, server_time, client_time, location, tags, data } =
        event(number);
    let server_time = server_time.unwrap_or_default();
    Row { session_id, event_type, server_time, client_time, location, tags, data }
}

/// Names of files and what they hold.
type Files = Vec<(String, Vec<u8>)>;

/// A store with a day of events: sealed, or with a log.
fn sample_disk(live: bool) -> FaultyStorage {
    // Made once: a fuzzer asks for it with each input.
    static FILES: [OnceLock<Files>; 2] = [OnceLock::new(), OnceLock::new()];
    let files = FILES[usize::from(live)].get_or_init(|| {
        let disk = filled_disk(live);
        let with_bytes = |name: String| disk.read(&name).map(|bytes| (name, bytes));
        disk.names().into_iter().filter_map(with_bytes).collect()
    });
    let disk = FaultyStorage::new();
    files.iter().for_each(|(name, bytes)| disk.replace(name, bytes.as_slice()));
    disk
}

fn filled_disk(live: bool) -> FaultyStorage {
    let disk = FaultyStorage::new();
    let filled = || -> Result<()> {
        let store = builder().open_on(&disk)?;
        for number in (0..SAMPLE_EVENTS).step_by(5) {
            store.log_events((number..number + 5).map(event))?;
        }
        if !live {
            // The clock stands on that day, which is sealed once four others are begun.
            for other in 1..=4_i64 {
                let time = day().start().as_micros() - other * 86_400_000_000;
                store.log_event(event(1).server_time(Timestamp::from_micros(time)))?;
            }
        }
        store.close()
    };
    assert!(filled().is_ok(), "a disk without faults");
    disk
}

/// Sound bytes of a kind, a few of them.
#[must_use]
pub fn samples(kind: Kind) -> Vec<Vec<u8>> {
    let rows: Vec<Row> = (0..40).map(row).collect();
    let file = |live: bool, name: &str| sample_disk(live).read(name).into_iter().collect();
    // The bodies of a sealed day's sections of a kind.
    let section = |kind: SectionKind| {
        let bytes = sample_disk(false).read(&FileKind::Columns.name(day())).unwrap_or_default();
        let found = sections(&bytes).into_iter();
        let found = found.filter(|(body, _)| bytes[body - HEAD_BYTES] == kind as u8);
        found.map(|(body, len)| bytes[body..body + len].to_vec()).collect::<Vec<_>>()
    };
    let parts = |rows: &[Row]| fold::in_memory(0, &rows.iter().collect::<Vec<_>>());
    let made = || -> Result<Vec<Vec<u8>>> {
        Ok(match kind {
            Kind::Batch => vec![batch::encode(rows.iter())?, batch::encode(rows[..1].iter())?],
            Kind::Block => vec![columns::encode(&rows)?.bytes, columns::encode(&rows[..1])?.bytes],
            Kind::Zone => vec![columns::encode(&rows)?.zone.encode()],
            Kind::Page => {
                let State::Unmerged(contents) = parts(&rows)?.state else { return Ok(Vec::new()) };
                let pages = contents.pages.iter();
                pages.filter_map(|page| page.source.in_memory().map(<[u8]>::to_vec)).collect()
            }
            Kind::Contents => section(SectionKind::Contents),
            Kind::Parts => {
                let lost = file::encode_parts([&Part::lost(0, 70_000)].into_iter());
                let State::Unmerged(contents) = parts(&rows)?.state else { return Ok(Vec::new()) };
                let unmerged = Part::unmerged(0, in_a_file(&contents));
                let unmerged = file::encode_parts([&unmerged].into_iter());
                section(SectionKind::Footer).into_iter().chain([lost, unmerged]).collect()
            }
            Kind::DayFile => file(false, &FileKind::Columns.name(day())),
            Kind::Log => file(true, &FileKind::Log.name(day())),
            Kind::Catalog => file(false, crate::catalog::NAME),
        })
    };
    made().unwrap_or_default()
}

/// Damaged bytes with the checksums that they call for: damage that no checksum finds. Of redb's files
/// they are the bytes as they are.
fn resealed(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match kind {
        Kind::Batch | Kind::Page | Kind::Contents | Kind::Parts => reseal_end(&mut bytes),
        Kind::Block => columns::reseal(&mut bytes),
        Kind::DayFile => reseal_day_file(&mut bytes),
        Kind::Zone | Kind::Log | Kind::Catalog => {}
    }
    bytes
}

fn reseal_end(bytes: &mut [u8]) {
    if let Some((body, sum)) = bytes.split_last_chunk_mut::<8>() {
        *sum = checksum(body).to_le_bytes();
    }
}

/// Where the bodies of a file's sections lie, by their heads' own words.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut found) = (file::HEADER_BYTES as usize, Vec::new());
    while let Some(head) = bytes.get(at..at + HEAD_BYTES) {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = at + HEAD_BYTES;
        if body.checked_add(len).is_none_or(|end| end > bytes.len()) {
            break;
        }
        found.push((body, len));
        at = body + len;
    }
    // What follows the last section is the trailer.
    found
}

fn reseal_day_file(bytes: &mut [u8]) {
    if let Some(header) = bytes.get_mut(..file::HEADER_BYTES as usize) {
        reseal_end(header);
    }
    let found = sections(bytes);
    let known: BTreeSet<u8> = (1..=4).collect();
    for (body, len) in found {
        let kind = bytes[body - HEAD_BYTES];
        if !known.contains(&kind) {
            break;
        }
        match kind {
            1 => columns::reseal(&mut bytes[body..body + len]),
            _ => reseal_end(&mut bytes[body..body + len]),
        }
        SectionHead::reseal(&mut bytes[body - HEAD_BYTES..body], (body - HEAD_BYTES) as u64);
    }
    if let Some(trailer) = bytes.split_last_chunk_mut::<{ file::TRAILER_BYTES as usize }>() {
        reseal_end(&mut trailer.1[..24]);
    }
}
