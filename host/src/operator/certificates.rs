//! What can be known of certificates and keys before anybody calls.

use std::path::Path;

use super::remark::{Remark, RemarkLevel, stage};
use super::security;
use crate::config::{IdentityFiles, Partner, Plan, TlsPlan};
use crate::net::tls::{self, CertificateTime, PeerCertificate};
use crate::security::keyring::Keyring;

/// Whose a certificate is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CertificateOwner {
    Us,
    ThePartner,
    Ca,
}

use CertificateOwner::{Ca, ThePartner, Us};

/// Looks at every certificate and key of the configuration, as it would be used; those of files, receipts and sessions as
/// they were read.
#[must_use]
pub(crate) fn certificates(plan: &Plan, keyring: &Keyring) -> Vec<Remark> {
    let mut told = security::keys(plan, keyring);
    for (at, listener) in plan.listeners.iter().enumerate() {
        if let Some(tls) = &listener.tls {
            of_listener(&mut told, &format!("listeners[{at}].tls"), tls);
        }
    }
    for (name, partner) in &plan.partners {
        of_partner(&mut told, &format!("partners.{name}"), partner);
    }
    told
}

fn of_listener(told: &mut Vec<Remark>, place: &str, tls: &TlsPlan) {
    let identity = &tls.identity;
    look(
        told,
        &format!("{place}.certificate"),
        &identity.certificate,
        Us,
    );
    if let Some(ca) = &tls.client_ca {
        look(told, &format!("{place}.client_ca"), ca, Ca);
    }
    fits(told, &format!("{place}.key"), identity);
}

fn of_partner(told: &mut Vec<Remark>, place: &str, partner: &Partner) {
    if let Some(own) = &partner.certificate {
        look(told, &format!("{place}.certificate"), own, ThePartner);
    }
    if let Some(ca) = &partner.ca {
        look(told, &format!("{place}.ca"), ca, Ca);
    }
    if let Some(ours) = &partner.our_identity {
        look(
            told,
            &format!("{place}.our_certificate"),
            &ours.certificate,
            Us,
        );
        fits(told, &format!("{place}.our_key"), ours);
    }
}

fn fits(told: &mut Vec<Remark>, place: &str, ours: &IdentityFiles) {
    // A certificate that does not read was told of already.
    if tls::certificates(&ours.certificate).is_ok()
        && let Err(error) = tls::check_identity(ours)
    {
        told.push(Remark::new(RemarkLevel::Error, place, error.to_string()));
    }
}

fn look(told: &mut Vec<Remark>, place: &str, file: &Path, owner: CertificateOwner) {
    let chain = match tls::certificates(file) {
        Ok(chain) => chain,
        Err(error) => return told.push(Remark::new(RemarkLevel::Error, place, error.to_string())),
    };
    // Of a partner its own alone counts; of ours and of CAs every one is sent or used.
    let many = if owner == ThePartner { 1 } else { chain.len() };
    if chain.len() > many {
        let text = format!(
            "there are {} certificates in {}, and the first alone is taken for the partner's own: one that it shows must stand first",
            chain.len(),
            file.display()
        );
        told.push(Remark::new(RemarkLevel::Warning, place, text));
    }
    for (at, der) in chain.iter().take(many).enumerate() {
        let Ok(shown) = tls::describe(der) else {
            continue;
        };
        let place = match at {
            0 => place.to_owned(),
            _ => format!("{place} (certificate {})", at + 1),
        };
        told.push(in_time(&place, &shown, file));
        // What may issue is judged when it does; what is shown must have a key that TLS can use.
        if owner != Ca
            && at == 0
            && let Some(why) = tls::unusable(der)
        {
            let text = format!("no TLS session can come about with this certificate: {why}");
            told.push(Remark::new(RemarkLevel::Error, &place, text));
        }
        if owner == Ca && tls::issues_nothing(der) {
            let text = "this is no CA's certificate (basicConstraints CA:FALSE), so it issues none; it is taken as a certificate that is shown itself, which belongs under `certificate`";
            told.push(Remark::new(RemarkLevel::Warning, &place, text.to_owned()));
        }
        if owner == Us && at == 0 {
            let odd = tls::oddities(der).into_iter();
            told.extend(odd.map(|why| Remark::new(RemarkLevel::Warning, &place, why)));
        }
    }
}

/// The certificate itself, and how far it is from its end.
fn in_time(place: &str, shown: &PeerCertificate, file: &Path) -> Remark {
    let file = file.display();
    let days = match shown.time() {
        CertificateTime::Days(days) => days,
        _ => 0,
    };
    let stage = stage(days);
    let (severity, more) = match shown.time() {
        CertificateTime::NotYet => (
            RemarkLevel::Error,
            format!(
                ": it is not valid yet; is the clock right? Else use the one before, in {file}"
            ),
        ),
        CertificateTime::Over => (
            RemarkLevel::Error,
            format!(": it has ended; put a new one into {file}, and reload"),
        ),
        CertificateTime::Days(0) => (
            RemarkLevel::Warning,
            format!(": it ends today; agree on a new one, put it into {file}, and reload now"),
        ),
        CertificateTime::Days(_) if stage > 0 => (
            RemarkLevel::Warning,
            format!(
                ": it ends in {days} days; agree on a new one, put it into {file} in time, and reload"
            ),
        ),
        CertificateTime::Days(_) => (RemarkLevel::Good, String::new()),
    };
    Remark::new(severity, place, format!("{shown}{more}")).ending(shown.not_after, stage)
}
