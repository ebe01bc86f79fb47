//! Events of the log: an operator finds each in the table of `docs/operating.md`.

use super::Offence;
use super::tree::Tree;

const PAGE: &str = "docs/operating.md";

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    if !tree.holds(PAGE) {
        return Ok(Vec::new());
    }
    let page = tree.text(PAGE)?;
    let mut found = Vec::new();
    for path in tree.named(".rs").filter(|path| is_ours(path)) {
        for (number, line) in (1..).zip(tree.text(path)?.lines()) {
            let unknown = events(line).filter(|event| !page.contains(&format!("`{event}`")));
            found.extend(unknown.map(|event| {
                Offence::new(
                    format!("{path}:{number}"),
                    format!("{PAGE} does not know the event `{event}`"),
                    "say there what it means, and what to do",
                )
            }));
        }
    }
    Ok(found)
}

/// The program's own code.
fn is_ours(path: &str) -> bool {
    path.starts_with("host/src/") || (path.starts_with("crates/") && path.contains("/src/"))
}

/// Names of events that a line gives to `tracing`.
fn events(line: &str) -> impl Iterator<Item = &str> {
    let named = line.split("event = \"").skip(1);
    named.filter_map(|rest| rest.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_no_operator_can_look_up_is_an_offence() {
        let code = "tracing::warn!(event = \"known\", \"…\");\ntracing::warn!(event = \"new\");";
        let page = "| `known` | warn | – | – |";
        let (_folder, tree) = Tree::planted(&[("host/src/a.rs", code), (PAGE, page)]);
        let places: Vec<String> = check(&tree).unwrap().into_iter().map(|o| o.place).collect();
        assert_eq!(places, ["host/src/a.rs:2"]);
    }
}
