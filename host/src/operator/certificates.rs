//! What can be known of certificates and keys before anybody calls.

use std::path::Path;

use pointsman_keys::StoredCertificate;

use super::remark::{Remark, RemarkLevel, stage};
use super::{security, usage};
use crate::config::{IdentityFiles, KeyUse, Partner, Plan, StoreSource, TlsPlan};
use crate::security::error::KeyringError;
use crate::security::keyring::Keyring;
use crate::security::stores;
use crate::security::tls::{self, CertificateTime, PeerCertificate};
use crate::security::tls_identity::TlsIdentity;

/// Whose a certificate is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CertificateOwner {
    Us,
    ThePartner,
    Ca,
}

use CertificateOwner::{Ca, ThePartner, Us};

/// Looks at every certificate and key of the configuration, as it would be used; ours, and those under `certificates`, as
/// they were read.
#[must_use]
pub(crate) fn certificates(plan: &Plan, keyring: &Keyring) -> Vec<Remark> {
    let mut told = security::keys(plan, keyring);
    for (at, listener) in plan.listeners.iter().enumerate() {
        if let Some(tls) = &listener.tls {
            of_listener(&mut told, (at, tls), keyring);
        }
    }
    for (name, partner) in &plan.partners {
        of_partner(&mut told, (name, partner), keyring);
    }
    told
}

fn of_listener(told: &mut Vec<Remark>, (at, tls): (usize, &TlsPlan), keyring: &Keyring) {
    let place = format!("listeners[{at}].tls");
    if let Some(ours) = tls.identity.as_ref().zip(keyring.listener_identity(at)) {
        let place = format!("{place}.certificate");
        look_at_ours(told, &place, ours, KeyUse::TlsServer);
        let all = security::own(keyring.tls_server(at));
        beside(told, &place, all.get(1..).unwrap_or_default());
    }
    if let Some(ca) = &tls.client_ca {
        look(told, &format!("{place}.client_ca"), ca, Ca);
    }
}

fn of_partner(told: &mut Vec<Remark>, (name, partner): (&str, &Partner), keyring: &Keyring) {
    let place = |key: &str| format!("partners.{name}.{key}");
    if let Some(own) = &partner.certificate {
        look(told, &place("certificate"), own, ThePartner);
        let others = keyring.tls_certificates(name).unwrap_or_default();
        beside(told, &place("certificate"), &others);
    }
    if let Some(ca) = &partner.ca {
        look(told, &place("ca"), ca, Ca);
    }
    let ours = partner.our_identity.as_ref();
    if let Some(ours) = ours.zip(keyring.dialling_identity(name)) {
        look_at_ours(told, &place("our_certificate"), ours, KeyUse::TlsClient);
        let all = security::own(keyring.tls_client(name));
        let others = all.get(1..).unwrap_or_default();
        beside(told, &place("our_certificate"), others);
    }
}

/// What has ended or not begun keeps no session out where another stands beside it that is valid.
fn beside(told: &mut [Remark], place: &str, others: &[StoredCertificate]) {
    let of_time = |remark: &&mut Remark| {
        remark.place == place && remark.severity == RemarkLevel::Error && remark.ends.is_some()
    };
    if security::has_valid(others) {
        for remark in told.iter_mut().filter(of_time) {
            remark.severity = RemarkLevel::Warning;
            remark
                .text
                .push_str("; another that stands beside it is used now");
        }
    }
}

/// Our certificate with its chain, or why there is none: the error has its own place, which may be that of the key.
fn look_at_ours(
    told: &mut Vec<Remark>,
    place: &str,
    (files, ours): (&IdentityFiles, &Result<TlsIdentity, KeyringError>),
    of: KeyUse,
) {
    match ours {
        Ok(ours) => {
            look_at(told, place, ours.chain(), Us);
            let own = ours.chain().first();
            let odd = own.and_then(|own| usage::against_ours(own, [of]));
            told.extend(odd.map(|why| Remark::new(RemarkLevel::Warning, place, why)));
        }
        Err(error) => {
            // Where the key is what is wrong, the certificate is told nevertheless.
            if let StoreSource::File(file) = &files.certificate
                && let Ok(chain) = stores::certificates(place, file)
            {
                look_at(told, place, &chain, Us);
            }
            told.extend(security::unusable(error));
        }
    }
}

fn look(told: &mut Vec<Remark>, place: &str, file: &Path, owner: CertificateOwner) {
    match stores::certificates(place, file) {
        Ok(chain) => {
            if owner == ThePartner && chain.len() > 1 {
                let text = format!(
                    "there are {} certificates in {}, and the first alone is taken for the partner's own: one that it shows must stand first; several stand under `certificates`, each with `for: [tls]`",
                    chain.len(),
                    file.display()
                );
                told.push(Remark::new(RemarkLevel::Warning, place, text));
            }
            look_at(told, place, &chain, owner);
        }
        Err(error) => told.extend(security::unusable(&error)),
    }
}

fn look_at(
    told: &mut Vec<Remark>,
    place: &str,
    chain: &[StoredCertificate],
    owner: CertificateOwner,
) {
    // Of a partner its own alone counts; of ours and of CAs every one is sent or used.
    let many = if owner == ThePartner { 1 } else { chain.len() };
    for (at, certificate) in chain.iter().take(many).enumerate() {
        let place = match at {
            0 => place.to_owned(),
            _ => format!("{place} (certificate {})", at + 1),
        };
        let der = tls::der(certificate);
        let shown = match tls::describe(&der) {
            Ok(shown) => shown,
            Err(error) => {
                let text = format!("{}: {error}", certificate.subject());
                told.push(Remark::new(RemarkLevel::Error, &place, text));
                continue;
            }
        };
        told.push(in_time(&place, &shown));
        // What may issue is judged when it does; what is shown must have a key that TLS can use.
        if owner != Ca && at == 0 {
            told.extend(security::no_tls(&place, certificate));
        }
        if owner == Ca && tls::issues_nothing(&der) {
            let text = "this is no CA's certificate (basicConstraints CA:FALSE), so it issues none; it is taken as a certificate that is shown itself, which belongs under `certificate`";
            told.push(Remark::new(RemarkLevel::Warning, &place, text.to_owned()));
        }
        if owner == Us && at == 0 {
            let odd = tls::oddities(&der).into_iter();
            told.extend(odd.map(|why| Remark::new(RemarkLevel::Warning, &place, why)));
        }
    }
}

/// The certificate itself, and how far it is from its end.
fn in_time(place: &str, shown: &PeerCertificate) -> Remark {
    let days = match shown.time() {
        CertificateTime::Days(days) => days,
        _ => 0,
    };
    let stage = stage(days);
    let (severity, more) = match shown.time() {
        CertificateTime::NotYet => (
            RemarkLevel::Error,
            ": it is not valid yet; is the clock right? Else use the one before".to_owned(),
        ),
        CertificateTime::Over => (
            RemarkLevel::Error,
            ": it has ended; put a new one in its place, and reload".to_owned(),
        ),
        CertificateTime::Days(0) => (
            RemarkLevel::Warning,
            ": it ends today; agree on a new one, put it in its place or beside it, and reload now"
                .to_owned(),
        ),
        CertificateTime::Days(_) if stage > 0 => (
            RemarkLevel::Warning,
            format!(
                ": it ends in {days} days; agree on a new one, put it in its place or beside it in time, and reload"
            ),
        ),
        CertificateTime::Days(_) => (RemarkLevel::Good, String::new()),
    };
    Remark::new(severity, place, format!("{shown}{more}")).ending(shown.not_after, stage)
}
