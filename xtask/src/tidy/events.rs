//! Events of the log: each has a code of its own, and an operator finds all of them in the table of
//! `docs/operating.md`, which is made from where they are declared (`pointsman_log::events!`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::offence::Offence;
use crate::source::tree::Tree;

const PAGE: &str = "docs/operating.md";
const BEGIN: &str = "<!-- This table is written by `cargo xtask events`. -->\n";
const END: &str = "<!-- Here the table ends. -->\n";

/// Writes the table of the operator's page.
///
/// # Errors
/// What cannot be read or written, or a page without a place for it.
pub fn write(root: &Path) -> Result<String, String> {
    let tree = Tree::read(root)?;
    let events = declared(&tree)?;
    let page = tree.text(PAGE)?;
    let (before, _, after) = parts(&page).ok_or_else(|| format!("{PAGE} has no place for it"))?;
    let written = format!("{before}{BEGIN}{}{END}{after}", table(&events));
    fs::write(root.join(PAGE), written).map_err(|error| format!("cannot write {PAGE}: {error}"))?;
    Ok(format!("{PAGE}: {} events", events.len()))
}

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    let mut found = past_the_log(tree)?;
    let events = declared(tree)?;
    if tree.holds(PAGE) {
        let page = tree.text(PAGE)?;
        if parts(&page).is_none_or(|(_, there, _)| there != table(&events)) {
            found.push(Offence::new(
                PAGE,
                "its table of events is not what the code declares",
                "`cargo xtask events` writes it",
            ));
        }
    }
    let twice = events.windows(2).filter(|pair| match pair {
        [one, other] => one.code == other.code,
        _ => false,
    });
    found.extend(twice.filter_map(<[Declared]>::last).map(|event| {
        Offence::new(
            event.place.clone(),
            format!("the code {} is used twice", event.code),
            "take the next one of its family that never was another's",
        )
    }));
    found.extend(shared(&events));
    Ok(found)
}

/// A name may stand for several codes of one family, which say the same at several levels. Those of another family mean
/// something else.
fn shared(events: &[Declared]) -> Vec<Offence> {
    let mut families = BTreeMap::new();
    let mut found = Vec::new();
    for Declared {
        place, code, event, ..
    } in events
    {
        let family = code.split('-').next();
        let first = *families.entry(event).or_insert(family);
        if first != family {
            found.push(Offence::new(
                place.clone(),
                format!("events of two families are called `{event}`"),
                "name each for what happened there",
            ));
        }
    }
    found
}

/// What is told past the log has no code, and its texts are not looked at.
fn past_the_log(tree: &Tree) -> Result<Vec<Offence>, String> {
    let macros = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
    let ours = |path: &&str| is_ours(path) && !path.starts_with("crates/log/");
    let mut found = Vec::new();
    for path in tree.named(".rs").filter(ours) {
        for (number, line) in (1..).zip(tree.text(path)?.lines()) {
            let mut told = line.split("tracing::").skip(1);
            if told.any(|rest| macros.iter().any(|name| rest.starts_with(name))) {
                found.push(Offence::new(
                    format!("{path}:{number}"),
                    "a line of the log without a code and fields",
                    "declare an event, as the files of host/src/events do",
                ));
            }
        }
    }
    Ok(found)
}

/// An event, as it is declared.
#[derive(Debug)]
struct Declared {
    place: String,
    code: String,
    event: String,
    level: String,
    means: String,
    remedy: String,
}

fn declared(tree: &Tree) -> Result<Vec<Declared>, String> {
    let mut found = Vec::new();
    for path in tree.named(".rs").filter(|path| is_ours(path)) {
        let text = tree.text(path)?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            if let Some((code, event, level)) = head(line) {
                let (above, below) = lines.split_at(at);
                found.push(Declared {
                    place: format!("{path}:{}", at + 1),
                    code: code.to_owned(),
                    event: event.to_owned(),
                    level: level.to_lowercase(),
                    means: comment(above),
                    remedy: remedy(below)
                        .ok_or_else(|| format!("{path}:{}: {code} says no `remedy`", at + 1))?,
                });
            }
        }
    }
    found.sort_by(|one, other| one.code.cmp(&other.code));
    Ok(found)
}

/// Code, name and level, from a line as `"SES-005" "connected" Info Counted`. Those of tests do not count.
fn head(line: &str) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [code, event, level, "Every" | "Counted"] = words.as_slice() else {
        return None;
    };
    let within = |word: &&'_ str| word.len() > 2 && word.starts_with('"') && word.ends_with('"');
    if !within(code) || !within(event) || code.starts_with("\"TST") {
        return None;
    }
    Some((code.trim_matches('"'), event.trim_matches('"'), level))
}

/// The comment that stands right above.
fn comment(above: &[&str]) -> String {
    let lines = above
        .iter()
        .rev()
        .map_while(|line| line.strip_prefix("///"));
    let mut lines: Vec<&str> = lines.map(str::trim).collect();
    lines.reverse();
    lines.join(" ")
}

fn remedy(below: &[&str]) -> Option<String> {
    let said = below
        .iter()
        .take(8)
        .find_map(|line| line.strip_prefix("remedy(\""))?;
    Some(said.strip_suffix("\")")?.replace("\\\"", "\""))
}

fn table(events: &[Declared]) -> String {
    let mut table =
        String::from("| code | event | level | means | what to do |\n|---|---|---|---|---|\n");
    for event in events {
        let Declared {
            code,
            event,
            level,
            means,
            remedy,
            ..
        } = event;
        table += &format!("| {code} | `{event}` | {level} | {means} | {remedy} |\n");
    }
    table
}

/// What stands before the table, the table, and what stands after it.
fn parts(page: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    Some((before, table, after))
}

/// The program's own code.
fn is_ours(path: &str) -> bool {
    path.starts_with("host/src/") || (path.starts_with("crates/") && path.contains("/src/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = r#"
events! {
    /// somebody
    /// came
    "SES-001" "came" Info Counted
    Came { remote: SocketAddr }
    says("somebody came from {remote}")
    remedy("look who")
}
"#;

    fn page(table: &str) -> String {
        format!("# Events\n{BEGIN}{table}{END}More.\n")
    }

    const TABLE: &str = "| code | event | level | means | what to do |\n|---|---|---|---|---|\n| SES-001 | `came` | info | somebody came | look who |\n";

    #[test]
    fn a_page_whose_table_is_an_older_one_is_an_offence_and_is_rewritten() {
        let (folder, tree) = Tree::planted(&[("host/src/a.rs", CODE), (PAGE, &page("old\n"))]);
        let places: Vec<String> = check(&tree).unwrap().into_iter().map(|o| o.place).collect();
        assert_eq!(places, [PAGE]);
        write(folder.path()).unwrap();
        let written = fs::read_to_string(folder.path().join(PAGE)).unwrap();
        assert_eq!(written, page(TABLE));
        assert_eq!(check(&tree).unwrap(), []);
    }

    #[test]
    fn a_code_that_two_have_is_an_offence() {
        let (_folder, tree) =
            Tree::planted(&[("host/src/a.rs", CODE), ("crates/store/src/b.rs", CODE)]);
        let what: Vec<String> = check(&tree).unwrap().into_iter().map(|o| o.what).collect();
        assert_eq!(what, ["the code SES-001 is used twice"]);
    }

    #[test]
    fn a_name_in_two_families_is_an_offence_and_several_codes_of_one_are_not() {
        let second = |code| CODE.replace("SES-001", code);
        for (code, expected) in [("STO-001", 1), ("SES-002", 0)] {
            let other = second(code);
            let (_folder, tree) =
                Tree::planted(&[("host/src/a.rs", CODE), ("crates/store/src/b.rs", &other)]);
            let found = check(&tree).unwrap();
            assert_eq!(found.len(), expected, "{found:?}");
            assert!(found.iter().all(|offence| offence.what.contains("`came`")));
        }
    }

    #[test]
    fn a_line_past_the_log_is_an_offence() {
        let past = "tracing::warn!(event = \"new\");";
        let (_folder, tree) = Tree::planted(&[("host/src/a.rs", past)]);
        let places: Vec<String> = check(&tree).unwrap().into_iter().map(|o| o.place).collect();
        assert_eq!(places, ["host/src/a.rs:1"]);
    }
}
