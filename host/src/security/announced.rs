//! What SFID announces of a file's security, against what is agreed with its partner and the keys that there are
//! (RFC 5024, 5.3.5: reasons 15 to 20).

use std::time::SystemTime;

use oftp::{CipherSuite, FileHeader, FileReason};
use pointsman_cms::Suite;

use super::demand::is_to_be_opened;
use super::keyring::Keyring;
use crate::config::{FileSecurity, Partner};

/// Why a file is not taken as it is announced. It is not to be tried again (SFNARRTR N).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAgreed {
    /// SFNAREAS.
    pub reason: FileReason,
    /// SFNAREAST.
    pub text: String,
    /// A key of ours is missing for the receipt that it asks for.
    pub lacks_receipt_key: bool,
}

impl NotAgreed {
    fn new(reason: FileReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            lacks_receipt_key: false,
        }
    }
}

/// What can be done with a partner's files by the keys and certificates that there are.
#[derive(Clone, Copy, Debug)]
struct Means {
    /// A key of ours may open them.
    can_open: bool,
    /// A certificate of the partner may verify them.
    can_verify: bool,
    /// A key of ours signs their receipts.
    can_sign: bool,
}

/// Whether the file's security is agreed, and there are keys for it.
///
/// # Errors
/// [`NotAgreed`].
pub fn is_agreed(
    keyring: &Keyring,
    profile: &Partner,
    header: &FileHeader,
) -> Result<(), NotAgreed> {
    let security = &profile.file_security;
    has_enough(header, security)?;
    if is_to_be_opened(header) {
        can_be_opened(header, security, means(keyring, profile))?;
    }
    match (header.signed_receipt, profile.unsigned_receipts) {
        (true, false) => can_be_receipted(header, security, means(keyring, profile)),
        // Its receipt is not signed, or by the suite that it names.
        (true, true) if header.cipher != CipherSuite::NONE => {
            is_suite_agreed(header.cipher, security)
        }
        _ => Ok(()),
    }
}

fn means(keyring: &Keyring, profile: &Partner) -> Means {
    let (keys, now) = (keyring.partner(&profile.name), SystemTime::now());
    // Keys that cannot be read refuse the start: whoever comes here without them gets no service by them.
    keys.map_or(
        Means {
            can_open: false,
            can_verify: false,
            can_sign: false,
        },
        |keys| Means {
            can_open: !keys.decryption().is_empty(),
            can_verify: !keys.verification(now).is_empty(),
            can_sign: keys.receipt_signing(now).is_ok(),
        },
    )
}

/// Whether the receipt of a file can be signed: there is a key, and the file names a suite that is known.
#[must_use]
pub fn can_sign_receipt(keyring: &Keyring, profile: &Partner, header: &FileHeader) -> bool {
    means(keyring, profile).can_sign && Suite::of(header.cipher).is_some()
}

/// Whether the file has what is demanded of the partner's files.
fn has_enough(header: &FileHeader, security: &FileSecurity) -> Result<(), NotAgreed> {
    let demand = security.demand;
    let lacks = |reason, text: &str| Err(NotAgreed::new(reason, text));
    if demand.security.is_encrypted() && !header.security.is_encrypted() {
        let reason = FileReason::UnencryptedNotAllowed;
        return lacks(reason, "files must be encrypted");
    }
    if demand.security.is_signed() && !header.security.is_signed() {
        return lacks(FileReason::UnsignedNotAllowed, "files must be signed");
    }
    // The protocol has no reasons of their own for these two.
    if demand.compressed && !header.compressed {
        return lacks(FileReason::Unspecified, "files must be compressed");
    }
    if demand.signed_receipt && !header.signed_receipt {
        let text = "files must ask for a signed receipt (SFIDSIGN)";
        return lacks(FileReason::Unspecified, text);
    }
    Ok(())
}

/// Whether a secured file is well announced, and there is what opens it.
fn can_be_opened(
    header: &FileHeader,
    security: &FileSecurity,
    means: Means,
) -> Result<(), NotAgreed> {
    if !header.enveloped {
        let text = "SFIDSEC or SFIDCOMP announces a secured file, and SFIDENV none";
        return Err(NotAgreed::new(FileReason::Unspecified, text));
    }
    let is_compressed_alone = !header.security.is_encrypted() && !header.security.is_signed();
    if !(is_compressed_alone && header.cipher == CipherSuite::NONE) {
        is_suite_agreed(header.cipher, security)?;
    }
    if header.security.is_encrypted() && !means.can_open {
        let text = "encrypted files are not agreed: no key of ours is there to open them";
        let reason = FileReason::EncryptedNotAllowed;
        return Err(NotAgreed::new(reason, text));
    }
    if header.compressed && security.refuse_compressed {
        let text = "compressed files are not agreed";
        return Err(NotAgreed::new(FileReason::CompressionNotAllowed, text));
    }
    if header.security.is_signed() && !means.can_verify {
        let text = "signed files are not agreed: no valid certificate is there to verify them with";
        return Err(NotAgreed::new(FileReason::SignedNotAllowed, text));
    }
    Ok(())
}

/// Whether the receipt can be signed that the file asks for.
fn can_be_receipted(
    header: &FileHeader,
    security: &FileSecurity,
    means: Means,
) -> Result<(), NotAgreed> {
    if !means.can_sign {
        let text = "SFIDSIGN asks for a signed receipt, and no valid key is there to sign it";
        return Err(NotAgreed {
            lacks_receipt_key: true,
            ..NotAgreed::new(FileReason::SignedNotAllowed, text)
        });
    }
    is_suite_agreed(header.cipher, security)
}

fn is_suite_agreed(number: CipherSuite, security: &FileSecurity) -> Result<(), NotAgreed> {
    let suite = Suite::of(number);
    if suite.is_some_and(|suite| security.suites.contains(&suite)) {
        return Ok(());
    }
    let text = format!(
        "cipher suite {:02} is not agreed; those that are: {}",
        number.number(),
        security.agreed_suites()
    );
    Err(NotAgreed::new(FileReason::CipherSuite, text))
}
