//! What every target does: it reads, shows what was read, and puts it together with itself.

use pointsman_keys::{EntryDescription, KeyStore, KeyStoreKind, StoreReading, ReadingLimits};

/// Few rounds, since each derivation takes its time.
const LIMITS: ReadingLimits = ReadingLimits {
    rounds: 100,
    all_rounds: 500,
    memory: 1 << 20,
};

pub fn read(octets: &[u8], kind: Option<KeyStoreKind>) {
    let reading = StoreReading {
        kind,
        password: Some("secret"),
        limits: LIMITS,
        ..StoreReading::default()
    };
    let store = match KeyStore::read(octets, &reading) {
        Ok(store) => store,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for entry in store.entries() {
        assert!(!EntryDescription::of(entry).to_string().is_empty());
    }
    let joined = store.clone().joined(store.clone()).expect("few entries");
    assert!(joined.entries().len() <= 2 * store.entries().len());
}
