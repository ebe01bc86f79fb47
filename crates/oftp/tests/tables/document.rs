//! The two files as a page for people: `docs/state-tables.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::book::{Book, Pair};

const HEAD: &str = "\
# What happens when

RFC 5024, 9.8 to 9.12 prints five tables of states and events. Taken together they are 28 states and
39 events (ESID counted once for each kind of reason): 1,092 pairs. For many of them the tables give
no reaction, or call the event impossible or a user's error, though a partner can send what it likes.
This page says for every pair what the engine does. It is written from the two files the tests read,
`crates/oftp/tests/tables/rfc5024.json` and `decisions.json`, by `cargo xtask state-tables`; the
tests bring a session into each state, let it meet each event, and compare.

How to read a reaction: the commands that are sent, an arrow, the next state. `NotNow` is an answer
whose moment has passed; it changes nothing. A letter behind an event is the RFC's cell: X
impossible, U and W an error of the user, – no cell at all. Nothing is forgiven here (every tolerance
off); what a tolerance changes is in `tolerances.md`.
";

pub fn write(book: &Book) -> String {
    let pairs = book.pairs();
    let mut page = HEAD.to_owned();
    counts(&mut page, &pairs);
    decisions(&mut page, book, &pairs);
    branches(&mut page, book);
    page.push_str("\n## State by state\n");
    for state in &book.states {
        let of_state = pairs.iter().filter(|pair| &pair.state == state);
        one_state(&mut page, state, of_state);
    }
    page
}

fn counts(page: &mut String, pairs: &[Pair]) {
    let count = |which: fn(&Pair) -> bool| pairs.iter().filter(|pair| which(pair)).count();
    let rows = [
        (
            "the RFC gives a reaction, and it holds",
            count(|p| p.is_as_printed()),
        ),
        (
            "the RFC gives a reaction, and ours is another (see the decisions)",
            count(|p| !p.is_as_printed() && p.printed.is_some() && !p.cannot_be_said()),
        ),
        (
            "the RFC leaves it to the implementation (W), and we decided",
            count(|p| p.letter() == "W" && !p.cannot_be_said()),
        ),
        (
            "the RFC calls it impossible or a user's error (X, U), and we decided",
            count(|p| ["X", "U"].contains(&p.letter()) && !p.cannot_be_said()),
        ),
        (
            "the RFC has no cell, and we decided",
            count(|p| p.cell.is_none() && !p.cannot_be_said()),
        ),
        (
            "cannot be said: the engine has no such state or no such request; the RFC gives a reaction",
            count(|p| p.cannot_be_said() && p.printed.is_some()),
        ),
        (
            "cannot be said, and the RFC gives no reaction either",
            count(|p| p.cannot_be_said() && p.printed.is_none()),
        ),
    ];
    let sum: usize = rows.iter().map(|(_, number)| number).sum();
    page.push_str("\n## How many\n\n| pairs | what |\n|---:|---|\n");
    for (what, number) in rows {
        let _ = writeln!(page, "| {number} | {what} |");
    }
    let _ = writeln!(page, "| {sum} | in all |");
    page.push_str(
        "\nThat a pair cannot be said is shown and not only claimed: no reaction to anything leads into one \
         of the five states, the four requests that would be stored are `NotNow` in WF_CD, and every \
         public function of a session is named with the primitive it is, the three missing ones not among \
         them.\n",
    );
}

fn decisions(page: &mut String, book: &Book, pairs: &[Pair]) {
    page.push_str("\n## Decisions\n\nThe first that fits holds.\n\n| | reaction | why | pairs |\n|---:|---|---|---:|\n");
    for (number, rule) in book.rules.iter().enumerate() {
        let used = pairs
            .iter()
            .filter(|pair| pair.rule == Some(number))
            .count();
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {used} |",
            number + 1,
            rule.reaction,
            rule.why
        );
    }
}

fn branches(page: &mut String, book: &Book) {
    page.push_str(
        "\n## Where it depends\n\nTransitions that look at more than event and state, by the RFC's predicates. \
         Predicates of special logic are absent with it.\n\n| cell | when | reaction | the RFC |\n|---|---|---|---|\n",
    );
    for branch in &book.branches {
        let rfc = branch.otherwise.as_ref();
        let rfc = rfc.map_or("the same".into(), |(said, why)| format!("`{said}`. {why}"));
        let _ = writeln!(
            page,
            "| {} | {} | `{}` | {rfc} |",
            branch.cell, branch.when, branch.reaction
        );
    }
}

fn one_state<'a>(page: &mut String, state: &str, pairs: impl Iterator<Item = &'a Pair>) {
    let mut alike: BTreeMap<(Option<usize>, &str), Vec<String>> = BTreeMap::new();
    for pair in pairs {
        let rule = pair.rule.filter(|_| !pair.is_as_printed());
        let event = format!("{} {}", pair.event, pair.letter());
        alike.entry((rule, &pair.reaction)).or_default().push(event);
    }
    let _ = write!(
        page,
        "\n### {state}\n\n| events | reaction | |\n|---|---|---|\n"
    );
    for ((rule, reaction), events) in alike {
        let by = rule.map_or("as printed".into(), |number| {
            format!("decision {}", number + 1)
        });
        let _ = writeln!(page, "| {} | `{reaction}` | {by} |", events.join(", "));
    }
}
