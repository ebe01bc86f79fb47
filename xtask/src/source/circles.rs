//! Files of one crate that use each other in a circle.

use std::collections::BTreeSet;

use super::modules::{Crates, FilePlace};

/// The circles of a crate: each is the files that lead to each other, by path.
pub fn find(crates: &Crates, krate: usize) -> Vec<Vec<String>> {
    let count = crates.all.get(krate).map_or(0, |one| one.files.len());
    let arrows: Vec<BTreeSet<usize>> = (0..count)
        .map(|file| within(crates, (krate, file)))
        .collect();
    let reached: Vec<BTreeSet<usize>> = (0..count).map(|file| reach(&arrows, file)).collect();
    let mut circles = BTreeSet::new();
    for (file, from_here) in reached.iter().enumerate() {
        let members = from_here.iter().filter(|other| {
            reached
                .get(**other)
                .is_some_and(|back| back.contains(&file))
        });
        let paths: BTreeSet<String> = members
            .filter_map(|other| crates.file((krate, *other)))
            .map(|file| file.path.clone())
            .collect();
        if paths.len() > 1 {
            circles.insert(paths);
        }
    }
    circles
        .into_iter()
        .map(|paths| paths.into_iter().collect())
        .collect()
}

/// What each member of a circle uses of the others.
pub fn arrows(crates: &Crates, circle: &[String]) -> Vec<(String, Vec<String>)> {
    let used = |path: &String| {
        let place = crates.named(path);
        let used = place.map(|place| crates.used_by(place)).unwrap_or_default();
        let files = used.into_iter().filter_map(|place| crates.file(place));
        let members = files.filter(|file| circle.contains(&file.path));
        members.map(|file| file.path.clone()).collect()
    };
    circle
        .iter()
        .map(|path| (path.clone(), used(path)))
        .collect()
}

/// Why a circle may be, where it may.
pub fn reason(circle: &[String], allowed: &[(&str, &'static str)]) -> Option<&'static str> {
    let mut fitting = allowed
        .iter()
        .filter(|(begin, _)| circle.iter().all(|path| path.starts_with(begin)));
    fitting.next().map(|(_, reason)| *reason)
}

fn within(crates: &Crates, place: FilePlace) -> BTreeSet<usize> {
    let used = crates.used_by(place).into_iter();
    used.filter(|(krate, _)| *krate == place.0)
        .map(|(_, file)| file)
        .collect()
}

/// All that can be reached from a file by one arrow or more.
fn reach(arrows: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flatten() {
            if found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut all = vec![
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
            ("a/Cargo.toml", "[package]\nname = \"a\""),
        ];
        all.extend_from_slice(files);
        let (_folder, tree) = Tree::planted(&all);
        find(&Crates::read(&tree).unwrap(), 0)
    }

    #[test]
    fn files_that_use_each_other_are_a_circle() {
        let found = circles(&[
            ("a/src/lib.rs", "mod b; mod c; mod d; mod e;"),
            ("a/src/b.rs", "use crate::c::C; pub struct B;"),
            ("a/src/c/mod.rs", "fn f() { super::d::g() } pub struct C;"),
            ("a/src/d.rs", "pub fn g() { crate::b::B; }"),
            ("a/src/e.rs", "use super::{b, c, d};"),
        ]);
        assert_eq!(found, [["a/src/b.rs", "a/src/c/mod.rs", "a/src/d.rs"]]);
    }

    #[test]
    fn arrows_of_tests_make_no_circle() {
        let found = circles(&[
            ("a/src/b.rs", "use crate::c::C;"),
            ("a/src/c.rs", "#[cfg(test)] mod tests { use crate::b; }"),
        ]);
        assert_eq!(found, Vec::<Vec<String>>::new());
    }

    #[test]
    fn what_is_only_passed_on_leads_to_the_file_behind() {
        let files = [
            ("a/src/lib.rs", "mod b; mod c; pub use b::B; pub use c::*;"),
            ("a/src/b.rs", "use crate::C; pub struct B;"),
        ];
        let one_way = [files[0], files[1], ("a/src/c.rs", "pub struct C;")];
        assert_eq!(circles(&one_way), Vec::<Vec<String>>::new());
        let both_ways = [
            files[0],
            files[1],
            ("a/src/c.rs", "use crate::B; pub struct C;"),
        ];
        assert_eq!(circles(&both_ways), [["a/src/b.rs", "a/src/c.rs"]]);
    }

    #[test]
    fn a_folder_and_its_children_make_one_where_both_use_each_other() {
        let found = circles(&[
            ("a/src/m/mod.rs", "mod n; struct M; fn f() { n::g(); }"),
            ("a/src/m/n.rs", "use super::M; pub fn g() {}"),
        ]);
        assert_eq!(found, [["a/src/m/mod.rs", "a/src/m/n.rs"]]);
    }
}
