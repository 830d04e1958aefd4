//! Every maximum of the store, each with its reason.
//!
//! Owns: the numbers. Does not own the checks, which sit where a value is taken in.

use std::time::Duration;

/// Bytes of a session id: four UUIDs side by side, and still a small key.
pub const SESSION_ID_BYTES_MAX: usize = 128;

/// Bytes of an event type: a name, not a message.
pub const EVENT_TYPE_BYTES_MAX: usize = 64;

/// Bytes of one tag: a name or a number.
pub const TAG_BYTES_MAX: usize = 64;

/// Tags of one event: what one listener can choose; each costs an index entry.
pub const TAGS_MAX: usize = 256;

/// Bytes of a client's time as text: the longest RFC 2822 form with a comment fits.
pub const CLIENT_TIME_BYTES_MAX: usize = 64;

/// Bytes of an event's data unless the setting says otherwise: a long stack trace.
pub const DATA_BYTES_DEFAULT: usize = 64 * 1024;

/// The most that the data setting may allow: a block is decoded whole, so one event's data must
/// stay small beside the memory of a kiosk.
pub const DATA_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one event as text in a file that is imported: the largest data that a setting may allow,
/// each byte of it written as `\u0000`, with room to spare.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The last day that can be named, in days since 1970-01-01: with it every event id stays below
/// 2^53, the largest integer that JSON readers keep exactly. It lies in the year 7711.
pub const DAY_MAX: u32 = (1 << 21) - 1;

/// Events of one day: ordinals are u32, and the last value stays free as an end marker.
pub const DAY_EVENTS_MAX: u64 = u32::MAX as u64;

/// Rows of a part, the unit that has postings of its own: one roaring container.
pub const PART_ROWS_MAX: usize = 1 << 16;

/// Rows of a block: unless the setting says otherwise. Larger blocks compress better, smaller ones
/// are decoded faster for one session's events.
pub const BLOCK_ROWS_DEFAULT: usize = 4096;

/// The least that the block setting may ask for: below, the heads outweigh the columns.
pub const BLOCK_ROWS_MIN: usize = 16;

/// Blocks whose rows gather in a day's tail before they are folded, both at once. A fold takes as long
/// as several commits, and whoever logs at that moment waits for it: of 64 threads that log, fewer
/// than one call in a hundred does.
pub const TAIL_BLOCKS: usize = 2;

/// Bytes of rows, as held in memory, at which a tail is folded however few they are: bounds what a
/// day being written costs in memory.
pub const TAIL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of rows, as held in memory, at which a block is full however few they are: bounds what one
/// block decodes to.
pub const BLOCK_BYTES_MAX: usize = TAIL_BYTES_MAX / TAIL_BLOCKS;

/// Bytes that a tag costs in memory beside its text, a `String` on a machine of 64 bits. It is the same
/// on every machine, since what a block may hold follows from it.
pub const TAG_COST_BYTES: usize = 24;

/// Bytes of one row, as held in memory, at the very most: all data and tags that an event may have, its
/// names, and the row itself.
pub const ROW_BYTES_MAX: usize = DATA_BYTES_MAX
    + TAGS_MAX * (TAG_BYTES_MAX + TAG_COST_BYTES)
    + SESSION_ID_BYTES_MAX
    + EVENT_TYPE_BYTES_MAX
    + CLIENT_TIME_BYTES_MAX
    + 256;

/// Bytes that one column of a block comes to, each row's own counted, at the very most. No block holds more,
/// since the row that brings it to [`BLOCK_BYTES_MAX`] is its last. Packed, a name or a list of tags
/// that all rows share takes a few bytes however many rows there are: this bounds what bytes that
/// lie can make of them.
pub const BLOCK_COLUMN_BYTES_MAX: usize = BLOCK_BYTES_MAX + ROW_BYTES_MAX;

/// Bytes of postings of blocks not yet merged into a part of [`PART_ROWS_MAX`] rows, at which they
/// are merged early: bounds the memory of a day with very many sessions or tags.
pub const UNMERGED_POSTINGS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Days that a writer keeps open at once: today, yesterday's latecomers, and a clock that jumps.
/// Each holds two file descriptors and at most a tail and its unmerged postings.
pub const OPEN_DAYS_MAX: usize = 4;

/// Ordinals that are left out after a damaged day whose end is not known, so that none that was
/// acknowledged is given again: more events than a card holds, a sixteenth of a day's ordinals.
pub const UNKNOWN_ORDINALS: u32 = 1 << 28;

/// Finished days whose files a process keeps open at once.
pub const SEALED_FILES_OPEN_MAX: usize = 8;

/// Event types of a day, and tags, of which the catalog keeps how often each occurs: where there are
/// more, counts of them are read from the day's own indexes.
pub const DAY_TOTALS_MAX: usize = 256;

/// Bytes of the cache of decoded lists, columns and postings unless the setting says otherwise.
pub const CACHE_BYTES_DEFAULT: usize = 16 * 1024 * 1024;

/// Bytes that redb may cache for one open day: its file holds a tail, no history.
pub const REDB_CACHE_BYTES: usize = 1024 * 1024;

/// Free space below which nothing is logged, unless the setting says otherwise: a full card can
/// then still be pruned and the catalog still be written.
pub const FREE_BYTES_MIN_DEFAULT: u64 = 16 * 1024 * 1024;

/// Bytes of a page of a Parquet file that is imported, unpacked: pages are of 1 MiB or little more, whoever
/// writes them, and a column's page and dictionary are held at a time.
pub const PARQUET_PAGE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// Values of such a page, which may take a bit or none each: the reader takes 4 bytes and more for one.
pub const PARQUET_PAGE_VALUES_MAX: u32 = 1 << 24;

/// How deep the conditions of a filter may nest: evaluation recurses.
pub const FILTER_DEPTH_MAX: usize = 32;

/// Conditions and values of a filter, all told.
pub const FILTER_TERMS_MAX: usize = 10_000;

/// Points of a polygon or multipolygon, all rings together.
pub const POLYGON_POINTS_MAX: usize = 100_000;

/// Bytes of the text that `data contains` looks for.
pub const SEARCH_BYTES_MAX: usize = 4096;

/// Rows that an ordered result gathers at a time at most: what a result costs in memory, whatever its
/// length.
pub const RESULT_PAGE_ROWS: usize = 1 << 16;

/// Days without events that automatic retention takes for a pause: more, or more than half of what is
/// to be kept, may be a jump of the clock. A jump by less is not noticed, and days may go earlier by as much.
pub const RETENTION_GAP_DAYS: u32 = 7;

/// Days with events that must lie on the far side of a gap before automatic retention believes
/// that time has passed, and not that the clock has jumped.
pub const RETENTION_CONFIRMING_DAYS: usize = 7;

/// Events of a batch of a subscription unless it is told otherwise: what a subscriber holds in memory.
pub const SUBSCRIPTION_BATCH_DEFAULT: usize = 1024;

/// The most events of a batch of a subscription.
pub const SUBSCRIPTION_BATCH_MAX: usize = RESULT_PAGE_ROWS;

/// How long a subscription waits before it looks again at a store that another process writes, unless
/// it is told otherwise: people who watch a log do not notice less.
pub const SUBSCRIPTION_POLL_DEFAULT: Duration = Duration::from_millis(200);

/// The least of it: a file system's clock must tick between two looks.
pub const SUBSCRIPTION_POLL_MIN: Duration = Duration::from_millis(10);

/// Looks without news after which a subscription lists the days of another process's store all the
/// same, whatever the file system says of its times.
pub const SUBSCRIPTION_POLLS_UNLISTED_MAX: u32 = 64;

/// Days of a position that are listed since a subscription has gone on with them last.
pub const POSITION_DAYS_RECENT: usize = 32;

/// Days of a position that are listed since retention drops them next.
pub const POSITION_DAYS_OLDEST: usize = 16;

/// Stretches of the other days of a position. With the days that are listed they take about 2,000
/// characters, which fit a line of a log and a header of HTTP.
pub const POSITION_STRETCHES_MAX: usize = 24;

/// Bytes of a position's text: thirty times as many as most have, for days with damage.
pub const POSITION_TEXT_BYTES_MAX: usize = 64 * 1024;
