//! Words that are not used: a test ignored without a reason, work left to do, a module for everything, and `unsafe`
//! outside of the files that need it.

use super::offence::Offence;
use crate::source::tree::Tree;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 5] = ["common", "util", "utils", "types", "helpers"];

/// What the WIT files call `types`, in Rust.
const GENERATED: (&str, &str) = ("crates/policy/src/bindings.rs", "types");

/// Where there is no safe way: machine code that was compiled before, and what SQLite and the kernel offer to C alone.
const UNSAFE: &[&str] = &[
    "crates/folder/src/file.rs",
    "crates/folder/src/owner.rs",
    "crates/kernel/src/lib.rs",
    "crates/policy/src/artefact.rs",
    "crates/store/src/sqlite/door.rs",
    "xtask/src/campaign/gate.rs",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Offence>, String> {
    let mut found = Vec::new();
    for path in tree.named(".rs") {
        for (number, line) in tree.text(path)?.lines().enumerate() {
            let line = line.trim_start();
            if !line.starts_with("//") {
                found.extend(check_line(path, line).map(|(what, remedy)| {
                    Offence::new(format!("{path}:{}", number + 1), what, remedy)
                }));
            }
        }
    }
    Ok(found)
}

fn check_line(path: &str, line: &str) -> Option<(String, &'static str)> {
    if line.starts_with(concat!("#[", "ignore]")) {
        return Some((
            "a test is ignored without a reason".to_owned(),
            "let it run, or say why not: #[ignore = \"…\"]",
        ));
    }
    if line.contains(concat!("todo", "!(")) || line.contains(concat!("unimplemented", "!(")) {
        return Some((
            "something is left to do".to_owned(),
            "do it, or leave it out and say so where a reader looks",
        ));
    }
    if line.contains(concat!("unsafe", " {")) && !UNSAFE.contains(&path) {
        return Some((
            "code that the compiler does not keep safe".to_owned(),
            "find a crate that does it, or give the file its reason in xtask/src/tidy/words.rs",
        ));
    }
    let name = module(line).filter(|name| EMPTY_NAMES.contains(name))?;
    // What tests share may be called as cargo's own documentation calls it.
    if !path.split('/').any(|part| part == "src") || (path, name) == GENERATED {
        return None;
    }
    Some((
        format!("a module is called `{name}`"),
        "name it for what is in it",
    ))
}

/// The name of the module that a line begins.
fn module(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1,
        Some(rest) => rest,
        None => line,
    };
    let name = rest.trim_start().strip_prefix("mod ")?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let (_folder, tree) = Tree::planted(&[(path, text)]);
        check(&tree)
            .unwrap()
            .into_iter()
            .map(|offence| format!("{}: {}", offence.place, offence.what))
            .collect()
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        let bare = format!("#[test]\n    #[{}]\nfn a() {{}}", "ignore");
        assert_eq!(
            told("tests/a.rs", &bare),
            ["tests/a.rs:2: a test is ignored without a reason"]
        );
        let reasoned = format!("#[{} = \"takes an hour\"]\nfn a() {{}}", "ignore");
        assert_eq!(told("tests/a.rs", &reasoned), Vec::<String>::new());
    }

    #[test]
    fn nothing_is_left_to_do() {
        let left = format!("fn a() {{\n    {}!()\n}}", "todo");
        assert_eq!(
            told("host/src/a.rs", &left),
            ["host/src/a.rs:2: something is left to do"]
        );
        let told_of = format!("// {}!() would be wrong here", "todo");
        assert_eq!(told("host/src/a.rs", &told_of), Vec::<String>::new());
    }

    #[test]
    fn unsafe_code_stays_in_its_files() {
        let block = format!("let fd = {} {{ dup(0) }};", "unsafe");
        assert_eq!(told("host/src/a.rs", &block).len(), 1);
        assert_eq!(told(UNSAFE[0], &block), Vec::<String>::new());
    }

    #[test]
    fn modules_have_names_that_say_something() {
        for line in [
            "mod util;",
            "pub mod helpers {",
            "pub(crate) mod common;",
            "mod types {}",
        ] {
            assert_eq!(told("host/src/lib.rs", line).len(), 1, "{line}");
        }
        assert_eq!(
            told(
                "host/src/lib.rs",
                "mod utilities_of_trains;\nmod types_of_trains;"
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            told("crates/oftp/tests/a.rs", "mod common;"),
            Vec::<String>::new()
        );
        assert_eq!(
            told("crates/policy/src/bindings.rs", "pub mod types {"),
            Vec::<String>::new()
        );
    }
}
