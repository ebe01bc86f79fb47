//! What of file security is agreed with a partner, resolved, and where keys and certificates are read from.

use std::path::PathBuf;

use oftp::Security;
use pointsman_cms::{HashAlgorithm, Suite};
use pointsman_keys::{KeyStoreKind, WantedSubject};

use super::key_uses::{CertificateUse, KeyUse, Uses};
use super::store_text::StoreText;

/// File security with one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSecurity {
    /// When its secured files are opened.
    pub open: WhenOpened,
    /// What files to it have, where nothing else is said for a file.
    pub send: SendServices,
    /// What its files must have at least.
    pub demand: Demand,
    /// The cipher suites that files from it and to it may have, the preferred one first.
    pub suites: Vec<Suite>,
    /// Whether its compressed files are refused.
    pub refuse_compressed: bool,
    /// Whether a file is refused that has a signer who is not known, beside one who is and whose signature holds.
    pub refuse_unknown_signers: bool,
    /// The weakest hash of a signature that is taken though the suite has another; none where only that of the suite is.
    pub other_hash: Option<HashAlgorithm>,
    /// What becomes of the content as on the wire of a file that cannot be opened.
    pub failed: FailedContent,
    /// Whether the partner learns what failed.
    pub failures: FailureReasons,
    /// How many octets one octet of compressed data may become, counted from 1 MiB of output on.
    pub expansion: u32,
}

impl FileSecurity {
    /// Whether the partner learns nothing of a failure but that there was one.
    #[must_use]
    pub fn fails_alike(&self) -> bool {
        self.failures == FailureReasons::Alike
    }

    /// The suites that are agreed, in words: their numbers with commas between.
    #[must_use]
    pub fn agreed_suites(&self) -> String {
        let numbers = self.suites.iter().map(|suite| suite.number().number());
        let numbers: Vec<String> = numbers.map(|number| format!("{number:02}")).collect();
        numbers.join(", ")
    }
}

/// When secured files are opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenOpened {
    /// Once the partner has its EFPA; a failure is a NERP.
    #[default]
    AfterAcknowledgement,
    /// While the partner waits for the answer to its EFID; a failure is EFNA 21 to 23.
    BeforeAcknowledgement,
}

/// The services of a file that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendServices {
    /// Signed, encrypted, both or neither (SFIDSEC).
    pub security: Security,
    /// Compressed (SFIDCOMP).
    pub compress: bool,
    /// Its cipher suite, which counts where it has a service or a signed receipt (SFIDCIPH).
    pub suite: Suite,
    /// How strongly it is compressed, where it is: 1 to 9.
    pub compression_level: u32,
    /// Whether a signed receipt is asked for (SFIDSIGN).
    pub signed_receipt: bool,
    /// How lengths are written in it.
    pub lengths: BerLengths,
}

/// How the lengths of the outer elements of a secured file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BerLengths {
    /// Unknown until their end (BER), so that the file is made in one pass.
    #[default]
    Indefinite,
    /// Before the content: for partners that read nothing else. The content is measured first.
    Definite,
}

/// The least that is taken of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Signed, encrypted, both or neither; more is taken, too.
    pub security: Security,
    /// Whether it must be compressed.
    pub compressed: bool,
    /// Whether it must ask for a signed receipt.
    pub signed_receipt: bool,
}

/// What becomes of the content as on the wire of a file that cannot be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedContent {
    /// It stays in the spool.
    #[default]
    Keep,
    /// It is deleted; that the file came is remembered.
    Delete,
}

/// What a partner learns of a file that cannot be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureReasons {
    /// Which of decryption, decompression and signature failed.
    ToldApart,
    /// Of an encrypted file, that it failed, by one reason: somebody may have changed it to learn from the answers.
    #[default]
    Alike,
}

/// Whether sessions with a partner are authenticated (SSIDAUTH). It is not negotiated: both sides must have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionAuthentication {
    /// None is.
    #[default]
    Disallowed,
    /// All are.
    Required,
    /// Where it calls us, as it wants; where we call it, none is.
    Automatic,
}

/// Where a store of keys and certificates is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSource {
    /// A file.
    File(PathBuf),
    /// The configuration itself.
    Inline(StoreText),
    /// This command does not need it, and nothing was looked for.
    NotNeeded,
}

/// How a store is read, and which entry of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlan {
    /// Where it is.
    pub source: StoreSource,
    /// Its password.
    pub password: Option<StoreText>,
    /// That of the keys in it, where it is another one.
    pub key_password: Option<StoreText>,
    /// Its kind; found out where it is not given.
    pub kind: Option<KeyStoreKind>,
    /// The label of the token, where the library has several.
    pub token: Option<String>,
    /// Which entry is meant.
    pub subject: WantedSubject,
}

/// A key of ours with its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    /// The store that has the key.
    pub store: StorePlan,
    /// The file of its certificate, where that is another one.
    pub certificate: Option<StoreSource>,
    /// What it is for.
    pub uses: Uses<KeyUse>,
}

/// A certificate of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePlan {
    /// The store that has it.
    pub store: StorePlan,
    /// What it is for.
    pub uses: Uses<CertificateUse>,
}
