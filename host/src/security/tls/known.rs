//! The partners' own certificates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pointsman_keys::StoredCertificate;
use rustls::pki_types::CertificateDer;

use super::certificate::{PeerCertificate, der, describe, moment};
use super::error::{TlsError, wrong};
use crate::config::{Partner, Plan};
use crate::security::keyring::Keyring;
use crate::security::stores;

/// The partners' own certificates as they were read at the start or the last reload. Changes of their files take effect
/// with the next start or reload, everywhere at once.
#[derive(Debug, Default)]
pub struct KnownCertificates {
    /// The certificates of each profile that names some: any of them is the partner's.
    pub(super) own: BTreeMap<String, Result<Vec<OwnCertificate>, TlsError>>,
    /// By SHA-256.
    owners: HashMap<String, BTreeSet<String>>,
}

/// A partner's own certificate.
#[derive(Clone, Debug)]
pub(super) struct OwnCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) shown: PeerCertificate,
}

impl OwnCertificate {
    fn of(certificate: &StoredCertificate) -> Result<Self, TlsError> {
        let der = der(certificate).into_owned();
        let described = describe(&der).map_err(|error| wrong(certificate.subject(), &error))?;
        Ok(Self {
            der,
            shown: described,
        })
    }

    /// The first of `certificate`, then those of `certificates` that are for TLS.
    fn all_of(partner: &Partner, keyring: &Keyring) -> Result<Vec<Self>, TlsError> {
        let mut all = Vec::new();
        if let Some(file) = &partner.certificate {
            let place = format!("partners.{}.certificate", partner.name);
            let first = stores::certificates(&place, file)?.into_iter().next();
            all.extend(first);
        }
        all.extend(keyring.tls_certificates(&partner.name)?);
        all.iter().map(Self::of).collect()
    }
}

impl KnownCertificates {
    /// Reads the certificates of every profile. Those of a profile that cannot be read are known as nobody's; `check`
    /// reports it.
    #[must_use]
    pub fn of(config: &Plan, keyring: &Keyring) -> Self {
        let mut known = Self::default();
        let partners = config.partners.iter();
        for (name, partner) in partners.filter(|(_, partner)| partner.has_tls_certificate()) {
            let own = OwnCertificate::all_of(partner, keyring);
            for own in own.iter().flatten() {
                let owners = known.owners.entry(own.shown.sha256.clone()).or_default();
                owners.insert(name.clone());
            }
            known.own.insert(name.clone(), own);
        }
        known
    }

    /// Whether a certificate is one of the partner's own, or its profile names none.
    ///
    /// # Errors
    /// A certificate of the partner could not be read.
    pub fn is_partners(
        &self,
        partner: &str,
        certificate: &PeerCertificate,
    ) -> Result<bool, TlsError> {
        match self.own.get(partner) {
            None => Ok(true),
            Some(Ok(own)) => Ok(own.iter().any(|own| own.shown.sha256 == certificate.sha256)),
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
        let read = self.own.iter();
        let read = read.flat_map(|(name, own)| {
            let own = own.iter().flatten();
            own.map(move |own| (name, &own.shown))
        });
        let mut alike =
            read.filter(|(_, own)| !own.subject.is_empty() && own.subject == shown.subject);
        match alike.next() {
            Some((name, own)) => format!(
                "; the profile of `{name}` has one of the same subject, serial {}, until {}: has it been renewed? Then add the new one to the profile",
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
    use std::path::Path;

    use super::*;

    #[test]
    fn a_certificate_that_could_not_be_read_is_told_by_its_file_and_is_no_other_one() {
        let nowhere = Path::new("/nowhere/mueller.pem");
        let own = stores::certificates("partners.mueller.certificate", nowhere);
        let own = own.map(|_| Vec::new()).map_err(TlsError::from);
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
