//! Any octets as a store whose kind is found out.

#![no_main]

mod read;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| read::read(octets, None));
