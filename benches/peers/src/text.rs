//! Figures as text.
//!
//! Owns: the units, how a figure is written in one, ratios, and columns. Does not own which figures there
//! are.

use std::fmt::Write;

use Unit::{Bytes, BytesBack, Floor, PerSecond, Processors, Seconds};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    PerSecond,
    Bytes,
    /// Bytes that come back, or do not.
    BytesBack,
    /// What the disk took, not the engine.
    Floor,
    /// How many processors were busy.
    Processors,
}

/// How many times better ours is.
pub fn better(unit: Unit, ours: f64, theirs: f64) -> Option<f64> {
    let ratio = match unit {
        PerSecond => ours / theirs,
        Seconds | Bytes => theirs / ours,
        // Nothing is no part of something, and the disk is no engine.
        BytesBack | Floor | Processors => return None,
    };
    ratio.is_finite().then_some(ratio)
}

/// Lines of as many cells each, the first the head, as GitHub's Markdown or in columns for a terminal.
pub fn columns(lines: &[Vec<String>], markdown: bool) -> String {
    let widths: Vec<_> = (0..lines[0].len())
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<_> = cells.collect();
        let joined = match markdown {
            true => format!("| {} |", cells.join(" | ")),
            false => cells.join("  ").trim_end().to_owned(),
        };
        let _ = writeln!(text, "{joined}");
        if number == 0 {
            let rules = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
            let _ = match markdown {
                true => writeln!(text, "|-{}-|", rules.join("-|-")),
                false => writeln!(text, "{}", rules.join("  ")),
            };
        }
    }
    text
}

/// Three digits that count.
pub fn rounded(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        x if x < 10.0 => format!("{value:.2}"),
        x if x < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

pub fn shown(unit: Unit, value: f64) -> String {
    let scales: &[(f64, &str)] = match unit {
        Seconds | Floor => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
        PerSecond => &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
        Bytes | BytesBack => &[(1e6, "MB"), (1e3, "KB"), (1.0, "B")],
        Processors => &[(1.0, "processors")],
    };
    let scale = scales.iter().find(|(scale, _)| value.abs() >= *scale).or(scales.last());
    scale.map_or_else(String::new, |(scale, name)| format!("{} {name}", rounded(value / scale)))
}
