//! What changed from one reading of the configuration to the next, by key.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::LazyLock;

use pointsman_folder::Names;
use serde_yaml::Value;

use super::context::{self, Needs};
use super::typed::resolve;

/// Every key of a file with a hash of its value and of the files and variables that the value refers to. Secrets
/// themselves are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints(BTreeMap<KeyName, KeyPrint>);

/// A key by what its list elements are named by, which stays where others are put before them.
type KeyName = String;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct KeyPrint {
    /// The key as it is shown: elements of lists have their number.
    shown: String,
    hash: u64,
}

/// It has a random key for each run of the program, so that a value cannot be found by hashing guesses.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Keys whose value is the path of a file that is read with the configuration.
const FILES: [&str; 7] = [
    "file",
    "certificate",
    "key",
    "client_ca",
    "ca",
    "our_certificate",
    "our_key",
];

/// The key of a policy's component, which is read when it is loaded: what it looks like is compared, and no octet of it.
const COMPONENT: &str = "component";

/// The keys that name an element of a list: a listener, a watched folder, a store of keys or certificates.
const NAMES: [&str; 3] = ["address", "folder", "file"];

/// Octets of a file that are compared: no store of keys and certificates has more.
const MOST: u64 = pointsman_keys::MOST_OCTETS as u64;

impl Fingerprints {
    /// The fingerprints of a text that was read without mistakes, whose relative paths start at `base`.
    pub(super) fn of(base: &Path, text: &str) -> Self {
        let reading = context::read(base, &Needs::Everything, &BTreeSet::new(), || {
            let mut found = Self::default();
            if let Ok(value) = serde_yaml::from_str::<Value>(text) {
                found.gather(base, &Key::default(), &value);
            }
            found
        });
        reading.outcome
    }

    fn gather(&mut self, base: &Path, key: &Key, value: &Value) {
        match value {
            Value::Mapping(map) => {
                // The only map whose order says something.
                if key.shown == "policies" {
                    let order: Vec<_> = map.keys().filter_map(Value::as_str).collect();
                    let key = Key {
                        name: "policies (their order)".to_owned(),
                        shown: "policies (their order)".to_owned(),
                    };
                    self.note(&key, &order);
                }
                for (name, value) in map {
                    let name = name
                        .as_str()
                        .map_or_else(|| format!("{name:?}"), str::to_owned);
                    self.gather(base, &key.below(&name), value);
                }
            }
            Value::Sequence(list) => {
                let mut named = BTreeMap::new();
                for (at, value) in list.iter().enumerate() {
                    self.gather(base, &key.element(at, value, &mut named), value);
                }
            }
            Value::String(text) => {
                let resolved = resolve(text, false).unwrap_or_else(|_| text.clone());
                let last = key.shown.rsplit('.').next().unwrap_or_default();
                let file = base.join(&resolved);
                if last == COMPONENT {
                    let look = pointsman_folder::open(&file, Names::Operator).ok();
                    let look = look.map(|(_, look)| format!("{look:?}"));
                    return self.note(key, &(resolved, look));
                }
                let content = match FILES.contains(&last) {
                    true => pointsman_folder::read(&file, MOST, Names::Operator).ok(),
                    false => None,
                };
                let content = content.map(|(octets, _)| octets);
                self.note(key, &(resolved, content));
            }
            other => self.note(key, &format!("{other:?}")),
        }
    }

    fn note(&mut self, key: &Key, value: &impl std::hash::Hash) {
        let print = KeyPrint {
            shown: key.shown.clone(),
            hash: HASHER.hash_one(value),
        };
        self.0.insert(key.name.clone(), print);
    }

    /// The keys that are new, gone, or have another value, in order. Elements of lists are compared with those of the same
    /// address or folder, wherever they stand; one that has another by now, with the one that was in its place.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        let (new, gone) = (&self.0, &before.0);
        let is_new = |name: &KeyName, print: &KeyPrint| {
            let there = gone.get(name);
            there.is_none_or(|there| there.hash != print.hash)
        };
        let others = new.iter().filter(|(name, print)| is_new(name, print));
        let others: BTreeSet<&KeyPrint> = others.map(|(_, print)| print).collect();
        let gone = gone.iter().filter(|(name, _)| !new.contains_key(*name));
        let gone: BTreeSet<&KeyPrint> = gone.map(|(_, print)| print).collect();
        let changed = others.symmetric_difference(&gone);
        let keys: BTreeSet<&String> = changed.map(|print| &print.shown).collect();
        keys.into_iter().cloned().collect()
    }
}

/// A key on the way to its value.
#[derive(Default)]
struct Key {
    name: KeyName,
    shown: String,
}

impl Key {
    /// A key of the map that this one leads to.
    fn below(&self, key: &str) -> Self {
        let dot = if self.shown.is_empty() { "" } else { "." };
        Self {
            name: format!("{}{dot}{key}", self.name),
            shown: format!("{}{dot}{key}", self.shown),
        }
    }

    /// An element of the list that this one leads to. Of several of one name the first is the first again.
    fn element(&self, at: usize, value: &Value, named: &mut BTreeMap<String, usize>) -> Self {
        let name = NAMES.iter().find_map(|name| value.get(name)?.as_str());
        let name = match name {
            Some(name) => {
                let nth = named.entry(name.to_owned()).or_default();
                *nth += 1;
                format!("{name} {nth}")
            }
            None => at.to_string(),
        };
        Self {
            name: format!("{}[{name}]", self.name),
            shown: format!("{}[{at}]", self.shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said_by_key_and_no_value_is_kept() {
        let base = tempfile::TempDir::new().unwrap();
        let pem = base.path().join("own.pem");
        std::fs::write(&pem, "one").unwrap();
        let of = |text: &str| Fingerprints::of(base.path(), text);
        let text = "limits: {sessions: 5}\npartners:\n  a: {password: GEHEIM, certificate: own.pem, sfids: [A, B]}\n";
        let before = of(text);
        assert!(of(text).changed_since(&before).is_empty());
        assert!(!format!("{before:?}").contains("GEHEIM"));
        let after = text
            .replace("GEHEIM", "OTHER")
            .replace("5", "6")
            .replace(", B", "");
        std::fs::write(&pem, "two").unwrap();
        let chain = |order: &str| of(&format!("policies: {{{order}}}\n"));
        assert_eq!(
            chain("b: {component: b}, a: {component: a}")
                .changed_since(&chain("a: {component: a}, b: {component: b}")),
            ["policies (their order)"]
        );
        assert_eq!(
            of(&after).changed_since(&before),
            [
                "limits.sessions",
                "partners.a.certificate",
                "partners.a.password",
                "partners.a.sfids[1]"
            ]
        );
    }

    #[test]
    fn a_listener_is_compared_with_the_one_of_its_address_wherever_it_stands() {
        let base = tempfile::TempDir::new().unwrap();
        let of =
            |listeners: &str| Fingerprints::of(base.path(), &format!("listeners:\n{listeners}"));
        let first = "  - {address: '127.0.0.1:1', sessions: 1, tls: {certificate: a}}\n";
        let second = "  - {address: '127.0.0.1:2', sessions: 2, tls: {certificate: b}}\n";
        let free = "  - {address: '127.0.0.1:0', sessions: 3}\n";
        let changed = |after: &str, before: &str| of(after).changed_since(&of(before));
        let all = [
            "listeners[0].address",
            "listeners[0].sessions",
            "listeners[0].tls.certificate",
        ];
        assert_eq!(
            changed(&[second, first].concat(), first),
            all,
            "one before it"
        );
        assert_eq!(
            changed(first, &[second, first].concat()),
            all,
            "the first is gone"
        );
        let both = [first, second].concat();
        assert!(
            changed(&[second, first].concat(), &both).is_empty(),
            "their order says nothing"
        );
        let more = second.replace("sessions: 2", "sessions: 5");
        assert_eq!(
            changed(&[&more, first].concat(), &both),
            ["listeners[0].sessions"]
        );
        let moved = first.replace("127.0.0.1:1", "127.0.0.1:9");
        assert_eq!(changed(&moved, first), ["listeners[0].address"]);
        let two = [free, free].concat();
        assert_eq!(
            changed(&two, free),
            ["listeners[1].address", "listeners[1].sessions"]
        );
    }
}
