//! Columns for a person's eye.

/// Rows under headings, every column as wide as its widest cell.
#[derive(Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        assert!(
            cells.len() == self.headings.len(),
            "a row has a cell for every heading"
        );
        self.rows.push(cells);
    }

    /// The lines, each behind `indent`. Columns of numbers are aligned to the right.
    pub fn lines(&self, indent: &str) -> Vec<String> {
        let headings: Vec<String> = self
            .headings
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        let columns: Vec<Column> = (0..headings.len())
            .map(|index| self.column(index))
            .collect();
        let line = |cells: &Vec<String>| {
            let mut line = indent.to_owned();
            for (cell, column) in cells.iter().zip(&columns) {
                let blanks = " ".repeat(column.width - cell.chars().count());
                if column.is_number {
                    line.push_str(&blanks);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&blanks);
                }
                line.push_str("  ");
            }
            line.trim_end().to_owned()
        };
        std::iter::once(&headings)
            .chain(&self.rows)
            .map(line)
            .collect()
    }

    fn column(&self, index: usize) -> Column {
        let cells = self.rows.iter().map(|row| row[index].as_str());
        let width = cells
            .clone()
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0);
        // A dash stands for a number that is not there.
        let is_digits = |cell: &str| cell == "-" || cell.chars().all(|c| c.is_ascii_digit());
        let has_digits = cells.clone().any(|cell| cell != "-");
        Column {
            width: width.max(self.headings[index].chars().count()),
            is_number: has_digits && cells.clone().all(is_digits),
        }
    }
}

struct Column {
    width: usize,
    is_number: bool,
}

/// `count` of something, with the plural where it is due.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("{count} {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Broker ids and the like, separated by commas; a dash for none.
pub fn list(ids: &[i32]) -> String {
    if ids.is_empty() {
        return "-".to_owned();
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let mut table = Table::new(&["NAME", "N"]);
        table.row(vec!["long name".to_owned(), "7".to_owned()]);
        table.row(vec!["x".to_owned(), "100".to_owned()]);
        let expected = [" NAME         N", " long name    7", " x          100"];
        assert_eq!(table.lines(" "), expected);
    }
}
