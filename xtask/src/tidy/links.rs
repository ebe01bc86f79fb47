//! Links of the pages: a relative one leads to a file or folder that is there.

use super::offence::Offence;
use crate::source::tree::Tree;

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    let mut found = Vec::new();
    for page in tree.named(".md") {
        for (number, target) in targets(&tree.text(page)?) {
            let Some(path) = local(&target) else { continue };
            let there = resolve(page, path).is_some_and(|path| tree.holds(&path));
            if !there {
                let what = format!("the link to `{target}` leads nowhere");
                found.push(Offence::new(
                    format!("{page}:{number}"),
                    what,
                    "correct the path, or write what it should lead to",
                ));
            }
        }
    }
    Ok(found)
}

/// The targets of a page's links with their line numbers. What stands in code is no link.
fn targets(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(page.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let text = without_code(line);
            let inline = text
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next());
            let defined = text
                .strip_prefix('[')
                .and_then(|rest| rest.split_once("]: "))
                .map(|(_, target)| target);
            found.extend(
                inline
                    .chain(defined)
                    .filter_map(first_word)
                    .map(|target| (number, target)),
            );
        }
    }
    found
}

/// A target without its title.
fn first_word(target: &str) -> Option<String> {
    target
        .split_whitespace()
        .next()
        .map(|word| word.trim_matches(['<', '>']).to_owned())
}

/// Every second part between backticks is code; a link's text may be such a part, its target is not.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

/// The path of a target in this repository, without its anchor.
fn local(target: &str) -> Option<&str> {
    let path = target.split('#').next().unwrap_or_default();
    let elsewhere = path.contains("://") || path.starts_with("mailto:");
    (!path.is_empty() && !elsewhere).then_some(path)
}

/// A path as seen from a page, as seen from the root. None where it leads out of the repository.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let (_folder, tree) =
            Tree::planted(&[("docs/a.md", text), ("docs/b.md", ""), ("wit/c.wit", "")]);
        check(&tree)
            .unwrap()
            .into_iter()
            .map(|offence| format!("{}: {}", offence.place, offence.what))
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let fine = "[b](b.md) and [`c`](../wit/c.wit#top), [folder](../wit), [web](https://example.com/x), [here](#here)\n[ref]: b.md";
        assert_eq!(told(fine), Vec::<String>::new());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(
            told("\n[b](b.md) [gone](gone.md \"title\")"),
            ["docs/a.md:2: the link to `gone.md` leads nowhere"]
        );
        assert_eq!(
            told("[ref]: gone.md"),
            ["docs/a.md:1: the link to `gone.md` leads nowhere"]
        );
        assert_eq!(
            told("[out](../../secret)"),
            ["docs/a.md:1: the link to `../../secret` leads nowhere"]
        );
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(
            told("`[a](gone.md)`\n```\n[a](gone.md)\n```"),
            Vec::<String>::new()
        );
    }
}
