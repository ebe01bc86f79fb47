//! Cipher suites: which algorithms a number stands for (RFC 5024, 10.2; Odette's list has 03 to 06, its later drafts 07
//! to 10).

use oftp::CipherSuite;
use openssl::cipher::{Cipher, CipherRef};
use openssl::hash::MessageDigest;
use openssl::md::{Md, MdRef};

/// A hash, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// SHA-1: collisions can be made.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA3-512.
    Sha3_512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha512, Self::Sha3_512];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Sha3_512 => "SHA3-512",
        }
    }

    /// Octets of a hash.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    pub(crate) fn digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha512 => MessageDigest::sha512(),
            Self::Sha3_512 => MessageDigest::sha3_512(),
        }
    }

    pub(crate) fn md(self) -> &'static MdRef {
        match self {
            Self::Sha1 => Md::sha1(),
            Self::Sha256 => Md::sha256(),
            Self::Sha512 => Md::sha512(),
            Self::Sha3_512 => Md::sha3_512(),
        }
    }
}

impl std::fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A cipher for contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// 3DES-EDE-CBC with three keys.
    TripleDes,
    /// AES-256-CBC.
    Aes256,
}

impl ContentCipher {
    /// Octets of a key.
    pub fn key_length(self) -> usize {
        match self {
            Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    /// Octets of a block, and of an initialisation vector.
    pub fn block_length(self) -> usize {
        match self {
            Self::TripleDes => 8,
            Self::Aes256 => 16,
        }
    }

    pub(crate) fn cipher(self) -> &'static CipherRef {
        match self {
            Self::TripleDes => Cipher::des_ede3_cbc(),
            Self::Aes256 => Cipher::aes_256_cbc(),
        }
    }
}

/// How RSA pads what it signs, and the keys that it encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RsaPadding {
    /// PKCS#1 v1.5 for both.
    Pkcs1,
    /// PSS for signatures, OAEP for keys; the suite's hash everywhere, and a salt as long as a hash.
    PssOaep,
}

/// A cipher suite whose algorithms are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suite {
    number: CipherSuite,
    cipher: ContentCipher,
    padding: RsaPadding,
    hash: HashAlgorithm,
}

impl Suite {
    /// 04, which every partner of today has: AES-256, RSA PKCS#1 v1.5, SHA-256.
    pub const USUAL: Self = Self {
        number: CipherSuite::USUAL,
        cipher: ContentCipher::Aes256,
        padding: RsaPadding::Pkcs1,
        hash: HashAlgorithm::Sha256,
    };

    /// The suite of a number from the wire; none for 00 and for numbers that no list defines.
    pub fn of(number: CipherSuite) -> Option<Self> {
        use ContentCipher::{Aes256, TripleDes};
        use HashAlgorithm::{Sha1, Sha3_512, Sha256, Sha512};
        use RsaPadding::{Pkcs1, PssOaep};
        let (cipher, padding, hash) = match number.number() {
            1 => (TripleDes, Pkcs1, Sha1),
            2 => (Aes256, Pkcs1, Sha1),
            3 => (TripleDes, Pkcs1, Sha256),
            4 => (Aes256, Pkcs1, Sha256),
            5 => (TripleDes, Pkcs1, Sha512),
            6 => (Aes256, Pkcs1, Sha512),
            7 => (Aes256, Pkcs1, Sha3_512),
            8 => (Aes256, PssOaep, Sha256),
            9 => (Aes256, PssOaep, Sha512),
            10 => (Aes256, PssOaep, Sha3_512),
            _ => return None,
        };
        Some(Self {
            number,
            cipher,
            padding,
            hash,
        })
    }

    /// All suites, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=10).filter_map(CipherSuite::new).filter_map(Self::of)
    }

    /// Its number, for SFIDCIPH.
    pub fn number(self) -> CipherSuite {
        self.number
    }

    /// What encrypts contents.
    pub fn cipher(self) -> ContentCipher {
        self.cipher
    }

    /// How RSA pads.
    pub fn padding(self) -> RsaPadding {
        self.padding
    }

    /// The hash of signatures, and of receipts (RFC 5024, 5.3.3).
    pub fn hash(self) -> HashAlgorithm {
        self.hash
    }

    /// Whether an operator must switch it on for a partner, since Odette's published list ends before it: 07 to 10.
    pub fn needs_switch(self) -> bool {
        self.number.number() > 6
    }

    /// Whether it stands on SHA-1, and is off for new partners: 01 and 02.
    pub fn is_weak(self) -> bool {
        self.hash == HashAlgorithm::Sha1
    }
}

impl std::fmt::Display for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.number.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_what_its_description_says() {
        for suite in Suite::all() {
            let text = suite.number().description().unwrap();
            let cipher = match suite.cipher() {
                ContentCipher::TripleDes => "3DES-EDE-CBC",
                ContentCipher::Aes256 => "AES-256-CBC",
            };
            let padding = match suite.padding() {
                RsaPadding::Pkcs1 => "RSA PKCS#1 v1.5",
                RsaPadding::PssOaep => "RSA-PSS and RSA-OAEP",
            };
            assert_eq!(text, format!("{cipher}, {padding}, {}", suite.hash()));
        }
        assert_eq!(Suite::all().count(), 10);
        assert_eq!(Suite::of(Suite::USUAL.number()), Some(Suite::USUAL));
    }

    #[test]
    fn unknown_numbers_are_no_suite() {
        for number in (0..=99).filter(|number| !(1..=10).contains(number)) {
            assert_eq!(
                Suite::of(CipherSuite::new(number).unwrap()),
                None,
                "{number}"
            );
        }
    }

    #[test]
    fn lengths_are_the_librarys() {
        for hash in HashAlgorithm::ALL {
            assert_eq!(hash.length(), hash.digest().size());
        }
        for cipher in [ContentCipher::TripleDes, ContentCipher::Aes256] {
            assert_eq!(cipher.key_length(), cipher.cipher().key_length());
            assert_eq!(cipher.block_length(), cipher.cipher().block_size());
            assert_eq!(cipher.block_length(), cipher.cipher().iv_length());
        }
    }

    #[test]
    fn weak_and_switched_suites_are_the_documented_ones() {
        let numbers = |keep: fn(&Suite) -> bool| -> Vec<u8> {
            Suite::all()
                .filter(keep)
                .map(|suite| suite.number().number())
                .collect()
        };
        assert_eq!(numbers(|suite| suite.is_weak()), [1, 2]);
        assert_eq!(numbers(|suite| suite.needs_switch()), [7, 8, 9, 10]);
    }
}
