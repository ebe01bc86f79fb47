//! What a file to send is secured with: its services, and the keys that are valid when it is queued.

use std::time::SystemTime;

use oftp::{BLOCK, FileHeader, Level, Security};
use pointsman_cms::{Compress, Wrapping};

use super::send_as::QueueError;
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

/// How strongly zlib compresses: 1 is several times as fast as 6, and most of what EDI and CAD files save it saves.
const COMPRESSION: u32 = 1;

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
    /// The partner's level has none, or there is no key or certificate for it.
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
        let keys = keyring.partner(&profile.name)?;
        let wrapping = wrapping(&profile.name, &services, &keys)?;
        Ok(Some(Self { services, wrapping }))
    }

    /// What SFID says of it; `octets` are those that are transmitted.
    pub(super) fn announce(&self, header: &mut FileHeader, octets: u64) {
        let services = &self.services;
        header.signed_receipt = services.signed_receipt;
        // Compression alone has no cipher, and needs none.
        if services.signed_receipt || services.security != Security::None {
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
        level: COMPRESSION,
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
