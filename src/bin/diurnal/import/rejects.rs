//! The file of rejected records.
//!
//! Owns: when it is created, and that what is in it can be mended and imported again. Does not own
//! why a record is rejected.
//!
//! Invariant: without a rejected record there is no file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Keeps rejected records as they are, where asked to.
pub(super) struct Rejects {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
    /// A CSV header, which stands before the first record.
    header: Vec<u8>,
    /// Whether the last byte written ended a line.
    line_ended: bool,
}

impl Rejects {
    /// Refuses the input itself, which would be cut to nothing while it is read.
    pub(super) fn new(path: Option<&Path>, input: &Path) -> Result<Self, Failure> {
        if let Some(path) = path
            && let (Ok(rejects), Ok(input)) = (path.canonicalize(), input.canonicalize())
            && rejects == input
        {
            return Err(Failure::message("--rejects must not be the file that is imported"));
        }
        let path = path.map(Path::to_owned);
        Ok(Self { path, file: None, header: Vec::new(), line_ended: true })
    }

    pub(super) fn header(&mut self, raw: &[u8]) {
        self.header = raw.to_vec();
    }

    /// Keeps a rejected record, which begins a line.
    pub(super) fn keep(&mut self, raw: &[u8]) -> Result<(), Failure> {
        if !self.line_ended {
            self.write(b"\n")?;
        }
        self.keep_rest(raw)
    }

    /// Keeps more of the record before.
    pub(super) fn keep_rest(&mut self, raw: &[u8]) -> Result<(), Failure> {
        self.line_ended = raw.last().is_none_or(|byte| *byte == b'\n');
        self.write(raw)
    }

    /// Puts what is kept on disk.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if !self.line_ended {
            self.write(b"\n")?;
        }
        let (Some(path), Some(mut file)) = (&self.path, self.file.take()) else {
            return Ok(());
        };
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .map_err(|error| Failure::file("write", path, &error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => File::create(path).and_then(|file| {
                let file = self.file.insert(BufWriter::new(file));
                file.write_all(&self.header)?;
                file.write_all(bytes)
            }),
        };
        written.map_err(|error| Failure::file("write", path, &error))
    }
}
