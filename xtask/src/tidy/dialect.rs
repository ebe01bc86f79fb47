//! Words that are kept out of code, comments, pages and messages, since only those who wrote them knew what they meant.
//! Rust, SQL, WIT, YAML, TOML, C and shell are read like pages, of the guests too.
//! A word is found in names too; a phrase of several words in prose alone, since names of tests are telegrams.
//! The list is the table at the end of [docs/glossary.md](../../../docs/glossary.md), and nowhere else.

use super::offence::Offence;
use crate::exceptions::{WORDS, WORDS_LEFT};
use crate::source::tree::Tree;

/// The page with the list, and the heading of its table.
const GLOSSARY: &str = "docs/glossary.md";
const HEADING: &str = "## Dropped words";

/// The list, its exceptions, and this file, whose tests have dropped words.
const APART: [&str; 3] = [
    GLOSSARY,
    "xtask/src/exceptions.rs",
    "xtask/src/tidy/dialect.rs",
];

/// How the names of the files end that people write: `run` is the script of `.ci`.
const WRITTEN: [&str; 10] = [
    ".rs", ".md", ".wit", ".sql", ".yaml", ".yml", ".toml", ".sh", ".c", "/run",
];

/// A word or phrase that is not written, and what to write.
struct Dropped {
    phrase: String,
    better: String,
}

/// Reads the table of the glossary: `| not, nor this | write |`.
fn dropped(page: &str) -> Result<Vec<Dropped>, String> {
    let (_, table) = page
        .split_once(HEADING)
        .ok_or_else(|| format!("{GLOSSARY}: `{HEADING}` is missing"))?;
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut found = Vec::new();
    for row in rows {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (Some(phrases), Some(better)) = (cells.next(), cells.next()) else {
            return Err(format!("{GLOSSARY}: a row has two cells: {row}"));
        };
        found.extend(phrases.split(", ").map(|phrase| Dropped {
            phrase: phrase.to_owned(),
            better: better.to_owned(),
        }));
    }
    if found.is_empty() {
        return Err(format!("{GLOSSARY}: no word is dropped"));
    }
    Ok(found)
}

/// What stands in each folder, and how much of it is let pass.
pub(super) fn check(tree: &Tree) -> Result<Vec<(Vec<Offence>, usize)>, String> {
    let list = dropped(&tree.text(GLOSSARY)?)?;
    let mut found: Vec<(&str, Vec<Offence>, usize)> = WORDS_LEFT
        .iter()
        .map(|(folder, left)| (*folder, Vec::new(), *left))
        .collect();
    for path in WRITTEN.iter().flat_map(|end| tree.named(end)) {
        if APART.contains(&path) {
            continue;
        }
        let offences = look_through(&list, path, &tree.text(path)?);
        if let Some((_, all, _)) = found
            .iter_mut()
            .find(|(folder, ..)| path.starts_with(folder))
        {
            all.extend(offences);
        }
    }
    Ok(found
        .into_iter()
        .map(|(_, offences, left)| (offences, left))
        .collect())
}

fn look_through(list: &[Dropped], path: &str, text: &str) -> Vec<Offence> {
    let words = words(text);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let here = words.get(at..).unwrap_or_default();
        for Dropped { phrase, better } in list {
            let stays = WORDS
                .iter()
                .any(|(file, word, _)| *file == path && word == phrase);
            if !stays && begins_with(here, phrase) {
                let line = here.first().map_or(0, |word| word.line);
                found.push(Offence::new(
                    format!("{path}:{line}"),
                    format!("`{phrase}` is not said here"),
                    format!("write: {better}"),
                ));
            }
        }
    }
    found
}

/// A word, as part of a sentence or a name.
struct Spelt {
    text: String,
    line: usize,
    /// Whether only what may stand inside a phrase is before it.
    joined: bool,
}

/// All words of a text in small letters; `aName` and `a_name` are two words.
fn words(text: &str) -> Vec<Spelt> {
    let mut found: Vec<Spelt> = Vec::new();
    let (mut line, mut before, mut joined) = (1, ' ', false);
    for character in text.chars() {
        if character.is_alphabetic() {
            let starts =
                !before.is_alphabetic() || (before.is_lowercase() && character.is_uppercase());
            if starts {
                found.push(Spelt {
                    text: String::new(),
                    line,
                    joined,
                });
                joined = true;
            }
            if let Some(word) = found.last_mut() {
                word.text.extend(character.to_lowercase());
            }
        } else {
            line += usize::from(character == '\n');
            // A phrase may go over the end of a comment's line.
            joined &= character.is_whitespace() || matches!(character, '/' | '!' | '>');
        }
        before = character;
    }
    found
}

fn begins_with(words: &[Spelt], phrase: &str) -> bool {
    let parts: Vec<&str> = phrase.split(' ').collect();
    let fits = |(at, part): (usize, &&str)| {
        words
            .get(at)
            .is_some_and(|word| word.text == **part && (at == 0 || word.joined))
    };
    parts.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "| word | not |\n|---|---|\n| a | house |\n\n## Dropped words\n\n| not | write |\n|---|---|\n| anew | again |\n| bear, bears | tolerate, ignore |\n| goes on | continues |\n";

    fn told(text: &str) -> Vec<String> {
        let offences = look_through(&dropped(PAGE).unwrap(), "host/src/a.rs", text);
        offences
            .into_iter()
            .map(|offence| format!("{} {}", offence.place, offence.what))
            .collect()
    }

    #[test]
    fn a_dropped_word_is_found_in_comments_messages_and_names() {
        for text in [
            "// It is made Anew.",
            "\"cannot be made anew\"",
            "fn make_anew() {}",
            "struct MadeAnew;",
            "const ANEW: u8 = 1;",
        ] {
            assert_eq!(
                told(text),
                ["host/src/a.rs:1 `anew` is not said here"],
                "{text}"
            );
        }
        let offences = look_through(&dropped(PAGE).unwrap(), "a.md", "It bears that.");
        assert_eq!(offences[0].remedy, "write: tolerate, ignore");
        assert_eq!(told("a house"), Vec::<String>::new(), "of another table");
    }

    #[test]
    fn a_phrase_may_go_over_the_end_of_a_line() {
        assert_eq!(
            told("fn a() {}\n    /// It goes\n    /// on, and\n"),
            ["host/src/a.rs:2 `goes on` is not said here"]
        );
        assert_eq!(told("fn it_goes_on_here() {}"), Vec::<String>::new());
    }

    #[test]
    fn parts_of_words_and_of_sentences_are_none() {
        for text in [
            "bearer",
            "warehouse",
            "It goes, on and on.",
            "go(on)",
            "goes -> on",
            "canewood",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_glossary_without_its_list_is_an_error() {
        assert!(dropped("# Glossary\n").is_err());
        assert!(dropped("## Dropped words\n\n| not | write |\n|---|---|\n").is_err());
    }

    #[test]
    fn every_language_of_the_repository_is_read() {
        for path in [
            "crates/store/src/sqlite/schema-9.sql",
            "wit/types.wit",
            "policies/example.yaml",
            "guest-examples/Cargo.toml",
            "guest-examples/a/src/lib.rs",
            "xtask/src/campaign/killer.c",
            ".ci/run",
            "a.sh",
        ] {
            let (_folder, tree) =
                Tree::planted(&[(path, "is made anew"), ("docs/glossary.md", PAGE)]);
            let found = check(&tree).unwrap().into_iter();
            let places: Vec<String> = found
                .flat_map(|(offences, _)| offences)
                .map(|offence| offence.place)
                .collect();
            assert_eq!(places, [format!("{path}:1")]);
        }
    }

    #[test]
    fn each_folder_is_counted_by_itself() {
        let (_folder, tree) = Tree::planted(&[
            ("docs/a.md", "anew"),
            ("docs/glossary.md", PAGE),
            ("host/src/a.rs", "// anew, anew"),
            ("README.md", "anew"),
        ]);
        let found = check(&tree).unwrap().into_iter();
        let counts: Vec<usize> = found
            .map(|(offences, _)| offences.len())
            .filter(|count| *count > 0)
            .collect();
        assert_eq!(counts, [2, 1, 1]);
    }
}
