//! Sections of a day's file whose list is lost.
//!
//! Owns: finding section heads in a file, past damaged stretches. Does not own what is in a section.
//!
//! Invariant: each byte is looked at a bounded number of times, and memory is bounded by a window.

use crate::day::file::{self, SectionHead, SectionKind};
use crate::error::{Error, Result};
use crate::storage::{StorageFile, read_at};

/// Bytes that are searched at a time.
const WINDOW_BYTES: u64 = 1024 * 1024;

/// A section whose head was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) head: SectionHead,
    /// Where its body begins.
    pub(crate) body: u64,
    /// Whether its body lies within the file.
    pub(crate) whole: bool,
}

impl Section {
    /// The ordinal after its rows.
    pub(crate) fn end(&self) -> u32 {
        self.head.first.saturating_add(self.head.rows)
    }

    /// Whether it holds rows.
    pub(crate) fn is_block(&self) -> bool {
        self.head.kind == SectionKind::Block
    }
}

/// The sections of a file, in order.
pub(crate) struct Sections<'a> {
    file: &'a StorageFile,
    offset: u64,
    end: u64,
}

impl<'a> Sections<'a> {
    /// Those that begin before `valid` bytes of the file.
    pub(crate) fn of(file: &'a StorageFile, valid: u64) -> Result<Self> {
        let len = file.len().map_err(reading)?;
        Ok(Self { file, offset: file::HEADER_BYTES, end: len.min(valid) })
    }

    fn advance(&mut self) -> Result<Option<Section>> {
        while self.offset + file::SECTION_HEAD_BYTES <= self.end {
            let len = (self.end - self.offset).min(WINDOW_BYTES);
            let window = read_at(&**self.file, self.offset, len as usize).map_err(reading)?;
            for at in 0..=window.len() - file::SECTION_HEAD_BYTES as usize {
                let offset = self.offset + at as u64;
                let Some(head) = SectionHead::decode(&window[at..], offset) else { continue };
                let body = offset + file::SECTION_HEAD_BYTES;
                let after = body + u64::from(head.len);
                let whole = after <= self.end;
                // A section that leaves the file has lost its end; others may lie within.
                self.offset = if whole { after } else { body };
                return Ok(Some(Section { head, body, whole }));
            }
            self.offset += len - file::SECTION_HEAD_BYTES + 1;
        }
        Ok(None)
    }
}

impl Iterator for Sections<'_> {
    type Item = Result<Section>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.advance().transpose();
        if matches!(found, Some(Err(_))) {
            self.end = 0;
        }
        found
    }
}

fn reading(error: std::io::Error) -> Error {
    Error::io("reading a damaged day", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Directory;
    use crate::storage::memory::MemoryDirectory;

    #[test]
    fn a_section_after_any_stretch_of_damage_is_found() {
        let head = file::SECTION_HEAD_BYTES;
        let stretches = [0, WINDOW_BYTES / 2, 2 * WINDOW_BYTES + 7];
        let around_the_window = WINDOW_BYTES - head - 1..=WINDOW_BYTES + head + 1;
        for damaged in stretches.into_iter().chain(around_the_window) {
            let file = MemoryDirectory::default().create("day").unwrap();
            let offset = file::HEADER_BYTES + damaged;
            let section = SectionHead { kind: SectionKind::Block, len: 3, first: 7, rows: 5 };
            file.write(offset, &section.encode(offset)).unwrap();
            file.set_len(offset + head + 3).unwrap();
            let found: Vec<Section> =
                Sections::of(&file, u64::MAX).unwrap().map(Result::unwrap).collect();
            assert_eq!(found.len(), 1, "after {damaged} bytes");
            assert_eq!((found[0].body, found[0].end(), found[0].whole), (offset + head, 12, true));
        }
    }
}
