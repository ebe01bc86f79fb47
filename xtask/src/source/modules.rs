//! Crates as files that use each other: which file a path leads to, and so which arrows run between files.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::declared;
use super::file::{Import, SourceFile};
use super::lexer::TokenKind;
use super::tree::Tree;

/// What belongs to the product, but is a workspace of its own.
const OUTSIDE: &str = "crates/policy-sdk";

/// The folder of the contract with policies.
const CONTRACT: &str = "wit/";

/// The root of a program that has a library beside it. No module can have this name.
const PROGRAM: &str = "(main)";

/// How many re-exports may follow each other.
const DEPTH: usize = 8;

/// All crates of the repository that are built for the machine it runs on.
#[derive(Debug, Default)]
pub struct Crates {
    pub all: Vec<SourceCrate>,
    /// The files of the contract with policies, of which only types are known.
    pub contract: Vec<SourceFile>,
}

/// A crate: its files, and the tests that stand outside of them.
#[derive(Debug, Default)]
pub struct SourceCrate {
    /// As `Cargo.toml` names it.
    pub name: String,
    /// Below the root of the repository.
    pub folder: String,
    pub files: Vec<SourceFile>,
    /// Lines with code in the folder of its tests, and in modules that are tests alone.
    pub outer_tests: usize,
    /// The file of each module.
    modules: BTreeMap<Vec<String>, usize>,
}

/// A file, by the number of its crate and its own.
pub type FilePlace = (usize, usize);

impl Crates {
    pub fn read(tree: &Tree) -> Result<Self, String> {
        let mut all = Vec::new();
        for folder in folders(tree)? {
            all.push(SourceCrate::read(tree, &folder)?);
        }
        Ok(Self {
            all,
            contract: contract(tree)?,
        })
    }

    /// The crates that are shipped: all but the automation.
    pub fn product(&self) -> impl Iterator<Item = &SourceCrate> {
        self.all.iter().filter(|one| one.is_product())
    }

    pub fn file(&self, (krate, file): FilePlace) -> Option<&SourceFile> {
        self.all.get(krate)?.files.get(file)
    }

    pub fn named(&self, path: &str) -> Option<FilePlace> {
        let mut places = self.all.iter().enumerate().flat_map(|(number, one)| {
            let files = one.files.iter().enumerate();
            files.map(move |(index, file)| ((number, index), file))
        });
        places
            .find(|(_, file)| file.path == path)
            .map(|(place, _)| place)
    }

    /// The file that defines what `path` names, as seen from `place` within its inner modules `scope`.
    pub fn resolve(
        &self,
        place: FilePlace,
        scope: &[String],
        path: &[String],
    ) -> Option<FilePlace> {
        self.resolve_within(place, scope, path, DEPTH)
    }

    /// The files that `place` uses, by its imports and by the paths in its code. Names it only passes on do not count.
    pub fn used_by(&self, place: FilePlace) -> BTreeSet<FilePlace> {
        let Some(file) = self.file(place) else {
            return BTreeSet::new();
        };
        let mentioned: BTreeSet<&str> = file.words().map(|(_, word)| word).collect();
        let imports = file
            .imports
            .iter()
            .filter(|import| !import.exported || mentioned.contains(import.name.as_str()))
            .map(|import| self.resolve(place, &import.scope, &import.path));
        let paths = file.paths().into_iter().map(|(_, path)| {
            let relative = matches!(
                path.first().map(String::as_str),
                Some("crate" | "super" | "self")
            );
            (relative || self.begins_with_child(place, &path))
                .then(|| self.resolve(place, &[], &path))
                .flatten()
        });
        imports
            .chain(paths)
            .flatten()
            .filter(|other| *other != place)
            .collect()
    }

    /// The files of the names that `place` passes on.
    pub fn passed_on_by(&self, place: FilePlace) -> BTreeSet<FilePlace> {
        let imports = self.file(place).into_iter().flat_map(|file| &file.imports);
        imports
            .filter(|import| import.exported)
            .filter_map(|import| self.resolve(place, &import.scope, &import.path))
            .collect()
    }

    fn begins_with_child(&self, (krate, file): FilePlace, path: &[String]) -> bool {
        let module = self.file((krate, file)).map(|file| file.module.clone());
        let (Some(mut module), Some(first)) = (module, path.first()) else {
            return false;
        };
        module.push(first.clone());
        self.all
            .get(krate)
            .is_some_and(|one| one.modules.contains_key(&module))
    }

    fn resolve_within(
        &self,
        place: FilePlace,
        scope: &[String],
        path: &[String],
        depth: usize,
    ) -> Option<FilePlace> {
        let (krate, _) = place;
        let mut module = self.file(place)?.module.clone();
        module.extend_from_slice(scope);
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => {
                let root = module.iter().filter(|name| *name == PROGRAM).take(1);
                return self.walk(krate, root.cloned().collect(), rest, depth);
            }
            "self" => return self.walk(krate, module, rest, depth),
            "super" => {
                module.pop();
                let above = rest.iter().take_while(|part| *part == "super").count();
                module.truncate(module.len().saturating_sub(above));
                return self.walk(krate, module, rest.get(above..)?, depth);
            }
            _ => {}
        }
        if self.begins_with_child(place, path) {
            return self.walk(krate, module, path, depth);
        }
        if let Some(import) = self
            .file(place)?
            .imports
            .iter()
            .find(|import| import.name == *first && import.path.first() != Some(first))
        {
            return self.follow(place, import, rest, depth);
        }
        let other = self
            .all
            .iter()
            .position(|one| one.name.replace('-', "_") == *first)?;
        (other != krate).then(|| self.walk(other, Vec::new(), rest, depth))?
    }

    /// Goes down from a module, and along what it passes on.
    fn walk(
        &self,
        krate: usize,
        module: Vec<String>,
        rest: &[String],
        depth: usize,
    ) -> Option<FilePlace> {
        let one = self.all.get(krate)?;
        let place = (krate, one.deepest(&module)?);
        let Some((first, behind)) = rest.split_first() else {
            return Some(place);
        };
        let mut below = module;
        below.push(first.clone());
        if one.modules.contains_key(&below) {
            return self.walk(krate, below, behind, depth);
        }
        let file = self.file(place)?;
        if file.defined.contains(first) || depth == 0 {
            return Some(place);
        }
        if let Some(import) = file.imports.iter().find(|import| import.name == *first) {
            return self.follow(place, import, behind, depth).or(Some(place));
        }
        let globs = file
            .imports
            .iter()
            .filter(|import| import.exported && import.name == "*");
        let mut behind_globs = globs.filter_map(|glob| {
            let there = self.resolve_within(place, &glob.scope, &glob.path, depth - 1)?;
            self.file(there)?.defined.contains(first).then_some(there)
        });
        Some(behind_globs.next().unwrap_or(place))
    }

    fn follow(
        &self,
        place: FilePlace,
        import: &Import,
        rest: &[String],
        depth: usize,
    ) -> Option<FilePlace> {
        let mut path = import.path.clone();
        path.extend_from_slice(rest);
        self.resolve_within(place, &import.scope, &path, depth.checked_sub(1)?)
    }
}

impl SourceCrate {
    fn read(tree: &Tree, folder: &str) -> Result<Self, String> {
        let manifest = manifest(tree, &format!("{folder}/Cargo.toml"))?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"));
        let mut one = Self {
            name: name.and_then(Value::as_str).unwrap_or(folder).to_owned(),
            folder: folder.to_owned(),
            ..Self::default()
        };
        let sources = format!("{folder}/src/");
        for path in tree.named(".rs").filter(|path| path.starts_with(&sources)) {
            let module = module(path.strip_prefix(&sources).unwrap_or(path));
            one.files
                .push(SourceFile::parse(path, module, &tree.text(path)?));
        }
        one.part_program_from_library();
        one.take_out_tests();
        one.outer_tests += outer_tests(tree, &one.tests_folder())?;
        let modules = one.files.iter().enumerate();
        one.modules = modules
            .map(|(index, file)| (file.module.clone(), index))
            .collect();
        Ok(one)
    }

    /// `main.rs` and `lib.rs` are two crates in one folder, and both would be the root.
    fn part_program_from_library(&mut self) {
        let library = format!("{}/src/lib.rs", self.folder);
        let program = format!("{}/src/main.rs", self.folder);
        if self.files.iter().any(|file| file.path == library)
            && let Some(main) = self.files.iter_mut().find(|file| file.path == program)
        {
            main.module = vec![PROGRAM.to_owned()];
        }
    }

    pub fn is_product(&self) -> bool {
        self.name != "xtask"
    }

    /// The tests of the program stand beside it.
    fn tests_folder(&self) -> String {
        match self.folder.as_str() {
            "host" => "tests/".to_owned(),
            folder => format!("{folder}/tests/"),
        }
    }

    /// Files that are modules of tests are no code of the crate.
    fn take_out_tests(&mut self) {
        let mut tests = BTreeSet::new();
        for file in &self.files {
            for name in &file.test_modules {
                let mut module = file.module.clone();
                module.push(name.clone());
                tests.insert(module);
            }
        }
        let (of_tests, files): (Vec<SourceFile>, _) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(|file| tests.iter().any(|test| file.module.starts_with(test)));
        self.files = files;
        let lines = |file: &SourceFile| file.lines.code + file.lines.tests;
        self.outer_tests = of_tests.iter().map(lines).sum();
    }

    /// The file that a module stands in: its own, or that of a module around it.
    fn deepest(&self, module: &[String]) -> Option<usize> {
        let mut lengths = (0..=module.len()).rev();
        lengths.find_map(|length| self.modules.get(module.get(..length)?).copied())
    }
}

impl SourceFile {
    /// The names in its code, by line.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let words = self
            .code
            .iter()
            .filter(|token| token.kind == TokenKind::Word);
        words.map(|token| (token.line, token.text.as_str()))
    }

    /// The paths of more than one part in its code, by line.
    pub fn paths(&self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let mut joined = false;
        for token in &self.code {
            if token.is("::") && !path.is_empty() {
                joined = true;
            } else if token.kind == TokenKind::Word && (joined || path.is_empty()) {
                path.push(token.text.clone());
                joined = false;
            } else {
                if path.len() > 1 {
                    found.push((token.line, path.clone()));
                }
                path.clear();
                joined = false;
                if token.kind == TokenKind::Word {
                    path.push(token.text.clone());
                }
            }
        }
        found
    }
}

fn contract(tree: &Tree) -> Result<Vec<SourceFile>, String> {
    let paths = tree.named(".wit").filter(|path| path.starts_with(CONTRACT));
    let read = |path: &str| {
        let mut file = SourceFile::default();
        file.path = path.to_owned();
        file.types = declared::by_wit(&tree.text(path)?);
        Ok(file)
    };
    paths.map(read).collect()
}

/// The module that a file is, from its path below `src`.
fn module(path: &str) -> Vec<String> {
    let mut parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let root = matches!(parts.as_slice(), ["lib" | "main"]);
    if root || parts.last() == Some(&"mod") {
        parts.pop();
    }
    parts.into_iter().map(str::to_owned).collect()
}

fn folders(tree: &Tree) -> Result<Vec<String>, String> {
    let root = manifest(tree, "Cargo.toml")?;
    let members = root
        .get("workspace")
        .and_then(|workspace| workspace.get("members"));
    let members = members
        .and_then(Value::as_array)
        .ok_or("Cargo.toml: the workspace has no members")?;
    let members = members.iter().filter_map(Value::as_str).map(str::to_owned);
    let outside = tree.holds(OUTSIDE).then(|| OUTSIDE.to_owned());
    Ok(members.chain(outside).collect())
}

fn manifest(tree: &Tree, path: &str) -> Result<Table, String> {
    tree.text(path)?
        .parse()
        .map_err(|error| format!("{path}: {error}"))
}

/// Policies that only tests deploy are programs of their own, and not counted.
fn outer_tests(tree: &Tree, folder: &str) -> Result<usize, String> {
    let mut lines = 0;
    let ours = |path: &&str| path.starts_with(folder) && !path.contains("/guests/");
    for path in tree.named(".rs").filter(ours) {
        let counts = SourceFile::parse(path, Vec::new(), &tree.text(path)?).lines;
        lines += counts.code + counts.tests;
    }
    Ok(lines)
}
