//! What is written to the disk for each event: flash wears out.
//!
//! Owns: `wear`. Bytes are counted at the storage that diurnal writes to, in memory, day's files, log and
//! catalog alike: no peer can be counted so. Every byte that is handed to the file system counts, those
//! of closing too.

use diurnal::Store;
use diurnal::testing::FaultyStorage;

use super::Bench;
use crate::machine::Result;
use crate::source::BATCH_EVENTS;
use crate::table::OURS;

const LONE_EVENTS: usize = 8_000;
const HUNDREDS: usize = 2_000;

pub(super) fn wear(bench: &mut Bench) -> Result<()> {
    let all = usize::try_from(bench.survey.events)?;
    let rows = [
        ("written per event: lone", LONE_EVENTS, 1, true),
        ("written per event: lone, exclusive", LONE_EVENTS, 1, false),
        ("written per event: batches of 100", 100 * HUNDREDS, 100, true),
        ("written per event: bulk", all, BATCH_EVENTS, true),
    ];
    for (row, events, batch, shared) in rows {
        let disk = FaultyStorage::new();
        let store = Store::builder().shared_readers(shared).open_on(&disk)?;
        let mut source = bench.source.events().take(events).map(diurnal::NewEvent::from);
        let mut logged = 0_usize;
        loop {
            let events: Vec<_> = source.by_ref().take(batch).collect();
            if events.is_empty() {
                break;
            }
            logged += store.log_events(events)?.len();
        }
        drop(source);
        store.close()?;
        let per_event = disk.counts().bytes_written as f64 / logged as f64;
        bench.table.add(row, OURS, per_event)?;
        if row.ends_with("bulk") {
            let names = disk.names();
            let rest: usize =
                names.iter().filter_map(|name| disk.read(name)).map(|it| it.len()).sum();
            bench.table.add("at rest per event: bulk", OURS, rest as f64 / logged as f64)?;
        }
    }
    Ok(())
}
