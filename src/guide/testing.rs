//! How the promises are tested, and how much was looked at.
//!
//! `cargo test --all-features` runs everything that must hold, in minutes. The same tests run for hours
//! where a variable says so; each prints what it looked at (`-- --nocapture`), and a failure names the
//! script, the operation and the seed.
//!
//! | tests (`--test it`) | variable | unless set |
//! |---|---|---|
//! | `crashes::a_`: a power cut at every storage operation, and again in recovery | `DIURNAL_CRASH_CUTS`, `DIURNAL_CRASH_SEED` | 75,000 cuts |
//! | `crashes::gaps`: a power cut at every operation of damaged days that go on and are rebuilt | `DIURNAL_CRASH_CUTS` | 3 at each |
//! | `crashes::lies`: a card that lies about syncs | `DIURNAL_LIE_RUNS` | 300 runs, 5 disks each |
//! | `faults::a_`: EIO, ENOSPC and short writes, once and for good, at every operation | `DIURNAL_FAULT_RUNS`, `DIURNAL_FAULT_SEED` | 9,000 runs |
//! | `durability::killed`: SIGKILL while 16 threads log | `DIURNAL_KILL_ROUNDS`, `DIURNAL_KILL_SEED` | 100 kills |
//! | `subscribe::whatever`: subscriptions to a store that lives a random life | `DIURNAL_SUBSCRIBED_LIVES`, `DIURNAL_SUBSCRIBED_SEED` | 24 lives of 70 steps |
//! | `decade::`: ten years with faults, cuts, jumps of the clock and retention | `DIURNAL_DECADE_DAYS`, `DIURNAL_DECADE_SEED`, `DIURNAL_DECADE_UNCLEAN_BYTES` | 3,650 days; 200 and 2 MB for the unclean day; 400 for the lost catalog |
//! | `statemachine::`: a store and its model live the same life | `DIURNAL_PROPTEST_CASES` | 2,000 sequences |
//! | `damage::damage_anywhere`: bytes flipped, files cut, emptied, gone, swapped | `DIURNAL_DAMAGES`, `DIURNAL_DAMAGE_SEED` | 3,000 |
//! | `writer::schedules` (`--lib`): threads at the group commit, in every order | `DIURNAL_SHUTTLE_SCHEDULES` | 5,000 of each test |
//! | `no_` (`--test fuzz`): bytes and texts for every decoder and reader | `DIURNAL_FUZZ_INPUTS`, `DIURNAL_FUZZ_SEED` | 8,000 of each, and 200 for a whole file |
//! | `export::`: exported files with damaged bytes | `DIURNAL_EXPORT_FLIPS`, `DIURNAL_EXPORT_SEED` | 400 of each format |
//!
//! ```sh
//! DIURNAL_CRASH_CUTS=3000000 cargo test --all-features --test it crashes::a_ -- --nocapture
//! ```
//!
//! A disk is looked at once, however many cuts leave it: it is opened, compared with what was
//! acknowledged, and logged to; half are checked in full, and one in eight is cut four times more while
//! it recovers.
//!
//! `tests/planted/run` plants bugs in a copy of the sources, one after another, and fails where the tests
//! that must catch one pass.
//!
//! # What was reached
//!
//! | | |
//! |---|---|
//! | power cuts | 312,000 in 13 scripts of 500 steps; 157,000 disks differed; and 174,000 in 62 more, 134,000 of these disks differed |
//! | cuts in recovery | 78,000, 75,000 disks differed; and 66,000, 65,000 of them |
//! | runs with faults | 133,000 |
//! | kills | 5,600, of 670,000 acknowledged events |
//! | sequences of operations | 4,800, beside a model |
//! | damaged files | 32,000 |
//! | fuzzed inputs, by seed | 6,045,000: 960,000 for each decoder of a file's parts, 235,000 for each text, 23,500 for each whole file |
//! | schedules of the group commit | 22,000,000 in seven tests |
//! | a decade | 3,650 days: 313 power cuts, 117 faults, 67 jumps of the clock, 2,482 days expired; at most 16 open files, first write 61 ms after a cut at the latest, no finished day opened but one that the catalog had not noted; 22 MiB of memory |
//! | more decades | 67 seeds in an hour, beside other work: 21,000 power cuts, 8,400 faults, 4,200 jumps of the clock; first write 520 ms after a cut at the latest, two finished days opened, 32 MiB |
//! | 3,650 finished days and an unclean one of 50 MB | first write after 140 ms |
//! | a lost catalog of 3,650 finished days | made again in 340 ms, each day's file opened once; on a disk in memory, with the tests' profile |
