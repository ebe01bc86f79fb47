//! What was found in a file that was opened.

use crate::certificate::Certificate;
use crate::suite::{ContentCipher, HashAlgorithm, RsaPadding, Suite};

/// What a file was. It is complete, and true, only as [`finish`](crate::Opener::finish) returns it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Octets of the content.
    pub content: u64,
    /// The file as it was transmitted.
    pub wire: WireFound,
    /// The encrypted layer, if there was one.
    pub enveloped: Option<EnvelopedFound>,
    /// The compressed layer, if there was one.
    pub compressed: Option<CompressedFound>,
    /// The signed layer, if there was one.
    pub signed: Option<SignedFound>,
}

impl Found {
    /// The first suite that has all algorithms which were found; none if nothing was signed or encrypted, or no suite
    /// has them together.
    pub fn suite(&self) -> Option<Suite> {
        if self.enveloped.is_none() && self.signed.is_none() {
            return None;
        }
        Suite::all().find(|suite| {
            let enveloped = self.enveloped.as_ref();
            let signed = self.signed.as_ref();
            enveloped
                .is_none_or(|one| one.cipher == suite.cipher() && one.padding == suite.padding())
                && signed
                    .is_none_or(|one| one.hash == suite.hash() && one.padding == suite.padding())
        })
    }
}

/// The file as it was transmitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WireFound {
    /// Its octets.
    pub octets: u64,
    /// Its hash by the announced suite: what a receipt carries (RFC 5024, 5.3.13).
    pub hash: Vec<u8>,
}

/// What the encrypted layer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopedFound {
    /// What it was encrypted with.
    pub cipher: ContentCipher,
    /// How its key was padded.
    pub padding: RsaPadding,
    /// The certificate of ours whose key opened it.
    pub opened_with: Certificate,
    /// Whether the file names that certificate. If not, the partner should learn of the one that is in use.
    pub was_named: bool,
    /// SHA-256 of the encrypted key that opened it. Two files never have the same, unless someone made one of the other.
    pub encrypted_key: [u8; 32],
}

/// What the compressed layer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompressedFound {
    /// Octets of the zlib stream.
    pub deflated: u64,
    /// Octets that came out of it.
    pub inflated: u64,
}

/// What the signed layer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFound {
    /// The hash of the first good signature.
    pub hash: HashAlgorithm,
    /// The padding of the good signatures.
    pub padding: RsaPadding,
    /// The known certificates of the originator whose signatures verified: at least one.
    pub signers: Vec<Certificate>,
    /// How the file names signers that are not known, for the log.
    pub unknown_signers: Vec<String>,
}
