//! What keys and certificates are for.

use std::collections::BTreeSet;

/// One use of a key, or of a certificate.
pub trait Purpose: Copy + Ord + 'static {
    /// All of them, in the order in which they are told.
    const EACH: &'static [Self];

    /// Whether it is of TLS, for which only those count that name it.
    fn is_of_tls(self) -> bool;
}

/// What a key or a certificate is for: the uses that the configuration names. Where it names none, all but those of TLS are
/// meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses<U>(BTreeSet<U>);

impl<U: Purpose> FromIterator<U> for Uses<U> {
    fn from_iter<I: IntoIterator<Item = U>>(named: I) -> Self {
        Self(named.into_iter().collect())
    }
}

impl<U: Purpose> Uses<U> {
    /// Whether the use is named.
    #[must_use]
    pub fn name(&self, of: U) -> bool {
        self.0.contains(&of)
    }

    /// Whether none is named.
    #[must_use]
    pub fn name_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the use is meant, be it named or not.
    #[must_use]
    pub fn mean(&self, of: U) -> bool {
        match self.name_none() {
            true => !of.is_of_tls(),
            false => self.name(of),
        }
    }

    /// Each that is meant.
    pub fn meant(&self) -> impl Iterator<Item = U> {
        U::EACH.iter().copied().filter(|of| self.mean(*of))
    }

    /// Whether there is one of files, receipts or sessions, which take RSA alone.
    #[must_use]
    pub fn are_of_files(&self) -> bool {
        self.meant().any(|of| !of.is_of_tls())
    }

    /// Whether there is one of TLS.
    #[must_use]
    pub fn are_of_tls(&self) -> bool {
        self.meant().any(U::is_of_tls)
    }
}

/// What a key of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// Opening files that are encrypted to it.
    Decryption,
    /// Signing files.
    Signing,
    /// Signing receipts.
    ReceiptSigning,
    /// Answering challenges.
    Authentication,
    /// TLS where partners call us; only where it is named.
    TlsServer,
    /// TLS where we call partners, if they ask for a certificate; only where it is named.
    TlsClient,
}

impl KeyUse {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Decryption,
        Self::Signing,
        Self::ReceiptSigning,
        Self::Authentication,
        Self::TlsServer,
        Self::TlsClient,
    ];

    /// Its word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Decryption => "decryption",
            Self::Signing => "signing",
            Self::ReceiptSigning => "receipt-signing",
            Self::Authentication => "authentication",
            Self::TlsServer => "tls-server",
            Self::TlsClient => "tls-client",
        }
    }
}

/// What a certificate of a partner is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateUse {
    /// Encrypting files to it.
    Encryption,
    /// Verifying signatures of its files.
    Verification,
    /// Verifying signatures of its receipts.
    ReceiptVerification,
    /// Encrypting challenges to it.
    Authentication,
    /// TLS, called or calling; only where it is named.
    Tls,
}

impl CertificateUse {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Encryption,
        Self::Verification,
        Self::ReceiptVerification,
        Self::Authentication,
        Self::Tls,
    ];

    /// Its word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::Verification => "verification",
            Self::ReceiptVerification => "receipt-verification",
            Self::Authentication => "authentication",
            Self::Tls => "tls",
        }
    }
}

impl Purpose for KeyUse {
    const EACH: &'static [Self] = &Self::ALL;

    fn is_of_tls(self) -> bool {
        matches!(self, Self::TlsServer | Self::TlsClient)
    }
}

impl Purpose for CertificateUse {
    const EACH: &'static [Self] = &Self::ALL;

    fn is_of_tls(self) -> bool {
        matches!(self, Self::Tls)
    }
}
