//! Columns that line up.

use super::clean::is_mark;

/// Space between columns.
const GAP: usize = 2;

/// One line per row, each column as wide as its widest cell; nothing after the last. Cells are shown as
/// they are: clean those that come from other people first. Ends with a line break unless empty.
#[must_use]
pub fn table<Row: AsRef<[String]>>(rows: &[Row]) -> String {
    let columns = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.as_ref().get(column)).map(|cell| width(cell)).max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut drawn = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, column_width) in row.as_ref().iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', column_width - width(cell) + GAP));
        }
        drawn.push_str(line.trim_end());
        drawn.push('\n');
    }
    drawn
}

/// Terminal columns, near enough: marks take none, East Asian and emoji characters two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            c if is_mark(c) => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe4f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows =
            [row(&["clave", "nombre", "x"]), row(&["3f", "Ángel"]), row(&["你", "J\u{301}", "yy"])];
        assert_eq!(table(&rows), "clave  nombre  x\n3f     Ángel\n你     J\u{301}       yy\n");
        assert_eq!(table::<Vec<String>>(&[]), "");
    }
}
