//! What was measured beside SQLite, DuckDB, redb and fjall, and where diurnal is not ahead.
//!
//! The package `benches/peers` does the same work with each engine on the same machine in one run, and
//! compares every answer before its time counts; its README says what each row is. The table below is
//! that of
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --markdown
//! ```
//!
//! 1,000,000 realistic events over 30 days, medians of 3 interleaved rounds, 2 processors, fdatasync of an
//! append 0.14 ms; SQLite 3.54.1, redb 4.6.0, fjall 3.1.13, DuckDB 2.0.0 with 2 threads. In brackets: how many
//! times better diurnal is. The rows `bulk`, `one durable event` and `64 threads` are those of a second run with
//! `--only floor,bulk,single,threads`: a build had disturbed the first. On this shared disk they change most: in
//! six runs of a day 64 threads reached 57,000 to 93,000 events a second (11 to 18 times SQLite), and one
//! durable event took 1.55 to 1.9 times the floor beside it. diurnal's size of a kiosk is that of a later run
//! (`--engines diurnal --only kiosk`): a day takes 128 bytes more since then.
//!
//! | measure | diurnal | sqlite | redb | fjall | duckdb | target | reached |
//! |---|---|---|---|---|---|---|---|
//! | bulk, events a second | 1.34 M/s | 347 k/s (3.86 x) | 253 k/s (5.30 x) | 199 k/s (6.74 x) | 1.11 M/s (1.20 x) | 12 x sqlite, 1.5 x duckdb, at least 2.00 M/s | NO, NO, NO |
//! | bytes per event | 12.8 B | 159 B (12.4 x) | 285 B (22.2 x) | 198 B (15.4 x) | 27.3 B (2.12 x) | at most 15.0 B | yes |
//! | bytes per event, allocated | 12.9 B | 159 B (12.3 x) | 198 B (15.3 x) | 165 B (12.8 x) | 27.3 B (2.11 x) |  |  |
//! | kiosk: 365 days of 1,000 events, allocated | 5.93 MB | 57.9 MB (9.76 x) | 66.5 MB (11.2 x) | 47.9 MB (8.08 x) | 10.8 MB (1.82 x) | 2 x sqlite | yes |
//! | kiosk: a day of 10 events, allocated | 4.52 KB | - | - | - | - | at most 48.0 KB | yes |
//! | one durable event, exclusive | 263 µs | 221 µs (0.81 x) | 329 µs (0.96 x) | 97.7 µs (0.37 x) | - | at most 1.6 x the floor | NO |
//! | one durable event, shared readers | 376 µs | 206 µs (0.62 x) | 261 µs (0.83 x) | 102 µs (0.33 x) | - |  |  |
//! | 64 threads, events a second | 73.2 k/s | 4.85 k/s (13.5 x) | 2.60 k/s (21.1 x) | 6.90 k/s (7.19 x) | - | 15 x sqlite | NO |
//! | 64 threads, p99 of a call | 2.18 ms | 58.8 ms (24.1 x) | 98.1 ms (33.7 x) | 37.4 ms (11.6 x) | - | at most 4 x the floor | NO |
//! | 64 threads, exclusive, events a second | 68.2 k/s | 5.75 k/s (11.8 x) | 2.66 k/s (24.9 x) | 7.61 k/s (7.58 x) | - | 15 x sqlite | NO |
//! | 64 threads, exclusive, p99 of a call | 4.15 ms | 37.0 ms (8.87 x) | 114 ms (26.8 x) | 42.0 ms (8.56 x) | - | at most 4 x the floor | NO |
//! | count type | 3.50 µs | 18.9 ms (5401 x) | 32.9 ms (9418 x) | 130 ms (37260 x) | 3.16 ms (904 x) | 10 x the best peer | yes |
//! | count type, first | 10.1 µs | 24.3 ms (2415 x) | 42.4 ms (4214 x) | 135 ms (13404 x) | 4.30 ms (428 x) |  |  |
//! | count type in range | 118 µs | 6.25 ms (53.1 x) | - | - | 2.17 ms (18.4 x) | 10 x the best peer | yes |
//! | count type in range, first | 583 µs | 8.95 ms (15.3 x) | - | - | 3.25 ms (5.57 x) |  |  |
//! | count tag | 4.92 µs | 896 µs (182 x) | 1.78 ms (363 x) | 8.11 ms (1648 x) | 4.25 ms (864 x) | 10 x the best peer | yes |
//! | count tag, first | 14.0 µs | 1.17 ms (83.2 x) | 2.88 ms (205 x) | 8.68 ms (619 x) | 4.90 ms (349 x) |  |  |
//! | count tag and tag | 189 µs | 16.9 ms (89.3 x) | 5.66 ms (30.0 x) | 22.9 ms (122 x) | 5.08 ms (26.9 x) | 10 x the best peer | yes |
//! | count tag and tag, first | 1.13 ms | 17.2 ms (15.2 x) | 7.74 ms (6.84 x) | 23.4 ms (20.7 x) | 5.71 ms (5.05 x) |  |  |
//! | count tag, type, range | 126 µs | 11.6 ms (92.0 x) | - | - | 2.65 ms (21.0 x) | 10 x the best peer | yes |
//! | count tag, type, range, first | 499 µs | 12.3 ms (24.7 x) | - | - | 4.16 ms (8.34 x) |  |  |
//! | all tags with counts | 25.4 µs | 12.7 ms (500 x) | 20.2 ms (795 x) | 74.1 ms (2912 x) | 28.7 ms (1127 x) | 10 x the best peer | yes |
//! | all tags with counts, first | 76.3 µs | 14.6 ms (191 x) | 28.3 ms (370 x) | 76.1 ms (997 x) | 29.4 ms (386 x) |  |  |
//! | timeline | 34.1 µs | 49.8 µs (1.46 x) | 34.9 µs (1.02 x) | 116 µs (3.41 x) | 2.13 ms (62.4 x) | 10 x the best peer | NO |
//! | timeline, first | 352 µs | 69.9 µs (0.20 x) | 72.2 µs (0.21 x) | 459 µs (1.30 x) | 4.93 ms (14.0 x) | 3 x the best peer | NO |
//! | every session | 2.62 ms | 83.4 ms (31.9 x) | - | - | 9.97 ms (3.81 x) | 2 x duckdb | yes |
//! | every session, first | 6.41 ms | 100 ms (15.6 x) | - | - | 15.5 ms (2.41 x) |  |  |
//! | count box | 1.39 ms | 70.7 ms (50.8 x) | - | - | 4.61 ms (3.32 x) | 2 x duckdb | yes |
//! | count box, first | 18.8 ms | 96.2 ms (5.11 x) | - | - | 8.29 ms (0.44 x) |  |  |
//! | count circle | 2.03 ms | 83.3 ms (41.1 x) | - | - | 11.1 ms (5.48 x) | 2 x duckdb | yes |
//! | count circle, first | 19.4 ms | 97.3 ms (5.02 x) | - | - | 15.5 ms (0.80 x) |  |  |
//! | count polygon | 3.99 ms | 81.5 ms (20.4 x) | - | - | 11.6 ms (2.91 x) | 2 x the full scan | yes |
//! | count polygon, first | 21.1 ms | 85.4 ms (4.04 x) | - | - | 24.9 ms (1.18 x) |  |  |
//! | count polygon, full scan | 463 ms | - | - | - | - |  |  |
//! | histogram by hour | 1.74 ms | 89.0 ms (51.2 x) | - | - | 8.56 ms (4.93 x) | 2 x duckdb | yes |
//! | histogram by hour, first | 2.83 ms | 98.3 ms (34.7 x) | - | - | 8.58 ms (3.03 x) |  |  |
//! | open | 1.38 ms | 214 µs (0.16 x) | 220 µs (0.16 x) | 503 ms (364 x) | 16.7 ms (12.1 x) | at most 50.0 ms | yes |
//! | open after a crash | 3.41 ms | - | - | - | - | at most 50.0 ms | yes |
//! | drop a day | 1.70 ms | 85.6 ms (50.5 x) | - | - | 3.04 ms (1.79 x) | at most 10.0 ms | yes |
//! | drop a day, bytes back | 401 KB | 0 B | - | - | 0 B |  |  |
//! | peak memory, log and query | 36.7 MB | - | - | - | - | at most 128 MB | yes |
//! | peak memory, open | 6.71 MB | - | - | - | - | at most 32.0 MB | yes |
//!
//! What is written to the storage for each event (`--only wear`): 22.3 KB for a lone durable event, 25.7 KB in
//! exclusive mode, 274 B in batches of 100, and in bulk 14 B over one day and 27 B over 30 where 13 B rest.
//!
//! 10,000,000 events over 365 days (`--events 10000000 --days 365 --engines diurnal --only
//! bulk,size,open,drop,memory`): 12.9 B an event at rest, opened in 6.9 ms, after a crash in 13.8 ms, a day
//! dropped in 2.4 ms, at most 63 MB resident while all is logged and asked for, 10 MB when it is opened.
//!
//! From 1 to 10 million events over as many days an event costs less (750 to 571 ns). From 10 to 100 million
//! the target of 10 % more at most was not reached by the clock: 512 ns and 566 ns over 30 days, 588 ns over
//! 300, and in one other round 818 ns and 1.03 µs; of processor it costs 8 to 10 % more (680 to 750 ns).
//!
//! # Where diurnal is not ahead
//!
//! - **Bulk loads** are bound by the processor: a half of the work, packing columns, is done on two threads.
//!   Of the other half a third goes into freeing the caller's events, a fifth into sealing days. One day
//!   takes in 1.7 to 2.1 million events a second, 30 days 1.3 to 1.6 million.
//! - **A session's timeline, asked first.** A row store fetches 75 rows from 75 places. Here they lie in one or
//!   two blocks of 4,096 rows, whose columns are decoded whole: nine tenths of the instructions, a half of
//!   them in pco. Blocks of 2,048 rows take a third off that and 2 % more bytes
//!   (`StoreBuilder::block_rows`). Asked again it is in the cache, and most of the time goes into making 75
//!   events of six strings each.
//! - **One durable event** in exclusive mode writes seven pages through redb, and 97 % of its instructions are
//!   redb's: about 40 µs of processor and 25 µs of writes besides the sync.
//! - **64 threads** share each sync, all of them in each round. On a disk that syncs in a tenth of a millisecond a
//!   round takes 0.3 ms to write and 0.2 ms to wake 64 threads on two processors, so that no call can be
//!   within four syncs; the slowest hundredth is that of the calls that meet a fold.
//! - **The first question after opening** about places decodes every block on the area's edge. DuckDB scans
//!   lightly packed columns faster than that.
//!
//! # Questions
//!
//! Seconds of each question of [`analysis`](crate::analysis) on 10 million events of 365 days, some 125,000
//! sessions, in a store that has been asked before; 2 processors, the least of three:
//! `cargo bench --all-features --bench questions`.
//!
//! | question | seconds |
//! |---|---|
//! | session | 0.001 |
//! | sessions | 1.516 |
//! | tags | 1.057 |
//! | histogram, 1h by type | 0.550 |
//! | heatmap, 100 m | 1.300 |
//! | paths | 0.324 |
//! | funnel, 4 steps | 0.364 |
//! | health | 0.518 |
//! | silent | 0.552 |
//! | errors | 0.297 |
//! | skew | 0.788 |
//!
//! # Over HTTP
//!
//! The service of `guide::http` beside one of axum and SQLite that does the same work, both asked over the loopback
//! address by a generator that shares their 2 processors: medians of 3 rounds of 8 s, an append with fdatasync at
//! 0.16 to 0.21 ms beside them. SQLite has a write-ahead log, `synchronous=FULL` and one transaction for whatever waits. After
//! each run every event that was answered as logged is looked up: all were there.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin http -- --markdown
//! ```
//!
//! | measure | diurnal | axum + SQLite | target | reached |
//! |---|---|---|---|---|
//! | 64 connections, GET: durable calls a second | 35.4 k/s | 35.4 k/s (1.00 x) | at least 15.0 k/s | yes |
//! | p50, p99, longest | 1.67, 4.77, 55.9 ms | 1.71, 3.85, 12.5 ms | p99 at most 25 ms | yes |
//! | processors of the service; peak memory | 1.19; 21.6 MB | 1.16; 72.2 MB | | |
//! | 64 connections, POST: durable calls a second | 42.2 k/s | 37.5 k/s (1.13 x) | at least 15.0 k/s | yes |
//! | p50, p99, longest | 1.38, 4.86, 16.7 ms | 1.57, 4.10, 12.1 ms | p99 at most 25 ms | yes |
//! | processors of the service; peak memory | 1.24; 22.0 MB | 1.18; 76.9 MB | | |
//! | 4 connections, batches of 2,000: durable events a second | 630 k/s | 254 k/s (2.48 x) | at least 300 k/s | yes |
//! | p50, p99, longest batch | 12.4, 20.9, 27.3 ms | 27.6, 93.0, 128 ms | | |
//! | processors of the service; peak memory | 1.43; 37.9 MB | 1.16; 98.5 MB | | |
//!
//! Single calls of both change with the machine more than they differ: in a run ten minutes before this one, while appends
//! took 0.18 to 0.23 ms, GET came to 30.6 k/s beside 31.8, POST to 29.8 beside 31.1, and batches to 487 beside 208.
//!
//! Single calls are bound by HTTP more than by the store: of what the service takes, seven tenths are the threads' that
//! speak HTTP (`perf record`). A call costs it about as much processor as the peer, 3 % more for GET and 7 % less for POST
//! in this run; the peer's answers lack the headers, the time limits and the metrics. The longest calls are those that meet a fold.
//!
//! The page over 10 million events of a year, in chromium on the same two processors: the first chart after 1.4 s, then
//! four minutes with 190 events logged a second, one view after the other. The longest task of the browser took 53 ms, the
//! longest frame 67 ms, and the heap stayed at 3.3 to 3.8 MB.
//!
//! More than it can do, for ten minutes (`overload --minutes 10`): 512 connections of single calls, 16 of batches of 5,000
//! events, 32 with half of a head and 16 that take every event at 20 KB a second, on 512 places. Memory is flat where the
//! last minute has at most 1.1 times what the second has:
//!
//! | allocator | events answered for | second minute, last minute | peak | longest answer |
//! |---|---|---|---|---|
//! | glibc as it is | 165 million, 276,000 a second | 115, 126 MB (1.10 x) | 131 MB | 0.66 s |
//! | glibc with `MALLOC_ARENA_MAX=2`, as the unit sets it | 115 million, 192,000 a second | 104, 113 MB (1.08 x) | 117 MB | 1.35 s |
//!
//! All events that were answered for were there, and nothing was refused. Of a day that is being written the service holds
//! some 160 bytes for each 65,536 events; what is left of growth is that of an allocator that has not met every peak yet.
