//! Files of a real key, changed: three layers are made of the input's choice, one of them is damaged as the rest of the
//! input says, and the layers around it are made again. What opens as signed has the content that was signed.

#![no_main]

use std::io::{Cursor, Read, Write};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oftp::Security;
use pointsman_cms::{
    Announced, Certificate, Compress, FileTolerances, Identity, Limits, Opening, PrivateKey, Suite,
    Wrapping,
};

static US: LazyLock<Identity> = LazyLock::new(|| {
    let certificate =
        Certificate::from_pem(include_bytes!("../keys/certificate.pem")).expect("ours");
    let key = PrivateKey::from_pem(include_bytes!("../keys/key.pem"), None).expect("ours");
    Identity::new(certificate, key).expect("a pair")
});

const CONTENT: &[u8] = b"UNB+UNOA:3+O0013000001US+O0177PARTNER+261130:0748+1'";

/// The signed layer, which takes the time of a private key to make, by suite.
static SIGNED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    Suite::all()
        .map(|suite| make(suite, Which::Signed, CONTENT))
        .collect()
});

#[derive(Clone, Copy, PartialEq)]
enum Which {
    Signed,
    Compressed,
    Enveloped,
}

fn make(suite: Suite, which: Which, content: &[u8]) -> Vec<u8> {
    let wrapping = Wrapping {
        suite,
        sign: (which == Which::Signed)
            .then(|| US.clone())
            .into_iter()
            .collect(),
        with_certificates: false,
        compress: (which == Which::Compressed).then_some(Compress {
            level: 1,
            threads: 1,
        }),
        encrypt: (which == Which::Enveloped)
            .then(|| US.certificate().clone())
            .into_iter()
            .collect(),
        overlap: false,
    };
    let mut wrapper = wrapping.write_to(Vec::new()).expect("memory");
    wrapper.write_all(content).expect("memory");
    wrapper.finish().expect("memory").0
}

/// Three octets a change: what, where, and with what.
fn damage(file: &mut Vec<u8>, changes: &[u8]) {
    for change in changes.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([change[1], change[2]])) % file.len().max(1);
        match change[0] % 5 {
            0 if at < file.len() => file[at] ^= change[3],
            1 if at < file.len() => file[at] = change[3],
            2 => file.insert(at.min(file.len()), change[3]),
            3 if at < file.len() => drop(file.remove(at)),
            _ => file.truncate(at),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [choice, number, changes @ ..] = input else {
        return;
    };
    let number = usize::from(number % 10);
    let suite = Suite::all().nth(number).expect("ten of them");
    let has = |bit: u8| choice & bit != 0;
    let mut file = SIGNED[number].clone();
    let damaged = choice >> 4;
    if damaged % 3 == 0 {
        damage(&mut file, changes);
    }
    for (bit, which) in [(1, Which::Compressed), (2, Which::Enveloped)] {
        if has(bit) {
            file = make(suite, which, &file);
            if damaged % 3 == bit {
                damage(&mut file, changes);
            }
        }
    }
    let opening = Opening {
        announced: Announced {
            security: if has(2) {
                Security::EncryptedAndSigned
            } else {
                Security::Signed
            },
            compressed: has(1),
            suite,
        },
        own: vec![US.clone()],
        partner: vec![US.certificate().clone()],
        limits: Limits {
            largest: 1 << 20,
            ratio: Limits::RATIO,
        },
        tolerances: FileTolerances::default(),
        overlap: false,
    };
    let mut opener = opening
        .read_from(Cursor::new(file))
        .expect("no thread is needed");
    let mut content = Vec::new();
    let _ = opener.read_to_end(&mut content);
    if let Ok(found) = opener.finish() {
        assert_eq!(content, CONTENT, "forged");
        assert_eq!(
            found.signed.expect("announced").signers,
            [US.certificate().clone()]
        );
    }
});
