//! What is demanded of a partner's files, against what was found in them.

use oftp::{FileHeader, Security};
use pointsman_cms::{Found, SecurityStage};

use super::open_error::OpenError;
use crate::config::Demand;

/// Whether the file is to be opened before it is delivered: it is signed, compressed or encrypted. One that is merely
/// enveloped is passed on as it is (RFC 5024, 10.4).
#[must_use]
pub fn is_to_be_opened(header: &FileHeader) -> bool {
    header.security != Security::None || header.compressed
}

/// That what was found in a file is what is demanded. What was announced was found, or the file would not have been opened;
/// but more may be demanded by now than when it was offered.
///
/// # Errors
/// [`OpenError::Demand`].
pub fn check_found(found: &Found, demand: Demand) -> Result<(), OpenError> {
    let lacks =
        |what: &str| format!("it is not {what}, and that is demanded of this partner's files");
    if demand.security.is_signed() && found.signed.is_none() {
        return Err(OpenError::Demand(SecurityStage::Signature, lacks("signed")));
    }
    if demand.security.is_encrypted() && found.enveloped.is_none() {
        return Err(OpenError::Demand(
            SecurityStage::Decryption,
            lacks("encrypted"),
        ));
    }
    if demand.compressed && found.compressed.is_none() {
        return Err(OpenError::Demand(
            SecurityStage::Decompression,
            lacks("compressed"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pointsman_cms::CompressedFound;

    use super::*;

    fn demand(security: Security, compressed: bool) -> Demand {
        Demand {
            security,
            compressed,
            signed_receipt: false,
        }
    }

    #[test]
    fn what_is_demanded_must_have_been_found() {
        let plain = Found::default();
        let stage = |demand| match check_found(&plain, demand) {
            Err(OpenError::Demand(stage, _)) => Some(stage),
            _ => None,
        };
        let (signed, encrypted) = (SecurityStage::Signature, SecurityStage::Decryption);
        for (security, compressed, expected) in [
            (Security::None, false, None),
            (Security::None, true, Some(SecurityStage::Decompression)),
            (Security::Signed, false, Some(signed)),
            (Security::Encrypted, false, Some(encrypted)),
            (Security::EncryptedAndSigned, true, Some(signed)),
        ] {
            assert_eq!(stage(demand(security, compressed)), expected);
        }
        let inflated = Found {
            compressed: Some(CompressedFound {
                deflated: 1,
                inflated: 2,
            }),
            ..Found::default()
        };
        assert!(check_found(&inflated, demand(Security::None, true)).is_ok());
    }
}
