//! `cargo xtask tidy`: the rules of this repository that no compiler keeps.
//!
//! - [`floors`]: arrows between crates go down, heavy dependencies stay in their rooms;
//! - [`words`]: no ignored test without a reason, nothing left to do, no module for everything;
//! - [`shape`]: short files and functions, no circles of files, one meaning a name, floors in the host;
//! - [`dialect`]: words that nobody else would understand are not used;
//! - [`events`]: what the log can say, the operator's page explains;
//! - [`links`]: what a page points to is there;
//! - [`named`]: files and tests that a page names are there.

mod dialect;
pub mod events;
mod floors;
mod links;
mod named;
mod offence;
mod shape;
mod words;

use std::path::Path;

use self::offence::Offence;
use crate::source::modules::Crates;
use crate::source::tree::Tree;

/// Checks the repository at `root` and reports what was looked at; `--all` names what is still let pass, too.
///
/// # Errors
/// Every offence, or what cannot be read.
pub fn run(root: &Path, arguments: &[String]) -> Result<String, String> {
    let all = match arguments {
        [] => false,
        [flag] if flag == "--all" => true,
        _ => return Err("usage: cargo xtask tidy [--all]".to_owned()),
    };
    let tree = Tree::read(root)?;
    let offences = offences(&tree, all)?;
    if offences.is_empty() {
        let (code, pages) = (tree.named(".rs").count(), tree.named(".md").count());
        return Ok(format!(
            "tidy: {code} Rust files and {pages} pages are in order"
        ));
    }
    let told: Vec<String> = offences.iter().map(Offence::to_string).collect();
    Err(format!(
        "{}\ntidy: offences: {}",
        told.join("\n"),
        told.len()
    ))
}

fn offences(tree: &Tree, all: bool) -> Result<Vec<Offence>, String> {
    let mut found = floors::check(tree)?;
    found.extend(words::check(tree)?);
    found.extend(events::check(tree)?);
    found.extend(links::check(tree)?);
    found.extend(named::check(tree)?);
    let counted = shape::check(&Crates::read(tree)?)
        .into_iter()
        .chain(dialect::check(tree)?);
    for (offences, left) in counted {
        if all || offences.len() > left {
            found.extend(offences);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let told =
            run(&crate::repository().unwrap(), &[]).unwrap_or_else(|offences| panic!("{offences}"));
        assert!(!told.contains(" 0 "), "nothing was looked at: {told}");
    }

    #[test]
    fn an_offence_says_where_what_and_what_to_do() {
        let offence = Offence::new("a/Cargo.toml", "it is wrong", "make it right");
        assert_eq!(
            offence.to_string(),
            "a/Cargo.toml: it is wrong\n    make it right"
        );
    }
}
