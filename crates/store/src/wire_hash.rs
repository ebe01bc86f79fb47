//! The hash of a file as it was transmitted, as receipts carry it.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::words;

words! {
    /// The algorithms of receipts' hashes: those of the cipher suites (SFIDCIPH).
    WireHashAlgorithm {
        /// 20 octets: suites 01 and 02.
        Sha1 = "sha1",
        /// 32 octets.
        Sha256 = "sha256",
        /// 64 octets.
        Sha512 = "sha512",
        /// 64 octets.
        Sha3 = "sha3-512",
    }
}

impl WireHashAlgorithm {
    /// How many octets a hash of it has.
    #[must_use]
    pub fn octets(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 | Self::Sha3 => 64,
        }
    }
}

/// The hash of a file as it was transmitted, with its algorithm: what EERPHSH and NERPHSH have (RFC 5024, 5.3.13). It is
/// known of files that are secured or whose receipt is to be signed. It is written as `sha256:0a1b...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireHash {
    algorithm: WireHashAlgorithm,
    octets: Vec<u8>,
}

impl WireHash {
    /// None where the algorithm's hashes have another length.
    #[must_use]
    pub fn new(algorithm: WireHashAlgorithm, octets: Vec<u8>) -> Option<Self> {
        (octets.len() == algorithm.octets()).then_some(Self { algorithm, octets })
    }

    /// By which it was made.
    #[must_use]
    pub fn algorithm(&self) -> WireHashAlgorithm {
        self.algorithm
    }

    /// Its octets, as a receipt has them.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl fmt::Display for WireHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, digits_of(&self.octets))
    }
}

/// A text that is no hash of a known algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no hash of a file as it was transmitted")]
pub struct NoWireHash;

impl FromStr for WireHash {
    type Err = NoWireHash;
    fn from_str(text: &str) -> Result<Self, NoWireHash> {
        let (word, digits) = text.split_once(':').ok_or(NoWireHash)?;
        let algorithm = WireHashAlgorithm::parse(word).ok_or(NoWireHash)?;
        let octets = octets_of(digits).ok_or(NoWireHash)?;
        Self::new(algorithm, octets).ok_or(NoWireHash)
    }
}

/// Octets in hexadecimal digits.
pub(crate) fn digits_of(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut digits, octet| {
        // Writing to a text does not fail.
        let _ = write!(digits, "{octet:02x}");
        digits
    })
}

/// None where these are no pairs of hexadecimal digits.
pub(crate) fn octets_of(digits: &str) -> Option<Vec<u8>> {
    let octet = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(octet).collect()
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

impl Serialize for WireHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WireHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        for algorithm in WireHashAlgorithm::ALL {
            let octets: Vec<u8> = (0..)
                .map(|n: u8| n.wrapping_mul(37))
                .take(algorithm.octets())
                .collect();
            let hash = WireHash::new(*algorithm, octets.clone()).unwrap();
            assert_eq!((hash.algorithm(), hash.octets()), (*algorithm, &octets[..]));
            assert_eq!(hash.to_string().parse(), Ok(hash.clone()));
            let json = serde_json::to_string(&hash).unwrap();
            assert_eq!(json, format!("\"{hash}\""));
            assert_eq!(serde_json::from_str::<WireHash>(&json).unwrap(), hash);
        }
        let hash = WireHash::new(WireHashAlgorithm::Sha1, vec![0xA0; 20]).unwrap();
        assert_eq!(hash.to_string(), format!("sha1:{}", "a0".repeat(20)));
    }

    #[test]
    fn what_no_algorithm_gives_is_no_hash() {
        assert_eq!(WireHash::new(WireHashAlgorithm::Sha256, vec![1; 31]), None);
        let long = "a0".repeat(20);
        for text in [
            "",
            "sha1",
            "sha1:",
            &long,
            &format!("md5:{long}"),
            &format!("sha256:{long}"),
            &format!("sha1:{}", "g0".repeat(20)),
            &format!("sha1:{}", "a0".repeat(19)),
            &format!("sha1:{}a", "a0".repeat(19)),
            &format!("sha1:{}\u{e9}", "a0".repeat(19)),
            &format!("sha1:{}", "+a".repeat(20)),
        ] {
            assert_eq!(text.parse::<WireHash>(), Err(NoWireHash), "{text}");
            let json = format!("\"{text}\"");
            assert!(serde_json::from_str::<WireHash>(&json).is_err(), "{text}");
        }
    }
}
