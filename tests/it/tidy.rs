//! Goal: the rules of the house hold: file heads, floors, who may name what, short functions.
//!
//! Method: the sources are read as text, with comments, strings and characters blanked out where
//! only code counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

const FUNCTION_LINES_MAX: usize = 70;

/// Floors, the lowest first; a file or folder of `src/` stands on one. Lower floors never name
/// upper ones.
const FLOORS: [&[&str]; 6] = [
    &["error", "limits", "settings", "time", "zone", "client_time", "clock", "event"],
    &["codec", "index"],
    &["storage", "day"],
    &["catalog", "snapshot", "writer", "query", "upkeep"],
    &["store", "builder", "subscription"],
    &["wire", "testing", "analysis", "batches", "export", "map", "http", "guide"],
];

/// Plain values of `query` that every floor above the first may name.
const FILTER_NAMES: [&str; 3] = ["Filter", "BoundingBox", "Circle"];

/// A word of code, and the only files, or beginnings of their paths, that may say it.
const RESERVED: [(&str, &[&str]); 7] = [
    ("SystemTime::now", &["src/clock.rs"]),
    ("UNIX_EPOCH", &["src/clock.rs"]),
    ("Utc::now", &["src/clock.rs"]),
    ("Local::now", &["src/clock.rs"]),
    ("redb", &["src/day/", "src/catalog.rs", "src/storage/", "src/testing/faults/"]),
    ("roaring", &["src/index/postings"]),
    ("bincode", &["src/codec/batch.rs"]),
];

struct Source {
    /// From the project's directory, with `/`.
    path: String,
    text: String,
    /// The text with comments, strings and characters blanked out.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join("src"), &mut found);
    found.sort();
    assert!(found.len() > 5, "no sources found");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        Source { path, code: code_of(&text), text }
    };
    found.into_iter().map(read).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Blanks what is not code, line breaks aside.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = blank_length(rest, code.chars().next_back());
        if length == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let blanked = rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' });
            code.extend(blanked);
            rest = &rest[length..];
        }
    }
    code
}

/// Bytes of the comment, string or character that the text opens with; 0 where it opens with code.
fn blank_length(text: &str, before: Option<char>) -> usize {
    let end = |from: usize, mark: &str| {
        text[from..].find(mark).map_or(text.len(), |at| from + at + mark.len())
    };
    let in_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return end(2, "*/");
    }
    if text.starts_with('r') && (!in_name || before == Some('b')) {
        let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
        if text[1 + hashes..].starts_with('"') {
            return end(hashes + 2, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if text.starts_with('"') {
        return closing(text, '"').unwrap_or(text.len());
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        // A lifetime has no closing quote just after one character.
        let mut chars = quoted.chars();
        let character = chars.next() == Some('\\') || chars.next() == Some('\'');
        return if character { closing(text, '\'').unwrap_or(text.len()) } else { 0 };
    }
    0
}

/// Where a quoted text that opens the text ends, escapes skipped.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// Whether code says a word, not as a piece of a longer name.
fn says(code: &str, word: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(name)
            && !code[at + word.len()..].chars().next().is_some_and(name)
    })
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is() {
    let sources = sources();
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    assert_none(
        &bare.map(|source| format!("{} opens without //!", source.path)).collect::<Vec<_>>(),
    );
}

#[test]
fn no_function_is_over_70_lines() {
    let mut long = Vec::new();
    for Source { path, code, .. } in sources() {
        let lines: Vec<_> = code.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if !opens_function(line) {
                continue;
            }
            let length = function_lines(&lines[number..]);
            if length > FUNCTION_LINES_MAX {
                long.push(format!("{path}:{}: {length} lines: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none(&long);
}

/// Whether a line begins with the head of a function.
fn opens_function(line: &str) -> bool {
    let before_fn = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    line.split_whitespace().find(|word| !before_fn.contains(word)) == Some("fn")
}

/// Lines from a function's head to its closing brace, or to the `;` of one without a body.
fn function_lines(lines: &[&str]) -> usize {
    let mut depth = 0_i32;
    let mut brackets = 0_i32;
    for (number, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                _ => {}
            }
            if brackets == 0 && depth == 0 && (c == '}' || c == ';') {
                return number + 1;
            }
        }
    }
    lines.len()
}

#[test]
fn names_are_said_only_where_they_belong() {
    let mut problems = Vec::new();
    for Source { path, code, .. } in sources() {
        for (word, homes) in RESERVED {
            if says(&code, word) && !homes.iter().any(|home| path.starts_with(home)) {
                problems.push(format!("{path} says {word}, which belongs to {homes:?}"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn nothing_is_left_to_do() {
    let mut problems = Vec::new();
    for Source { path, code, .. } in sources() {
        for word in ["todo!", "unimplemented!", "dbg!"] {
            if says(&code, word.trim_end_matches('!')) && code.contains(word) {
                problems.push(format!("{path} says {word}"));
            }
        }
    }
    assert_none(&problems);
}

/// The floor of a file or folder of `src/`.
fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The names that the crate's root lends, with the modules that they are from.
fn lent_names(root: &str) -> HashMap<String, String> {
    let mut lent = HashMap::new();
    for statement in root.split("pub use ").skip(1) {
        let statement: String = statement.split(';').next().unwrap_or_default().to_owned();
        let Some((path, names)) = statement.split_once("::") else { continue };
        let module = path.trim().trim_start_matches("crate::");
        for name in names.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if !name.is_empty() {
                lent.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    lent
}

/// What is named through `crate::`: the first name of each path, and for a filter's values the second.
fn named(code: &str) -> Vec<(String, Vec<String>)> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split(';').next().unwrap_or_default();
            for (start, _) in std::iter::once((0, "")).chain(list.match_indices(',')) {
                let item = list[start..].trim_start_matches([',', ' ', '\n']);
                // Names of an inner list belong to a path that has been seen.
                let inside =
                    list[..start].matches('{').count() > list[..start].matches('}').count();
                if !inside && !name(item).is_empty() {
                    named.push((name(item), Vec::new()));
                }
            }
            continue;
        }
        let first = name(rest);
        let after = rest[first.len()..].strip_prefix("::").unwrap_or_default();
        let seconds = match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                list.split(',').map(|item| name(item.trim())).filter(|it| !it.is_empty()).collect()
            }
            None => vec![name(after)],
        };
        named.push((first, seconds));
    }
    named
}

/// Whether all that is named is a filter's plain values.
fn is_filter_value(first: &str, seconds: &[String]) -> bool {
    let plain = |name: &String| name == "filter" || FILTER_NAMES.contains(&name.as_str());
    FILTER_NAMES.contains(&first)
        || (first == "query" && !seconds.is_empty() && seconds.iter().all(plain))
}

#[test]
fn lower_floors_never_name_upper_ones() {
    let sources = sources();
    let root = sources.iter().find(|source| source.path == "src/lib.rs").unwrap();
    let lent = lent_names(&root.code);
    assert_eq!(lent.get("Timestamp").map(String::as_str), Some("time"));
    let mut problems = Vec::new();
    for Source { path, code, .. } in &sources {
        let module = path["src/".len()..].split(['/', '.']).next().unwrap_or_default();
        if module == "lib" || module == "bin" {
            continue;
        }
        let Some(floor) = floor_of(module) else {
            problems.push(format!("{path} stands on no floor: add {module} to FLOORS"));
            continue;
        };
        for (first, seconds) in named(code) {
            let of = lent.get(&first).map_or(first.as_str(), String::as_str);
            let upper = floor_of(of).is_some_and(|of| of > floor);
            if upper && !(floor > 0 && is_filter_value(&first, &seconds)) {
                problems.push(format!("{path}, on floor {floor}, names {of} ({first})"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn code_is_told_from_what_is_written_about_it() {
    let code = |text: &str| code_of(text).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code("a // b\nc /* d */ e"), "a c e");
    assert_eq!(code(r#"f("{ \" }") '{' '\'' '\u{1f}' x"#), "f( ) x");
    assert_eq!(code(r##"r#"{ " }"# br"{" rest"##), "b rest");
    assert_eq!(
        code("fn f<'a>(x: &'a str) { 'b: loop {} }"),
        "fn f<'a>(x: &'a str) { 'b: loop {} }"
    );
    assert!(says("use redb::Database;", "redb") && !says("redbud predb", "redb"));
    assert!(opens_function("    pub(crate) const fn f(") && !opens_function("let f: fn() = g;"));
    assert_eq!(function_lines(&["fn f(", "    a: [u8; 4],", ") {", "    { }", "}", "fn g();"]), 5);
    assert_eq!(function_lines(&["fn g(a: [u8; 2]);", "fn f() {}"]), 1);
}
