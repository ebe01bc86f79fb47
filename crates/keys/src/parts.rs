//! What belongs together of the keys and certificates that a reader found.

use openssl::pkey::{PKey, Public};

use crate::certificate::StoredCertificate;
use crate::entry::KeyStoreEntry;
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::reading::few_entries;

/// How much of what was passed over an error names.
const MOST_NAMED: usize = 5;

/// The longest chain that is put together.
const LONGEST_CHAIN: usize = 16;

/// Entries of what was found, and what was passed over.
pub(crate) struct Together {
    pub(crate) entries: Vec<KeyStoreEntry>,
    pub(crate) passed_over: Vec<String>,
}

/// What a reader found, before it is put together.
#[derive(Default)]
pub(crate) struct Parts {
    /// Entries as the store has them, each with its chain.
    entries: Vec<KeyStoreEntry>,
    keys: Vec<(Option<String>, StoredKey)>,
    certificates: Vec<(Option<String>, StoredCertificate)>,
    /// Certificates that are entries even where a chain has them too.
    trusted: Vec<(Option<String>, StoredCertificate)>,
    passed_over: Vec<String>,
}

impl Parts {
    pub(crate) fn key(&mut self, alias: Option<String>, key: StoredKey) {
        self.keys.push((alias, key));
    }

    pub(crate) fn certificate(&mut self, alias: Option<String>, certificate: StoredCertificate) {
        self.certificates.push((alias, certificate));
    }

    /// Takes a certificate that the store has as an entry of its own, even where a chain has it too.
    pub(crate) fn trusted(&mut self, alias: Option<String>, certificate: StoredCertificate) {
        self.trusted.push((alias, certificate));
    }

    pub(crate) fn public_key(&mut self, alias: Option<String>, public: PKey<Public>) {
        self.entries.push(KeyStoreEntry {
            alias,
            key: None,
            public,
            chain: Vec::new(),
        });
    }

    pub(crate) fn passed_over(&mut self, what: String) {
        self.passed_over.push(what);
    }

    /// Takes a key with its chain, as stores have them that keep the two together.
    ///
    /// # Errors
    /// [`StoreFault::Unusable`], if the first certificate is not that of the key.
    pub(crate) fn key_with_chain(
        &mut self,
        alias: Option<String>,
        key: StoredKey,
        chain: Vec<StoredCertificate>,
    ) -> Result<(), StoreFault> {
        if chain
            .first()
            .is_some_and(|first| !key.is_pair_of(first.key()))
        {
            return Err(StoreFault::Unusable(
                "a private key is not that of its certificate".to_owned(),
            ));
        }
        self.entries.push(KeyStoreEntry {
            alias,
            public: key.public()?,
            key: Some(key),
            chain,
        });
        Ok(())
    }

    /// Takes an entry of another store apart, so that its half may be found.
    pub(crate) fn push(&mut self, entry: KeyStoreEntry) {
        let KeyStoreEntry {
            alias,
            key,
            public,
            mut chain,
        } = entry;
        match (key, chain.is_empty()) {
            (None, true) => self.public_key(alias, public),
            (Some(key), true) => self.key(alias, key),
            (key, false) => {
                let first = chain.remove(0);
                match (&key, &alias) {
                    (None, Some(_)) => self.trusted(alias.clone(), first),
                    _ => self.certificate(alias.clone(), first),
                }
                chain
                    .into_iter()
                    .for_each(|issuer| self.certificate(None, issuer));
                key.into_iter().for_each(|key| self.key(alias.clone(), key));
            }
        }
    }

    /// How many keys and certificates there are so far.
    pub(crate) fn count(&self) -> usize {
        let chains: usize = self.entries.iter().map(|entry| entry.chain.len()).sum();
        self.entries.len() + chains + self.keys.len() + self.certificates.len() + self.trusted.len()
    }

    /// Puts together what belongs together.
    pub(crate) fn put_together(mut self) -> Result<Together, StoreFault> {
        few_entries(self.count())?;
        let mut entries = std::mem::take(&mut self.entries);
        for (alias, key) in std::mem::take(&mut self.keys) {
            entries.push(self.with_certificate(alias, key)?);
        }
        let firsts = entries.iter().filter_map(|entry| entry.chain.first());
        let first: Vec<StoredCertificate> = firsts.cloned().collect();
        let mut known: Vec<StoredCertificate> = entries
            .iter()
            .flat_map(|entry| entry.chain.clone())
            .collect();
        for (alias, certificate) in self.trusted {
            if !first.contains(&certificate) {
                known.push(certificate.clone());
                entries.push(KeyStoreEntry::bare(alias, certificate));
            }
        }
        for (alias, certificate) in self.certificates {
            if !known.contains(&certificate) {
                entries.push(KeyStoreEntry::bare(alias, certificate));
            }
        }
        let keys: Vec<PKey<Public>> = entries
            .iter()
            .filter(|entry| !entry.is_public_key())
            .map(|entry| entry.public.clone())
            .collect();
        entries.retain(|entry| {
            !entry.is_public_key() || !keys.iter().any(|key| key.public_eq(&entry.public))
        });
        if entries.is_empty() {
            let mut what = "neither a key nor a certificate is in it".to_owned();
            let there = self.passed_over.iter().take(MOST_NAMED);
            let there: Vec<&str> = there.map(String::as_str).collect();
            if !there.is_empty() {
                what = format!("{what}, only {}", there.join(", "));
            }
            return Err(StoreFault::Unusable(what));
        }
        Ok(Together {
            entries,
            passed_over: self.passed_over,
        })
    }

    /// A key with its certificate and the issuers of that, where they are among the certificates.
    fn with_certificate(
        &self,
        alias: Option<String>,
        key: StoredKey,
    ) -> Result<KeyStoreEntry, StoreFault> {
        let own = |(_, certificate): &&(_, StoredCertificate)| key.is_pair_of(certificate.key());
        let first = self.certificates.iter().chain(&self.trusted).find(own);
        let alias = alias.or_else(|| first?.0.clone());
        let mut chain: Vec<StoredCertificate> =
            first.into_iter().map(|(_, first)| first.clone()).collect();
        while let Some(issuer) = chain.last().and_then(|last| self.issuer_of(last)) {
            if chain.contains(issuer) || chain.len() == LONGEST_CHAIN {
                break;
            }
            chain.push(issuer.clone());
        }
        Ok(KeyStoreEntry {
            alias,
            public: key.public()?,
            key: Some(key),
            chain,
        })
    }

    fn issuer_of(&self, certificate: &StoredCertificate) -> Option<&StoredCertificate> {
        let all = self.certificates.iter().chain(&self.trusted);
        let mut all = all.map(|(_, candidate)| candidate);
        all.find(|candidate| certificate.is_issued_by(candidate))
    }
}
