//! The keys of the configuration by their places: those that the model has, those that the docs have, and those that tests
//! set. A place is the way to a key, `*` for a name that an operator chooses and `[]` for an entry of a list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One step of the way is one string.
pub type Place = Vec<String>;

/// What stands in these maps of a partner is described and used as that of the station.
const ALIKE: [([&str; 3], &[&str]); 2] = [
    (["partners", "*", "delivery"], &["delivery"]),
    (["partners", "*", "keys"], &["station", "keys"]),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `partners.NAME.watch[].quiet` as a place, and the other way round.
pub fn shown(place: &[String]) -> String {
    let dotted = place.join(".").replace(".[]", "[]");
    dotted.replace(".*", ".NAME")
}

fn place(shown: &str) -> Place {
    let spaced = shown.replace("[]", ".[]").replace("NAME", "*");
    spaced.split('.').map(str::to_owned).collect()
}

fn alike(place: Place) -> Place {
    let found = ALIKE.iter().find_map(|(from, to)| {
        let rest = place.strip_prefix(&from.map(str::to_owned)[..])?;
        let to = to.iter().map(|step| (*step).to_owned());
        Some(to.chain(rest.iter().cloned()).collect())
    });
    found.unwrap_or(place)
}

/// The keys that the model reads.
pub struct Model {
    pub keys: BTreeSet<Place>,
    /// Those of maps and lists whose own keys are an operator's.
    open: BTreeSet<Place>,
}

pub fn of_model() -> Model {
    let sources = ["src/config/file.rs", "src/config/security_keys.rs"].map(read);
    let mut fields: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for source in &sources {
        for read in source.split("Deserialize)]\n").skip(1) {
            let Some((head, body)) = read.split_once(" {\n") else {
                continue;
            };
            let Some((_, name)) = head.rsplit_once("pub struct ") else {
                continue;
            };
            let mut skipped = false;
            let mut renamed = None;
            for line in body.split("\n}\n").next().unwrap_or_default().lines() {
                let line = line.trim();
                skipped |= line == "#[serde(skip)]";
                let other = line.strip_prefix("#[serde(rename = \"");
                renamed = other.and_then(|other| other.split('"').next()).or(renamed);
                let Some((field, kind)) = line
                    .strip_prefix("pub ")
                    .and_then(|line| line.trim_end_matches(',').split_once(": "))
                else {
                    continue;
                };
                if !std::mem::take(&mut skipped) {
                    let field = renamed.take().unwrap_or(field);
                    let field = (field.to_owned(), kind.to_owned());
                    fields.entry(name.to_owned()).or_default().push(field);
                }
            }
        }
    }
    let mut model = Model {
        keys: BTreeSet::new(),
        open: BTreeSet::new(),
    };
    gather(&fields, "File", &[], &mut model);
    let Model { keys, open } = model;
    let [keys, open] = [keys, open].map(|places| places.into_iter().map(alike).collect());
    Model { keys, open }
}

impl Model {
    /// Whether other keys stand in that one.
    pub fn is_map(&self, key: &Place) -> bool {
        let within = |other: &Place| other.len() > key.len() && other.starts_with(key);
        self.keys.iter().any(within)
    }
}

fn gather(
    fields: &BTreeMap<String, Vec<(String, String)>>,
    of: &str,
    at: &[String],
    model: &mut Model,
) {
    for (field, kind) in fields.get(of).into_iter().flatten() {
        let mut here = [at, std::slice::from_ref(field)].concat();
        let mut kind = kind.as_str();
        if ["Vec<", "BTreeMap<", "Switches", "Option<CommandLine>"]
            .iter()
            .any(|open| kind.starts_with(open))
        {
            model.open.insert(here.clone());
        }
        loop {
            let inner = |outer: &str| kind.strip_prefix(outer)?.strip_suffix('>');
            if let Some(entry) = inner("Vec<").filter(|entry| fields.contains_key(*entry)) {
                model.keys.insert(here.clone());
                here.push("[]".to_owned());
                kind = entry;
            } else if let Some(named) = inner("BTreeMap<String, ") {
                model.keys.insert(here.clone());
                here.push("*".to_owned());
                kind = named;
            } else if kind == "PolicyList" {
                model.keys.insert(here.clone());
                here.push("*".to_owned());
                kind = "PolicyKeys";
            } else if let Some(inner) = inner("Option<").or_else(|| inner("Typed<")) {
                kind = inner;
            } else {
                break;
            }
        }
        if !matches!(here.last().map(String::as_str), Some("*" | "[]")) {
            model.keys.insert(here.clone());
        }
        gather(fields, kind, &here, model);
    }
}

/// Every key that the tables of the docs have, and the text of the section of each place.
pub struct Documented {
    pub keys: BTreeSet<Place>,
    sections: BTreeMap<Place, String>,
}

pub fn in_docs() -> Documented {
    let page = read("../docs/configuration.md");
    let (_, keys) = page.split_once("## The keys").expect("the page has keys");
    let (keys, _) = keys.split_once("\n## ").unwrap_or((keys, ""));
    let mut documented = Documented {
        keys: BTreeSet::new(),
        sections: BTreeMap::new(),
    };
    for section in keys.split("\n### ").skip(1) {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        let at = match heading {
            "Top" => Vec::new(),
            other => match other
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'))
            {
                Some("tolerances") | None => continue,
                Some(shown) => place(shown),
            },
        };
        // A table of something else has another head.
        let mut of_keys = false;
        for line in text.lines() {
            of_keys = match line.split('|').nth(1) {
                None => false,
                Some(" key ") => true,
                Some(_) => of_keys,
            };
            let first = line.split(" | ").next().unwrap_or_default();
            let named = first.split('`').skip(1).step_by(2).filter(|_| of_keys);
            let keys = named.map(|key| [&at[..], &place(key)].concat());
            documented.keys.extend(keys.map(alike));
        }
        documented.sections.insert(at, text.to_owned());
    }
    documented
}

impl Documented {
    /// Whether the page says anything of that key, in the section of its map.
    pub fn has(&self, key: &Place) -> bool {
        let at = (0..key.len()).rev().find_map(|many| {
            let (at, rest) = key.split_at_checked(many)?;
            Some((self.sections.get(at)?, rest))
        });
        let Some((section, rest)) = at else {
            return false;
        };
        let is_named = |word: &str| section.contains(&format!("`{word}`"));
        self.keys.contains(key)
            || is_named(&shown(rest))
            || rest
                .iter()
                .all(|word| matches!(word.as_str(), "*" | "[]") || is_named(word))
            || self
                .keys
                .iter()
                .any(|other| other.len() > key.len() && other.starts_with(key))
            || self.sections.keys().any(|at| at.starts_with(key))
    }
}

/// A piece of YAML in a test: how far it is indented, a way to a key from there, and whether a map or a list is behind it.
type Piece = (usize, Place, bool);

/// The keys of the model that some text of a test sets. A piece that begins within a map counts where the depth that it is
/// indented to leaves one place alone.
pub fn set_by_tests(model: &Model) -> BTreeSet<Place> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut pieces = BTreeSet::new();
    for folder in [
        tests.clone(),
        tests.join("support"),
        tests.join("operators"),
        tests.join("security"),
    ] {
        for entry in std::fs::read_dir(folder).expect("the tests are there") {
            let path = entry.expect("the tests are there").path();
            // What is refused there has no effect to be seen.
            let counts = path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("configuration.rs");
            if counts {
                let source = std::fs::read_to_string(path).expect("it is a text");
                literals(&source)
                    .iter()
                    .for_each(|text| yaml(text, &mut pieces));
            }
        }
    }
    // As they are written, before the two maps that are alike are one.
    let doubled = ALIKE.iter().flat_map(|(partner, to)| {
        let to: Place = to.iter().map(|step| (*step).to_owned()).collect();
        let rest = model.keys.iter();
        let rest = rest.filter_map(move |place| place.strip_prefix(&to[..]));
        rest.map(|rest| [&partner.map(str::to_owned)[..], rest].concat())
    });
    let keys: BTreeSet<_> = model.keys.iter().cloned().chain(doubled).collect();
    let places = pieces.iter().flat_map(|(indent, way, opens)| {
        let fits = |place: &&Place| {
            let head = place.len().checked_sub(way.len());
            head.is_some_and(|head| head * 2 == *indent && matches(&place[head..], way))
        };
        // Of a map with keys of its own, those count.
        let ends = |place: &&Place| {
            let place = alike((*place).clone());
            !model.is_map(&place) && (!opens || model.open.contains(&place))
        };
        let fitting = keys.iter().filter(fits).filter(ends);
        let mut fitting: Vec<_> = fitting.cloned().collect();
        fitting.truncate(if fitting.len() > 1 { 0 } else { 1 });
        fitting
    });
    places.map(alike).collect()
}

fn matches(place: &[String], way: &[String]) -> bool {
    let step = |(step, given): (&String, &String)| step == given || (step == "*" && given != "[]");
    place.iter().zip(way).all(step)
}

/// The texts of a Rust source, as the program has them.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, from) = rest.split_at(at);
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(after) = from.strip_prefix("'\"'").or(from.strip_prefix("'\\\"'")) {
            after
        } else if let Some(text) = from.strip_prefix('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let raw = before[..before.len() - hashes].ends_with('r');
            let (text, after) = if raw {
                let end = format!("\"{}", "#".repeat(hashes));
                let (text, after) = text.split_once(&end).unwrap_or((text, ""));
                (text.to_owned(), after)
            } else {
                escaped(text)
            };
            found.push(text);
            after
        } else {
            &from[1..]
        };
    }
    found
}

/// A text up to the quote that ends it, and what is behind that.
fn escaped(text: &str) -> (String, &str) {
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (read, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => read.push('\n'),
                Some((at, '\n')) => {
                    let blank = text[at..].len() - text[at..].trim_start().len();
                    for _ in 1..blank {
                        chars.next();
                    }
                }
                Some((_, other)) => read.push(other),
                None => {}
            },
            other => read.push(other),
        }
    }
    (read, "")
}

/// The ways to keys in a text that may be YAML: blocks by their indentation, and what is in braces behind a key.
fn yaml(text: &str, pieces: &mut BTreeSet<Piece>) {
    let is_format = text.contains("{{");
    let mut way: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        let mut indent = line.len() - rest.len();
        way.retain(|(of, _)| *of < indent);
        while let Some(entry) = rest.strip_prefix("- ") {
            way.push((indent, "[]".to_owned()));
            (rest, indent) = (entry, indent + 2);
        }
        let Some((key, value)) = key_of(rest) else {
            continue;
        };
        way.push((indent, key.to_owned()));
        let from = way.first().map_or(0, |(of, _)| *of);
        let here: Place = way.iter().map(|(_, step)| step.clone()).collect();
        pieces.insert((from, here.clone(), opens(value)));
        in_braces(value, is_format, from, here, pieces);
    }
}

fn opens(value: &str) -> bool {
    let inner = value.trim_start_matches('{');
    value.is_empty() || (inner.len() < value.len() && key_of(inner.trim_start()).is_some())
}

/// `key: value`, where it is one; what a format puts before it does not count.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let put_before = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let text = match put_before {
        Some((_, rest)) if !rest.starts_with(':') => rest,
        _ => text,
    };
    let (key, value) = text.split_once(':')?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-{}".contains(c);
    let is_one = !key.is_empty() && key.chars().all(is_key);
    (is_one && (value.is_empty() || value.starts_with(' '))).then_some((key, value.trim_start()))
}

fn in_braces(
    value: &str,
    is_format: bool,
    from: usize,
    mut here: Place,
    pieces: &mut BTreeSet<Piece>,
) {
    let least = here.len();
    let mut depth = vec![least];
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let doubled = is_format && (rest.starts_with("{{") || rest.starts_with("}}"));
        rest = &rest[if doubled { 2 } else { c.len_utf8() }..];
        match c {
            '{' => depth.push(here.len()),
            '[' => {
                depth.push(here.len());
                here.push("[]".to_owned());
            }
            '}' | ']' if depth.len() > 1 => here.truncate(depth.pop().unwrap_or(least)),
            ',' if depth.len() > 1 => {}
            _ => continue,
        }
        let inner = *depth.last().unwrap_or(&least);
        let list = here.get(inner).is_some_and(|step| step == "[]");
        here.truncate(if list { inner + 1 } else { inner });
        if let Some((key, value)) = key_of(rest.trim_start()).filter(|_| depth.len() > 1) {
            here.push(key.to_owned());
            pieces.insert((from, here.clone(), opens(value)));
        }
    }
}
