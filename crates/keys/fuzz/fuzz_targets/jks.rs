//! Any octets as a store of the kind jks.

#![no_main]

mod read;

use libfuzzer_sys::fuzz_target;
use pointsman_keys::KeyStoreKind;

fuzz_target!(|octets: &[u8]| read::read(octets, Some(KeyStoreKind::Jks)));
