//! Tables that can be read in a terminal and as Markdown.

/// A table, its columns as wide as their widest cell; from the second on they are numbers, which stand to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut lines: Vec<String> = all().map(|row| line(row, &widths)).collect();
    let rule = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(width + 2),
            _ => format!("{}:", "-".repeat(width + 1)),
        });
    lines.insert(1, format!("|{}|", rule.collect::<Vec<_>>().join("|")));
    lines.join("\n") + "\n"
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| match column {
        0 => format!(" {cell:<width$} "),
        _ => format!(" {cell:>width$} "),
    });
    format!("|{}|", cells.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            table(&["crate", "n"], &[row(["é", "10"]), row(["longer", "2"])]),
            "| crate  |  n |\n|--------|---:|\n| é      | 10 |\n| longer |  2 |\n"
        );
    }
}
