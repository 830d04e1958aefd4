//! A field and one of its values: what postings are kept for.
//!
//! Owns: [`Field`], [`Term`] and their bytes. Does not own what is listed under a term (`postings`).
//!
//! Invariant: terms sort as their bytes do.
//!
//! ```text
//! field   u8      1 session, 2 event type, 3 tag, 4 cell, 5 quarter hour
//! key     bytes   to the end: the text in UTF-8, a cell's 4 bytes, or the quarter's number, a byte
//! ```

use crate::limits::SESSION_ID_BYTES_MAX;

/// Bytes of the longest term: the field, and a session's id.
pub(crate) const TERM_BYTES_MAX: usize = 1 + SESSION_ID_BYTES_MAX;

/// What a term is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Field {
    Session = 1,
    EventType = 2,
    Tag = 3,
    Cell = 4,
    /// A quarter of an hour, counted from the day's begin.
    QuarterHour = 5,
}

impl Field {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Session, Self::EventType, Self::Tag, Self::Cell, Self::QuarterHour];

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&field| field as u8 == byte)
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session => "session",
            Self::EventType => "event type",
            Self::Tag => "tag",
            Self::Cell => "cell",
            Self::QuarterHour => "quarter hour",
        })
    }
}

/// One value of one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Term {
    pub(crate) field: Field,
    pub(crate) key: Vec<u8>,
}

impl Term {
    pub(crate) fn new(field: Field, key: impl Into<Vec<u8>>) -> Self {
        Self { field, key: key.into() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        term_bytes(self.field, &self.key)
    }

    /// `None` where the first byte is no field's.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&field, key) = bytes.split_first()?;
        Some(Self::new(Field::from_byte(field)?, key))
    }
}

/// The bytes of the term of this field and key.
pub(crate) fn term_bytes(field: Field, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(field as u8);
    bytes.extend_from_slice(key);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_sort_as_their_bytes() {
        let mut terms = Vec::new();
        for field in Field::ALL {
            terms.extend(["", "a", "ab", "b", "ä"].map(|key| Term::new(field, key)));
        }
        assert!(terms.is_sorted());
        assert!(terms.iter().map(Term::to_bytes).is_sorted());
        for term in terms {
            assert_eq!(Term::from_bytes(&term.to_bytes()), Some(term));
        }
    }

    #[test]
    fn bytes_without_a_field_are_no_term() {
        for bytes in [&b""[..], b"\0a", b"\x06a"] {
            assert_eq!(Term::from_bytes(bytes), None);
        }
    }
}
