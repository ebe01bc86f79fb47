//! Any octets as the start of a stream (RFC 5024, 8): never a length that is not there, and what we
//! write is what we read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oftp::stream::{self, HEADER, Head};

fuzz_target!(|octets: &[u8]| {
    match stream::head(octets) {
        Head::Incomplete => assert!(octets.len() < HEADER),
        Head::Announced { length } => {
            assert!(length > 0 && octets == stream::header(length));
        }
        Head::Empty => assert!(octets.starts_with(&[0x10, 0, 0])),
        Head::Foreign(header) => {
            assert_ne!(octets.first(), Some(&0x10));
            let told = header.to_string();
            assert!(told.starts_with("not OFTP: ") && told.len() < 100);
        }
        Head::Buffer { length, code } => {
            assert!(length > 0 && octets.starts_with(&stream::header(length)));
            assert_eq!(octets.get(HEADER), Some(&code));
        }
    }
});
