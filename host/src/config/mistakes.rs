//! Finds all mistakes of a configuration at once. The YAML library stops at the first; so each mistake is taken out or
//! skipped, and the rest is read again.

use std::collections::BTreeSet;
use std::path::Path;

use super::braces;
use super::context::{self, Needs};
use super::file::File;
use super::report::Mistake;

/// The most mistakes that are reported at once.
const MOST: usize = 20;

/// Reads the text with relative paths starting at `base`, checks that what it names and needs is there, and returns its
/// mistakes in the order of the text.
pub(super) fn read(
    base: &Path,
    needs: &Needs,
    text: &str,
) -> Result<(File, BTreeSet<String>), Vec<Mistake>> {
    let mut left = Remainder {
        text: text.to_owned(),
        missed: Vec::new(),
    };
    let (mut mistakes, is_yaml) = left.duplicates();
    if !is_yaml {
        return Err(mistakes);
    }
    let mut passed_over = BTreeSet::new();
    let mut gone = mistakes.iter().map(|mistake| mistake.place).collect();
    while mistakes.len() < MOST {
        let reading = context::read(base, needs, &passed_over, || {
            serde_yaml::from_str(&left.text)
        });
        let error = match reading.outcome {
            Ok(file) if mistakes.is_empty() => return Ok((file, reading.secret_variables)),
            Ok(_) => break,
            Err(error) => error,
        };
        let mistake = Mistake::new(&error);
        if left.is_ours(&mistake) {
            // So what misses it goes, too.
            match left.take_out(&mistake) && is_new(&mut gone, &mistake) {
                true => continue,
                false => break,
            }
        }
        let continues = match reading.failed {
            Some(scalar) => passed_over.insert(scalar),
            None => left.take_out(&mistake),
        };
        // One place twice: it could not be passed over.
        if !is_new(&mut gone, &mistake) {
            break;
        }
        mistakes.push(mistake);
        if !continues {
            break;
        }
    }
    mistakes.sort_by_key(|mistake| mistake.place);
    Err(mistakes)
}

/// The text without the mistakes that were taken out. Its lines keep their numbers.
struct Remainder {
    text: String,
    /// Keys that were taken out, and their lines: it is no mistake that they are missing then.
    missed: Vec<(usize, String)>,
}

/// Whether no mistake was found at its place before.
fn is_new(gone: &mut BTreeSet<Option<(usize, usize)>>, mistake: &Mistake) -> bool {
    gone.insert(mistake.place)
}

impl Remainder {
    /// Finds keys that are there twice: a map type would keep the last one, and a plain value refuses the second. Where
    /// the text is not YAML, no other mistakes are searched for.
    fn duplicates(&mut self) -> (Vec<Mistake>, bool) {
        let mut mistakes: Vec<Mistake> = Vec::new();
        while mistakes.len() < MOST {
            let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(&self.text) else {
                break;
            };
            let mut mistake = Mistake::new(&error);
            let twice = mistake.twice();
            let is_yaml = twice.is_some();
            mistake.is_syntax = !is_yaml;
            let went = match twice.zip(mistake.place) {
                Some((key, (line, column))) => {
                    let in_braces = self.second_in_braces(&key, line, column);
                    let found = in_braces.map(|place| (place, true)).or_else(|| {
                        let (line, column) = self.second(&key, line, column)?;
                        let went = self.take_out_block(line, column);
                        Some(((line, column), went))
                    });
                    mistake.place = found.map(|(place, _)| place).or(mistake.place);
                    found.is_some_and(|(_, went)| went)
                }
                None => false,
            };
            mistakes.push(mistake);
            if !went {
                return (mistakes, is_yaml);
            }
        }
        (mistakes, true)
    }

    /// Whether a key is missing because it was taken out.
    fn is_ours(&self, mistake: &Mistake) -> bool {
        let (Some(missing), Some((line, column))) = (mistake.missing_key(), mistake.place) else {
            return false;
        };
        let rows = self.text.lines().enumerate().skip(line);
        let end = rows
            .filter(|(_, row)| !row.trim().is_empty())
            .find(|(_, row)| indent(row) + 1 < column)
            .map_or(usize::MAX, |(at, _)| at + 1);
        let its = line..end;
        self.missed
            .iter()
            .any(|(at, key)| its.contains(at) && key == missing)
    }

    /// The second place of the key in the map that begins at this place.
    fn second(&self, key: &str, line: usize, column: usize) -> Option<(usize, usize)> {
        let rows = self.text.lines().enumerate().skip(line.checked_sub(1)?);
        let mut of_map = rows
            .filter(|(_, row)| !row.trim().is_empty())
            .take_while(|(at, row)| *at + 1 == line || indent(row) + 1 >= column);
        let mut its = of_map.by_ref().filter(|(at, row)| {
            let begins = if *at + 1 == line {
                column
            } else {
                indent(row) + 1
            };
            begins == column && key_at(row, column).is_some_and(|found| found == key)
        });
        its.next()?;
        its.next().map(|(at, _)| (at + 1, column))
    }

    /// The same for a map in braces; takes the entry out. Returns the place of its key.
    fn second_in_braces(
        &mut self,
        key: &str,
        line: usize,
        column: usize,
    ) -> Option<(usize, usize)> {
        let brace = braces::offset(&self.text, line, column)?;
        let entries = braces::entries(&self.text, brace)?;
        let mut its = entries.into_iter().filter(|entry| entry.key == key);
        its.next()?;
        let second = its.next()?;
        let place = braces::place(&self.text, second.octets.start)?;
        let (before, rest) = self.text.split_at_checked(second.octets.start)?;
        let (entry, after) = rest.split_at_checked(second.octets.len())?;
        // Its lines stay where they are.
        let blank = entry.chars().map(|c| if c == '\n' { '\n' } else { ' ' });
        self.text = format!("{before}{}{after}", blank.collect::<String>());
        Some(place)
    }

    /// Takes the mistake out, so that the rest can be read. Returns false where that is not possible.
    fn take_out(&mut self, mistake: &Mistake) -> bool {
        let Some((line, column)) = mistake.place else {
            return false;
        };
        if mistake.missing_key().is_some() {
            return self.take_out_owner(line, column);
        }
        let Some(row) = self.text.lines().nth(line - 1) else {
            return false;
        };
        // A value beside its key, or a key.
        let begins = text_begins(row) + 1;
        if begins < column && key_at(row, begins).is_some() || mistake.is_unknown_key() {
            let meant = mistake.meant().map(|key| (line, key.to_owned()));
            self.missed.extend(meant);
            return self.take_out_block(line, begins);
        }
        self.take_out_owner(line, column)
    }

    /// Takes out the map or list that begins at this place, with its key.
    fn take_out_owner(&mut self, line: usize, column: usize) -> bool {
        let rows: Vec<&str> = self.text.lines().collect();
        let before = rows.get(..line.saturating_sub(1)).unwrap_or_default();
        if rows
            .get(line - 1)
            .is_some_and(|row| text_begins(row) > indent(row))
        {
            // It is an element of a list, and the list is read without it.
            let dash = rows.get(line - 1).map_or(0, |row| indent(row)) + 1;
            return self.blank(line, dash);
        }
        let owner = before
            .iter()
            .enumerate()
            .rev()
            .find(|(_, row)| !row.trim().is_empty() && text_begins(row) + 1 < column);
        match owner {
            Some((at, row)) => {
                let begins = text_begins(row) + 1;
                self.take_out_block(at + 1, begins)
            }
            None => false,
        }
    }

    /// Takes out the key at this place, with everything that belongs to it.
    fn take_out_block(&mut self, line: usize, column: usize) -> bool {
        let row = self.text.lines().nth(line - 1).unwrap_or_default();
        let Some(key) = key_at(row, column) else {
            return false;
        };
        self.missed.push((line, key));
        self.blank(line, column)
    }

    /// Blanks the line from this place on, and the following lines that are indented more.
    fn blank(&mut self, line: usize, column: usize) -> bool {
        let mut within = true;
        let left = self.text.lines().enumerate().map(|(at, row)| {
            if at + 1 == line {
                let kept = column - 1;
                return row.chars().take(kept).collect();
            }
            within &= at < line || row.trim().is_empty() || indent(row) >= column;
            match at >= line && within {
                true => String::new(),
                false => row.to_owned(),
            }
        });
        let left: Vec<String> = left.collect();
        self.text = left.join("\n") + "\n";
        true
    }
}

fn indent(row: &str) -> usize {
    row.chars().take_while(|c| *c == ' ').count()
}

/// Where the text of a line begins, behind the dashes of lists.
fn text_begins(row: &str) -> usize {
    row.chars().take_while(|c| matches!(c, ' ' | '-')).count()
}

/// The key that stands at a column, counted from 1.
fn key_at(row: &str, column: usize) -> Option<String> {
    let rest: String = row.chars().skip(column.checked_sub(1)?).collect();
    let (key, _) = rest.split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    let is_key = !key.is_empty() && !key.contains(['{', '[', '#', '"', '\'']);
    is_key.then(|| key.to_owned())
}
