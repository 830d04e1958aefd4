//! Comma separated values, RFC 4180, read one record at a time.
//!
//! Owns: how a record is read, and where it ends. Does not own the columns (`fields`), nor how a record
//! is written, which the library does.
//!
//! It is written here since an import needs what a general reader hides: the record's own bytes,
//! for a rejects file, and whether an empty cell was quoted, since data that is empty is not data
//! that is absent.

/// One cell of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) quoted: bool,
}

impl Cell {
    /// The text, unless the cell is empty.
    pub(crate) fn filled(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The text, unless there is nothing between the commas: `""` is the empty text.
    pub(crate) fn present(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| self.quoted || !text.is_empty())
    }
}

/// Where in a record a byte stands, as far as its quotes are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// At the start of a cell.
    #[default]
    Start,
    /// In a cell without quotes, or after what follows a closing quote and should not.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote that closes the cell, or is the first half of a doubled one.
    Closing,
}

impl Place {
    /// The place after this byte; `None` where the byte ends the record.
    pub(crate) fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Quoted, b'"') => Some(Self::Closing),
            (Self::Quoted, _) => Some(Self::Quoted),
            (Self::Start | Self::Closing, b'"') => Some(Self::Quoted),
            (_, b'\n') => None,
            (_, b',') => Some(Self::Start),
            _ => Some(Self::Plain),
        }
    }
}

/// Reads the cells of one record, given without its line end.
pub(crate) fn cells(record: &str) -> Result<Vec<Cell>, String> {
    let mut cells = Vec::new();
    let mut rest = Some(record);
    while let Some(text) = rest {
        let (cell, after) = match text.strip_prefix('"') {
            Some(text) => quoted_cell(text)?,
            None => plain_cell(text),
        };
        cells.push(cell);
        rest = after;
    }
    Ok(cells)
}

fn plain_cell(text: &str) -> (Cell, Option<&str>) {
    let (cell, after) = match text.split_once(',') {
        Some((cell, after)) => (cell, Some(after)),
        None => (text, None),
    };
    (Cell { text: cell.to_owned(), quoted: false }, after)
}

fn quoted_cell(mut text: &str) -> Result<(Cell, Option<&str>), String> {
    let mut cell = Cell { text: String::new(), quoted: true };
    loop {
        let Some((part, after)) = text.split_once('"') else {
            return Err("a quote is opened and not closed".to_owned());
        };
        cell.text.push_str(part);
        match after.as_bytes().first() {
            None => return Ok((cell, None)),
            Some(b',') => return Ok((cell, Some(&after[1..]))),
            Some(b'"') => {
                cell.text.push('"');
                text = &after[1..];
            }
            Some(_) => return Err("text follows a closing quote".to_owned()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_stands_between_commas_and_within_quotes() {
        let read =
            cells("plain,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\", blank ,\"\"\"\"").unwrap();
        let texts = read.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts, ["plain", "a,b", "say \"hi\"", "two\r\nlines", " blank ", "\""]);
    }

    #[test]
    fn an_empty_cell_is_absent_unless_it_is_quoted() {
        let read = cells(",\"\",x").unwrap();
        let present = read.iter().map(Cell::present).collect::<Vec<_>>();
        assert_eq!(present, [None, Some(""), Some("x")]);
        assert_eq!(read[1].filled(), None);
    }

    #[test]
    fn broken_quotes_are_refused() {
        assert!(cells("a,\"b").is_err());
        assert!(cells("\"a\"b,c").is_err());
    }

    #[test]
    fn a_record_ends_at_the_first_line_end_outside_quotes() {
        let mut place = Place::default();
        let end = b"a,\"b\n\"\"\",c\nd".iter().position(|byte| match place.after(*byte) {
            Some(next) => {
                place = next;
                false
            }
            None => true,
        });
        assert_eq!(end, Some(10));
    }
}
