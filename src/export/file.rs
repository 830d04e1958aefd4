//! A file that is whole or absent.
//!
//! Owns: [`OutputFile`]. Does not own what is written to it.
//!
//! Invariant: nothing has the file's own name before all of it is on disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Large enough that few system calls are made, small beside a kiosk's memory.
const BUFFER_BYTES: usize = 64 * 1024;

/// A file on its way: it is written as `NAME.tmp` beside its place, and takes its name when it is
/// [placed](OutputFile::place). Dropped before, it is removed; a file `NAME.tmp` that a killed process
/// has left is written over.
#[derive(Debug)]
pub struct OutputFile {
    file: BufWriter<File>,
    path: PathBuf,
    temporary: PathBuf,
    overwrite: bool,
    placed: bool,
}

impl OutputFile {
    /// Begins a file that is to have this name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where something has the name and may not be replaced, or the path names no file;
    /// `Io`, `ReadOnly` and the like where no file can be made there.
    pub fn create(path: impl Into<PathBuf>, overwrite: bool) -> Result<Self> {
        let path = path.into();
        let Some(name) = path.file_name() else {
            let rule = format!("{} names no file", path.display());
            return Err(Error::new(ErrorKind::InvalidInput, rule));
        };
        let mut temporary = name.to_owned();
        temporary.push(".tmp");
        let temporary = path.with_file_name(temporary);
        check_free(&path, overwrite)?;
        let made = File::create(&temporary);
        let made = made.map_err(|error| Error::io(format!("making {}", path.display()), error))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, made);
        Ok(Self { file, path, temporary, overwrite, placed: false })
    }

    /// Where the file is meanwhile, for a writer that opens it by itself.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// Makes what was written durable, and then the name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where something has taken the name meanwhile and may not be replaced; `DiskFull` or
    /// `Io` where the disk refuses. Nothing of the file is left then.
    pub fn place(mut self) -> Result<()> {
        self.try_place()
    }

    fn try_place(&mut self) -> Result<()> {
        check_free(&self.path, self.overwrite)?;
        let placed = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path));
        placed.map_err(|error| Error::io(format!("writing {}", self.path.display()), error))?;
        self.placed = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Where a folder cannot be opened, as on some systems, its names are durable soon.
        match File::open(folder.unwrap_or(Path::new("."))) {
            Ok(folder) => folder.sync_all().map_err(|error| Error::io("syncing a folder", error)),
            Err(_) => Ok(()),
        }
    }
}

/// Refuses a name that something has, unless that may be replaced; a folder never is.
fn check_free(path: &Path, overwrite: bool) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !overwrite || there.is_dir() => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{} exists, and is not overwritten", path.display()),
        )),
        _ => Ok(()),
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.placed {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_whole_and_leaves_nothing_where_it_was_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.csv");
        let names = || fs::read_dir(directory.path()).unwrap().count();

        let mut given_up = OutputFile::create(&path, false).unwrap();
        given_up.write_all(b"half").unwrap();
        assert!(!path.exists() && given_up.temporary_path().exists());
        drop(given_up);
        assert_eq!(names(), 0);

        let mut whole = OutputFile::create(&path, false).unwrap();
        whole.write_all(b"whole").unwrap();
        whole.place().unwrap();
        assert_eq!((names(), fs::read(&path).unwrap()), (1, b"whole".to_vec()));
    }

    #[test]
    fn what_has_the_name_is_replaced_only_where_that_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.csv");
        let late = OutputFile::create(&path, false).unwrap();
        fs::write(&path, b"old").unwrap();
        assert_eq!(OutputFile::create(&path, false).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(late.place().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        OutputFile::create(&path, true).unwrap().place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(OutputFile::create(directory.path(), true).is_err(), "a folder stays");
    }
}
