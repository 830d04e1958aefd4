//! A file that a result is written to.
//!
//! Owns: the choice between it and standard output, and what is said where it cannot be written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;

/// Lets a result be written to a file, or to standard output where there is none or it is `-`.
pub(crate) fn write_to(
    path: Option<&Path>,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return write(out) };
    let wrong = |error| Failure::file("write", path, &error);
    let mut file = BufWriter::new(File::create(path).map_err(wrong)?);
    write(&mut file)?;
    file.flush().map_err(wrong)
}
