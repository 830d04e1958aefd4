//! Bytes and back, without input or output.
//!
//! Owns: how a block's rows are laid out as columns (`columns`) and the primitives that every layout
//! is built of (`bytes`, `dictionary`). Does not own where bytes are kept (`storage`, `day`), nor the layout of
//! postings and zones, which sits beside what they mean (`index`).
//!
//! Invariants: bytes are input. Whatever they are, decoding returns a value or an error: it does not
//! panic, loop, or allocate more than the limits allow. Every stretch of bytes that is read on its own
//! has a checksum of its own. Integers of a fixed size are little-endian.

pub(crate) mod batch;
pub(crate) mod bytes;
pub(crate) mod columns;
pub(crate) mod dictionary;
pub(crate) mod row;
