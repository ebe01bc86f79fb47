//! The named transitions of the program, and how it is told to die at one.

#[path = "../../../crates/store/src/transition/names.rs"]
#[allow(
    dead_code,
    reason = "the campaigns need the words, and the store the verbs"
)]
mod listed;

use listed::{STEPS, VERBS};

/// Every name.
pub fn all() -> Vec<String> {
    let moments = ["before", "committed"];
    let verbs = VERBS
        .iter()
        .flat_map(|verb| moments.map(|moment| format!("ledger.{verb}.{moment}")));
    verbs.chain(STEPS.map(str::to_owned)).collect()
}

/// Those at which a partner or a reader of the inbox comes to see something.
pub fn seen_by_others() -> Vec<String> {
    let mut names = all();
    names.retain(|name| name.starts_with("wire.") || name.starts_with("inbox."));
    names
}

/// What the environment says to a program that is to die when it comes there for that time.
pub fn kill_at(name: &str, nth: u64) -> String {
    match nth {
        0 | 1 => format!("FAILPOINTS={name}=return"),
        _ => format!("FAILPOINTS={name}={}*off->return", nth - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::listed::STEPS;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// What the program says its steps are called, and what the list says, is the same.
    #[test]
    fn the_program_has_the_steps_of_the_list() {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut said = BTreeSet::new();
        let mut folders = ["../crates/store/src", "../host/src"]
            .map(|folder| xtask.join(folder))
            .to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(path).unwrap_or_default();
                let steps = text.split("reached(\"").skip(1);
                said.extend(steps.filter_map(|rest| rest.split('"').next().map(str::to_owned)));
            }
        }
        assert_eq!(said, STEPS.map(str::to_owned).into());
    }
}
