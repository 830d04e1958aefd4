//! What a person sees who waits.
//!
//! Owns: the look of bars and counts, and when there are any. Does not own what is counted.
//!
//! Invariant: without a terminal on standard error, nothing is written. A bar is gone once it is dropped.

use std::fmt;
use std::io::{self, IsTerminal};

use diurnal::Progress;
use indicatif::{HumanCount, ProgressBar, ProgressFinish, ProgressState, ProgressStyle};

/// Whether anybody would see a bar.
pub(crate) fn is_seen() -> bool {
    io::stderr().is_terminal()
}

/// A bar of so many things, with the rate and the time left.
pub(crate) fn of_things(total: u64, things: &str) -> ProgressBar {
    let template =
        format!("{{wide_bar}} {{human_pos}} of {{human_len}} {things}, {{rate}}, {{eta}} left");
    shown(ProgressBar::new(total), &template)
}

/// A bar of so many bytes, with the rate and the time left.
pub(crate) fn of_bytes(total: u64) -> ProgressBar {
    let template = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    shown(ProgressBar::new(total), template)
}

/// A count of things, of which nobody knows how many there are.
pub(crate) fn count_of(things: &str) -> ProgressBar {
    let template = format!("{{spinner}} {{human_pos}} {things}, {{rate}}");
    shown(ProgressBar::new_spinner(), &template)
}

fn shown(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) if is_seen() => {
            let style =
                style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{}", rate(state.per_sec()));
                });
            bar.with_style(style).with_finish(ProgressFinish::AndClear)
        }
        _ => ProgressBar::hidden(),
    }
}

/// Whole things in a second, the rest cut off.
fn rate(per_second: f64) -> String {
    format!("{}/s", HumanCount(per_second as u64))
}

/// Shows how far the upkeep of a store has come while it is done.
pub(crate) fn of_upkeep<T>(work: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let bar = of_things(0, "events");
    work(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_whole_number() {
        assert_eq!(rate(109_969.102_5), "109,969/s");
        assert_eq!([0.0, 0.9, f64::NAN].map(rate), ["0/s"; 3].map(str::to_owned));
    }
}
