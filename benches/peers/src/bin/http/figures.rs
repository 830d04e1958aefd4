//! The table of the services: what was measured, how they compare, and which targets are reached.
//!
//! Owns: rows with a figure of each service and round, medians, ratios, targets, and the table as text and as
//! JSON. Does not own how a figure comes about (`compare`).
//!
//! A ratio says how many times better diurnal is: below 1 the other is ahead.

use serde_json::{Value, json};

use crate::machine::median;
use crate::service::Kind;
use crate::text::{Unit, better, columns, rounded, shown};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

struct Row {
    name: String,
    unit: Unit,
    target: Option<Target>,
    figures: Vec<(Kind, f64)>,
}

/// Rows in the order in which they were first measured.
pub(crate) struct Figures {
    services: Vec<Kind>,
    rows: Vec<Row>,
}

impl Figures {
    pub(crate) fn new(services: &[Kind]) -> Self {
        Self { services: services.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, unit: Unit, kind: Kind, figure: f64) {
        self.row(name, unit, None).figures.push((kind, figure));
    }

    /// A figure with a target, which is diurnal's.
    pub(crate) fn aim(&mut self, name: &str, unit: Unit, target: Target, kind: Kind, figure: f64) {
        self.row(name, unit, Some(target)).figures.push((kind, figure));
    }

    fn row(&mut self, name: &str, unit: Unit, target: Option<Target>) -> &mut Row {
        let at = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row { name: name.to_owned(), unit, target, figures: Vec::new() });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    pub(crate) fn text(&self, markdown: bool) -> String {
        let mut head = vec!["measure".to_owned()];
        head.extend(self.services.iter().map(|kind| kind.name().to_owned()));
        head.extend(["target of diurnal", "reached"].map(str::to_owned));
        let lines = self.rows.iter().map(|row| {
            let mut line = vec![row.name.clone()];
            line.extend(self.services.iter().map(|kind| row.cell(*kind)));
            line.push(row.target.map_or_else(String::new, |target| match target {
                Target::AtLeast(least) => format!("at least {}", shown(row.unit, least)),
                Target::AtMost(most) => format!("at most {}", shown(row.unit, most)),
            }));
            line.push(match row.reached() {
                Some(true) => "yes".to_owned(),
                Some(false) => "NO".to_owned(),
                None => String::new(),
            });
            line
        });
        let lines: Vec<_> = std::iter::once(head).chain(lines).collect();
        columns(&lines, markdown)
    }

    pub(crate) fn json(&self) -> Value {
        let service = |row: &Row, kind: Kind| {
            json!({
                "service": kind.name(),
                "median": row.median(kind),
                "rounds": row.rounds(kind),
                "diurnal_times_better": row.ratio(kind),
            })
        };
        let row = |row: &Row| {
            json!({
                "measure": row.name,
                "unit": match row.unit {
                    Unit::PerSecond => "per second",
                    Unit::Seconds | Unit::Floor => "seconds",
                    Unit::Bytes | Unit::BytesBack => "bytes",
                    Unit::Processors => "processors",
                },
                "services": self.services.iter().map(|kind| service(row, *kind)).collect::<Vec<_>>(),
                "target": row.target.map(|target| match target {
                    Target::AtLeast(least) => json!({"at_least": least}),
                    Target::AtMost(most) => json!({"at_most": most}),
                }),
                "reached": row.reached(),
            })
        };
        self.rows.iter().map(row).collect()
    }
}

impl Row {
    fn rounds(&self, kind: Kind) -> Vec<f64> {
        let same = self.figures.iter().filter(|(of, _)| *of == kind);
        same.map(|(_, figure)| *figure).collect()
    }

    fn median(&self, kind: Kind) -> Option<f64> {
        let rounds = self.rounds(kind);
        (!rounds.is_empty()).then(|| median(&rounds))
    }

    fn ratio(&self, kind: Kind) -> Option<f64> {
        match kind {
            Kind::Diurnal => None,
            kind => better(self.unit, self.median(Kind::Diurnal)?, self.median(kind)?),
        }
    }

    fn cell(&self, kind: Kind) -> String {
        match (self.median(kind), self.ratio(kind)) {
            (Some(figure), Some(ratio)) => {
                format!("{} ({} x)", shown(self.unit, figure), rounded(ratio))
            }
            (Some(figure), None) => shown(self.unit, figure),
            (None, _) => "-".to_owned(),
        }
    }

    fn reached(&self) -> Option<bool> {
        let ours = self.median(Kind::Diurnal)?;
        Some(match self.target? {
            Target::AtLeast(least) => ours >= least,
            Target::AtMost(most) => ours <= most,
        })
    }
}
