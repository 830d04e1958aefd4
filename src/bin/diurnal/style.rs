//! Colour, sparingly.
//!
//! Owns: when it is used (`--color`, and what the environment says), and what is marked: titles bold, errors
//! red, warnings yellow. Does not own the words.
//!
//! Invariant: without a terminal, and unless it was asked for, nothing but text is written.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::args::ColorArgument;

const TITLE: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// Settles for the whole program when colour is used.
pub(crate) fn choose(asked: ColorArgument) {
    let choice = match asked {
        // A terminal, unless NO_COLOR or CLICOLOR say otherwise; CLICOLOR_FORCE without one too.
        ColorArgument::Auto => ColorChoice::Auto,
        ColorArgument::Always => ColorChoice::Always,
        ColorArgument::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// A line of titles on standard output.
pub(crate) fn title(line: &str) -> String {
    marked(TITLE, line, AutoStream::choice(&std::io::stdout()))
}

/// Words on standard error that open an error.
pub(crate) fn error(words: &str) -> String {
    marked(ERROR, words, AutoStream::choice(&std::io::stderr()))
}

/// Words on standard error that open a warning.
pub(crate) fn warning(words: &str) -> String {
    marked(WARNING, words, AutoStream::choice(&std::io::stderr()))
}

fn marked(style: Style, words: &str, choice: ColorChoice) -> String {
    match choice {
        ColorChoice::Never => words.to_owned(),
        _ => format!("{style}{words}{style:#}"),
    }
}
