//! What messages have in common when their numbers are left out.
//!
//! Owns: [`message_pattern`]. Does not own what is grouped by it (`errors`).
//!
//! The rules, from left to right; the first that fits is taken:
//!
//! 1. White space of any kind and length is one blank, and none at either end.
//! 2. A UUID is `<uuid>`.
//! 3. In single, double or back quotes, a word of letters, digits, `_` and `-`, at most 128 long, with a letter
//!    and a digit, is `<id>`; the quotes stay.
//! 4. A word that opens with `0x` and goes on in hexadecimal digits, or that consists of 8 or more of them with
//!    a letter and a digit among them, is `<hex>`.
//! 5. A word whose digits are in three or more places is `<id>`, as `x7Kp9Qz1`.
//! 6. A number is `<n>`: digits, `.` and `,` between digits, and a sign in front unless a word ends there.
//!    Digits within a word are numbers too: `retry12` is `retry<n>`, and `300ms` is `<n>ms`.
//! 7. In a URL, everything from `?` on is `?<query>`. A URL goes from `://` after a letter to white space, a
//!    quote, `<`, `>`, `)` or `…`. Its path, and paths of files, stay but for rules 2 to 6.
//! 8. Everything else stays as it is, upper and lower case too. A pattern of more than [`PATTERN_BYTES_MAX`] bytes
//!    is cut, and ends with `…`.
//!
//! A word is made of letters and digits of any script, `_` and `…`.
//!
//! Invariants: the pattern of a pattern is itself; messages that differ in numbers alone, as rule 6 has
//! them, have the same pattern (both tested). It never holds a digit. It takes one pass.

/// Bytes of a pattern.
const PATTERN_BYTES_MAX: usize = 512;

/// What a cut pattern ends with; a character of words, so that what is left of a word stays one.
const CUT: char = '…';

/// Characters of a quoted id.
const ID_CHARS_MAX: usize = 128;

/// Hexadecimal digits that are no word.
const HEX_CHARS_MIN: usize = 8;

const QUERY: &str = "<query>";

/// The message with its numbers, ids and the queries of its URLs replaced by placeholders, so that messages
/// that say the same of different things become equal. At most 512 bytes.
///
/// It is for people and for grouping; [`ClientErrors`](super::ClientErrors) groups by it.
///
/// ```
/// use diurnal::analysis::message_pattern;
///
/// assert_eq!(message_pattern("timeout after 3.5 s (attempt 2)"), "timeout after <n> s (attempt <n>)");
/// assert_eq!(message_pattern("no asset 'a81f'"), "no asset '<id>'");
/// assert_eq!(message_pattern("GET https://host/x/12?key=7"), "GET https://host/x/<n>?<query>");
/// ```
#[must_use]
pub fn message_pattern(message: &str) -> String {
    let mut pattern = Pattern { rest: message, ..Pattern::default() };
    while !pattern.full && !pattern.rest.is_empty() {
        pattern.step();
    }
    pattern.text
}

/// A pattern that is being written.
#[derive(Default)]
struct Pattern<'a> {
    text: String,
    /// What is still to be read.
    rest: &'a str,
    /// White space was read since the last character that was written.
    blank: bool,
    /// A word ends where `rest` begins.
    after_word: bool,
    in_url: bool,
    full: bool,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == CUT
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')' | CUT)
}

impl Pattern<'_> {
    fn step(&mut self) {
        let Some(c) = self.rest.chars().next() else { return };
        if c.is_whitespace() {
            self.rest = self.rest.trim_start();
            (self.blank, self.in_url, self.after_word) = (!self.text.is_empty(), false, false);
            return;
        }
        let found = self.uuid().or_else(|| self.quoted_id(c)).or_else(|| self.word(c));
        if let Some((length, placeholder)) = found {
            return self.replace(length, placeholder);
        }
        if let Some(length) = self.number(c) {
            return self.replace(length, "<n>");
        }
        if self.in_url && c == '?' && self.query() {
            return;
        }
        if self.rest.starts_with("://") && self.last().is_some_and(char::is_alphabetic) {
            self.in_url = true;
        }
        self.in_url &= !ends_url(c);
        self.push(c.encode_utf8(&mut [0; 4]));
        self.rest = &self.rest[c.len_utf8()..];
        self.after_word = is_word(c);
    }

    /// The last character that was written, where nothing was left out since.
    fn last(&self) -> Option<char> {
        self.text.chars().next_back().filter(|_| !self.blank)
    }

    /// Whether a word may begin here: as what is written tells, so that a pattern is read as it was made.
    fn begins_word(&self) -> bool {
        !self.last().is_some_and(is_word)
    }

    fn push(&mut self, piece: &str) {
        let blank = usize::from(self.blank);
        if self.text.len() + blank + piece.len() > PATTERN_BYTES_MAX - CUT.len_utf8() {
            self.text.push(CUT);
            self.full = true;
            return;
        }
        if std::mem::take(&mut self.blank) {
            self.text.push(' ');
        }
        self.text.push_str(piece);
    }

    fn replace(&mut self, length: usize, placeholder: &str) {
        self.push(placeholder);
        // A sign that follows a number parts two of them.
        self.after_word = self.rest[..length].chars().next_back().is_some_and(is_word);
        self.rest = &self.rest[length..];
    }

    /// Rule 2.
    fn uuid(&self) -> Option<(usize, &'static str)> {
        const LENGTH: usize = 36;
        let dashes = [8, 13, 18, 23];
        let bytes = self.rest.as_bytes().get(..LENGTH).filter(|_| self.begins_word())?;
        let fits = bytes.iter().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        });
        // A digit after it becomes a placeholder, which parts words.
        let goes_on = |c: char| is_word(c) && !c.is_numeric();
        let ends = fits && !self.rest[LENGTH..].starts_with(goes_on);
        ends.then_some((LENGTH, "<uuid>"))
    }

    /// Rule 3.
    fn quoted_id(&self, quote: char) -> Option<(usize, &'static str)> {
        let placeholder = match quote {
            '\'' => "'<id>'",
            '"' => "\"<id>\"",
            '`' => "`<id>`",
            _ => return None,
        };
        let inner = &self.rest[1..];
        let in_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let length = inner.bytes().take(ID_CHARS_MAX + 1).take_while(in_id).count();
        let id = &inner[..length];
        let is_id = length <= ID_CHARS_MAX
            && inner[length..].starts_with(quote)
            && id.bytes().any(|byte| byte.is_ascii_digit())
            && id.bytes().any(|byte| byte.is_ascii_alphabetic());
        // A UUID says more by its own name.
        let inside = Pattern { rest: inner, ..Pattern::default() };
        (is_id && inside.uuid().is_none()).then_some((length + 2, placeholder))
    }

    /// Rules 4 and 5.
    fn word(&self, first: char) -> Option<(usize, &'static str)> {
        if !is_word(first) || !self.begins_word() {
            return None;
        }
        let length = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        let has = |of: fn(&u8) -> bool| word.bytes().any(|byte| of(&byte));
        let prefixed = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        if prefixed.is_some_and(is_hex) || (length >= HEX_CHARS_MIN && mixed && is_hex(word)) {
            return Some((length, "<hex>"));
        }
        let places = word.split(|c: char| !c.is_numeric()).filter(|run| !run.is_empty());
        (places.count() >= 3).then_some((length, "<id>"))
    }

    /// Rule 6: the length of a number.
    fn number(&self, first: char) -> Option<usize> {
        let signed = matches!(first, '-' | '+') && !self.after_word;
        let mut length = usize::from(signed);
        loop {
            let digits = &self.rest[length..];
            let end = digits.find(|c: char| !c.is_numeric()).unwrap_or(digits.len());
            if end == 0 {
                return None;
            }
            length += end;
            let rest = &self.rest[length..];
            if !rest.strip_prefix(['.', ',']).is_some_and(|rest| rest.starts_with(char::is_numeric))
            {
                return Some(length);
            }
            length += 1;
        }
    }

    /// Rule 7; whether there is a query.
    fn query(&mut self) -> bool {
        let query = &self.rest[1..];
        let length = query.find(ends_url).unwrap_or(query.len());
        let after = &query[length..];
        let rest = after.strip_prefix(QUERY);
        if length == 0 && rest.is_none() {
            return false;
        }
        self.push("?<query>");
        self.rest = rest.unwrap_or(after);
        self.after_word = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn each_rule_has_its_placeholder() {
        let uuid = "123e4567-e89b-12d3-a456-426614174000";
        for (message, expected) in [
            ("  a\t\r\n b\u{2028}", "a b"),
            (&format!("session {uuid}!"), "session <uuid>!"),
            (&format!("session '{uuid}'"), "session '<uuid>'"),
            ("deadbeef-dead-beef-dead-beefdeadbeef", "<uuid>"),
            ("no 'a81f' and \"x-1\" and `k_2`", "no '<id>' and \"<id>\" and `<id>`"),
            ("no '42', can't 5", "no '<n>', can't <n>"),
            ("at 0x7fff5 of deadbee1, not deadbeef", "at <hex> of <hex>, not deadbeef"),
            ("token x7Kp9Qz1", "token <id>"),
            ("Code=-1001, 1,234.5 s, 200-299, +3", "Code=<n>, <n> s, <n>-<n>, <n>"),
            ("retry12 after 300ms and 1.5ms v1.2.3.", "retry<n> after <n>ms and <n>ms v<n>."),
            ("assets[5].url at 10.0.0.1:8080", "assets[<n>].url at <n>:<n>"),
            ("(http://h.org/a/5?x=1#y) ok?", "(http://h.org/a/<n>?<query>) ok?"),
            ("is it http://h? 5?", "is it http://h? <n>?"),
            ("/var/tmp/rec_12.wav", "/var/tmp/rec_<n>.wav"),
            ("٣ seconds, ½", "<n> seconds, <n>"),
            ("", ""),
        ] {
            assert_eq!(message_pattern(message), expected, "{message}");
        }
    }

    #[test]
    fn a_long_message_is_cut_and_its_pattern_stays_the_same() {
        for message in ["x".repeat(10_000), "ab 12 ".repeat(1_000), "1".repeat(1 << 20)] {
            let pattern = message_pattern(&message);
            assert!(pattern.len() <= PATTERN_BYTES_MAX);
            assert_eq!(message_pattern(&pattern), pattern);
            assert_eq!(pattern.ends_with(CUT), !message.starts_with('1'));
        }
    }

    /// Text that the rules have something to do with.
    fn message() -> impl Strategy<Value = String> {
        let pieces = vec![
            "://",
            "?",
            "'",
            "\"",
            "`",
            "-",
            "+",
            ".",
            ",",
            "<",
            ">",
            ")",
            "…",
            " ",
            "\n",
            "5",
            "0x",
            "deadbeef",
            "dead",
            "http",
            "a",
            "z",
            "_",
            "<n>",
            "<query>",
            "<id>",
            "é",
            "٣",
            "beefdeadbeef",
            "deadbeef-dead-beef-dead-beefdeadbeef",
            "?a=b",
            "#",
        ];
        let piece = prop_oneof![
            6 => select(pieces).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
            1 => "[a-z]{1,9}",
            1 => "[0-9]{1,9}",
        ];
        vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{1,12}", "-[0-9]{1,3}", "[0-9]{1,3},[0-9]{3}", "[0-9]{1,3}\\.[0-9]{1,6}"]
    }

    proptest! {
        #[test]
        fn the_pattern_of_a_pattern_is_itself(message in message(), repeats in 1_usize..60) {
            for message in [message.clone(), message.repeat(repeats)] {
                let pattern = message_pattern(&message);
                prop_assert!(pattern.len() <= PATTERN_BYTES_MAX);
                prop_assert!(!pattern.chars().any(char::is_numeric), "{pattern}");
                prop_assert_eq!(message_pattern(&pattern), pattern, "{}", message);
            }
        }

        #[test]
        fn messages_that_differ_in_numbers_alone_have_the_same_pattern(
            words in vec(("[g-wyzG-WYZ]{1,8}", select(vec![" ", "=", ": ", " (", "[", "/", "\n"])), 1..80),
            one in vec(number(), 80),
            other in vec(number(), 80),
            within in vec("[0-9]{1,9}", 80),
        ) {
            let message = |numbers: &[String], within: &[String]| -> String {
                let pieces = words.iter().zip(numbers).zip(within).map(|(((word, mark), n), m)| {
                    format!("{word}{m}{mark}{n} ")
                });
                pieces.collect()
            };
            let reversed: Vec<_> = within.iter().rev().cloned().collect();
            prop_assert_eq!(
                message_pattern(&message(&one, &within)),
                message_pattern(&message(&other, &reversed))
            );
        }

        #[test]
        fn messages_that_differ_in_words_have_different_patterns(
            one in "[a-z]{1,7}( [a-z]{1,7}){0,4}",
            other in "[a-z]{1,7}( [a-z]{1,7}){0,4}",
            number in number(),
        ) {
            let pattern = |text: &str| message_pattern(&format!("{text} {number}"));
            prop_assert_eq!(one == other, pattern(&one) == pattern(&other));
        }
    }
}
