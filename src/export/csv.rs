//! CSV by RFC 4180, safe to open in a spreadsheet.
//!
//! Owns: the header, how a cell is guarded and quoted, and the text form of tags, all with the way
//! back. Does not own where a record ends in a file that is read (the program's `csv`).
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or a control character as a formula, and
//! data that a stranger sent may hold one. Such a cell is written with an apostrophe before it, which
//! spreadsheets show as text; see [`guarded`].

use std::borrow::Cow;
use std::io::{self, Write};

use super::{EventWriter, write_error};
use crate::error::Result;
use crate::event::Event;

/// The first line.
pub const HEADER: &str =
    "id,server_time,session_id,event_type,client_time,latitude,longitude,tags,data";

/// What a formula may begin with, in the forms that some spreadsheets take for them, too.
const FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// Writes each event as a record, after the header.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    begun: bool,
}

impl<W: Write> Writer<W> {
    /// A writer to this output, which is best a buffered one.
    pub const fn new(out: W) -> Self {
        Self { out, begun: false }
    }

    /// Sends on what was written so far, the header at least.
    ///
    /// # Errors
    ///
    /// As [`EventWriter::write`].
    pub fn flush(&mut self) -> Result<()> {
        self.begin().and_then(|()| self.out.flush()).map_err(write_error)
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        write!(self.out, "{HEADER}\r\n")
    }

    /// Text that is absent leaves nothing between its commas; text that is empty, two quotes.
    fn record(&mut self, event: &Event) -> io::Result<()> {
        let out = &mut self.out;
        write!(out, "{},{},", event.id, event.server_time)?;
        write_cell(out, &event.session_id)?;
        out.write_all(b",")?;
        write_cell(out, &event.event_type)?;
        out.write_all(b",")?;
        if let Some(text) = &event.client_time {
            write_cell(out, text)?;
        }
        for degrees in [event.latitude, event.longitude] {
            out.write_all(b",")?;
            if let Some(degrees) = degrees {
                // The shortest text that reads back as the same number, as JSON has it: `1.0`, `1e-7`.
                write!(out, "{degrees:?}")?;
            }
        }
        out.write_all(b",")?;
        if !event.tags.is_empty() {
            write_cell(out, &format_tags(&event.tags))?;
        }
        out.write_all(b",")?;
        if let Some(text) = &event.data {
            write_cell(out, text)?;
        }
        out.write_all(b"\r\n")
    }
}

impl<W: Write> EventWriter for Writer<W> {
    fn write(&mut self, event: &Event) -> Result<()> {
        self.begin().and_then(|()| self.record(event)).map_err(write_error)
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()
    }
}

/// Writes one cell: quoted where it must be, and where it is empty, which tells it from an absent
/// one.
fn write_cell(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = guarded(text);
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

/// The text with an apostrophe before it where a spreadsheet would run it as a formula, and where
/// [`unguarded`] would take one off that belongs to it. A plain number such as `-1` is no formula.
///
/// ```
/// use diurnal::export::csv::{guarded, unguarded};
///
/// for (text, cell) in [("=1+1", "'=1+1"), ("-1", "-1"), ("'=x", "''=x"), ("'tis", "'tis")] {
///     assert_eq!(guarded(text), cell);
///     assert_eq!(unguarded(cell), text);
/// }
/// ```
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that was [`guarded`].
#[must_use]
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if needs_guard(cell) => text,
        _ => cell,
    }
}

/// Whether a text is a formula after any number of apostrophes: this does not change when one is put
/// before it, and so each can be taken off again.
fn needs_guard(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    bare.starts_with(FORMULA) && !is_number(bare)
}

/// Whether a text is a number and nothing else: `-1`, `+2.5`, `-1e-7`.
fn is_number(text: &str) -> bool {
    fn unsigned(text: &str) -> &str {
        text.strip_prefix(['+', '-']).unwrap_or(text)
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = unsigned(text).split_once(['e', 'E']).unwrap_or((unsigned(text), "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    digits(whole) && digits(fraction) && digits(unsigned(exponent))
}

/// Tags as comma text; as a JSON list where one of them holds a comma or outer blanks, or where the
/// text would be taken for such a list.
#[must_use]
pub fn format_tags(tags: &[String]) -> String {
    let plain = |tag: &String| !tag.contains(',') && tag.trim() == tag;
    let listlike = tags.first().is_some_and(|tag| tag.starts_with('['));
    if tags.iter().all(plain) && !listlike {
        return tags.join(",");
    }
    // Strings always have a JSON form.
    serde_json::to_string(tags).unwrap_or_default()
}

/// Tags from comma text, blanks around and between commas ignored; or, where that form cannot hold
/// them, from a JSON list, as [`format_tags`] writes it.
#[must_use]
pub fn parse_tags(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(tags) = serde_json::from_str(text)
    {
        return tags;
    }
    crate::wire::parse_tags(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::EventId;

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
        for text in ["=1", "+x", "-", "-1,2", "--1", "@a", "\t", "\rx", "\0", "-1e", "+.5", "＝1"]
        {
            assert_eq!(guarded(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "1", "-1", "+1", "-1.50", "-1e-7", "+1E+2", "a=b", "'", "''a", " =1", "–1"]
        {
            assert_eq!(guarded(text), text, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_guard_comes_off_as_it_was_put_on(text in "'{0,3}[-=+@\t0-9.eE'a\u{ff1d}]{0,6}") {
            let cell = guarded(&text);
            prop_assert_eq!(unguarded(&cell), &text);
            let opens = cell.starts_with(FORMULA) && !is_number(&cell);
            prop_assert!(!opens, "{:?} would run", cell);
        }

        #[test]
        fn tags_come_back_as_they_were_written(
            tags in prop::collection::vec("[\\[\\] ,a\"1-]{1,4}", 0..4),
        ) {
            prop_assert_eq!(parse_tags(&format_tags(&tags)), tags);
        }
    }

    #[test]
    fn tags_are_read_from_comma_text_as_people_write_it() {
        assert_eq!(parse_tags(" 1 ,, 2,"), ["1", "2"]);
        assert_eq!(parse_tags("[odd"), ["[odd"]);
        assert_eq!(parse_tags(""), Vec::<String>::new());
    }

    #[test]
    fn records_are_exact() {
        let event = Event {
            id: EventId::from_u64(1 << 32 | 7).unwrap(),
            server_time: "1970-01-02T10:00:00.5Z".parse().unwrap(),
            session_id: "-1".to_owned(),
            event_type: "@x".to_owned(),
            client_time: None,
            latitude: Some(1.0),
            longitude: Some(-1e-7),
            tags: vec!["-1".to_owned(), "2".to_owned()],
            data: Some("=\"a\"\n".to_owned()),
        };
        let bare = Event {
            client_time: Some("now".to_owned()),
            latitude: None,
            longitude: None,
            tags: Vec::new(),
            data: Some(String::new()),
            ..event.clone()
        };
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        for event in [event, bare] {
            writer.write(&event).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id,server_time,session_id,event_type,client_time,latitude,longitude,tags,data\r\n\
             4294967303,1970-01-02T10:00:00.500000Z,-1,'@x,,1.0,-1e-7,\"'-1,2\",\"'=\"\"a\"\"\n\"\r\n\
             4294967303,1970-01-02T10:00:00.500000Z,-1,'@x,now,,,,\"\"\r\n"
        );
    }

    #[test]
    fn no_event_is_a_header_alone() {
        let mut out = Vec::new();
        Writer::new(&mut out).finish().unwrap();
        assert_eq!(out, format!("{HEADER}\r\n").into_bytes());
    }
}
