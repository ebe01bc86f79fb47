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
pub struct Fingerprints(BTreeMap<String, u64>);

/// It has a random key for each run of the program, so that a value cannot be found by hashing guesses.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Keys whose value is the path of a file that is read with the configuration.
const FILES: [&str; 6] = [
    "certificate",
    "key",
    "client_ca",
    "ca",
    "our_certificate",
    "our_key",
];

/// Octets of a file that are compared: files of certificates are smaller.
const MOST: u64 = 1 << 20;

impl Fingerprints {
    /// The fingerprints of a text that was read without mistakes, whose relative paths start at `base`.
    pub(super) fn of(base: &Path, text: &str) -> Self {
        let reading = context::read(base, &Needs::Everything, &BTreeSet::new(), || {
            let mut found = Self::default();
            if let Ok(value) = serde_yaml::from_str::<Value>(text) {
                found.gather(base, "", &value);
            }
            found
        });
        reading.outcome
    }

    fn gather(&mut self, base: &Path, key: &str, value: &Value) {
        match value {
            Value::Mapping(map) => {
                // The only map whose order says something.
                if key == "policies" {
                    let order: Vec<_> = map.keys().filter_map(Value::as_str).collect();
                    self.note("policies (their order)", &order);
                }
                for (name, value) in map {
                    let name = name
                        .as_str()
                        .map_or_else(|| format!("{name:?}"), str::to_owned);
                    let dot = if key.is_empty() { "" } else { "." };
                    self.gather(base, &format!("{key}{dot}{name}"), value);
                }
            }
            Value::Sequence(list) => {
                for (at, value) in list.iter().enumerate() {
                    self.gather(base, &format!("{key}[{at}]"), value);
                }
            }
            Value::String(text) => {
                let resolved = resolve(text, false).unwrap_or_else(|_| text.clone());
                let last = key.rsplit('.').next().unwrap_or_default();
                let content = match FILES.contains(&last) {
                    true => {
                        pointsman_folder::read(&base.join(&resolved), MOST, Names::Operator).ok()
                    }
                    false => None,
                };
                let content = content.map(|(octets, _)| octets);
                self.note(key, &(resolved, content));
            }
            other => self.note(key, &format!("{other:?}")),
        }
    }

    fn note(&mut self, key: &str, value: &impl std::hash::Hash) {
        self.0.insert(key.to_owned(), HASHER.hash_one(value));
    }

    /// The keys that are new, gone, or have another value, in order.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let changed = keys
            .into_iter()
            .filter(|key| self.0.get(*key) != before.0.get(*key));
        changed.cloned().collect()
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
}
