//! Any octets as a file, however it was announced: nothing panics, nothing hangs, and what is not signed by anyone is never
//! taken for signed. No key of ours is known, so that no time goes into RSA: it is the structure that is tried.

#![no_main]

mod blame;

use std::io::{Cursor, Read};

use blame::blames_the_file;
use libfuzzer_sys::fuzz_target;
use oftp::{CipherSuite, Security};
use pointsman_cms::{Announced, FileTolerances, Limits, Opening, Suite};

const SECURITY: [Security; 4] = [
    Security::None,
    Security::Encrypted,
    Security::Signed,
    Security::EncryptedAndSigned,
];

fuzz_target!(|input: &[u8]| {
    let [choice, number, file @ ..] = input else {
        return;
    };
    let suite = CipherSuite::new(1 + number % 10)
        .and_then(Suite::of)
        .expect("1 to 10");
    let security = SECURITY[usize::from(choice % 4)];
    let opening = Opening {
        announced: Announced {
            security,
            compressed: choice & 4 != 0,
            suite,
        },
        own: Vec::new(),
        partner: Vec::new(),
        limits: Limits {
            largest: 1 << 20,
            ratio: Limits::RATIO,
        },
        tolerances: FileTolerances::default(),
        overlap: false,
    };
    let mut opener = opening
        .read_from(Cursor::new(file.to_vec()))
        .expect("no thread is needed");
    let mut content = Vec::new();
    let read = opener.read_to_end(&mut content);
    let outcome = opener.finish();
    assert_eq!(read.is_ok(), outcome.is_ok());
    assert!(content.len() <= (1 << 20) + 64);
    if let Err(error) = &outcome {
        assert!(blames_the_file(error), "{error}");
    }
    if security != Security::None {
        assert!(
            outcome.is_err(),
            "nobody has signed it, and nobody can decrypt it"
        );
    }
});
