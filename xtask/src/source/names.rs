//! Names of types that mean more than one thing.

use std::collections::BTreeMap;

use super::declared::TypeName;
use super::file::SourceFile;
use super::modules::Crates;
use crate::exceptions::SHARED_NAMES;

/// A name of several types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedName {
    pub name: String,
    /// Where each is, as `path:line`.
    pub public: Vec<String>,
    /// Where one of the name is that no other file can use.
    pub private: Vec<String>,
}

/// Every name that at least two types have.
pub fn shared(crates: &Crates) -> Vec<SharedName> {
    let mut all: BTreeMap<&str, Vec<(&SourceFile, &TypeName)>> = BTreeMap::new();
    let files = crates.all.iter().flat_map(|one| &one.files);
    for file in files.chain(&crates.contract) {
        for found in &file.types {
            all.entry(&found.name).or_default().push((file, found));
        }
    }
    let several = all.into_iter().filter(|(_, places)| places.len() > 1);
    several
        .map(|(name, places)| {
            let places_of = |public: bool| {
                let fitting = places.iter().filter(|(_, found)| found.public == public);
                fitting
                    .map(|(file, found)| format!("{}:{}", file.path, found.line))
                    .collect()
            };
            SharedName {
                name: name.to_owned(),
                public: places_of(true),
                private: places_of(false),
            }
        })
        .collect()
}

impl SharedName {
    /// Whether it is the name of two public types without a reason.
    pub fn is_offence(&self) -> bool {
        self.public.len() > 1 && SHARED_NAMES.iter().all(|(name, _)| *name != self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn a_name_is_shared_by_types_wherever_they_are() {
        let (_folder, tree) = Tree::planted(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]"),
            ("a/Cargo.toml", "[package]\nname = \"a\""),
            ("b/Cargo.toml", "[package]\nname = \"b\""),
            (
                "a/src/lib.rs",
                "pub struct X;\nstruct Y;\npub enum Z {}\nevents! { pub enum W of \"a\"; }\n\
                 macro_rules! words { ($n:ident) => { pub enum $n {} }; }\nwords! { Kind { A } }",
            ),
            (
                "wit/types.wit",
                "interface types {\n  enum kind {\n    a,\n  }\n}",
            ),
            (
                "b/src/lib.rs",
                "\npub(crate) trait X {}\npub type Y = u8; pub struct W;\n#[cfg(test)] mod t { pub struct Z; }",
            ),
        ]);
        let found = shared(&Crates::read(&tree).unwrap());
        assert_eq!(found.len(), 4);
        let kind = &found[0];
        assert_eq!(kind.public, ["a/src/lib.rs:6", "wit/types.wit:2"]);
        assert!(kind.is_offence());
        let found = &found[1..];
        assert_eq!(found[0].name, "W");
        assert!(found[0].is_offence());
        assert_eq!(found[1].public, ["a/src/lib.rs:1", "b/src/lib.rs:2"]);
        assert!(found[1].is_offence());
        assert_eq!(found[2].private, ["a/src/lib.rs:2"]);
        assert!(!found[2].is_offence());
    }
}
