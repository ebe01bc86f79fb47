//! How the signers of a file name their certificates, where the error outlives the file.

use std::fmt;

/// What the signers of a file name their certificates by: issuer and serial number, or a key identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerNames {
    pub(crate) names: Vec<NameOctets>,
    pub(crate) text: String,
}

/// The octets of a `CertificateId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameOctets {
    IssuerSerial(Vec<u8>),
    KeyId(Vec<u8>),
}

impl SignerNames {
    /// The same with something to say behind them.
    #[must_use]
    pub fn remarked(mut self, remark: &str) -> Self {
        self.text.push_str("; ");
        self.text.push_str(remark);
        self
    }
}

impl fmt::Display for SignerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
