//! Mistakes to plant (feature `planted`), so that the tests can be seen to find them.

use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A mistake that a reader of secured files could make.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum PlantedMistake {
            $($(#[$doc])* $name,)*
        }

        impl PlantedMistake {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    /// The RSA signature is computed and its result ignored.
    SignatureNotVerified,
    /// The attribute with the digest is not compared with the content.
    DigestNotCompared,
    /// The attribute with the content type may be missing or another.
    ContentTypeNotCompared,
    /// A content that is a set of signed attributes is taken.
    AttributesTakenAsContent,
    /// A known signer whose signature fails is passed over.
    FailedSignerPassedOver,
    /// Signed by someone is enough, known or not.
    UnknownSignerTaken,
    /// What follows the end of a layer is not looked at.
    TrailingOctetsTaken,
    /// Any digest that the signer names is taken.
    AnyDigestTaken,
    /// `digestAlgorithms` may be empty.
    EmptyDigestsTaken,
    /// Any signature algorithm that the signer names is taken.
    AnySignatureAlgorithmTaken,
    /// Any content cipher that is named is taken.
    AnyCipherTaken,
    /// Any algorithm of key transport that is named is taken.
    AnyKeyTransportTaken,
    /// A wrong padding at the end of the cipher text is ignored.
    PaddingNotChecked,
    /// A failure of RSA is reported as such.
    RsaFailureReported,
    /// A failure inside an encrypted layer is reported as if nothing had been decrypted.
    InnerFailureReported,
    /// Recipients are not counted.
    RecipientsNotCounted,
    /// Signers are not counted.
    SignersNotCounted,
    /// Inflating is bounded by the largest file alone.
    RatioNotLimited,
    /// Inflating is bounded by the ratio alone.
    LargestNotLimited,
    /// What follows the zlib stream is not looked at.
    ZlibTrailerTaken,
    /// The fields of a receipt are not compared with what was signed.
    ReceiptFieldsNotCompared,
    /// The hash of a receipt is not compared with the file's.
    ReceiptHashNotCompared,
    /// The hash of a receipt may have any length, as long as it begins with the file's.
    ReceiptHashLengthNotCompared,
    /// A challenge may have any length.
    ChallengeLengthNotCompared,
    /// The answer to a challenge may be a beginning of it.
    ShortAnswerTaken,
}

static PLANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Plants a mistake in everything that this process opens from now on, or none.
pub fn plant(mistake: Option<PlantedMistake>) {
    let number = mistake.map_or(usize::MAX, |mistake| mistake as usize);
    PLANTED.store(number, Ordering::SeqCst);
}

pub(crate) fn is_planted(mistake: PlantedMistake) -> bool {
    PLANTED.load(Ordering::SeqCst) == mistake as usize
}
