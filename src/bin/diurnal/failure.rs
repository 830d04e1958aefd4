//! How a command ends.
//!
//! Owns: [`Outcome`] and [`Failure`], and the exit status they lead to: 0 done; 1 failed, or a line
//! rejected; 2 wrong usage, which clap finds, or a value that breaks a rule; 3 damage found; 4 locked by
//! another; 130 interrupted. Does not own what is printed.

use std::fmt;
use std::io;

use diurnal::ErrorKind;

/// Damage was found: a program that watches over a kiosk need not read the words.
const DAMAGE: u8 = 3;
/// Another process has the store: it may be tried again later.
const LOCKED: u8 = 4;
/// As a shell has it for a program that SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;
/// What clap ends with where it finds wrong usage.
const USAGE: u8 = 2;

/// How a command ended that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// The command did its work, and reported lines that it rejected.
    Wanting,
    /// The command did its work, and reported damage.
    Damaged,
    /// The command was interrupted, and ended in good order.
    Interrupted,
}

impl Outcome {
    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Wanting => 1,
            Self::Damaged => DAMAGE,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// Why a command did not run to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The store says so.
    Store(diurnal::Error),
    /// The program says so, of a failure of the store's of this kind.
    Stopped(ErrorKind, String),
    /// The program says so.
    Message(String),
    /// Whoever read the output has seen enough.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// What was given on the command line cannot be done.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Stopped(ErrorKind::InvalidInput, text.into())
    }

    /// A format that this program was built without.
    pub(crate) fn built_without(feature: &str) -> Self {
        Self::message(format!(
            "this diurnal was built without the feature `{feature}`, which this needs; \
             build it with --features cli,{feature}"
        ))
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        let kind = match self {
            Self::Store(error) => error.kind(),
            Self::Stopped(kind, _) => *kind,
            Self::Message(_) => return 1,
            Self::ClosedPipe => return 0,
        };
        match kind {
            ErrorKind::Corrupt => DAMAGE,
            ErrorKind::Locked => LOCKED,
            ErrorKind::InvalidInput => USAGE,
            _ => 1,
        }
    }

    /// The same failure in other words.
    pub(crate) fn in_words(&self, text: String) -> Self {
        match self {
            Self::Store(error) => Self::Stopped(error.kind(), text),
            Self::Stopped(kind, _) => Self::Stopped(*kind, text),
            Self::Message(_) | Self::ClosedPipe => Self::Message(text),
        }
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
            Self::Message(text) | Self::Stopped(_, text) => f.write_str(text),
            Self::ClosedPipe => f.write_str("the output was closed"),
        }
    }
}

impl From<diurnal::Error> for Failure {
    fn from(error: diurnal::Error) -> Self {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
        match cause.map(io::Error::kind) {
            // The writers of events are the library's.
            Some(io::ErrorKind::BrokenPipe) => Self::ClosedPipe,
            _ => Self::Store(error),
        }
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
