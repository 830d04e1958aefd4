//! The one error type of the crate.
//!
//! Owns: [`Error`], and [`ErrorKind`], which tells the caller what to do. Does not own the words of
//! a particular failure: those are written where it is found.
//!
//! Invariant: no type of a dependency is reachable through the public interface; the cause is kept
//! behind `std::error::Error::source`.

use std::fmt;
use std::sync::Arc;

use crate::event::EventId;
use crate::time::Day;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as one line for people, and as a [kind](ErrorKind) for programs.
///
/// A clone is the same error: several threads may wait for one commit.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    day: Option<Day>,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    event_ids: Option<Arc<[Option<EventId>]>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was given breaks a rule; the message names the field, the rule and the value. Nothing
    /// was written. Mend the input.
    InvalidInput,
    /// What was asked for is not there.
    NotFound,
    /// Another process or another handle holds the store; the message says who. Try again later.
    Locked,
    /// The disk is full, or free space is below the floor that the store keeps. What was
    /// acknowledged is safe; prune or make room, then open the store again if it was poisoned.
    DiskFull,
    /// A write failed at a moment that leaves open whether it happened. Open the store again and
    /// look: an event that was not acknowledged may or may not be there, under the id that
    /// [`Error::event_ids`] tells.
    OutcomeUnknown,
    /// Bytes on disk are not what was written. The message names the day and the place; the other
    /// days are untouched. See `Store::check` and `Store::rebuild`.
    Corrupt,
    /// A file was written by a version of diurnal that this one does not read. The file is
    /// untouched; use a newer diurnal.
    Version,
    /// The store was opened for reading only.
    ReadOnly,
    /// An earlier commit failed, and this handle writes no more. Open the store again; what was
    /// acknowledged stays readable meanwhile.
    Poisoned,
    /// The process or the system has as many files open as it may. Nothing was written. Close some
    /// or raise the limit, then try again: the store goes on as it is.
    TooManyFiles,
    /// The operating system refused something else: a permission, a missing directory. The source
    /// has its words.
    Io,
}

impl ErrorKind {
    const fn label(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid input",
            Self::NotFound => "not found",
            Self::Locked => "locked",
            Self::DiskFull => "disk full",
            Self::OutcomeUnknown => "outcome unknown",
            Self::Corrupt => "corrupt",
            Self::Version => "unsupported version",
            Self::ReadOnly => "read-only",
            Self::Poisoned => "poisoned",
            Self::TooManyFiles => "too many files",
            Self::Io => "input/output",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Error {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The day whose files are concerned, where it is one day's.
    #[must_use]
    pub fn day(&self) -> Option<Day> {
        self.day
    }

    /// What became of the events of the call, in the order given: the id of one that was logged or may
    /// have been, `None` for one that surely was not. Empty where none of them was.
    ///
    /// To log again without logging twice: open the store again and, before anything else is logged, ask
    /// [`Store::event`](crate::Store::event) for each id. An event that is not there was not logged; its
    /// id is given again to the next one.
    ///
    /// ```
    /// use diurnal::{NewEvent, Store};
    ///
    /// fn log(open: impl Fn() -> diurnal::Result<Store>, event: &NewEvent) -> diurnal::Result<Store> {
    ///     let store = open()?;
    ///     let Err(error) = store.log_event(event.clone()) else { return Ok(store) };
    ///     store.close().ok();
    ///     let store = open()?;
    ///     let logged = match error.event_ids() {
    ///         [Some(id)] => store.event(*id)?.is_some(),
    ///         _ => false,
    ///     };
    ///     if !logged {
    ///         store.log_event(event.clone())?;
    ///     }
    ///     Ok(store)
    /// }
    /// # log(Store::in_memory, &NewEvent::new(1, "heartbeat"))?;
    /// # Ok::<(), diurnal::Error>(())
    /// ```
    #[must_use]
    pub fn event_ids(&self) -> &[Option<EventId>] {
        self.event_ids.as_deref().unwrap_or_default()
    }

    /// What went wrong, without its kind, its day and its causes.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.message
    }

    /// The same for who reads serde data, whose errors have no kind.
    pub(crate) fn into_serde<E: serde::de::Error>(self) -> E {
        E::custom(self.message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, day: None, message: message.into(), source: None, event_ids: None }
    }

    /// A broken rule of one field: `field: rule, not "value"`, the value shortened.
    pub(crate) fn invalid(field: &str, rule: impl fmt::Display, value: impl fmt::Display) -> Self {
        let value = shortened(&value.to_string());
        Self::new(ErrorKind::InvalidInput, format!("{field}: {rule}, not {value:?}"))
    }

    pub(crate) fn corrupt(place: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, place)
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, what)
    }

    pub(crate) fn version(what: &str, found: u32, newest: u32) -> Self {
        Self::new(
            ErrorKind::Version,
            format!(
                "{what} has format version {found}, and this diurnal reads up to {newest}; \
                 use a newer diurnal, the file is unchanged"
            ),
        )
    }

    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            _ if is_too_many_files(&source) => ErrorKind::TooManyFiles,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                ErrorKind::DiskFull
            }
            std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            _ => ErrorKind::Io,
        };
        Self::new(kind, doing).caused_by(source)
    }

    #[must_use]
    pub(crate) fn caused_by(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    #[must_use]
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Says where, before what.
    #[must_use]
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Says which events of a call were logged, or may have been.
    #[must_use]
    pub(crate) fn with_event_ids(mut self, ids: &[Option<EventId>]) -> Self {
        self.event_ids = ids.iter().any(Option::is_some).then(|| ids.into());
        self
    }

    /// Names the day concerned; the innermost name wins.
    #[must_use]
    pub(crate) fn on_day(mut self, day: Day) -> Self {
        self.day.get_or_insert(day);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind)?;
        if let Some(day) = self.day {
            write!(f, "day {day}: ")?;
        }
        f.write_str(&self.message)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// Whether the process, or the whole system, has no file descriptor left.
fn is_too_many_files(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| code == Some(errno.raw_os_error()))
}

/// At most 40 characters of a value that a message quotes.
pub(crate) fn shortened(value: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
