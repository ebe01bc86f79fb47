//! Why a store cannot be read: what it looks like, what is wrong, and what helps.

use std::fmt;

use crate::kind::KeyStoreKind;

/// A store that cannot be read. Its text has the store's name, its kind, the fault and a hint, and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStoreError {
    /// What the caller calls the store: a path, or a key of the configuration.
    pub name: String,
    /// The kind that it was read as.
    pub kind: Option<KeyStoreKind>,
    /// What is wrong.
    pub fault: StoreFault,
}

impl std::error::Error for KeyStoreError {}

impl fmt::Display for KeyStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.escape_debug())?;
        if let Some(kind) = self.kind {
            write!(f, ", read as {kind}")?;
        }
        write!(f, ": {}", self.fault)?;
        match self.fault.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// Its content is that of no kind that is read here.
    #[error("it is no store of keys or certificates of a known kind")]
    Unknown,
    /// It was said to be of a kind that it is not.
    #[error("it is said to be {said}, and looks like {}", found.map_or("no store", KeyStoreKind::name))]
    OtherKind {
        /// The kind that was given.
        said: KeyStoreKind,
        /// The kind that its content has.
        found: Option<KeyStoreKind>,
    },
    /// It is truncated or changed.
    #[error("it is truncated or damaged at octet {at}: {what}")]
    Damaged {
        /// The part that was expected.
        what: &'static str,
        /// Where, counted from the part of the store that is being read; that of an encrypted part counts from its start.
        at: usize,
    },
    /// A text (PEM, JWK, XML, PuTTY) has not the form of its kind.
    #[error("{0}")]
    Form(String),
    /// It needs a password.
    #[error("{0} needs a password, and none is given")]
    PasswordMissing(&'static str),
    /// The password is another one. A store that was changed shows the same.
    #[error("the password is wrong for {0}, or the store was changed")]
    PasswordWrong(&'static str),
    /// The password has characters that this kind cannot have.
    #[error("the password has characters beyond ASCII, which {0} cannot have")]
    PasswordCharacters(&'static str),
    /// It uses an algorithm that is not known here.
    #[error("{what} uses {name}, which is not known here")]
    Algorithm {
        /// The part of the store.
        what: &'static str,
        /// The algorithm: its name, or its object identifier.
        name: String,
    },
    /// It asks for more than is allowed.
    #[error("{what}: {number} where at most {most} are allowed")]
    Excess {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        number: u64,
        /// The bound.
        most: u64,
    },
    /// A key or certificate in it is of no use.
    #[error("{0}")]
    Unusable(String),
}

impl StoreFault {
    /// What an operator can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => "kinds: pfx, jks, jceks, bcfks, pem, der, p7b, ssh, ppk, xml, jwk",
            Self::OtherKind { .. } => "leave the kind out, and it is found out",
            Self::Damaged { .. } => "copy it again, as binary",
            Self::PasswordCharacters(_) => "give it another with keytool -storepasswd",
            Self::Algorithm { name, .. } if name.starts_with("chacha20") => {
                "ssh-keygen -p -Z aes256-ctr -f FILE gives it another cipher"
            }
            Self::Algorithm { .. } => {
                "export it again: openssl pkcs12 -export, or keytool -importkeystore -deststoretype pkcs12"
            }
            _ => return None,
        })
    }

    pub(crate) fn damaged(what: &'static str, at: usize) -> Self {
        Self::Damaged { what, at }
    }
}
