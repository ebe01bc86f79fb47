//! Whether a certificate says itself that it is for something else. It is used nevertheless, since the configuration says
//! so; but other programs look at it and may refuse.

use pointsman_keys::{CertificateDescription, StoredCertificate};

use crate::config::{CertificateUse, KeyUse, Purpose as _};

/// Bits of a key usage (RFC 5280, 4.2.1.3).
const DIGITAL_SIGNATURE: u16 = 0x80;
const NON_REPUDIATION: u16 = 0x40;
const KEY_ENCIPHERMENT: u16 = 0x20;

/// Purposes of an extended key usage (RFC 5280, 4.2.1.12).
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// What a certificate must allow, where it says anything of that.
struct Wanted {
    /// What it is used for, in the configuration's word.
    used: &'static str,
    /// One of these bits.
    bits: u16,
    /// The names of these bits.
    named: &'static str,
    /// This purpose, and its name.
    purpose: Option<(&'static str, &'static str)>,
}

/// Why a certificate of ours is not for one of these uses, by its own words.
pub(super) fn against_ours(
    certificate: &StoredCertificate,
    uses: impl IntoIterator<Item = KeyUse>,
) -> Option<String> {
    against(certificate, uses.into_iter().map(of_ours))
}

/// The same of a partner's certificate. For TLS it is compared, whatever it says.
pub(super) fn against_theirs(
    certificate: &StoredCertificate,
    uses: impl IntoIterator<Item = CertificateUse>,
) -> Option<String> {
    let judged = uses.into_iter().filter(|of| !of.is_of_tls());
    against(certificate, judged.map(of_theirs))
}

fn of_ours(of: KeyUse) -> Wanted {
    match of {
        KeyUse::Decryption | KeyUse::Authentication => enciphers(of.word()),
        KeyUse::Signing | KeyUse::ReceiptSigning => signs(of.word()),
        KeyUse::TlsServer => tls(of.word(), (SERVER_AUTH, "serverAuth")),
        KeyUse::TlsClient => tls(of.word(), (CLIENT_AUTH, "clientAuth")),
    }
}

fn of_theirs(of: CertificateUse) -> Wanted {
    match of {
        CertificateUse::Encryption | CertificateUse::Authentication => enciphers(of.word()),
        _ => signs(of.word()),
    }
}

fn enciphers(used: &'static str) -> Wanted {
    Wanted {
        used,
        bits: KEY_ENCIPHERMENT,
        named: "keyEncipherment",
        purpose: None,
    }
}

fn signs(used: &'static str) -> Wanted {
    Wanted {
        used,
        bits: DIGITAL_SIGNATURE | NON_REPUDIATION,
        named: "digitalSignature or nonRepudiation",
        purpose: None,
    }
}

/// Every handshake that is possible here signs.
fn tls(used: &'static str, purpose: (&'static str, &'static str)) -> Wanted {
    Wanted {
        used,
        bits: DIGITAL_SIGNATURE,
        named: "digitalSignature",
        purpose: Some(purpose),
    }
}

fn against(
    certificate: &StoredCertificate,
    wanted: impl Iterator<Item = Wanted>,
) -> Option<String> {
    let says = CertificateDescription::of(certificate);
    let mut lacking: Vec<String> = Vec::new();
    for wanted in wanted {
        let Wanted { used, named, .. } = wanted;
        if says.usage_flags != 0 && says.usage_flags & wanted.bits == 0 {
            lacking.push(format!("{used} (its key usage lacks {named})"));
        }
        let purposes = &says.extended_key_usage;
        let lacks = |oid: &str| {
            let is_any = |has: &String| has == oid || has == ANY_PURPOSE;
            !purposes.is_empty() && !purposes.iter().any(is_any)
        };
        if let Some((_, name)) = wanted.purpose.filter(|(oid, _)| lacks(oid)) {
            lacking.push(format!("{used} (its extended key usage lacks {name})"));
        }
    }
    (!lacking.is_empty()).then(|| {
        format!(
            "{}, serial {}: by its own words it is not for {}; it is used nevertheless, and other programs may refuse it: take another for that, and let `for` say what this one is for",
            says.subject,
            says.serial_number,
            lacking.join(" and ")
        )
    })
}
