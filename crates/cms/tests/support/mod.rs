//! What the tests share: stations with their keys, and files made and opened in memory.

#![allow(dead_code, reason = "each test uses its own part")]

pub mod forged_files;
pub mod forged_receipts;
pub mod oracle;
pub mod tools;
pub mod tree;

use std::io::{Cursor, Read, Write};
use std::sync::LazyLock;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::SubjectKeyIdentifier;
use openssl::x509::{X509, X509NameBuilder};

use oftp::{CipherSuite, Security};
use pointsman_cms::{
    Announced, Certificate, CmsError, Compress, FileTolerances, Found, Identity, Limits, Opening,
    PrivateKey, Suite, Wrapped, Wrapping,
};

/// A station with a key pair.
pub struct Party {
    pub key: PKey<Private>,
    pub x509: X509,
    pub identity: Identity,
}

impl Party {
    /// Makes one whose certificate has that serial number.
    pub fn new(name: &str, serial: u32) -> Self {
        Self::with_key(
            name,
            serial,
            PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
        )
    }

    /// Makes one with a key that may be another's.
    pub fn with_key(name: &str, serial: u32, key: PKey<Private>) -> Self {
        let x509 = certificate(name, serial, &key);
        let certificate = Certificate::from_der(&x509.to_der().unwrap()).unwrap();
        let private = PrivateKey::from_der(&key.private_key_to_der().unwrap()).unwrap();
        let identity = Identity::new(certificate, private).unwrap();
        Self {
            key,
            x509,
            identity,
        }
    }

    pub fn certificate(&self) -> Certificate {
        self.identity.certificate().clone()
    }
}

fn certificate(name: &str, serial: u32, key: &PKey<Private>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("O", "Werk & Söhne").unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder
        .set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(365).unwrap())
        .unwrap();
    builder.set_pubkey(key).unwrap();
    let context = builder.x509v3_context(None, None);
    let id = SubjectKeyIdentifier::new().build(&context).unwrap();
    builder.append_extension(id).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// The partner, who signs; its next certificate; us, who decrypt; our next certificate; someone else.
pub static PARTNER: LazyLock<Party> = LazyLock::new(|| Party::new("partner", 0x1001));
pub static PARTNER_NEXT: LazyLock<Party> = LazyLock::new(|| Party::new("partner", 0x8002));
pub static US: LazyLock<Party> = LazyLock::new(|| Party::new("us", 7));
pub static US_NEXT: LazyLock<Party> = LazyLock::new(|| Party::new("us", 8));
pub static STRANGER: LazyLock<Party> = LazyLock::new(|| Party::new("stranger", 66));

/// A folder with the certificates and keys of the partner and of us, in PEM.
pub fn folder_with_keys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, party) in [("partner", &*PARTNER), ("us", &*US)] {
        let path = |end: &str| folder.path().join(format!("{name}.{end}"));
        std::fs::write(path("pem"), party.x509.to_pem().unwrap()).unwrap();
        let key = party.key.private_key_to_pem_pkcs8().unwrap();
        std::fs::write(path("key"), key).unwrap();
    }
    folder
}

/// That every forgery, and every good one among them, had its documented outcome; `wrong` tells of those that had another.
pub fn assert_outcomes(what: &str, all: usize, forged: usize, wrong: &[String]) {
    println!(
        "{forged} forged {what} and {} good ones, {} with another outcome",
        all - forged,
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {all}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(forged >= 300, "{forged} forged {what}");
}

pub fn suite(number: u8) -> Suite {
    Suite::of(CipherSuite::new(number).unwrap()).unwrap()
}

/// Which services a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services {
    pub signed: bool,
    pub compressed: bool,
    pub encrypted: bool,
}

impl Services {
    /// All combinations but none.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..8u8).map(|bits| Self {
            signed: bits & 1 != 0,
            compressed: bits & 2 != 0,
            encrypted: bits & 4 != 0,
        })
    }

    pub fn of(letters: &str) -> Self {
        Self {
            signed: letters.contains('s'),
            compressed: letters.contains('z'),
            encrypted: letters.contains('e'),
        }
    }

    pub fn letters(self) -> String {
        let letter = |has: bool, letter: &str| {
            if has {
                letter.to_owned()
            } else {
                String::new()
            }
        };
        letter(self.signed, "s") + &letter(self.compressed, "z") + &letter(self.encrypted, "e")
    }

    pub fn security(self) -> Security {
        match (self.signed, self.encrypted) {
            (false, false) => Security::None,
            (false, true) => Security::Encrypted,
            (true, false) => Security::Signed,
            (true, true) => Security::EncryptedAndSigned,
        }
    }
}

/// The partner's way to secure a file for us.
pub fn wrapping(suite: Suite, services: Services) -> Wrapping {
    Wrapping {
        suite,
        sign: services
            .signed
            .then(|| PARTNER.identity.clone())
            .into_iter()
            .collect(),
        with_certificates: false,
        compress: services.compressed.then_some(Compress {
            level: 6,
            threads: 1,
        }),
        encrypt: services
            .encrypted
            .then(|| US.certificate())
            .into_iter()
            .collect(),
        overlap: false,
    }
}

/// Our way to open it.
pub fn opening(suite: Suite, services: Services) -> Opening {
    Opening {
        announced: Announced {
            security: services.security(),
            compressed: services.compressed,
            suite,
        },
        own: vec![US_NEXT.identity.clone(), US.identity.clone()],
        partner: vec![PARTNER_NEXT.certificate(), PARTNER.certificate()],
        limits: Limits {
            largest: 1 << 40,
            ratio: Limits::RATIO,
        },
        tolerances: FileTolerances::default(),
        overlap: false,
    }
}

pub fn wrap(wrapping: &Wrapping, content: &[u8]) -> (Vec<u8>, Wrapped) {
    let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
    wrapper.write_all(content).unwrap();
    wrapper.finish().unwrap()
}

pub fn wrap_definite(wrapping: &Wrapping, content: &[u8]) -> (Vec<u8>, Wrapped) {
    let mut measurer = wrapping.measure(content.len() as u64).unwrap();
    if measurer.needs_content() {
        measurer.write_all(content).unwrap();
    }
    let measured = measurer.finish().unwrap();
    let octets = measured.octets();
    let mut wrapper = wrapping.write_definite_to(Vec::new(), measured).unwrap();
    wrapper.write_all(content).unwrap();
    let (file, wrapped) = wrapper.finish().unwrap();
    assert_eq!(octets, file.len() as u64, "the size that was measured");
    (file, wrapped)
}

/// Opens a file; the content counts as the caller would have it: only with `Ok`.
pub fn open(opening: &Opening, file: &[u8]) -> Result<(Vec<u8>, Found), CmsError> {
    let mut opener = opening.read_from(Cursor::new(file.to_vec()))?;
    let mut content = Vec::new();
    let outcome = opener.read_to_end(&mut content);
    let found = opener.finish()?;
    outcome.expect("finish knows of every error");
    Ok((content, found))
}

/// A generator of test content that needs no seed but one number.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Something like an EDI message: it deflates to about a quarter.
pub fn text(length: usize) -> Vec<u8> {
    let mut dice = Dice(5024);
    let mut text = Vec::with_capacity(length + 40);
    while text.len() < length {
        let (article, quantity) = (dice.next() % 100_000, dice.next() % 900);
        text.extend_from_slice(
            format!("LIN+1++{article:08}:IN'QTY+113:{quantity}'\r\n").as_bytes(),
        );
    }
    text.truncate(length);
    text
}

pub fn sha256(octets: &[u8]) -> Vec<u8> {
    openssl::sha::sha256(octets).to_vec()
}

/// A number from `/proc/self/status`, in octets.
pub fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<u64>().unwrap() * 1024
}
