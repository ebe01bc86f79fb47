//! The partners' own certificates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::certificate::{PeerCertificate, describe, moment};
use super::error::{TlsError, wrong};
use super::files::read_certificates;
use crate::config::Plan;

/// The partners' own certificates as they were read at the start or the last reload. Changes of their files take effect
/// with the next start or reload, everywhere at once.
#[derive(Debug, Default)]
pub struct KnownCertificates {
    /// The certificate of each profile that names one.
    pub(super) own: BTreeMap<String, Result<OwnCertificate, TlsError>>,
    /// By SHA-256.
    owners: HashMap<String, BTreeSet<String>>,
}

/// A partner's own certificate.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) shown: PeerCertificate,
}

impl OwnCertificate {
    fn read(file: &Path) -> Result<Self, TlsError> {
        let first = read_certificates(file)?.into_iter().next();
        let der = first.ok_or_else(|| wrong(file, &"there is no certificate in it"))?;
        let described = describe(&der).map_err(|error| wrong(file, &error))?;
        Ok(Self {
            der,
            shown: described,
        })
    }
}

impl KnownCertificates {
    /// Reads the certificate of every profile. One that cannot be read is known as nobody's; `check` reports it.
    #[must_use]
    pub fn of(config: &Plan) -> Self {
        let mut known = Self::default();
        for (name, partner) in &config.partners {
            let Some(file) = &partner.certificate else {
                continue;
            };
            let own = OwnCertificate::read(file);
            if let Ok(own) = &own {
                let owners = known.owners.entry(own.shown.sha256.clone()).or_default();
                owners.insert(name.clone());
            }
            known.own.insert(name.clone(), own);
        }
        known
    }

    /// Whether a certificate is the partner's own, or its profile names none.
    ///
    /// # Errors
    /// The partner's certificate could not be read.
    pub fn is_partners(
        &self,
        partner: &str,
        certificate: &PeerCertificate,
    ) -> Result<bool, TlsError> {
        match self.own.get(partner) {
            None => Ok(true),
            Some(Ok(own)) => Ok(own.shown.sha256 == certificate.sha256),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// Which partner a certificate belongs to or resembles, as a text that continues the certificate's own.
    #[must_use]
    pub fn whose(&self, shown: &PeerCertificate) -> String {
        if let Some(owners) = self.owners.get(&shown.sha256) {
            let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
            return format!("; it is the certificate of `{}`", owners.join("` and `"));
        }
        let read = self
            .own
            .iter()
            .filter_map(|(name, own)| Some((name, &own.as_ref().ok()?.shown)));
        let mut alike =
            read.filter(|(_, own)| !own.subject.is_empty() && own.subject == shown.subject);
        match alike.next() {
            Some((name, own)) => format!(
                "; the profile of `{name}` has one of the same subject, serial {}, until {}: has it been renewed? Then put the new one into the profile",
                own.serial,
                moment(own.not_after)
            ),
            None => "; no profile has it".to_owned(),
        }
    }

    /// The partner that the certificate belongs to, if that is another than `partner`. A certificate that `partner`
    /// shares with others counts as its own.
    #[must_use]
    pub fn others(&self, partner: &str, certificate: &PeerCertificate) -> Option<&str> {
        let owners = self.owners.get(&certificate.sha256)?;
        let first = owners.first()?;
        (!owners.contains(partner)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_could_not_be_read_is_told_by_its_file_and_is_no_other_one() {
        let own = OwnCertificate::read(Path::new("/nowhere/mueller.pem"));
        let own = [("mueller".to_owned(), own)];
        let known = KnownCertificates {
            own: own.into(),
            owners: HashMap::new(),
        };
        let shown = PeerCertificate {
            subject: "CN=them".to_owned(),
            issuer: "CN=them".to_owned(),
            serial: "01".to_owned(),
            sha256: "00".repeat(32),
            not_before: 0,
            not_after: u64::MAX,
            dns_names: Vec::new(),
        };
        let error = known.is_partners("mueller", &shown).unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/mueller.pem"),
            "{error}"
        );
        assert!(
            known.is_partners("schmidt", &shown).unwrap(),
            "its profile names none"
        );
    }
}
