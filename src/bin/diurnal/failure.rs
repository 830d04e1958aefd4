//! How a command ends.
//!
//! Owns: [`Outcome`] and [`Failure`]. Does not own the exit status they lead to (`main`).

use std::fmt;
use std::io;

/// How a command ended that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// The command did its work, and that found something wrong, which it has reported: a rejected
    /// line, a damaged day.
    Wanting,
}

/// Why a command did not run to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The store says so.
    Store(diurnal::Error),
    /// The program says so.
    Message(String),
    /// Whoever read the output has seen enough.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// A file that was named on the command line cannot be used.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::Message(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Message(text) => f.write_str(text),
            Self::ClosedPipe => f.write_str("the output was closed"),
        }
    }
}

impl From<diurnal::Error> for Failure {
    fn from(error: diurnal::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Failure {
    /// A failure to write the output: those of other files are named with [`Failure::file`].
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Message(format!("cannot write the output: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    /// Writing JSON fails only where its writer does.
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
