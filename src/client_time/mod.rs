//! Readings of a client's time, which is kept as the client wrote it.
//!
//! Owns: which texts name an instant, and [`Form`], the way in which a text is written, so that a
//! column can hold instants and forms in place of texts. The rooms below it: `readings` (what a text says)
//! and `forms` (how one is written). Does not own the texts themselves (`event`) nor the text of a server
//! time (`time`, `wire`).
//!
//! Invariants: no text and no bits panic. Where [`shape`] answers, its instant is that of
//! [`instant`], and its form writes that instant as the very bytes that were read. What
//! [`Form::format`] writes, [`instant`] reads as the instant that was given.

mod forms;
mod readings;

pub(crate) use forms::Form;

use crate::time::Timestamp;
use readings::{read, read_rarer};

/// The instant that a client's time names, where it can be read.
///
/// A leap second is the second that follows it; digits below a microsecond are cut off.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match read(text.as_bytes()) {
        Some((instant, _)) => Some(instant),
        None => read_rarer(text),
    }
}

/// The instant and the form of a text that can be stored as these two.
pub(crate) fn shape(text: &str) -> Option<(Timestamp, Form)> {
    let (instant, form) = read(text.as_bytes())?;
    // Reading forgives more than a form can say, such as a leap second or a comma for a point, so
    // the promise is kept by trying it.
    (form.text(instant)?.as_bytes() == text.as_bytes()).then_some((instant, form))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests;
