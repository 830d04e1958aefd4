//! Text on its way to a terminal.
//!
//! Owns: the escapes that keep logged text from driving a terminal, the shortening of long cells,
//! and the one way to standard error. Does not own the layout (`table`).

use std::fmt::Write as _;
use std::io::Write as _;

use crate::style;

/// Characters of a shortened cell: a message's first line on a usual terminal.
const CELL_CHARS_MAX: usize = 60;

/// The text with every character escaped that a terminal would act upon: control characters, and
/// those that turn the direction of what follows.
pub(crate) fn neutral(text: &str) -> String {
    let mut neutral = String::with_capacity(text.len());
    for c in text.chars() {
        push_neutral(&mut neutral, c);
    }
    neutral
}

/// As [`neutral`], cut after [`CELL_CHARS_MAX`] characters.
pub(crate) fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut shown = 0;
    for c in text.chars() {
        if shown >= CELL_CHARS_MAX {
            short.push('…');
            break;
        }
        shown += push_neutral(&mut short, c);
    }
    short
}

/// Returns how many characters were pushed.
fn push_neutral(text: &mut String, c: char) -> usize {
    let before = text.len();
    match c {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        c if c.is_ascii_control() => {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{:02x}", u32::from(c));
        }
        c if c.is_control() || turns_direction(c) => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
        c => {
            text.push(c);
            return 1;
        }
    }
    // Every escape is ASCII.
    text.len() - before
}

fn turns_direction(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
            ..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// One line on standard error that says why the program failed.
pub(crate) fn error(line: &str) {
    marked(&style::error("diurnal:"), &format!(" {line}"));
}

/// One line on standard error that says what else should be known.
pub(crate) fn warning(lead: &str, line: &str) {
    marked(&style::warning(lead), &format!(" {line}"));
}

fn marked(lead: &str, line: &str) {
    // Nowhere is left to say that standard error is closed.
    let _ = writeln!(std::io::stderr(), "{lead}{}", neutral(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(neutral("a\u{1b}[2J\n\u{9b}é"), "a\\x1b[2J\\n\\u{9b}é");
        assert_eq!(neutral("\u{202e}txt"), "\\u{202e}txt");
    }

    #[test]
    fn only_long_text_is_shortened() {
        let exact = "é".repeat(CELL_CHARS_MAX);
        assert_eq!(shortened(&exact), exact);
        assert_eq!(shortened(&format!("{exact}x")), format!("{exact}…"));
    }
}
