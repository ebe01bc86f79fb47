//! What a file to send is secured with: its services, and the keys that are valid when it is queued.

use std::time::SystemTime;

use oftp::{BLOCK, FileHeader, Level};
use pointsman_cms::{Compress, Wrapping};

use super::send_as::{QueueError, SendAs};
use crate::config::{BerLengths, Partner, SendServices};
use crate::security::keyring::{Keyring, PartnerKeyring};

/// Whether a file that is secured already can be offered to this partner.
///
/// # Errors
/// Its level has no file security.
pub(super) fn can_be_announced(header: &FileHeader, profile: &Partner) -> Result<(), QueueError> {
    if !header.has_services() || profile.offer.level >= Level::V20 {
        return Ok(());
    }
    Err(QueueError::Level {
        what: "secured, or with a signed receipt,".to_owned(),
        partner: profile.name.clone(),
        level: profile.offer.level,
    })
}

/// How a file is secured on its way into the spool.
#[derive(Clone, Debug)]
pub(super) struct Securing {
    pub(super) services: SendServices,
    /// None where it has no service but a signed receipt.
    pub(super) wrapping: Option<Wrapping>,
}

impl Securing {
    /// What is done with a file for this partner; none where it has no service at all.
    ///
    /// # Errors
    /// The partner's level has none, its cipher suite is not agreed, or there is no key or certificate for it.
    pub(super) fn of(
        profile: &Partner,
        services: SendServices,
        keyring: &Keyring,
    ) -> Result<Option<Self>, QueueError> {
        if !services.is_secured() && !services.signed_receipt {
            return Ok(None);
        }
        if profile.offer.level < Level::V20 {
            return Err(QueueError::Level {
                what: services.to_string(),
                partner: profile.name.clone(),
                level: profile.offer.level,
            });
        }
        let suite = services.suite;
        if services.needs_suite() && !profile.file_security.suites.contains(&suite) {
            return Err(not_agreed(profile, suite.number().number()));
        }
        let keys = keyring.partner(&profile.name)?;
        let wrapping = wrapping(&profile.name, &services, &keys)?;
        Ok(Some(Self { services, wrapping }))
    }

    /// What SFID says of it; `octets` are those that are transmitted.
    pub(super) fn announce(&self, header: &mut FileHeader, octets: u64) {
        let services = &self.services;
        header.signed_receipt = services.signed_receipt;
        // Compression alone has no cipher, and needs none.
        if services.needs_suite() {
            header.cipher = services.suite.number();
        }
        if services.is_secured() {
            header.size_blocks = octets.div_ceil(BLOCK);
            header.security = services.security;
            header.compressed = services.compress;
            header.enveloped = true;
        }
    }

    /// Whether the file is measured before it is secured.
    pub(super) fn is_measured(&self) -> bool {
        self.services.lengths == BerLengths::Definite
    }
}

/// That a cipher suite which is named for this file is for something of it. Those of watched folders and policies are for
/// files that have services, and say nothing of others.
///
/// # Errors
/// Nothing of the file is signed or encrypted.
pub(super) fn suite_is_used(how: &SendAs, services: &SendServices) -> Result<(), QueueError> {
    let named = how.services.suite.filter(|_| how.watched_folder.is_none());
    match named.filter(|_| !services.needs_suite()) {
        None => Ok(()),
        Some(suite) => Err(QueueError::SuiteForNothing {
            suite: suite.number().number(),
            services: services.to_string(),
        }),
    }
}

/// Why a cipher suite is not taken that is not among the partner's `file_security.suites`.
pub(super) fn not_agreed(profile: &Partner, suite: u8) -> QueueError {
    QueueError::Suite {
        suite,
        partner: profile.name.clone(),
        agreed: profile.file_security.agreed_suites(),
    }
}

fn wrapping(
    partner: &str,
    services: &SendServices,
    keys: &PartnerKeyring,
) -> Result<Option<Wrapping>, QueueError> {
    let now = SystemTime::now();
    if services.signed_receipt && keys.receipt_verification(now).is_empty() {
        return Err(QueueError::NoReceiptCertificate(partner.to_owned()));
    }
    let security = services.security;
    let sign = match security.is_signed() {
        true => vec![keys.signing(now)?],
        false => Vec::new(),
    };
    let encrypt = match security.is_encrypted() {
        true => keys.encryption(now)?,
        false => Vec::new(),
    };
    let compress = services.compress.then_some(Compress {
        level: services.compression_level,
        threads: 0,
    });
    Ok(services.is_secured().then(|| Wrapping {
        suite: services.suite,
        sign,
        with_certificates: false,
        compress,
        encrypt,
        overlap: true,
    }))
}
