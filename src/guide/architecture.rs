//! How the store is built, and why.
//!
//! # A store, a day, a row
//!
//! A store is a directory. An event is filed under the UTC day of its server time, and each day has
//! files of its own, so that a day can be dropped, copied, checked and repaired alone, and so that
//! nothing that was finished is read again when the store is opened or recovers.
//!
//! ```text
//! STORE/
//!   LOCK                       held by the one writer
//!   IDENTITY                   tells its backups from those of other stores
//!   KEYS                       batches that were sent over HTTP with a key, so that none is logged twice
//!   catalog.redb               of each finished day: length, rows, zone, sessions, totals; derived
//!   days/2026-11-23.day        columns and postings, append-only
//!   days/2026-11-23.log.redb   only while the day is being written: the tail, and what is valid
//! ```
//!
//! Rows of a day are numbered in order of arrival; that number is the *ordinal*, and with the day's
//! number it is the event's id.
//!
//! # Two tiers and one move
//!
//! 1. The **tail**: each commit appends one batch of rows to one table of the day's log and touches
//!    nothing else.
//! 2. **Blocks**: when the tail holds two blocks' worth of rows it is *folded*. The blocks' columns are
//!    appended to the day's file and synced; then one redb transaction lists the blocks with their zones
//!    and postings and removes the tail's rows. A crash before that transaction leaves the tail as it
//!    was, and the appended bytes are cut off when the day is opened. Blocks of one fold do not depend
//!    on each other: a second thread, which lives as long as the fold, encodes half of them.
//!
//! Blocks of at most 65,536 rows together form a *part*, the unit that has postings of its own. When a
//! part is full, its blocks' postings are merged and appended to the day's file, and after them its
//! contents: the list of its blocks and pages. The log, the footer and memory then hold one entry of about
//! 120 bytes for it, and contents are read through the cache like what they list. So a day costs memory by
//! its parts, be it written or asked for: half a megabyte for 200 million events. When the day is over
//! it is *sealed*: the rest of the tail is folded, a footer that lists the parts is appended and
//! synced, and the log is removed. An event that comes later begins a new log, and the day is sealed
//! again behind what it has. The catalog takes note of sealed days once a call: what a crash keeps
//! from it is read from the days' own files when the store is opened.
//!
//! # Why finished rows do not rest in redb
//!
//! Measured with redb 4.6: a file with a handful of rows takes 45 KB once it is closed cleanly, where
//! a day of the first ten events of `tests/fixtures/walk.jsonl` takes 1,052 bytes here. 12 MB of values written in ten transactions took 17.8 MB,
//! and 12.0 to 12.5 MB only after `compact`, which rewrites them. A bit that flips in a redb page is not
//! found on reading; every section of a day's file has a checksum that is verified at each read. And
//! sealing a day must not copy it: a card wears out, and midnight must not stall a kiosk. So redb
//! keeps what changes, the tail and the list, and the rest is written once.
//!
//! The dictionary is per block, not per day as a first sketch had it: a day with a million sessions
//! then needs no more memory than one with ten, and each block can be read, salvaged or dropped by
//! itself. With 40 sessions walking at once the ids take 0.04 bytes a row.
//!
//! # Reading
//!
//! A query is a plain value. Its plan rules out days by the catalog (time, place, the fingerprints of
//! sessions, types and tags that do not occur) and orders the conditions, cheapest first. How often a
//! type or a tag occurs on a sealed day the catalog knows, so that such counts open no day. Per part, each condition narrows the set of
//! candidate rows: terms by postings, places by grid cells and then exactly for cells on the edge,
//! times by zones and then by the column of the blocks on the boundary, text last. Only what is still
//! a candidate is decoded. The tail is read by the same code: its rows are encoded in memory, 512 at a
//! time, when a query first asks for them.
//!
//! Rows are listed by the quarter of an hour, too: every time zone's offset is a multiple of it, so that
//! counts by the hour or by the local day decode nothing. What is read of a day, footer, contents of parts,
//! postings and columns, is kept in one cache of bounded bytes, coordinates as the whole numbers they
//! are packed as; files are opened when something has to be read from them.
//!
//! Results in order are gathered a page at a time through the zones of parts and of their blocks, a small
//! page first, so that memory does not grow with the result.
//!
//! # Following the log
//!
//! The order of results, (server time, id), is no order of arrival: a late event would come before what a
//! follower has seen. So a subscription keeps the next ordinal of each day, and looks at the days' ends,
//! which the catalog knows of sealed days and the tail of the others. In the writing process a
//! count of commits wakes it; beside it, it looks at the header of each log that is being written, which
//! every commit changes, and at the stamp of the folder.
//!
//! As a position, the ordinals of 3,650 days would be large. Most of these days never change: a few are listed
//! and the others are summed up, a hash of each day and its ordinal, in 24 sums. A sum that is still that of the
//! days says that none has grown. Where one has, the difference is that of two hashes of one day, and trying
//! days and ordinals finds it; where several have, the days of the sum are delivered again. An order of
//! arrival over all days, kept by the store, would need no sums, but would cost each commit that
//! begins or goes back to a day another write.
//!
//! # Forgetting a session
//!
//! Ids must not change when a session is erased, and pages that redb has freed keep their bytes. So nothing
//! is patched. A day that holds the session is sealed, which removes its log, and written anew, block by
//! block, with a *hole* in the place of each erased event: a row without a session, a type or anything
//! else, listed under the session without a name alone. Zones count events, and so a block's zone and its
//! number of rows tell how many holes it has; a part with holes asks its postings where they are, others
//! cost nothing. Blocks tell of their holes themselves, so a rebuild keeps them, and rows of a small block
//! that is folded again stay in their places. The new file takes the day's name by a rename: every moment
//! has the one or the other. A snapshot that was taken before reads the new file when it comes to the
//! day, since ordinals are the same.
//!
//! The wish, `ERASE`, is durable before the first day is touched and written over with zeros once the
//! catalog has been made anew in a file of its own. All steps between may be done twice. Rows that
//! are logged meanwhile wait for the day that is being written, with the ids that they have.
//!
//! # A copy of a store in use
//!
//! A backup is made from a snapshot. Sealed days never change but by growing, so their first bytes up to
//! the length that the snapshot knows are copied, and compared by length and trailer with what is there.
//! Of a day that is being written the blocks of the snapshot are written with a footer: the copy has no
//! logs, which could not be copied under a writer's hands. A store and its backups have the same
//! `IDENTITY`; an event logged to a backup makes it a store, so that the next backup does not overwrite it.
//!
//! # Damage
//!
//! A day that cannot be read is left as it is until an event of it comes. Then a mark is written that
//! says where its ordinals go on, its files get the names under which a rebuild looks for them, and a
//! new log begins with a part without rows. A rebuild looks for sections by their heads, which have
//! checksums of their own, and for batches by the layout of redb's leaves.
//!
//! # Pictures
//!
//! A question gathers what a picture shows (`Tracks`, `Heatmap`, `Histogram`); `map` makes text of the answer, and
//! knows no store. SVG is built element by element, PNG is drawn from it, and a page has the data as JSON beside a
//! script that draws them over Leaflet. Marks have one table of colours and outlines, for all three. What is drawn by
//! hand, axes and legends, is little; the drawing libraries of Rust that have them rest since years.
//!
//! # Over HTTP
//!
//! The store knows no async: a thread, the *recorder*, takes what requests bring out of a bounded queue, as much as waits,
//! and logs it as one group, so that a thousand clients share a sync as a thousand threads would. Handlers wait for its
//! answer without a thread. What reads does so on threads that may wait for the disk, of which few run at once; a stream
//! of events takes a turn for each piece, so that a slow client keeps no others waiting. A client that follows has a
//! thread, since a subscription waits.
//!
//! A group is one call of the store, yet each request is told of its own events alone: those that break a rule are
//! sorted out before, and a failure is taken apart by the ids that it may have logged. A request that is given up while
//! its events wait does not take them back: they are logged, and it is answered that they may be.
//!
//! The server is a loop over hyper rather than `axum::serve`, for the sake of what that leaves open: how many
//! connections there are, and of one client; how long a head may take; what becomes of a reader that takes nothing, for
//! which hyper has no limit (the stream below it has); and an end that comes. Half-open connections are left to the
//! kernel's own timers.
//!
//! A retry of a batch is told by its key. The record of a key has the server time that each piece of the batch gets, which no
//! other has: whoever comes again after a crash is answered with what is found at these times, so that no index of keys
//! and no transaction over two files is needed.
//!
//! # Floors
//!
//! Lower floors never import upper ones: 0 `error limits settings time zone client_time clock event`;
//! 1 `codec index`; 2 `storage day`; 3 `catalog snapshot writer query upkeep`; 4 `store builder subscription`;
//! 5 `analysis`, `batches`, `export`, `map`, `http`, `wire`, `testing`
//! and the program. Only `day`, `catalog` and `storage` name redb, only `index::postings` roaring, only
//! `codec::batch` bincode, only `clock` asks the system for the time.
