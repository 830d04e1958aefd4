//! JSON lines: one object a line, the serde form of [`Event`], exact.

use std::io::Write;

use super::{EventWriter, write_error, write_json};
use crate::error::Result;
use crate::event::Event;

/// Writes each event as a line.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A writer to this output, which is best a buffered one.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// Sends on what was written so far.
    ///
    /// # Errors
    ///
    /// As [`EventWriter::write`].
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(write_error)
    }
}

impl<W: Write> EventWriter for Writer<W> {
    fn write(&mut self, event: &Event) -> Result<()> {
        write_json(&mut self.out, event)?;
        self.out.write_all(b"\n").map_err(write_error)
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()
    }
}
