//! What can be wrong with a secured file: in which layer, why, and what a partner is told of it.

use openssl::error::ErrorStack;

use crate::held_key::HeldKeyError;
use crate::signer_names::SignerNames;

/// A layer of a secured file (RFC 5024, 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// CMS EnvelopedData: the encrypted layer, the outermost.
    Enveloped,
    /// CMS CompressedData.
    Compressed,
    /// CMS SignedData, the innermost.
    Signed,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enveloped => "encrypted layer",
            Self::Compressed => "compressed layer",
            Self::Signed => "signed layer",
        })
    }
}

/// The step that failed, as reason codes tell steps apart (RFC 5024, 5.3.10, 5.3.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityStage {
    /// NERP 31, EFNA 21.
    Signature,
    /// NERP 32, EFNA 23.
    Decompression,
    /// NERP 33, EFNA 22.
    Decryption,
    /// NERP 34; EFNA has no code for it but 99.
    Processing,
}

impl SecurityStage {
    /// The reason of a negative receipt.
    pub fn nerp_reason(self) -> oftp::NerpReason {
        use oftp::NerpReason;
        match self {
            Self::Signature => NerpReason::InvalidSignature,
            Self::Decompression => NerpReason::DecompressionFailure,
            Self::Decryption => NerpReason::DecryptionFailure,
            Self::Processing => NerpReason::ProcessingFailed,
        }
    }

    /// The reason of a refusal in the session, after the last octet.
    pub fn file_reason(self) -> oftp::FileReason {
        use oftp::FileReason;
        match self {
            Self::Signature => FileReason::InvalidSignature,
            Self::Decompression => FileReason::DecompressionFailure,
            Self::Decryption => FileReason::DecryptionFailure,
            Self::Processing => FileReason::Unspecified,
        }
    }
}

/// Why a file cannot be opened or made. Its text is for the log of this station; a partner is told
/// [`CmsError::stage`] or [`CmsError::uniform_stage`], and nothing else.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// A layer is not what it must be.
    #[error("the {layer} {problem}")]
    Layer {
        /// Which one.
        layer: Layer,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The content cannot be decrypted. Every failure after a key was tried is this one, so that its text is no oracle.
    #[error("the encrypted layer cannot be decrypted with any of our keys")]
    Decryption,
    /// What came out of the decryption is not what it must be. Either it was not decrypted with the right key, or it
    /// was made so.
    #[error("{0} (in what was decrypted)")]
    AfterDecryption(Box<CmsError>),
    /// The content is larger than a file of this partner may be.
    #[error("the content has more than {limit} octets, which is the largest file allowed")]
    TooLarge {
        /// The limit, in octets.
        limit: u64,
    },
    /// [`finish`](crate::Opener::finish) was called before the content had been read to its end.
    #[error("the content was not read to its end")]
    NotReadToEnd,
    /// The content that is written is not the one that was measured.
    #[error("the content is not the one that was measured: {0}")]
    NotAsMeasured(&'static str),
    /// A file is to be signed or encrypted, and there is no key for it, or none that can.
    #[error("{0}")]
    NoKey(&'static str),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(std::io::Error),
    /// The file cannot be written.
    #[error("the file cannot be written: {0}")]
    Write(std::io::Error),
    /// The cryptographic library failed, not the file: it has no memory or no randomness.
    #[error("the cryptographic library failed: {0}")]
    Library(#[from] ErrorStack),
    /// The device that holds a key of ours did not use it, whatever the file is.
    #[error("the device that holds our key: {0}")]
    Device(HeldKeyError),
    /// A thread that handles a layer is gone.
    #[error("a thread of this file's ended early")]
    Thread,
}

/// What is wrong with a layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file ends inside.
    #[error("ends early")]
    Truncated,
    /// Octets follow.
    #[error("is followed by other octets")]
    Trailing,
    /// Another element stands where this one must be, or it has another form.
    #[error("has no {0} where one must be")]
    Element(&'static str),
    /// A length that its container does not hold, that has no end where it must have one, or beyond 2^63.
    #[error("has an impossible length")]
    Length,
    /// More than [`MOST_DEPTH`](crate::MOST_DEPTH) elements in each other; of signed attributes, more than 64.
    #[error("is nested too deep")]
    TooDeep,
    /// An element other than the content is larger than it can honestly be.
    #[error("has too large a {0}")]
    TooBig(&'static str),
    /// More of them than allowed.
    #[error("has too many {0}")]
    TooMany(&'static str),
    /// At least one is needed.
    #[error("has no {0}")]
    None(&'static str),
    /// Announced by SFIDSEC or SFIDCOMP, and something else is there.
    #[error("was announced, and something else is there")]
    Missing,
    /// A version of the structure other than those that OFTP needs.
    #[error("has an unexpected version")]
    Version,
    /// An algorithm or a parameter other than the announced suite's.
    #[error("has a {0} that is not the announced cipher suite's")]
    Algorithm(&'static str),
    /// The content is not inside (a detached signature), or an inner type other than id-data.
    #[error("has no content of type id-data inside")]
    Content,
    /// Not a zlib stream, or one whose check sum differs.
    #[error("cannot be inflated")]
    Zlib,
    /// It inflates to more than the ratio that this partner may have.
    #[error("inflates to more than {0} times its size")]
    Ratio(u32),
    /// None of the signers is a known certificate of the originator.
    #[error("has no signature by a known certificate of the originator (signed by {0})")]
    UnknownSigner(SignerNames),
    /// A signer beside a good one is not known, and a setting refuses that.
    #[error("has a signature by an unknown signer, too ({0})")]
    UnknownSignerBeside(String),
    /// A known signer's signature does not verify.
    #[error("has a signature that does not verify (signer: {0})")]
    SignatureInvalid(String),
    /// The signed attributes are not those of this content.
    #[error("has signed attributes with {0}")]
    Attributes(&'static str),
    /// A set of attributes as content: a signature of another message would fit it.
    #[error("has a content that is a set of signed attributes")]
    ContentIsAttributes,
}

impl Problem {
    /// Whether the layer was read whole and well-formed, and what it says of its signers is refused.
    pub(crate) fn is_verdict(&self) -> bool {
        matches!(
            self,
            Self::UnknownSigner(_)
                | Self::UnknownSignerBeside(_)
                | Self::SignatureInvalid(_)
                | Self::Attributes(_)
                | Self::ContentIsAttributes
        )
    }
}

impl CmsError {
    /// The step that failed. In an encrypted file, whatever is malformed inside counts as decryption, since a wrong key
    /// looks so; signers that are refused in a file that is otherwise whole count as signature.
    pub fn stage(&self) -> SecurityStage {
        match self {
            Self::Layer { layer, .. } => match layer {
                Layer::Enveloped => SecurityStage::Decryption,
                Layer::Compressed => SecurityStage::Decompression,
                Layer::Signed => SecurityStage::Signature,
            },
            Self::Decryption => SecurityStage::Decryption,
            Self::AfterDecryption(inner) => match &**inner {
                Self::Layer { problem, .. } if problem.is_verdict() => SecurityStage::Signature,
                Self::Layer { .. } => SecurityStage::Decryption,
                other => other.stage(),
            },
            _ => SecurityStage::Processing,
        }
    }

    /// The same, and decryption for every failure after a key was tried, refused signers included: nothing of what was
    /// decrypted can be learned by it. A partner that is allowed to send files that are encrypted and not signed is told
    /// this one, since its files can be changed unseen until their padding tells.
    pub fn uniform_stage(&self) -> SecurityStage {
        match self {
            Self::AfterDecryption(_) => SecurityStage::Decryption,
            other => other.stage(),
        }
    }

    /// The layer that is wrong, if one is.
    pub fn layer(&self) -> Option<Layer> {
        match self {
            Self::Layer { layer, .. } => Some(*layer),
            Self::Decryption => Some(Layer::Enveloped),
            Self::AfterDecryption(inner) => inner.layer(),
            _ => None,
        }
    }

    /// What is wrong with that layer, if a layer is wrong.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Layer { problem, .. } => Some(problem),
            Self::AfterDecryption(inner) => inner.problem(),
            _ => None,
        }
    }

    /// For what implements `std::io::Read` or `Write`: kind and text.
    pub(crate) fn to_io(&self) -> std::io::Error {
        let kind = match self {
            Self::Read(error) | Self::Write(error) => error.kind(),
            Self::Library(_) | Self::Device(_) | Self::Thread => std::io::ErrorKind::Other,
            _ => std::io::ErrorKind::InvalidData,
        };
        std::io::Error::new(kind, self.to_string())
    }
}

impl Layer {
    /// An error of this layer.
    pub(crate) fn error(self, problem: Problem) -> CmsError {
        CmsError::Layer {
            layer: self,
            problem,
        }
    }
}
