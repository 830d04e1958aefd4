//! A file whose writes stay in memory.
//!
//! Owns: how a redb file is opened, recovered and checked without touching it: a reader may do so
//! beside the writer, on a read-only file system, and after a power cut. Does not own the file below.
//!
//! Invariant: the file below is only read.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::StorageFile;

const PAGE_BYTES: u64 = 4096;

/// A file seen through what has been written over it.
#[derive(Debug)]
pub(crate) struct Overlay {
    base: StorageFile,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// Where the file below ends, or was once cut off: beyond lie zeros.
    base_len: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    pub(crate) fn new(base: StorageFile) -> io::Result<Self> {
        let len = base.len()?;
        Ok(Self { base, state: Mutex::new(State { len, base_len: len, pages: BTreeMap::new() }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_base(&self, base_len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        let there = base_len.saturating_sub(offset).min(out.len() as u64);
        match usize::try_from(there) {
            Ok(0) | Err(_) => Ok(()),
            Ok(there) => self.base.read(offset, &mut out[..there]),
        }
    }
}

/// The pieces of a stretch that lie in one page each: page, offset in it, and where in the stretch.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let within = (at % PAGE_BYTES) as usize;
        let piece = (PAGE_BYTES as usize - within).min(len - done);
        let range = done..done + piece;
        done += piece;
        Some((at / PAGE_BYTES, within, range))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > state.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_base(state.base_len, offset, out)?;
        for (page, within, range) in pieces(offset, out.len()) {
            if let Some(bytes) = state.pages.get(&page) {
                let len = range.len();
                out[range].copy_from_slice(&bytes[within..within + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if len < state.len {
            state.base_len = state.base_len.min(len);
            state.pages.retain(|page, _| page * PAGE_BYTES < len);
            if let Some(bytes) = state.pages.get_mut(&(len / PAGE_BYTES)) {
                bytes[(len % PAGE_BYTES) as usize..].fill(0);
            }
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        for (page, within, range) in pieces(offset, data.len()) {
            if !state.pages.contains_key(&page) {
                let mut bytes = vec![0; PAGE_BYTES as usize].into_boxed_slice();
                self.read_base(state.base_len, page * PAGE_BYTES, &mut bytes)?;
                state.pages.insert(page, bytes);
            }
            if let Some(bytes) = state.pages.get_mut(&page) {
                bytes[within..within + range.len()].copy_from_slice(&data[range]);
            }
        }
        state.len = state.len.max(offset + data.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::memory::MemoryDirectory;
    use super::super::{Directory, read_at};
    use super::*;

    #[test]
    fn writes_and_cuts_are_seen_above_and_not_below() {
        let directory = MemoryDirectory::default();
        let base = directory.create("file").unwrap();
        base.write(0, &[1; 10_000]).unwrap();
        let overlay = Overlay::new(base.clone()).unwrap();
        overlay.write(4_000, &[2; 5_000]).unwrap();
        let seen = read_at(&overlay, 3_999, 5_002).unwrap();
        assert_eq!((seen[0], seen[1], seen[5_000], seen[5_001]), (1, 2, 2, 1));
        overlay.set_len(6_000).unwrap();
        overlay.set_len(12_000).unwrap();
        let seen = read_at(&overlay, 5_999, 6_001).unwrap();
        assert_eq!(seen[0], 2);
        assert!(seen[1..].iter().all(|byte| *byte == 0), "what was cut off reads as zeros");
        assert_eq!(read_at(&*base, 0, 10_000).unwrap(), vec![1; 10_000]);
        assert!(read_at(&overlay, 11_999, 2).is_err());
        let _: StorageFile = Arc::new(overlay);
    }

    #[test]
    fn what_lies_around_a_write_is_what_is_below_it() {
        let mut bytes: Vec<u8> = (0..10_000).map(|place: u32| (place % 251) as u8).collect();
        let base = MemoryDirectory::default().create("file").unwrap();
        base.write(0, &bytes).unwrap();
        let overlay = Overlay::new(base).unwrap();
        bytes.resize(10_010, 0);
        for (offset, len) in [(5_000, 10), (9_990, 20)] {
            overlay.write(offset as u64, &vec![255; len]).unwrap();
            bytes[offset..offset + len].fill(255);
        }
        assert_eq!(overlay.len().unwrap(), 10_010);
        assert!(read_at(&overlay, 0, 10_010).unwrap() == bytes);
    }
}
