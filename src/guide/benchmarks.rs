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
//! append 0.11 ms; SQLite 3.54.1, redb 4.6.0, fjall 3.1.13, DuckDB 2.0.0 with 2 threads. In brackets: how many
//! times better diurnal is.
//!
//! | measure | diurnal | sqlite | redb | fjall | duckdb | target | reached |
//! |---|---|---|---|---|---|---|---|
//! | bulk, events a second | 1.19 M/s | 352 k/s (3.39 x) | 272 k/s (4.39 x) | 176 k/s (6.78 x) | 1.22 M/s (0.98 x) | 12 x sqlite, 1.5 x duckdb, at least 2.00 M/s | NO, NO, NO |
//! | bytes per event | 12.8 B | 159 B (12.4 x) | 285 B (22.2 x) | 198 B (15.4 x) | 27.3 B (2.12 x) | at most 15.0 B | yes |
//! | bytes per event, allocated | 12.9 B | 159 B (12.3 x) | 198 B (15.4 x) | 165 B (12.8 x) | 27.3 B (2.11 x) |  |  |
//! | kiosk: 365 days of 1,000 events, allocated | 5.85 MB | 57.9 MB (9.90 x) | 66.5 MB (11.4 x) | 47.9 MB (8.19 x) | 10.8 MB (1.84 x) | 2 x sqlite | yes |
//! | kiosk: a day of 10 events, allocated | 4.51 KB | - | - | - | - | at most 48.0 KB | yes |
//! | one durable event, exclusive | 215 µs | 180 µs (0.93 x) | 242 µs (1.14 x) | 84.3 µs (0.41 x) | - | at most 1.6 x the floor | NO |
//! | one durable event, shared readers | 274 µs | 196 µs (0.69 x) | 241 µs (0.93 x) | 85.6 µs (0.34 x) | - |  |  |
//! | 64 threads, events a second | 49.4 k/s | 5.40 k/s (9.31 x) | 2.77 k/s (15.4 x) | 8.07 k/s (5.69 x) | - | 15 x sqlite | NO |
//! | 64 threads, p99 of a call | 4.36 ms | 28.1 ms (6.55 x) | 105 ms (20.9 x) | 19.2 ms (4.09 x) | - | at most 4 x the floor | NO |
//! | 64 threads, exclusive, events a second | 62.1 k/s | 5.61 k/s (11.3 x) | 2.68 k/s (23.7 x) | 7.92 k/s (8.01 x) | - | 15 x sqlite | NO |
//! | 64 threads, exclusive, p99 of a call | 4.22 ms | 28.5 ms (6.90 x) | 53.6 ms (13.0 x) | 21.3 ms (5.16 x) | - | at most 4 x the floor | NO |
//! | count type | 3.33 µs | 19.3 ms (5793 x) | 34.1 ms (10266 x) | 125 ms (37597 x) | 3.76 ms (1131 x) | 10 x the best peer | yes |
//! | count type, first | 12.7 µs | 24.6 ms (1939 x) | 49.0 ms (3863 x) | 128 ms (10114 x) | 4.25 ms (335 x) |  |  |
//! | count type in range | 101 µs | 6.87 ms (68.0 x) | - | - | 2.46 ms (24.3 x) | 10 x the best peer | yes |
//! | count type in range, first | 460 µs | 9.34 ms (20.3 x) | - | - | 3.63 ms (7.89 x) |  |  |
//! | count tag | 4.77 µs | 886 µs (186 x) | 1.70 ms (357 x) | 8.33 ms (1748 x) | 4.68 ms (981 x) | 10 x the best peer | yes |
//! | count tag, first | 13.1 µs | 1.26 ms (96.1 x) | 2.51 ms (192 x) | 8.44 ms (644 x) | 5.11 ms (390 x) |  |  |
//! | count tag and tag | 182 µs | 16.7 ms (91.6 x) | 5.71 ms (31.3 x) | 21.8 ms (120 x) | 5.60 ms (30.7 x) | 10 x the best peer | yes |
//! | count tag and tag, first | 1.10 ms | 17.0 ms (15.5 x) | 7.26 ms (6.62 x) | 22.1 ms (20.2 x) | 7.19 ms (6.56 x) |  |  |
//! | count tag, type, range | 91.9 µs | 11.7 ms (127 x) | - | - | 3.34 ms (36.4 x) | 10 x the best peer | yes |
//! | count tag, type, range, first | 467 µs | 12.8 ms (27.4 x) | - | - | 4.62 ms (9.89 x) |  |  |
//! | all tags with counts | 24.1 µs | 12.4 ms (514 x) | 21.3 ms (883 x) | 72.4 ms (3007 x) | 31.2 ms (1297 x) | 10 x the best peer | yes |
//! | all tags with counts, first | 58.5 µs | 14.1 ms (241 x) | 29.3 ms (501 x) | 74.3 ms (1269 x) | 35.4 ms (606 x) |  |  |
//! | timeline | 34.9 µs | 48.8 µs (1.40 x) | 35.1 µs (1.00 x) | 118 µs (3.38 x) | 2.56 ms (73.4 x) | 10 x the best peer | NO |
//! | timeline, first | 481 µs | 69.4 µs (0.14 x) | 77.1 µs (0.16 x) | 501 µs (1.04 x) | 5.23 ms (10.9 x) | 3 x the best peer | NO |
//! | every session | 2.96 ms | 82.9 ms (28.0 x) | - | - | 9.34 ms (3.16 x) | 2 x duckdb | yes |
//! | every session, first | 4.44 ms | 89.1 ms (20.0 x) | - | - | 12.3 ms (2.76 x) |  |  |
//! | count box | 2.19 ms | 75.0 ms (34.3 x) | - | - | 3.82 ms (1.75 x) | 2 x duckdb | NO |
//! | count box, first | 19.7 ms | 82.2 ms (4.18 x) | - | - | 7.96 ms (0.41 x) |  |  |
//! | count circle | 5.58 ms | 89.8 ms (16.1 x) | - | - | 9.31 ms (1.67 x) | 2 x duckdb | NO |
//! | count circle, first | 23.2 ms | 90.2 ms (3.90 x) | - | - | 12.0 ms (0.52 x) |  |  |
//! | count polygon | 4.89 ms | 87.2 ms (17.8 x) | - | - | 12.2 ms (2.50 x) | 2 x the full scan | yes |
//! | count polygon, first | 22.2 ms | 88.0 ms (3.96 x) | - | - | 17.3 ms (0.78 x) |  |  |
//! | count polygon, full scan | 469 ms | - | - | - | - |  |  |
//! | histogram by hour | 1.76 ms | 93.7 ms (53.4 x) | - | - | 6.93 ms (3.95 x) | 2 x duckdb | yes |
//! | histogram by hour, first | 2.73 ms | 114 ms (41.7 x) | - | - | 8.67 ms (3.17 x) |  |  |
//! | open | 1.30 ms | 196 µs (0.15 x) | 201 µs (0.16 x) | 514 ms (397 x) | 14.7 ms (11.3 x) | at most 50.0 ms | yes |
//! | open after a crash | 3.14 ms | - | - | - | - | at most 50.0 ms | yes |
//! | drop a day | 1.81 ms | 95.5 ms (52.7 x) | - | - | 3.38 ms (1.87 x) | at most 10.0 ms | yes |
//! | drop a day, bytes back | 401 KB | 0 B | - | - | 0 B |  |  |
//! | peak memory, log and query | 36.5 MB | - | - | - | - | at most 128 MB | yes |
//! | peak memory, open | 6.71 MB | - | - | - | - | at most 32.0 MB | yes |
//!
//! What is written to the storage for each event (`--only wear`): 22.3 KB for a lone durable event, 25.7 KB in
//! exclusive mode, 274 B in batches of 100, and in bulk 14 B over one day and 27 B over 30 where 13 B rest.
//!
//! # Where diurnal is not ahead
//!
//! - **A session's timeline, asked first.** A row store fetches 75 rows from 75 places. Here they lie in one or
//!   two blocks of 4,096 rows, whose eight columns are decoded whole: 0.25 ms of the 0.4 ms. Blocks of
//!   2,048 rows take a third off that and 2 % more bytes (`StoreBuilder::block_rows`). Asked again it is
//!   in the cache, and most of the time goes into making 75 events of six strings each.
//! - **Bulk loads** are bound by the processor: a half of the work, packing columns, is done on two threads;
//!   checking, ordering and freeing the caller's events is not, and takes as long. On a filesystem in
//!   memory the same load is a sixth faster.
//! - **One durable event** in exclusive mode writes seven pages through redb: about 50 µs of processor and 30 µs
//!   of writes besides the sync.
//! - **64 threads** share each sync. On a disk that syncs in a tenth of a millisecond they are bound by waking
//!   each other on two processors, and the 99th percentile is that of the calls that meet a fold.
//! - **The first question after opening** about places decodes every block on the area's edge. DuckDB scans
//!   lightly packed columns faster than that.
