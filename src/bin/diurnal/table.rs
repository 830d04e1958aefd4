//! Aligned columns for people.
//!
//! Owns: the layout of a table whose rows arrive one by one. Does not own what its cells say; they
//! must be free of control characters (`text`).
//!
//! Invariant: a table of any length holds at most [`ROWS_MEASURED`] rows in memory.

use std::io::{self, Write};

use crate::style;

/// Rows that are held back to find the widths, which the rows after them keep.
const ROWS_MEASURED: usize = 200;

/// A column's title and the side its cells keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
}

impl Column {
    pub(crate) const fn left(title: &'static str) -> Self {
        Self { title, right: false }
    }

    /// For numbers.
    pub(crate) const fn right(title: &'static str) -> Self {
        Self { title, right: true }
    }
}

/// Rows on their way to the output.
pub(crate) struct Table<'a> {
    out: &'a mut dyn Write,
    columns: Vec<Column>,
    widths: Vec<usize>,
    /// Rows not yet written; none once the widths are settled.
    held: Vec<Vec<String>>,
    settled: bool,
}

impl<'a> Table<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, columns: &[Column]) -> Self {
        let widths = columns.iter().map(|column| column.title.chars().count()).collect();
        Self { out, columns: columns.to_vec(), widths, held: Vec::new(), settled: false }
    }

    /// One more row, with a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<String>) -> io::Result<()> {
        if self.settled {
            return self.write(&cells);
        }
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
        self.held.push(cells);
        if self.held.len() >= ROWS_MEASURED { self.settle() } else { Ok(()) }
    }

    /// Writes what is held, where there is anything, and sends it on: rows that come later keep the widths
    /// found so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.settle()?;
        }
        self.out.flush()
    }

    /// Writes what is still held; a table without rows is its titles.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.settled { Ok(()) } else { self.settle() }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.settled = true;
        let titles = self.columns.iter().map(|column| column.title.to_owned()).collect::<Vec<_>>();
        let line = self.line(&titles);
        writeln!(self.out, "{}", style::title(line.trim_end()))?;
        for cells in std::mem::take(&mut self.held) {
            self.write(&cells)?;
        }
        Ok(())
    }

    fn write(&mut self, cells: &[String]) -> io::Result<()> {
        let line = self.line(cells);
        writeln!(self.out, "{}", line.trim_end())
    }

    fn line(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for ((column, cell), width) in self.columns.iter().zip(cells).zip(&self.widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column.right {
                line.push_str(&blanks);
            }
            line.push_str(cell);
            if !column.right {
                line.push_str(&blanks);
            }
        }
        line
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::left("KEY"), Column::right("N"), Column::left("X")];

    fn table(rows: usize) -> Vec<String> {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, COLUMNS);
        for row in 0..rows {
            table.row(vec![format!("k{row}"), row.to_string(), String::new()]).unwrap();
        }
        table.finish().unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(table(0), ["KEY  N  X"]);
        assert_eq!(table(11)[..3], ["KEY   N  X", "k0    0", "k1    1"]);
        assert_eq!(table(11)[11], "k10  10");
    }

    #[test]
    fn no_row_is_lost_where_the_widths_settle() {
        for rows in [ROWS_MEASURED - 1, ROWS_MEASURED, ROWS_MEASURED + 1] {
            assert_eq!(table(rows).len(), rows + 1);
        }
    }
}
