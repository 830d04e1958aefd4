//! Goal: rows are folded when they fill blocks, and no sooner or later; no part grows beyond its bound.
//! Method: days in memory, and the rules that decide, each at the edge where its answer changes.

use super::*;
use crate::day::contents::{BlockEntry, Contents, Source};
use crate::index::zones::Zone;
use crate::storage::memory::MemoryDirectory;
use crate::time::Timestamp;

const DAY: u32 = 20_000;

fn context(block_rows: usize) -> DayContext {
    let (directory, cache) = (Arc::new(MemoryDirectory::default()), Arc::new(Cache::new(1 << 20)));
    DayContext { directory, cache, sharing: Sharing::Exclusive, block_rows }
}

fn live_day(context: &DayContext) -> LiveDay {
    LiveDay::begin(context, Day::from_number(DAY).unwrap(), None).unwrap()
}

fn small() -> Row {
    let start = Day::from_number(DAY).unwrap().start().as_micros();
    let mut row = Row::hole(Timestamp::from_micros(start));
    row.session_id = "s".to_owned();
    row.event_type = "t".to_owned();
    row
}

/// A row that costs so many bytes.
fn row_of(bytes: usize) -> Row {
    let mut row = small();
    row.data = Some("x".repeat(bytes - row.bytes()));
    row
}

fn commit(live: &mut LiveDay, rows: Vec<Row>) {
    live.commit(&[Arc::new(rows)]).unwrap();
}

/// The rows of each part, and those of the tail.
fn shape(live: &LiveDay) -> (Vec<u32>, usize) {
    let state = live.state();
    (state.parts.iter().map(|part| part.rows).collect(), state.tail.rows)
}

#[test]
fn a_tail_is_folded_as_soon_as_it_fills_its_blocks() {
    let mut live = live_day(&context(16));
    commit(&mut live, vec![small(); 31]);
    assert_eq!(shape(&live), (vec![], 31));
    commit(&mut live, vec![small()]);
    assert_eq!(shape(&live), (vec![16, 16], 0));
    commit(&mut live, vec![small(); 33]);
    assert_eq!(shape(&live), (vec![16, 16, 16, 16], 1));
    assert_eq!(live.next_ordinal(), 65);
}

#[test]
fn a_tail_is_folded_as_soon_as_its_rows_take_their_bytes() {
    let mut live = live_day(&context(4096));
    commit(&mut live, vec![row_of(TAIL_BYTES_MAX / 2)]);
    commit(&mut live, vec![row_of(1000)]);
    assert_eq!(shape(&live), (vec![], 2));
    commit(&mut live, vec![row_of(TAIL_BYTES_MAX / 2 - 1000)]);
    assert_eq!(shape(&live), (vec![1, 2], 0), "the rows fill two blocks to the byte");
}

#[test]
fn a_block_is_full_of_rows_or_of_bytes() {
    let sizes = |rows: &[Row]| {
        let rows: Vec<&Row> = rows.iter().collect();
        let (blocks, rest) = fold::filled_blocks(&rows, 4);
        (blocks.iter().map(|block| block.len()).collect::<Vec<_>>(), rest.len())
    };
    let half = || row_of(BLOCK_BYTES_MAX / 2);
    assert_eq!(sizes(&[small(), small(), small()]), (vec![], 3));
    assert_eq!(sizes(&[small(), small(), small(), small()]), (vec![4], 0));
    assert_eq!(sizes(&[row_of(BLOCK_BYTES_MAX), small()]), (vec![1], 1));
    assert_eq!(sizes(&[half(), half(), small()]), (vec![2], 1));
    assert_eq!(sizes(&[half(), row_of(BLOCK_BYTES_MAX / 2 - 1)]), (vec![], 2));
}

#[test]
fn a_part_is_filled_and_no_fuller() {
    let mut live = live_day(&context(4096));
    for _ in 0..9 {
        commit(&mut live, vec![small(); 8192]);
    }
    let most = u32::try_from(PART_ROWS_MAX).unwrap();
    assert_eq!(shape(&live), (vec![most, 4096, 4096], 0));
    let unmerged: Vec<bool> = live.state().parts.iter().map(|part| part.is_unmerged()).collect();
    assert_eq!(unmerged, [false, true, true]);
}

#[test]
fn a_merged_part_costs_as_much_memory_whatever_it_holds() {
    let cost = |block_rows| {
        let mut live = live_day(&context(block_rows));
        commit(&mut live, vec![small(); PART_ROWS_MAX]);
        commit(&mut live, vec![small(); 2 * block_rows]);
        let parts = live.state().parts.clone();
        let view = live.view_of((*parts).clone(), live.state().file.clone());
        let blocks = view.open(&parts[0]).unwrap().blocks().len();
        assert_eq!((blocks, parts[0].is_unmerged()), (PART_ROWS_MAX / block_rows, false));
        parts[0].bytes()
    };
    assert_eq!(cost(64), cost(4096));
    assert!(cost(64) < 200, "{} bytes", cost(64));
}

#[test]
fn a_part_that_names_the_contents_of_another_never_has_its_ordinals() {
    let mut live = live_day(&context(4096));
    for _ in 0..17 {
        commit(&mut live, vec![small(); 8192]);
    }
    let LiveState { parts, file, .. } = live.state().clone();
    assert!(parts[..2].iter().all(|part| !part.is_unmerged()));
    let second = Part { state: parts[0].state.clone(), ..(*parts[1]).clone() };
    let view = live.view_of(vec![parts[0].clone(), Arc::new(second)], file);
    for part in &view.parts {
        // The second time from the cache.
        for _ in 0..2 {
            assert_eq!(view.contents(part).unwrap().blocks[0].first, part.first);
        }
    }
}

#[test]
fn small_parts_are_taken_together_as_far_as_rows_and_bytes_allow() {
    let part = |first, rows, row_bytes| {
        let (zone, source) = (Zone::default(), Source::held([]));
        let blocks = [BlockEntry { first, rows, row_bytes, zone, source }].into();
        Arc::new(Part::unmerged(first, Contents { blocks, pages: Box::default() }))
    };
    let parts = [Arc::new(Part::lost(0, 3)), part(3, 4, 100), part(7, 5, 50)];
    assert_eq!(trailing(&parts, 9, 150), 2);
    assert_eq!(trailing(&parts, 8, 150), 1);
    assert_eq!(trailing(&parts, 9, 149), 1);
    assert_eq!(trailing(&parts, 4, 150), 0);
    assert_eq!(trailing(&parts, 100, 1000), 2, "what was lost is no block to be written again");
}

#[test]
fn what_is_known_to_be_lost_is_told_from_what_nobody_knows() {
    let pushed = |rows| {
        let mut parts = Vec::new();
        push_lost(&mut parts, 10, rows);
        parts.iter().map(|part| (part.first, part.rows, part.is_unknown())).collect::<Vec<_>>()
    };
    let unknown = UNKNOWN_ORDINALS;
    assert_eq!(pushed(0), []);
    assert_eq!(pushed(5), [(10, 5, false)]);
    assert_eq!(pushed(unknown), [(10, unknown, true)]);
    assert_eq!(pushed(unknown + 7), [(10, 7, false), (17, unknown, true)]);
    assert_eq!(pushed(unknown + unknown / 2), [(10, unknown + unknown / 2, true)]);
}

#[test]
fn a_days_file_may_be_longer_than_what_is_valid_and_never_shorter() {
    let context = context(16);
    let mut live = live_day(&context);
    commit(&mut live, vec![small(); 32]);
    let (day, valid) = (live.day, live.file_len);
    live.close().unwrap();
    let name = FileKind::Columns.name(day);
    let file = context.directory.open(&name, Access::Write).unwrap();
    for longer in [0, 100] {
        file.set_len(valid + longer).unwrap();
        LiveDay::open(&context, day).unwrap().close().unwrap();
    }
    file.set_len(valid - 1).unwrap();
    let refused = LiveDay::open(&context, day).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
}

#[test]
fn small_blocks_are_made_one_when_their_day_is_sealed_with_nothing_left_in_its_tail() {
    let blocks_of = |block_rows| {
        let mut context = context(16);
        let mut live = live_day(&context);
        commit(&mut live, vec![small(); 32]);
        let day = live.day;
        live.close().unwrap();
        context.block_rows = block_rows;
        let live = LiveDay::open(&context, day).unwrap();
        assert_eq!(shape(&live), (vec![16, 16], 0));
        let sealed = live.seal(|_| Ok(())).unwrap().unwrap();
        let [part] = &sealed.view.parts[..] else { panic!("{:?}", sealed.view.parts) };
        let part = sealed.view.open(part).unwrap();
        part.blocks().iter().map(|block| block.rows).collect::<Vec<_>>()
    };
    assert_eq!(blocks_of(31), [16, 16], "they do not fit into one");
    assert_eq!(blocks_of(32), [32]);
}

#[test]
fn a_sealed_day_whose_file_is_another_one_since_is_gone_and_not_damaged() {
    let context = context(16);
    let directory = &context.directory;
    let sealed_day = |rows| {
        let mut live = live_day(&context);
        commit(&mut live, vec![small(); rows]);
        live.seal(|_| Ok(())).unwrap().unwrap()
    };
    let sealed = sealed_day(5);
    let day = sealed.view.day;
    let open = || DayFile::open_sealed(directory, &context.cache, day, sealed.file_len).unwrap().0;
    let file = open();
    // Another cache has no file of it open.
    let opened = || file.opened(&Cache::new(1 << 20)).map(|_| ()).map_err(|error| error.kind());
    assert_eq!(opened(), Ok(()));
    let name = FileKind::Columns.name(day);
    directory.open(&name, Access::Write).unwrap().set_len(sealed.file_len - 1).unwrap();
    assert_eq!(opened(), Err(ErrorKind::NotFound));
    directory.remove(&name).unwrap();
    assert_eq!(opened(), Err(ErrorKind::NotFound));
    sealed_day(6);
    assert_eq!(opened(), Err(ErrorKind::NotFound));
}
