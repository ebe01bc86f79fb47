//! What can be known of keys and certificates for files, receipts and sessions before they are used.

use std::time::SystemTime;

use pointsman_cms::Certificate;
use rustls::pki_types::CertificateDer;

use super::remark::{Remark, RemarkLevel, stage};
use crate::config::{Partner, Plan, SessionAuthentication};
use crate::net::tls::{self, CertificateTime};
use crate::security::error::KeyringError;
use crate::security::keyring::{Keyring, KnownKey, PartnerKeyring};

/// Every key and certificate, how far it is from its end, and for which agreement none is valid.
pub(super) fn keys(plan: &Plan, keyring: &Keyring) -> Vec<Remark> {
    let mut told: Vec<Remark> = keyring.faults().filter_map(unusable).collect();
    told.extend(keyring.known().filter_map(in_time));
    for (name, partner) in &plan.partners {
        if let Ok(keys) = keyring.partner(name) {
            told.extend(missing(partner, &keys, SystemTime::now()));
        }
    }
    told
}

fn unusable(fault: &KeyringError) -> Option<Remark> {
    match fault {
        KeyringError::Unusable { place, why } => {
            Some(Remark::new(RemarkLevel::Error, place, why.clone()))
        }
        _ => None,
    }
}

/// A certificate that has ended may stand beside its successor, and the successor beside it before it begins.
fn in_time(known: &KnownKey) -> Option<Remark> {
    let shown = tls::describe(&CertificateDer::from(known.certificate.der())).ok()?;
    let store = &known.store;
    let (severity, passed, more) = match shown.time() {
        CertificateTime::NotYet => (RemarkLevel::Good, 0, ": it is used from then on".to_owned()),
        CertificateTime::Over => (
            RemarkLevel::Warning,
            stage(0),
            format!(
                ": it has ended, and {}; put a new one beside it or into {store}, and reload",
                match known.is_ours {
                    true => "only opens what was encrypted to it",
                    false => "nothing is encrypted to it nor verified with it any more",
                }
            ),
        ),
        CertificateTime::Days(days) => match stage(days) {
            0 => (RemarkLevel::Good, 0, String::new()),
            passed => (
                RemarkLevel::Warning,
                passed,
                format!(": it ends in {days} days; put a new one beside it in time, and reload"),
            ),
        },
    };
    let text = format!("{shown}{more}");
    Some(Remark::new(severity, &known.place, text).ending(shown.not_after, passed))
}

/// What is agreed with a partner and cannot be done, since nothing for it is valid. That there is something is a matter of
/// the configuration.
fn missing(partner: &Partner, keys: &PartnerKeyring, now: SystemTime) -> Vec<Remark> {
    let (send, demand) = (&partner.file_security.send, &partner.file_security.demand);
    let place = |key: &str| format!("partners.{}.{key}", partner.name);
    let (keys_of, certificates) = (place("keys"), place("certificates"));
    let wanted: [(bool, &str, Option<KeyringError>); 5] = [
        (send.security.is_signed(), &keys_of, keys.signing(now).err()),
        (
            send.security.is_encrypted(),
            &certificates,
            keys.encryption(now).err(),
        ),
        (
            demand.signed_receipt,
            &keys_of,
            keys.receipt_signing(now).err(),
        ),
        (
            demand.security.is_signed(),
            &certificates,
            none_of(keys.verification(now), &certificates),
        ),
        (
            partner.authentication != SessionAuthentication::Disallowed,
            &certificates,
            keys.partner_authentication(now).err(),
        ),
    ];
    let lacking = wanted.into_iter().filter(|(is_wanted, ..)| *is_wanted);
    lacking
        .filter_map(|(_, place, why)| {
            let remark = Remark::new(RemarkLevel::Error, place, why?.to_string());
            // Time did it, which keeps no other change out.
            Some(remark.ending(0, stage(0)))
        })
        .collect()
}

fn none_of(valid: Vec<Certificate>, place: &str) -> Option<KeyringError> {
    valid.is_empty().then(|| KeyringError::Nothing {
        place: format!("`{place}`"),
        purpose: "verifying its signatures that is valid now",
    })
}
