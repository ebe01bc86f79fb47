//! Which entry of a store is meant: by subject, as operators name a certificate.

use std::convert::Infallible;
use std::str::FromStr;

use crate::entry::KeyStoreEntry;
use crate::name;
use crate::store::KeyStore;

/// The most entries that an error names.
const MOST_NAMED: usize = 20;

/// Which entry is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WantedSubject {
    /// The only one; of a certificate and those of its issuers, the certificate.
    #[default]
    Only,
    /// The first; written `*`.
    First,
    /// That with this subject or alias; else the one whose subject contains it. `CN=a, O="b, c"` contains `O="b, c"`,
    /// in any order, and any part of the subject's line, in small or capital letters.
    Named(String),
}

impl FromStr for WantedSubject {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.trim() {
            "" => Self::Only,
            "*" => Self::First,
            named => Self::Named(named.to_owned()),
        })
    }
}

/// Whether an entry must have a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWanted {
    /// Of ours: entries without a private key do not count.
    Yes,
    /// Of a partner or a CA: entries without a certificate do not count, and those with a private key do.
    No,
}

/// Why no entry is selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Nothing in the store is of that sort.
    #[error("no certificate{} in the store has the subject {subject}; there is {there}", with_key(*.wanted))]
    Nothing {
        /// The subject that was asked for.
        subject: String,
        /// Whether a private key was wanted.
        wanted: KeyWanted,
        /// What is there.
        there: String,
    },
    /// Several entries are meant.
    #[error("{count} certificates{} fit {subject}: {there}", with_key(*.wanted))]
    Several {
        /// The subject that was asked for.
        subject: String,
        /// Whether a private key was wanted.
        wanted: KeyWanted,
        /// How many.
        count: usize,
        /// Subject, serial number and SHA-256 of each.
        there: String,
    },
}

fn with_key(wanted: KeyWanted) -> &'static str {
    match wanted {
        KeyWanted::Yes => " with a private key",
        KeyWanted::No => "",
    }
}

impl KeyStore {
    /// The entry that is meant.
    ///
    /// # Errors
    /// [`SelectError`], which names what is there.
    pub fn select(
        &self,
        subject: &WantedSubject,
        wanted: KeyWanted,
    ) -> Result<&KeyStoreEntry, SelectError> {
        let fitting: Vec<&KeyStoreEntry> = self
            .entries()
            .iter()
            .filter(|entry| match wanted {
                KeyWanted::Yes => entry.key().is_some(),
                KeyWanted::No => entry.certificate().is_some(),
            })
            .collect();
        let meant = match subject {
            WantedSubject::Only => without_issuers(&fitting),
            WantedSubject::First => fitting.first().copied().into_iter().collect(),
            WantedSubject::Named(text) => named(&fitting, text),
        };
        let text = match subject {
            WantedSubject::Only => "(none is given)".to_owned(),
            WantedSubject::First => "*".to_owned(),
            WantedSubject::Named(text) => format!("{text:?}"),
        };
        match meant[..] {
            [one] => Ok(one),
            [] => Err(SelectError::Nothing {
                subject: text,
                wanted,
                there: listed(&fitting),
            }),
            _ => Err(SelectError::Several {
                subject: text,
                wanted,
                count: meant.len(),
                there: listed(&meant),
            }),
        }
    }
}

/// Those whose subject or alias is that; where there is none, those whose subject contains it.
fn named<'a>(entries: &[&'a KeyStoreEntry], text: &str) -> Vec<&'a KeyStoreEntry> {
    let attributes = name::parse(text).map(sorted);
    let those = |fits: &dyn Fn(&KeyStoreEntry) -> bool| -> Vec<&'a KeyStoreEntry> {
        entries
            .iter()
            .copied()
            .filter(|entry| fits(entry))
            .collect()
    };
    let exact = those(&|entry| {
        let own = entry.certificate().map(|own| sorted(own.attributes()));
        entry.alias() == Some(text) || (own.is_some() && own == attributes)
    });
    if !exact.is_empty() {
        return exact;
    }
    let small = text.to_lowercase();
    those(&|entry| {
        let Some(certificate) = entry.certificate() else {
            return entry
                .alias()
                .is_some_and(|alias| alias.to_lowercase().contains(&small));
        };
        let own = certificate.attributes();
        let all = attributes
            .as_ref()
            .is_some_and(|wanted| wanted.iter().all(|one| own.contains(one)));
        all || certificate.subject().to_lowercase().contains(&small)
    })
}

/// Those that have issued none of the others, as files of certificates bring their chains along.
fn without_issuers<'a>(entries: &[&'a KeyStoreEntry]) -> Vec<&'a KeyStoreEntry> {
    let has_issued = |entry: &&KeyStoreEntry| {
        let issuer = entry.certificate();
        let others = entries.iter().filter_map(|other| other.certificate());
        issuer.is_some_and(|issuer| others.into_iter().any(|other| other.is_issued_by(issuer)))
    };
    let leaves = entries.iter().copied().filter(|entry| !has_issued(entry));
    let leaves: Vec<_> = leaves.collect();
    // Of one name, each seems to have issued the other.
    match leaves.is_empty() {
        true => entries.to_vec(),
        false => leaves,
    }
}

fn sorted(mut attributes: Vec<name::Attribute>) -> Vec<name::Attribute> {
    attributes.sort();
    attributes
}

/// Subject, serial number and SHA-256 of each.
fn listed(entries: &[&KeyStoreEntry]) -> String {
    let mut told: Vec<String> = entries
        .iter()
        .take(MOST_NAMED)
        .map(|entry| entry.to_string())
        .collect();
    if entries.len() > MOST_NAMED {
        told.push(format!("and {} more", entries.len() - MOST_NAMED));
    }
    match told.is_empty() {
        true => "nothing".to_owned(),
        false => told.join("; "),
    }
}
