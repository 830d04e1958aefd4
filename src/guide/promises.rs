//! What is promised, and what is not.
//!
//! - **Durability.** With `Durability::Sync` an id is returned after the fsync that covers the event. With
//!   `Durability::Buffered` at most `max_delay` or `max_events` of the latest events are lost, and their ids
//!   are given again. A disk that acknowledges a sync it has not done breaks either promise.
//! - **Batches.** The events of one `log_events` call that fall on one day are all logged or none is.
//! - **Ids.** Ordinals of a day are dense and are never reused once acknowledged. An erased event leaves
//!   a hole that stays a hole.
//! - **Erasure.** Once `erase_session` has returned a receipt that is verified, no byte of the store's files
//!   is the session's. Cut short at any moment, it is as if it had not been asked for, or it is ended when
//!   the store is opened; nothing else is lost. README lists what it does not reach.
//! - **Backup.** A file of a backup is whole or absent at any moment. Days are those of one snapshot,
//!   batches whole.
//! - **Failures.** After a failed write the store says `OutcomeUnknown`, once: the event may be there. Its
//!   `event_ids` say under which ids to look for them, with `Store::event`, once the store is open again. From
//!   then on that handle refuses to write (`Poisoned`), and goes on reading what was acknowledged. Free
//!   space below the floor is found before anything is written and breaks nothing.
//! - **Clocks.** Nothing is clamped. An event goes to the day its clock says, however far off, and
//!   order of arrival is kept in the ordinals. One jump of the clock never expires the store.
//! - **Readers.** A query sees one snapshot, of all days at one moment: with an event it sees what was there
//!   before it. It never waits for a commit. Readers in other processes see what is committed when they
//!   ask, one day after the other. A day that is dropped while a query runs is left out if the
//!   query has not come to it yet.
//! - **Damage.** A flipped bit in a file of the store is an error that names the day when the bytes are
//!   read, or is never read at all: never another answer. `check` reads every byte. What is damaged
//!   does not keep the other days from being read and written. Every value is under a checksum that is
//!   verified when it is read: sections of a day's file and pages of postings under their own, batches,
//!   lists and entries of the catalog too, and the pages of redb's trees, which hold their keys, when the
//!   file is opened.
//! - **Gaps.** A question that touches a damaged or missing day is an error, unless it is asked with
//!   `Store::allow_gaps`: then the day is left out and listed. A damaged day that must take an event goes on
//!   after a gap: its files are set aside, and until a rebuild every question that touches the day is
//!   told. Ids are not given again: where the list of a day is lost too, 2^28 ordinals are left
//!   out, and only a day that had more events than that unseen could repeat one. A log that is missing
//!   as a whole leaves no trace of what was not folded.
//! - **Salvage.** `rebuild` writes what can be read into a fresh file: each block whose checksums hold, and each
//!   batch, out of a log that redb does not open too. A batch there counts only where it fits what lies
//!   beside it, and of two that contradict each other neither does, since a page may be left from
//!   a write that never was. What is lost is counted; damaged files are kept.
//! - **Newer formats** are refused and not touched.
//! - **The system.** Too few file descriptors stop what needs one and nothing else; a store of 3,650 days
//!   with four open ones takes at most 24. On a read-only file system a store is read as it is found.
//! - **Memory.** An open day costs at most 4 MiB of rows in its tail, 4 MiB of unmerged postings, and redb's
//!   1 MiB; at most four days are open. The cache costs what it was given. A result costs a page of
//!   65,536 places and the blocks it is decoding. Counts by key and lists of sessions grow with the
//!   number of keys. The catalog keeps 4 bytes a session and day in memory,
//!   and of each day the names and totals of at most 256 types and 256 tags.
