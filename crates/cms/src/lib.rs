//! File security of OFTP 2 (RFC 5024, 6, 10; CMS, RFC 5652 and RFC 3274): files are signed, compressed and encrypted, and
//! opened again, as they pass; receipts are signed and verified; sessions are authenticated.
//!
//! - [`Wrapping`] makes a file, [`Opening`] opens one. Both are streams with an end that counts:
//!   what [`Opener`] has given out is the sender's only when [`Opener::finish`] has returned `Ok`, and what [`Wrapper`]
//!   has written is a file only after [`Wrapper::finish`]. Write to a place that nobody looks at before.
//! - [`sign_receipt`] and [`SentFile::verify`] are for EERP and NERP, [`OwnChallenge`] and [`answer_challenge`] for AUCH
//!   and AURP, [`RecordHeaderWriter`] and [`RecordHeaderReader`] for files of format V.
//! - All of it blocks: call it on threads that may wait.
//!
//! **Memory.** A file of any size has at most [`MOST_MEMORY`] in memory, in either direction, all its threads together;
//! each thread that deflates in parallel adds about 2 MiB.
//!
//! **What is taken.** The reader is our own and streams; no octet from outside reaches a parser in C, only primitives:
//! hashes, ciphers, RSA. It takes the shapes that OFTP needs and no others: EnvelopedData around CompressedData around
//! SignedData, as announced, each at most once; 1 to 16 recipients by RSA key transport; 1 to 8 signers; the announced
//! suite's algorithms with exactly their parameters, which where they say nothing may be absent or NULL; BER or DER,
//! at most [`MOST_DEPTH`] deep; elements other than the content of a few KiB; an exact end; inflating within
//! [`Limits`]. Certificates, revocation lists and unsigned attributes inside are passed over, however deep they are, and
//! trusted for nothing; signed attributes may be 64 elements deep. A signer names a certificate of the partner by issuer
//! and serial number, as RFC 5280, 7.1 compares names, or by its key identifier; of several with one name each is tried.
//!
//! **What a failure says.** Decryption fails in one way. When RSA fails, a random key is used from then on; the
//! library's own implicit rejection does the same. A file that is encrypted and not signed has no integrity at all: see
//! [`CmsError::uniform_stage`].
//!
//! Certificates are not judged here: whoever hands one in has looked at its validity, its chain and its revocation.

#![forbid(unsafe_code)]

/// Whether a mistake of `planted.rs` is made: never, but in a build that tests the tests.
#[cfg(not(feature = "planted"))]
macro_rules! planted {
    ($mistake:ident) => {
        false
    };
}
#[cfg(feature = "planted")]
macro_rules! planted {
    ($mistake:ident) => {
        crate::planted::is_planted(crate::planted::PlantedMistake::$mistake)
    };
}

mod algorithm;
mod ber;
mod certificate;
mod challenge;
mod compared_name;
mod compressed;
mod content_info;
mod enveloped;
mod error;
mod found;
mod held_key;
mod limits;
mod measured;
mod measuring;
mod name;
mod oid;
mod opening;
mod pipe;
#[cfg(feature = "planted")]
pub mod planted;
mod receipt;
mod records;
mod rsa;
mod segments;
mod signed;
mod signer_names;
mod sink;
mod source;
mod suite;
mod wire_hasher;
mod wrapper;
mod wrapping;

pub use ber::MOST_DEPTH;
pub use certificate::{Certificate, Identity, KeyError, PrivateKey};
pub use challenge::{CHALLENGE, ChallengeFailed, ChallengeReply, OwnChallenge, answer_challenge};
pub use compressed::Compress;
pub use enveloped::{Recipients, recipients};
pub use error::{CmsError, Layer, Problem, SecurityStage};
pub use found::{CompressedFound, EnvelopedFound, Found, SignedFound, WireFound};
pub use held_key::{HeldKey, HeldKeyError};
pub use limits::Limits;
pub use measured::Measured;
pub use measuring::Measurer;
pub use name::name_attributes;
pub use opening::{Announced, FileTolerances, Opener, Opening};
pub use receipt::{ReceiptError, SentFile, receipt_text, sign_receipt, unfilled};
pub use records::{
    LONGEST_RECORD, RecordHeaderError, RecordHeaderReader, RecordHeaderWriter, RecordPart,
};
pub use signer_names::SignerNames;
pub use suite::{ContentCipher, HashAlgorithm, RsaPadding, Suite};
pub use wire_hasher::WireHasher;
pub use wrapper::{Wrapped, Wrapper};
pub use wrapping::Wrapping;

/// The most octets of memory that a file has while it is opened or made, without threads that deflate in parallel.
pub const MOST_MEMORY: usize = 8 * 1024 * 1024;
