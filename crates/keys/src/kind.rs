//! The kinds of stores, and how each is told from the others by its content.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::der::{Elements, INTEGER, OBJECT, SEQUENCE};
use crate::oid;
use crate::pem;

/// A kind of store, in the words of operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStoreKind {
    /// PKCS#12 (RFC 7292), a file `.pfx` or `.p12`.
    Pfx,
    /// The older store of Java, of Sun.
    Jks,
    /// The older store of Java with better encryption, of Sun's JCE.
    Jceks,
    /// The store of Bouncy Castle's FIPS provider.
    Bcfks,
    /// PEM: certificates and keys, encrypted or not.
    Pem,
    /// One certificate or key in DER.
    Der,
    /// Certificates in SignedData (RFC 5652), a file `.p7b` or `.p7c`.
    P7b,
    /// A private key or public keys of OpenSSH, or a public key of RFC 4716.
    Ssh,
    /// A private key of PuTTY.
    Ppk,
    /// An RSA key of XML Signature (`RSAKeyValue`), as .NET writes it.
    Xml,
    /// A JSON Web Key or a set of them (RFC 7517).
    Jwk,
}

impl KeyStoreKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Pfx,
        Self::Jks,
        Self::Jceks,
        Self::Bcfks,
        Self::Pem,
        Self::Der,
        Self::P7b,
        Self::Ssh,
        Self::Ppk,
        Self::Xml,
        Self::Jwk,
    ];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pfx => "pfx",
            Self::Jks => "jks",
            Self::Jceks => "jceks",
            Self::Bcfks => "bcfks",
            Self::Pem => "pem",
            Self::Der => "der",
            Self::P7b => "p7b",
            Self::Ssh => "ssh",
            Self::Ppk => "ppk",
            Self::Xml => "xml",
            Self::Jwk => "jwk",
        }
    }

    /// The kind that octets look like; none where they look like no store. Base64 of a binary kind is that kind.
    pub fn of(octets: &[u8]) -> Option<Self> {
        binary(octets).or_else(|| {
            let text = text(octets)?;
            textual(&text).or_else(|| binary(&pem::decode(&text)?))
        })
    }
}

impl fmt::Display for KeyStoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no kind of store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no kind of store; the kinds are pfx, jks, jceks, bcfks, pem, der, p7b, ssh, ppk, xml and jwk"
)]
pub struct UnknownStoreKind(String);

impl FromStr for KeyStoreKind {
    type Err = UnknownStoreKind;

    /// Reads the name, and what else operators call a kind: the usual ends of file names.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let name = word.to_ascii_lowercase();
        Ok(match name.as_str() {
            "p12" | "pkcs12" => Self::Pfx,
            "crt" | "cer" => Self::Der,
            "pkcs7" | "p7c" => Self::P7b,
            "openssh" => Self::Ssh,
            "putty" => Self::Ppk,
            "jwks" => Self::Jwk,
            _ => {
                let mut kinds = Self::ALL.into_iter();
                return kinds
                    .find(|kind| kind.name() == name)
                    .ok_or_else(|| UnknownStoreKind(word.to_owned()));
            }
        })
    }
}

/// Octets as text, without the mark that some editors put at its start: UTF-8, or UTF-16 of little-endian systems.
pub(crate) fn text(octets: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(utf16) = octets.strip_prefix(b"\xff\xfe") {
        let units = utf16
            .chunks_exact(2)
            .filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        let units: Vec<u16> = units.map(u16::from_le_bytes).collect();
        return String::from_utf16(&units).ok().map(Cow::Owned);
    }
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    std::str::from_utf8(octets).ok().map(Cow::Borrowed)
}

fn textual(text: &str) -> Option<KeyStoreKind> {
    let start = text.trim_start();
    let ssh = ["ssh-", "ecdsa-sha2-", "---- BEGIN SSH2 PUBLIC KEY ----"];
    if start.starts_with("PuTTY-User-Key-File-") {
        return Some(KeyStoreKind::Ppk);
    }
    if ssh.iter().any(|prefix| start.starts_with(prefix)) {
        return Some(KeyStoreKind::Ssh);
    }
    match pem_label(text) {
        Some("OPENSSH PRIVATE KEY") => return Some(KeyStoreKind::Ssh),
        Some("PKCS7" | "CMS") => return Some(KeyStoreKind::P7b),
        Some("PKCS12") => return Some(KeyStoreKind::Pfx),
        Some(_) => return Some(KeyStoreKind::Pem),
        None => {}
    }
    match start.as_bytes().first()? {
        b'{' => Some(KeyStoreKind::Jwk),
        b'<' => Some(KeyStoreKind::Xml),
        _ => None,
    }
}

/// The label of the first block.
fn pem_label(text: &str) -> Option<&str> {
    let begins = |line: &'_ str| line.trim().starts_with("-----BEGIN ");
    let line = text.lines().find(|line| begins(line))?;
    line.trim()
        .strip_prefix("-----BEGIN ")?
        .strip_suffix("-----")
}

fn binary(octets: &[u8]) -> Option<KeyStoreKind> {
    match octets {
        [0xfe, 0xed, 0xfe, 0xed, ..] => Some(KeyStoreKind::Jks),
        [0xce, 0xce, 0xce, 0xce, ..] => Some(KeyStoreKind::Jceks),
        [0x30, ..] => asn1(octets),
        _ => None,
    }
}

/// The octets of a binary kind, out of the base64 or PEM that it may be wrapped in.
pub(crate) fn unwrapped(kind: KeyStoreKind, octets: &[u8]) -> Cow<'_, [u8]> {
    if binary(octets).is_some() {
        return Cow::Borrowed(octets);
    }
    let inner = || {
        let text = text(octets)?;
        match textual(&text) {
            None => pem::decode(&text),
            Some(found) if found == kind => {
                Some(pem::blocks(&text).ok()?.into_iter().next()?.octets)
            }
            Some(_) => None,
        }
    };
    inner().map_or(Cow::Borrowed(octets), |inner| Cow::Owned(inner.to_vec()))
}

/// Tells the kinds that are ASN.1 by what their outermost sequence begins with. One that is cut off is told, too, so that
/// its reader can say where.
fn asn1(octets: &[u8]) -> Option<KeyStoreKind> {
    let mut inside = Elements::beginning(octets)?;
    match inside.next_tag()? {
        INTEGER => {
            let version = inside.number("version").ok()?;
            let pfx = version == 3 && inside.next_is(SEQUENCE);
            Some(if pfx {
                KeyStoreKind::Pfx
            } else {
                KeyStoreKind::Der
            })
        }
        OBJECT => {
            let content = inside.any("content type").ok()?.body;
            (content == oid::SIGNED_DATA).then_some(KeyStoreKind::P7b)
        }
        SEQUENCE => {
            // The encrypted content of BCFKS begins with its algorithm; a certificate with its version or serial number.
            let bcfks = Elements::beginning(inside.rest())?.next_tag()? == SEQUENCE;
            Some(if bcfks {
                KeyStoreKind::Bcfks
            } else {
                KeyStoreKind::Der
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_by_their_names_and_by_ends_of_file_names() {
        for kind in KeyStoreKind::ALL {
            assert_eq!(kind.name().to_uppercase().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!("p12".parse(), Ok(KeyStoreKind::Pfx));
        let unknown = "pkcs11".parse::<KeyStoreKind>().unwrap_err().to_string();
        assert!(
            unknown.contains("\"pkcs11\"") && unknown.contains("bcfks"),
            "{unknown}"
        );
    }

    #[test]
    fn what_is_no_store_has_no_kind() {
        for octets in [
            &b""[..],
            b"hello",
            b"\x30",
            b"\x30\x00",
            b"\x30\x03\x04\x01\x00",
            b"%PDF-1.7",
            b"\xff\xfeA",
        ] {
            assert_eq!(KeyStoreKind::of(octets), None, "{octets:x?}");
        }
    }
}
