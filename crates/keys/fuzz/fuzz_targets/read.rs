//! What every target does: it reads, shows what was read, and puts it together with itself.

use pointsman_keys::{EntryDescription, KeyStore, KeyStoreKind, ReadingLimits, StoreReading};

/// The password of all stores of the corpus.
pub const PASSWORD: &str = "secret";

/// Few rounds, since each derivation takes its time.
const LIMITS: ReadingLimits = ReadingLimits {
    rounds: 100,
    all_rounds: 500,
    memory: 1 << 20,
};

/// One round of bcrypt, which counts as so many and takes a millisecond.
const ONE_OF_BCRYPT: ReadingLimits = ReadingLimits {
    rounds: 10_000,
    all_rounds: 10_000,
    memory: 1 << 20,
};

/// One input of 64 may have a round of bcrypt. Which one depends on all of its octets (FNV-1a).
fn limits(octets: &[u8], kind: Option<KeyStoreKind>) -> ReadingLimits {
    let sum = octets.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, octet| {
        (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
    });
    match kind {
        Some(KeyStoreKind::Ssh) if sum >> 40 & 0x3f == 0 => ONE_OF_BCRYPT,
        _ => LIMITS,
    }
}

pub fn read(octets: &[u8], kind: Option<KeyStoreKind>) {
    let reading = StoreReading {
        kind,
        password: Some(PASSWORD),
        limits: limits(octets, kind),
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
