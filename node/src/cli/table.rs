//! Tables for people.

use super::palette::{Palette, Tone};
use super::text::one_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

#[derive(Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(super) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        let text = one_line(text.as_ref());
        Self {
            text: if text.is_empty() {
                "-".to_owned()
            } else {
                text
            },
            tone,
        }
    }

    /// `-` for none.
    pub(crate) fn of(value: Option<impl ToString>) -> Self {
        Self::new(value.map(|value| value.to_string()).unwrap_or_default())
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        assert_eq!(cells.len(), self.columns.len(), "one cell a column");
        self.rows.push(cells);
    }

    /// Two blanks between columns, and none at the ends of lines.
    pub(super) fn render(&self, palette: Palette) -> String {
        let heads = self.columns.iter();
        let head = heads.map(|(name, _)| Cell::toned(name, Tone::Strong));
        let head: Vec<_> = head.collect();
        let all = || std::iter::once(&head).chain(&self.rows);
        let width_of = |at: usize| all().map(|row| row[at].width()).max().unwrap_or(0);
        let widths: Vec<_> = (0..self.columns.len()).map(width_of).collect();
        let mut text = String::new();
        for row in all() {
            text.push_str(&self.render_row(row, &widths, palette));
            text.push('\n');
        }
        text
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], palette: Palette) -> String {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let padding = " ".repeat(widths[at] - cell.width());
            let painted = palette.paint(cell.tone, &cell.text);
            let is_last = at + 1 == row.len();
            match self.columns[at].1 {
                Align::Right => line.extend([padding.as_str(), &painted]),
                Align::Left if is_last => line.push_str(&painted),
                Align::Left => line.extend([painted.as_str(), &padding]),
            }
            if !is_last {
                line.push_str("  ");
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_come_from_the_widest() {
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("N", Align::Right),
            ("END", Align::Left),
        ]);
        table.row(vec![Cell::new("a"), Cell::of(Some(1234)), Cell::new("x")]);
        table.row(vec![
            Cell::new("é\nlong"),
            Cell::of(None::<u64>),
            Cell::new(""),
        ]);
        let plain = Palette { enabled: false };
        let expected = "NAME       N  END\na       1234  x\né long     -  -\n";
        assert_eq!(table.render(plain), expected);
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut table = Table::new(&[("A", Align::Left), ("B", Align::Left)]);
        table.row(vec![Cell::toned("x", Tone::Bad), Cell::new("y")]);
        let painted = table.render(Palette { enabled: true });
        let mut plain = painted;
        while let Some(start) = plain.find('\u{1b}') {
            let end = start + plain[start..].find('m').unwrap();
            plain.replace_range(start..=end, "");
        }
        assert_eq!(plain, "A  B\nx  y\n");
    }
}
