//! Words of the configuration for file security, keys and certificates.

use std::path::PathBuf;

use oftp::{CipherSuite, Security};
use pointsman_cms::{HashAlgorithm, Suite};
use pointsman_keys::{KeyStoreKind, WantedSubject};

use super::context::{absolute, must_be_known};
use super::key_uses::{CertificateUse, KeyUse};
use super::scalars::ExistingFile;
use super::security_terms::{
    BerLengths, FailedContent, FailureReasons, SessionAuthentication, WhenOpened,
};
use super::store_text::StoreText;
use super::typed::{Scalar, resolve};

/// The word among these that the text is.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("`{text}` is none of {}", words.join(", "))
    })
}

impl Scalar for Security {
    const WHAT: &'static str = "none, signed, encrypted or encrypted-and-signed";
    fn read(text: &str) -> Result<Self, String> {
        word(
            text,
            &[
                ("none", Self::None),
                ("signed", Self::Signed),
                ("encrypted", Self::Encrypted),
                ("encrypted-and-signed", Self::EncryptedAndSigned),
            ],
        )
    }
}

impl Scalar for Suite {
    const WHAT: &'static str = "the number of a cipher suite, 1 to 10, such as 4";
    fn read(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().and_then(CipherSuite::new);
        number.and_then(Self::of).ok_or_else(|| {
            format!(
                "`{text}` is no cipher suite; there are 1 to 10, and 4 (AES-256, SHA-256) is usual"
            )
        })
    }
}

impl Scalar for WhenOpened {
    const WHAT: &'static str = "after-acknowledgement or before-acknowledgement";
    fn read(text: &str) -> Result<Self, String> {
        word(
            text,
            &[
                ("after-acknowledgement", Self::AfterAcknowledgement),
                ("before-acknowledgement", Self::BeforeAcknowledgement),
            ],
        )
    }
}

impl Scalar for BerLengths {
    const WHAT: &'static str = "indefinite or definite";
    fn read(text: &str) -> Result<Self, String> {
        let words = [
            ("indefinite", Self::Indefinite),
            ("definite", Self::Definite),
        ];
        word(text, &words)
    }
}

impl Scalar for FailedContent {
    const WHAT: &'static str = "keep or delete";
    fn read(text: &str) -> Result<Self, String> {
        word(text, &[("keep", Self::Keep), ("delete", Self::Delete)])
    }
}

impl Scalar for FailureReasons {
    const WHAT: &'static str = "told-apart or alike";
    fn read(text: &str) -> Result<Self, String> {
        word(
            text,
            &[("told-apart", Self::ToldApart), ("alike", Self::Alike)],
        )
    }
}

impl Scalar for SessionAuthentication {
    const WHAT: &'static str = "disallowed, required or automatic";
    fn read(text: &str) -> Result<Self, String> {
        word(
            text,
            &[
                ("disallowed", Self::Disallowed),
                ("required", Self::Required),
                ("automatic", Self::Automatic),
            ],
        )
    }
}

/// Whether signers who are not known are tolerated beside one who is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownSigners {
    /// They are told in the log.
    #[default]
    Tolerate,
    /// The file is refused.
    Refuse,
}

impl Scalar for UnknownSigners {
    const WHAT: &'static str = "tolerate or refuse";
    fn read(text: &str) -> Result<Self, String> {
        let words = [("tolerate", Self::Tolerate), ("refuse", Self::Refuse)];
        word(text, &words)
    }
}

/// Whether compressed files are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompressedFiles {
    /// They are.
    #[default]
    Take,
    /// SFNA 18.
    Refuse,
}

impl Scalar for CompressedFiles {
    const WHAT: &'static str = "take or refuse";
    fn read(text: &str) -> Result<Self, String> {
        word(text, &[("take", Self::Take), ("refuse", Self::Refuse)])
    }
}

/// The weakest hash that is taken instead of the suite's, if any is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherHash(pub Option<HashAlgorithm>);

impl Scalar for OtherHash {
    const WHAT: &'static str = "none, sha1, sha256 or sha512";
    fn read(text: &str) -> Result<Self, String> {
        let hash = word(
            text,
            &[
                ("none", None),
                ("sha1", Some(HashAlgorithm::Sha1)),
                ("sha256", Some(HashAlgorithm::Sha256)),
                ("sha512", Some(HashAlgorithm::Sha512)),
            ],
        )?;
        Ok(Self(hash))
    }
}

impl Scalar for KeyUse {
    const WHAT: &'static str =
        "decryption, signing, receipt-signing, authentication, tls-server or tls-client";
    fn read(text: &str) -> Result<Self, String> {
        word(text, &Self::ALL.map(|of| (of.word(), of)))
    }
}

impl Scalar for CertificateUse {
    const WHAT: &'static str =
        "encryption, verification, receipt-verification, authentication or tls";
    fn read(text: &str) -> Result<Self, String> {
        word(text, &Self::ALL.map(|of| (of.word(), of)))
    }
}

impl Scalar for KeyStoreKind {
    const WHAT: &'static str = "the kind of a store, such as pfx, pem or jks";
    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is no kind of store; there are {}", kinds()))
    }
}

fn kinds() -> String {
    KeyStoreKind::ALL.map(KeyStoreKind::name).join(", ")
}

impl Scalar for WantedSubject {
    const WHAT: &'static str = "a subject, such as CN=nordwerk, an alias, or * for the first";
    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(subject) => Ok(subject),
        }
    }

    fn unread(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A file with keys or certificates; none where its path cannot be resolved and a command does not need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFile(pub Option<PathBuf>);

impl Scalar for StoreFile {
    const WHAT: &'static str = "the path of a file with keys or certificates";
    fn read(text: &str) -> Result<Self, String> {
        let file = ExistingFile::read(text)?;
        Ok(Self(Some(file.0)))
    }

    fn unread(text: &str) -> Option<Self> {
        Some(Self(resolve(text, false).ok().map(|path| absolute(&path))))
    }

    fn stand_in() -> Option<Self> {
        Some(Self(None))
    }
}

/// A text that may be secret, where the command that reads the configuration needs it or can have it.
fn if_known(text: &str) -> Option<StoreText> {
    let text = resolve(text, true).ok().filter(|_| must_be_known())?;
    Some(StoreText::new(&text))
}

/// The password of a store. Where a command does not need it, nothing is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passphrase(pub Option<StoreText>);

impl Scalar for Passphrase {
    const WHAT: &'static str = "the password of a store";
    const IS_SECRET: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        // An empty YAML value arrives as one of these words.
        if matches!(text, "~" | "null") {
            return Err(
                "a password is missing; write it, or ${env:NAME}, or ${file:PATH}, or leave the key out".to_owned(),
            );
        }
        Ok(Self(Some(StoreText::new(text))))
    }

    fn unread(text: &str) -> Option<Self> {
        Some(Self(if_known(text)))
    }
}

/// A store in the configuration itself: a text kind, or Base64 of another. Where a command does not need it, nothing is
/// known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineStore(pub Option<StoreText>);

impl Scalar for InlineStore {
    const WHAT: &'static str = "a store as text: PEM, JWK, XML, or Base64 of another kind";
    const IS_SECRET: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "~" | "null") {
            return Err(
                "the store is missing; write it behind `inline: |`, or ${file:PATH}, or name its `file`".to_owned(),
            );
        }
        Ok(Self(Some(StoreText::new(text))))
    }

    fn unread(text: &str) -> Option<Self> {
        Some(Self(if_known(text)))
    }
}
