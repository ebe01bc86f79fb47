//! Parses maps in braces far enough to find the place of a key in one, since the YAML library reports only the place of
//! the brace.

use std::ops::Range;

/// A key of a map in braces, and the octets from it to the next one, including the comma between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BraceEntry {
    pub(super) key: String,
    pub(super) octets: Range<usize>,
}

/// The octet at which line and column are, from 1.
pub(super) fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let lines = text.split_inclusive('\n').take(line.checked_sub(1)?);
    let begins: usize = lines.map(str::len).sum();
    let row = text.get(begins..)?;
    let before = row.chars().take(column.checked_sub(1)?);
    Some(begins + before.map(char::len_utf8).sum::<usize>())
}

/// Line and column of an octet, from 1.
pub(super) fn place(text: &str, octet: usize) -> Option<(usize, usize)> {
    let before = text.get(..octet)?;
    let row = before.rsplit('\n').next().unwrap_or(before);
    Some((before.matches('\n').count() + 1, row.chars().count() + 1))
}

/// The entries of the map whose brace is at this octet; none where there is no brace.
pub(super) fn entries(text: &str, brace: usize) -> Option<Vec<BraceEntry>> {
    let inside = brace + 1;
    let map = text.get(brace..)?.strip_prefix('{')?;
    let (mut entries, mut scanner) = (Vec::new(), Scanner::default());
    // Where the key of the entry begins, and where it ends.
    let (mut begins, mut ends) = (None, None);
    for (at, c) in map.char_indices() {
        let is_mark = scanner.takes(c);
        if begins.is_none() && !c.is_whitespace() && !scanner.is_remark {
            begins = Some(at);
        }
        let is_over = is_mark && scanner.depth == 0 && c == ',' || scanner.depth < 0;
        if is_mark && scanner.depth == 0 && c == ':' {
            ends = ends.or(Some(at));
        }
        if !is_over {
            continue;
        }
        if let (Some(from), Some(to)) = (begins.take(), ends.take()) {
            let key = map.get(from..to)?.trim().trim_matches(['"', '\'']);
            let end = if c == ',' { at + 1 } else { at };
            entries.push(BraceEntry {
                key: key.to_owned(),
                octets: inside + from..inside + end,
            });
        }
        if scanner.depth < 0 {
            break;
        }
        begins = None;
    }
    Some(entries)
}

/// Finds out which characters are in quotation marks, in a comment or in an inner map.
#[derive(Default)]
struct Scanner {
    /// How many braces and brackets are open; below 0 the map has ended.
    depth: i32,
    quoted: Option<char>,
    is_remark: bool,
    /// A text without quotation marks has begun: a quotation mark inside it is an ordinary character.
    is_plain: bool,
    before: Option<char>,
}

impl Scanner {
    /// Whether the character belongs to the syntax of YAML, and not to a text.
    fn takes(&mut self, c: char) -> bool {
        let before = self.before.replace(c);
        if self.is_remark {
            self.is_remark = c != '\n';
            return false;
        }
        if let Some(mark) = self.quoted {
            let is_escaped = mark == '"' && before == Some('\\');
            if c == mark && !is_escaped {
                self.quoted = None;
            }
            if is_escaped {
                // The second of two backslashes escapes nothing.
                self.before = None;
            }
            return false;
        }
        match c {
            '"' | '\'' if !self.is_plain => {
                self.quoted = Some(c);
                return false;
            }
            '#' if before.is_none_or(char::is_whitespace) => {
                self.is_remark = true;
                return false;
            }
            '{' | '[' => self.depth += 1,
            '}' | ']' => self.depth -= 1,
            ',' | ':' => {}
            c => {
                self.is_plain |= !c.is_whitespace();
                return false;
            }
        }
        self.is_plain = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_map_in_braces_are_found_wherever_they_stand() {
        let text = "limits: {a: {b: 1, x: 2}, 'b': [1, \"}, b: \\\"\"], # b: 3,\n  b: it's,\n  \u{fc}: 'it''s, b: 4', b : 5}\nb: 6\n";
        let brace = offset(text, 1, 9).unwrap();
        let found = entries(text, brace).unwrap();
        let keys: Vec<&str> = found.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "b", "\u{fc}", "b"]);
        let places: Vec<_> = found
            .iter()
            .map(|entry| place(text, entry.octets.start).unwrap())
            .collect();
        assert_eq!(places, [(1, 10), (1, 27), (2, 3), (3, 3), (3, 21)]);
        assert_eq!(&text[found[2].octets.clone()], "b: it's,");
        assert_eq!(&text[found[4].octets.clone()], "b : 5");
        assert_eq!(entries(text, 0), None, "there is no brace");
    }
}
