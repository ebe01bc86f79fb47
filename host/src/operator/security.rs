//! What can be known of the keys and certificates under `keys` and `certificates` before they are used.

use std::time::SystemTime;

use pointsman_cms::Certificate;
use pointsman_keys::StoredCertificate;

use super::remark::{Remark, RemarkLevel, stage};
use super::usage;
use crate::config::{ListenerPlan, Partner, Plan, SessionAuthentication};
use crate::security::error::KeyringError;
use crate::security::keyring::{Keyring, KnownKey, KnownUses, PartnerKeyring};
use crate::security::tls::{self, CertificateTime};
use crate::security::tls_identity::TlsIdentity;

/// Every key and certificate, how far it is from its end, and for which agreement none is valid.
pub(super) fn keys(plan: &Plan, keyring: &Keyring) -> Vec<Remark> {
    let mut told: Vec<Remark> = keyring.faults().filter_map(unusable).collect();
    for known in keyring.known() {
        told.extend(in_time(known));
        told.extend(misused(known));
        told.extend(weak(known));
        told.extend(tls_trouble(known));
    }
    told.extend(twins(keyring));
    told.extend(none_for_tls(plan, keyring));
    for (name, partner) in &plan.partners {
        if let Ok(keys) = keyring.partner(name) {
            told.extend(missing(partner, &keys, SystemTime::now()));
        }
    }
    told
}

pub(super) fn unusable(fault: &KeyringError) -> Option<Remark> {
    match fault {
        KeyringError::Unusable { place, why } => {
            Some(Remark::new(RemarkLevel::Error, place, why.clone()))
        }
        _ => None,
    }
}

/// A certificate that has ended may stand beside its successor, and the successor beside it before it begins.
fn in_time(known: &KnownKey) -> Option<Remark> {
    let shown = tls::describe(&tls::der(&known.certificate)).ok()?;
    let store = &known.store;
    let (severity, passed, more) = match shown.time() {
        CertificateTime::NotYet => (RemarkLevel::Good, 0, ": it is used from then on".to_owned()),
        CertificateTime::Over => (
            RemarkLevel::Warning,
            stage(0),
            format!(
                ": it has ended, and {}; put a new one beside it or into {store}, and reload",
                what_it_still_does(&known.uses)
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

fn what_it_still_does(uses: &KnownUses) -> &'static str {
    match (uses.are_of_files(), uses.is_ours()) {
        (false, true) => "is shown only where there is no other",
        (false, false) => "the partner is not believed by it any more",
        (true, true) => "only opens what was encrypted to it",
        (true, false) => "nothing is encrypted to it nor verified with it any more",
    }
}

/// That a certificate is for something else by its own words.
fn misused(known: &KnownKey) -> Option<Remark> {
    let certificate = &known.certificate;
    let why = match &known.uses {
        KnownUses::Ours(uses) => usage::against_ours(certificate, uses.meant()),
        KnownUses::Theirs(uses) => usage::against_theirs(certificate, uses.meant()),
    };
    Some(Remark::new(RemarkLevel::Warning, &known.place, why?))
}

/// The bits that an RSA key has today at least (BSI TR-02102-1; NIST SP 800-131A).
const BITS_TODAY: u32 = 2048;

/// That an RSA key for files, receipts or sessions is shorter than is usual. One that is far too short is not taken at all.
fn weak(known: &KnownKey) -> Option<Remark> {
    let certificate = known
        .uses
        .are_of_files()
        .then(|| known.certificate.for_files());
    let bits = certificate?.ok()?.key_bits();
    let what = match known.uses.is_ours() {
        true => "`pointsman keys make` makes a longer one",
        false => "ask the partner for a certificate with a longer one",
    };
    (bits < BITS_TODAY).then(|| {
        let text =
            format!("its RSA key has {bits} bits, and {BITS_TODAY} are needed to be safe: {what}");
        Remark::new(RemarkLevel::Warning, &known.place, text)
    })
}

/// Different certificates of one partner that have one name, by which signatures and recipients say whose they are.
fn twins(keyring: &Keyring) -> Vec<Remark> {
    let theirs: Vec<(&KnownKey, Certificate)> = keyring
        .known()
        .filter(|known| !known.uses.is_ours() && known.uses.are_of_files())
        .filter_map(|known| Some((known, known.certificate.for_files().ok()?)))
        .collect();
    let mut told = Vec::new();
    for (at, (known, certificate)) in theirs.iter().enumerate() {
        let before = theirs.iter().take(at).find(|(other, twin)| {
            owner(other) == owner(known)
                && twin != certificate
                && twin.issuer_serial() == certificate.issuer_serial()
        });
        told.extend(before.map(|(other, _)| {
            let text = format!(
                "it has the issuer and the serial number of {}, which is another certificate: both are tried, but other programs cannot tell them apart; ask the partner for one with a serial number of its own",
                other.place
            );
            Remark::new(RemarkLevel::Warning, &known.place, text)
        }));
    }
    told
}

/// The list of the configuration in which a certificate stands.
fn owner(known: &KnownKey) -> &str {
    let place = known.place.as_str();
    place.rsplit_once('[').map_or(place, |(list, _)| list)
}

/// What keeps TLS from a certificate that is for it, and what partners may not like in it.
fn tls_trouble(known: &KnownKey) -> Vec<Remark> {
    if !known.uses.are_of_tls() {
        return Vec::new();
    }
    let mut told: Vec<Remark> = no_tls(&known.place, &known.certificate)
        .into_iter()
        .collect();
    if known.uses.is_ours() {
        let odd = tls::oddities(&tls::der(&known.certificate)).into_iter();
        told.extend(odd.map(|why| Remark::new(RemarkLevel::Warning, &known.place, why)));
    }
    told
}

/// That TLS cannot use the key of a certificate.
pub(super) fn no_tls(place: &str, certificate: &StoredCertificate) -> Option<Remark> {
    let why = tls::unusable(&tls::der(certificate))?;
    let text = format!("no TLS session can come about with this certificate: {why}");
    Some(Remark::new(RemarkLevel::Error, place, text))
}

/// Where TLS needs one of several certificates, of which none is valid. Time did it, which keeps no other change out.
fn none_for_tls(plan: &Plan, keyring: &Keyring) -> Vec<Remark> {
    let mut told = Vec::new();
    let mut none = |place: String, what: &str| {
        let text = format!("{what}, none is valid now: add one that is, and reload");
        told.push(Remark::new(RemarkLevel::Error, &place, text).ending(0, stage(0)));
    };
    let mut listeners = plan.listeners.iter().enumerate();
    let shows_stations = |(_, listener): &(usize, &ListenerPlan)| {
        let tls = listener.tls.as_ref();
        tls.is_some_and(|tls| tls.identity.is_none())
    };
    let shown = listeners
        .find(shows_stations)
        .map(|(at, _)| keyring.tls_server(at));
    if shown.is_some_and(|shown| has_none_valid(&own(shown))) {
        none(
            "station.keys".to_owned(),
            "of those for tls-server, which callers are shown",
        );
    }
    for (name, partner) in &plan.partners {
        let place = |key: &str| format!("partners.{name}.{key}");
        let dials = partner.tls && partner.our_identity.is_none();
        if dials && has_none_valid(&own(keyring.tls_client(name))) {
            none(
                place("keys"),
                "of those for tls-client, here and under `station.keys`",
            );
        }
        let theirs = keyring.tls_certificates(name).unwrap_or_default();
        if partner.certificate.is_none() && has_none_valid(&theirs) {
            none(
                place("certificates"),
                "of those for tls, by which the partner is known",
            );
        }
    }
    told
}

/// The certificates of keys of ours; none where one of them could not be read, which is told elsewhere.
pub(super) fn own(identities: Result<Vec<TlsIdentity>, KeyringError>) -> Vec<StoredCertificate> {
    let identities = identities.unwrap_or_default().into_iter();
    identities
        .filter_map(|identity| identity.chain().first().cloned())
        .collect()
}

fn has_none_valid(certificates: &[StoredCertificate]) -> bool {
    !certificates.is_empty() && !has_valid(certificates)
}

/// Whether one of them is valid now.
pub(super) fn has_valid(certificates: &[StoredCertificate]) -> bool {
    let is_valid = |certificate: &StoredCertificate| {
        let described = tls::describe(&tls::der(certificate));
        described.is_ok_and(|own| matches!(own.time(), CertificateTime::Days(_)))
    };
    certificates.iter().any(is_valid)
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
