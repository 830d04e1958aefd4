//! What the files hold, byte by byte.
//!
//! Integers are little-endian; a *varint* is LEB128; checksums are XXH3-64. Every value opens with a
//! version and is covered by a checksum that is verified on reading. Format version 1.
//!
//! # `days/2026-11-23.day`
//!
//! ```text
//! header   magic "DIURNALD", version u32, day u32, checksum of these 16 bytes
//! section  kind u8 (1 block, 2 page of postings, 3 footer, 4 contents of a part), 3 zeros, length u32,
//!          first ordinal u32, rows u32, checksum of these 16 bytes xor the section's offset; then the
//!          body
//! …
//! trailer  after a footer: offset u64 and length u32 of its body, version u32, checksum of these 16
//!          bytes, magic "DIURNALF"
//! ```
//!
//! A file that ends in a trailer and has no log beside it is sealed; its footer is the list of its
//! parts:
//!
//! ```text
//! list      number of parts, parts, checksum
//! part      first ordinal, rows, then 0                        lost
//!                                 or  1, contents              not merged; only in a log
//!                                 or  2, offset and length of the section of its contents, bytes of
//!                                        its rows in memory, zone (88 bytes)
//! contents  number of blocks, blocks, number of pages, pages; in a section a version u8 (1) before
//!           and a checksum after them
//! block     offset, length, rows, bytes of the rows in memory, zone (88 bytes)
//! page      length and bytes of its first term, then 0, offset, length (in this file)
//!                                            or      1, length, bytes (here; only in a log)
//! ```
//!
//! All numbers of a list are varints. A part that is lost is a stretch of ordinals whose rows were
//! lost to damage; one of 2^27 ordinals and more, a stretch of which nobody knows whether there ever were
//! such rows. A part holds 65,536 rows at most, and its entry is then of about 120 bytes whatever it holds:
//! so much of a day is in memory, and its contents are read when they are asked for.
//!
//! A zone counts the events of its block. Where those are fewer than its rows, the others are *holes*:
//! events that were erased. A hole is a row whose session id and event type have no bytes, without
//! location, client time, tags and data, and with some time of its day. It is listed under the
//! session without a name, and under nothing else.
//!
//! A **block** is a head and columns. The head is version u8, number of columns u8, rows u32, one entry
//! of 14 bytes a column (kind u8, encoding u8, length u32, checksum u64), and a checksum. The columns
//! are: session ids and a code a row; event types and a code a row; server times; latitudes and
//! longitudes of the located rows with a bit a row where some have none; of the client's time its
//! written form and its distance from the server's time, or its text; tags: a count a row, the
//! distinct tags, their codes; lengths and text of the data. Numbers are packed by `pco`, text by
//! zstd where that is smaller. Each row's own counted, a column comes to at most 3,168,768 bytes
//! (`limits::BLOCK_COLUMN_BYTES_MAX`): ids, types, client times and data by their bytes, tags by their
//! bytes and 24 more each; a column that comes to more is damage, however small it is packed. Coordinates and client times lie session by session, in order of
//! arrival within each.
//!
//! A **page of postings** holds terms in order: version u8, number of entries, base time; per entry the
//! bytes shared with the term before, the rest of the term, the number of rows, for a session the
//! first and last server time, and the rows as gaps, as runs or as bits, whichever is smallest. A
//! term is a field (1 session, 2 event type, 3 tag, 4 cell, 5 quarter of an hour) and a key. A cell is a
//! square of 360/65,536 degrees of longitude by 180/65,536 of latitude, numbered in Z-order; a quarter
//! is a byte, counted from the day's begin.
//!
//! # `days/2026-11-23.log.redb`
//!
//! A redb file with three tables: `tail` (first ordinal to a batch of rows), `parts` (first ordinal to a
//! list of one part), `meta` (version, day, valid length of the day's file). A batch is a codec byte
//! (1: bincode 2.0.1, standard configuration), the rows, and a checksum. While the log is there it
//! alone says what the day holds: bytes of the day's file beyond the valid length are leftovers.
//!
//! # `catalog.redb`
//!
//! Two tables, each value closed by a checksum. `days`: version u8 (1), file length u64, events u32, the
//! ordinal after the last u32, zone, number of sessions u32, and for types, then for tags, 0 where there
//! are more than 256, else 1, their number, and name and events of each, with varints for lengths and
//! numbers. `sessions`: a u32 fingerprint for each session of the day, ascending. An entry counts only for
//! a file of exactly that length.
//!
//! # `IDENTITY`, `BACKUP` and `ERASE`
//!
//! `IDENTITY` is magic "DIURNALI", version u32, 16 random bytes, checksum. A backup has the same bytes as
//! `BACKUP`. `ERASE` is there while a session is being erased: version u8, length and bytes of its id,
//! checksum; its first byte is 0 once that is done.
//!
//! # `KEYS`
//!
//! Of a service over HTTP: the batches that were sent with a key, the last 4,096. Magic "DIURNALK", version u32, a random
//! seed u64, checksum; then records, each with its checksum:
//!
//! ```text
//! begun   1 u8, key u128, body u128, server time of the first piece i64, pieces u32
//! done    2 u8, key u128, pieces u32, the first id of each u64, or 2^64 - 1 where nothing of it was logged
//! ```
//!
//! Keys and bodies are there as XXH3-128 under the seed. A record is added to the end; the file is written anew, as
//! `KEYS.new`, when it is opened and when it has grown to twice its length and 1 MiB. One that was damaged is
//! `KEYS.damaged`. A backup does not have it.
//!
//! # Other names
//!
//! `*.tmp` never got its name and is removed when the store is opened for writing. `*.dropped` is a drop
//! that has begun and `*.rebuilt` a salvaged day that waits for its place; both are finished then.
//! `*.damaged`, or `*.damaged-2` and so on, was set aside by a rebuild and is yours to keep or delete.
//!
//! `days/2026-11-23.gap` marks a day that goes on after a gap: magic "DIURNALG", version u32, day u32, the
//! first ordinal after the gap u32, checksum. What lies before the gap is in `*.quarantined`, which a
//! rebuild reads and then sets aside for good.
//!
//! `LOCK` is locked by the one writer. Its text is `process` and a number, and `format` and the version
//! that it writes: an older diurnal does not write what a newer one has written.
//!
//! # Versions
//!
//! Every kind of file names its version: the header and the trailer of a day's file, each block, page and list of
//! contents and the codec of each batch, `meta` of a log, each entry of the catalog, the mark of a gap, the lock.
//! A newer one is refused with `Version` and left as it is. `tests/fixtures` keeps a store of each
//! released version, which every later diurnal reads.
