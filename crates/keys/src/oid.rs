//! Object identifiers: the content of their elements.

use openssl::asn1::Asn1Object;
use openssl::nid::Nid;

pub(crate) const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
pub(crate) const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
pub(crate) const ENCRYPTED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
pub(crate) const FRIENDLY_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14";
pub(crate) const X509_CERTIFICATE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
/// The bags of PKCS#12 (RFC 7292, 4.2), but for the last arc.
pub(crate) const BAGS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
/// The encryption schemes of PKCS#12 (RFC 7292, appendix C), but for the last arc.
pub(crate) const PKCS12_PBE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";
/// PKCS#5 (RFC 8018), but for the last arc: 1 to 11 are PBES1, 12 PBKDF2, 13 PBES2, 14 PBMAC1.
pub(crate) const PKCS5: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05";
pub(crate) const PBKDF2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
pub(crate) const PBES2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
pub(crate) const PBMAC1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e";
pub(crate) const SCRYPT: &[u8] = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";
/// HMAC with the SHA of RFC 8018, B.1.2, but for the last arc.
pub(crate) const HMACS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x02";
/// HMAC with SHA-3, and hashes, but for the last arc.
pub(crate) const NIST_HASHES: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
/// The modes of AES, but for the last arc.
pub(crate) const NIST_AES: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01";
pub(crate) const SHA1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
pub(crate) const DES_CBC: &[u8] = b"\x2b\x0e\x03\x02\x07";
pub(crate) const DES_EDE3_CBC: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x03\x07";
/// Sun's protection of keys in JKS and in JCEKS.
pub(crate) const JKS_KEY: &[u8] = b"\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01";
pub(crate) const JCEKS_KEY: &[u8] = b"\x2b\x06\x01\x04\x01\x2a\x02\x13\x01";
/// Java's mark of a certificate that is an entry of its own in PFX (`ORACLE_TrustedKeyUsage`).
pub(crate) const TRUSTED_KEY_USAGE: &[u8] = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01";
pub(crate) const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";

/// The last arc of an identifier that begins with `prefix` and has one arc more, below 128.
pub(crate) fn last_arc(oid: &[u8], prefix: &[u8]) -> Option<u8> {
    match oid.strip_prefix(prefix)? {
        [arc] if *arc < 0x80 => Some(*arc),
        _ => None,
    }
}

/// An identifier as numbers with dots.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc: u64 = 0;
    for octet in oid.iter().take(64) {
        arc = arc.wrapping_shl(7) | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            match arcs.is_empty() {
                true => {
                    let first = (arc / 40).min(2);
                    arcs.extend([first, arc - first * 40]);
                }
                false => arcs.push(arc),
            }
            arc = 0;
        }
    }
    let arcs: Vec<String> = arcs.iter().map(u64::to_string).collect();
    arcs.join(".")
}

/// What OpenSSL calls it, or its numbers.
pub(crate) fn name(oid: &[u8]) -> String {
    let numbers = dotted(oid);
    let nid = Asn1Object::from_str(&numbers).map_or(Nid::UNDEF, |object| object.nid());
    match nid {
        Nid::UNDEF => numbers,
        nid => nid.long_name().map_or(numbers, str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_numbers_of_their_documents() {
        for (oid, numbers) in [
            (PBES2, "1.2.840.113549.1.5.13"),
            (SCRYPT, "1.3.6.1.4.1.11591.4.11"),
            (JKS_KEY, "1.3.6.1.4.1.42.2.17.1.1"),
            (JCEKS_KEY, "1.3.6.1.4.1.42.2.19.1"),
            (KEY_USAGE, "2.5.29.15"),
            (EXTENDED_KEY_USAGE, "2.5.29.37"),
            (SHA1, "1.3.14.3.2.26"),
            (DES_EDE3_CBC, "1.2.840.113549.3.7"),
        ] {
            assert_eq!(dotted(oid), numbers);
        }
        assert_eq!(name(PBES2), "PBES2");
        assert_eq!(name(b"\x2a\x03\x04"), "1.2.3.4");
        assert_eq!(last_arc(PBES2, PKCS5), Some(13));
        assert_eq!(last_arc(SCRYPT, PKCS5), None);
    }
}
