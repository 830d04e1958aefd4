//! A file that a result is written to.
//!
//! Owns: the choice between it and standard output, and what is said where it cannot be written.

use std::io::Write;
use std::path::Path;

use diurnal::export::OutputFile;

use crate::failure::Failure;

/// Lets a result be written to a file, or to standard output where there is none or it is `-`.
pub(crate) fn write_to(
    path: Option<&Path>,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return write(out) };
    // What a picture shows can be asked for again, so an older one is replaced.
    let mut file = OutputFile::create(path, true)?;
    write(&mut file)?;
    Ok(file.place()?)
}
