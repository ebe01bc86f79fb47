//! How the kinds of stores are told from each other by their content.

use std::borrow::Cow;

use crate::der::{DerElements, INTEGER, OBJECT, SEQUENCE};
use crate::kind::KeyStoreKind;
use crate::oid;
use crate::pem;

/// What a public key file of RFC 4716 begins with.
pub(crate) const RFC4716: &str = "---- BEGIN SSH2 PUBLIC KEY ----";

impl KeyStoreKind {
    /// The kind that octets look like; none where they look like no store. Base64 of a binary kind is that kind.
    pub fn of(octets: &[u8]) -> Option<Self> {
        binary(octets).or_else(|| {
            let text = text(octets)?;
            textual(&text).or_else(|| binary(&pem::decode(&text)?))
        })
    }
}

/// Octets as text, without the mark that some editors put at its start: UTF-8, or UTF-16 in either order.
pub(crate) fn text(octets: &[u8]) -> Option<Cow<'_, str>> {
    let utf16 = |pairs: &[u8], unit: fn([u8; 2]) -> u16| {
        let pairs = pairs.chunks_exact(2);
        let units = pairs.filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        let units: Vec<u16> = units.map(unit).collect();
        String::from_utf16(&units).ok().map(Cow::Owned)
    };
    match octets {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    match std::str::from_utf8(octets) {
        Ok(text) => Some(Cow::Borrowed(text)),
        // Around the blocks of PEM there may be names in any encoding.
        Err(_) if has(octets, pem::BEGIN.as_bytes()) => Some(String::from_utf8_lossy(octets)),
        Err(_) => None,
    }
}

fn has(octets: &[u8], wanted: &[u8]) -> bool {
    octets.windows(wanted.len()).any(|found| found == wanted)
}

fn textual(text: &str) -> Option<KeyStoreKind> {
    let start = text.trim_start();
    let ssh = ["ssh-", "ecdsa-sha2-", RFC4716];
    if start.starts_with("PuTTY-User-Key-File-") {
        return Some(KeyStoreKind::Ppk);
    }
    if ssh.iter().any(|prefix| start.starts_with(prefix)) {
        return Some(KeyStoreKind::Ssh);
    }
    let mut lines = text.lines().map(str::trim);
    if let Some(first) = lines.find(|line| line.starts_with(pem::BEGIN)) {
        return Some(match pem::label(first) {
            Some("OPENSSH PRIVATE KEY") => KeyStoreKind::Ssh,
            Some("PKCS7" | "CMS") => KeyStoreKind::P7b,
            Some("PKCS12") => KeyStoreKind::Pfx,
            // Of one that is not whole, its reader says what is wrong.
            _ => KeyStoreKind::Pem,
        });
    }
    match start.as_bytes().first()? {
        b'{' => Some(KeyStoreKind::Jwk),
        b'<' => Some(KeyStoreKind::Xml),
        _ => None,
    }
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
    let mut inside = DerElements::beginning(octets)?;
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
            let bcfks = DerElements::beginning(inside.rest())?.next_tag()? == SEQUENCE;
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
