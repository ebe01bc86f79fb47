//! The kinds of stores.

use std::fmt;
use std::str::FromStr;

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
    /// A token behind a PKCS#11 library: [`KeyStore::of_token`](crate::KeyStore::of_token) reads it, and no octets are one.
    Pkcs11,
}

impl KeyStoreKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
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
        Self::Pkcs11,
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
            Self::Pkcs11 => "pkcs11",
        }
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
    "{0:?} is no kind of store; the kinds are pfx, jks, jceks, bcfks, pem, der, p7b, ssh, ppk, xml, jwk and pkcs11"
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
        let unknown = "keychain".parse::<KeyStoreKind>().unwrap_err().to_string();
        assert!(
            unknown.contains("\"keychain\"") && unknown.contains("bcfks"),
            "{unknown}"
        );
    }
}
