//! Keys of ours and certificates of partners, by what they are for. They are read at the start and at each reload, all of
//! them at once, and do not change in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use pointsman_cms::{Certificate, Identity};

use super::error::KeyringError;
use super::stores;
use crate::config::{CertificatePlan, CertificateUse, KeyPlan, KeyUse, Partner, Plan, StorePlan};

/// All keys and certificates of a plan.
#[derive(Debug, Default)]
pub struct Keyring {
    partners: BTreeMap<String, Result<Arc<PartnerKeyring>, KeyringError>>,
    known: Vec<KnownKey>,
    faults: Vec<KeyringError>,
}

/// A certificate of the keyring, and where it stands.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// The key of the configuration.
    pub place: String,
    /// The file that it was read from, or what else it was.
    pub store: String,
    /// The certificate; of a key of ours, its own.
    pub certificate: Certificate,
    /// Whether it is of a key of ours.
    pub is_ours: bool,
}

/// A key or certificate that was read.
#[derive(Clone, Debug)]
struct KeyringEntry<T, U> {
    /// A key of ours, or a partner's certificate.
    held: T,
    /// What it is for; everything where nothing is named.
    uses: BTreeSet<U>,
}

type OwnKey = KeyringEntry<Identity, KeyUse>;
type PartnerCertificate = KeyringEntry<Certificate, CertificateUse>;

/// The keys and certificates for one partner, in the order of the configuration; of ours, those for the partner alone come
/// before the station's. Among those of one list, the ones that name a purpose go before those that serve all.
#[derive(Debug, Default)]
pub struct PartnerKeyring {
    partner: String,
    /// Those of the partner's profile, then those of the station.
    own: [Vec<OwnKey>; 2],
    certificates: Vec<PartnerCertificate>,
}

impl Keyring {
    /// Reads all keys and certificates of a plan. It blocks, for seconds where stores have slow passwords.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut keyring = Self::default();
        let station = keyring.read_own("station", &plan.ours.keys);
        for (name, partner) in &plan.partners {
            let read = keyring.read_partner(partner, &station);
            keyring.partners.insert(name.clone(), read.map(Arc::new));
        }
        keyring
    }

    /// The keys and certificates for a partner.
    ///
    /// # Errors
    /// There is no such partner, or one of them cannot be used: then none is, since what it is for would silently be done
    /// with another.
    pub fn partner(&self, name: &str) -> Result<Arc<PartnerKeyring>, KeyringError> {
        let known = self.partners.get(name).cloned();
        known.unwrap_or_else(|| {
            let why = format!("there is no `{name}`");
            Err(KeyringError::unusable("partners", why))
        })
    }

    /// Every certificate that was read, ours and the partners'.
    pub fn known(&self) -> impl Iterator<Item = &KnownKey> {
        self.known.iter()
    }

    /// Everything that could not be read, once each.
    pub fn faults(&self) -> impl Iterator<Item = &KeyringError> {
        self.faults.iter()
    }

    fn read_partner(
        &mut self,
        partner: &Partner,
        station: &[Result<OwnKey, KeyringError>],
    ) -> Result<PartnerKeyring, KeyringError> {
        let place = format!("partners.{}", partner.name);
        let own = self.read_own(&place, &partner.keys);
        let certificates = self.read_certificates(&place, &partner.certificates);
        Ok(PartnerKeyring {
            partner: partner.name.clone(),
            own: [
                own.into_iter().collect::<Result<_, _>>()?,
                station.iter().cloned().collect::<Result<_, _>>()?,
            ],
            certificates: certificates.into_iter().collect::<Result<_, _>>()?,
        })
    }

    fn read_own(&mut self, owner: &str, plans: &[KeyPlan]) -> Vec<Result<OwnKey, KeyringError>> {
        let mut read = Vec::new();
        for (at, plan) in plans.iter().enumerate() {
            let place = format!("{owner}.keys[{at}]");
            let key = stores::identity(&place, plan);
            let certificate = key.as_ref().map(|key| key.certificate().clone());
            self.note(place, &plan.store, certificate, true);
            read.push(key.map(|held| KeyringEntry {
                held,
                uses: plan.uses.clone(),
            }));
        }
        read
    }

    fn read_certificates(
        &mut self,
        owner: &str,
        plans: &[CertificatePlan],
    ) -> Vec<Result<PartnerCertificate, KeyringError>> {
        let mut read = Vec::new();
        for (at, plan) in plans.iter().enumerate() {
            let place = format!("{owner}.certificates[{at}]");
            let certificate = stores::certificate(&place, plan);
            self.note(place, &plan.store, certificate.as_ref().cloned(), false);
            read.push(certificate.map(|held| KeyringEntry {
                held,
                uses: plan.uses.clone(),
            }));
        }
        read
    }

    /// Notes what was read, or why it could not be.
    fn note(
        &mut self,
        place: String,
        store: &StorePlan,
        read: Result<Certificate, &KeyringError>,
        is_ours: bool,
    ) {
        match read {
            Ok(certificate) => self.known.push(KnownKey {
                place,
                store: stores::name(&store.source),
                certificate,
                is_ours,
            }),
            Err(KeyringError::NotRead { .. }) => {}
            Err(fault) => self.faults.push(fault.clone()),
        }
    }
}

impl PartnerKeyring {
    /// Our keys that open files, those too that are not valid any more: what was encrypted to an old one must open.
    #[must_use]
    pub fn decryption(&self) -> Vec<Identity> {
        self.own_for(KeyUse::Decryption)
    }

    /// Our key that signs files: the first whose certificate is valid.
    ///
    /// # Errors
    /// There is none.
    pub fn signing(&self, now: SystemTime) -> Result<Identity, KeyringError> {
        self.own_valid(KeyUse::Signing, "signing files", now)
    }

    /// Our key that signs receipts: the first whose certificate is valid.
    ///
    /// # Errors
    /// There is none.
    pub fn receipt_signing(&self, now: SystemTime) -> Result<Identity, KeyringError> {
        self.own_valid(KeyUse::ReceiptSigning, "signing receipts", now)
    }

    /// Our keys that answer challenges, whether their certificates are valid or not: the partner chose one.
    #[must_use]
    pub fn authentication(&self) -> Vec<Identity> {
        self.own_for(KeyUse::Authentication)
    }

    /// The partner's certificates that files are encrypted to: all that are valid, so that it opens them with whichever key
    /// it has while it changes over.
    ///
    /// # Errors
    /// There is none.
    pub fn encryption(&self, now: SystemTime) -> Result<Vec<Certificate>, KeyringError> {
        self.valid_of_partner(CertificateUse::Encryption, "encrypting files to it", now)
    }

    /// The partner's certificates that its files may be signed with: those that are valid.
    #[must_use]
    pub fn verification(&self, now: SystemTime) -> Vec<Certificate> {
        self.of_partner(CertificateUse::Verification, now)
    }

    /// The partner's certificates that its receipts may be signed with: those that are valid.
    #[must_use]
    pub fn receipt_verification(&self, now: SystemTime) -> Vec<Certificate> {
        self.of_partner(CertificateUse::ReceiptVerification, now)
    }

    /// The partner's certificates that challenges are encrypted to: all that are valid, as of files.
    ///
    /// # Errors
    /// There is none.
    pub fn partner_authentication(
        &self,
        now: SystemTime,
    ) -> Result<Vec<Certificate>, KeyringError> {
        self.valid_of_partner(CertificateUse::Authentication, "challenges to it", now)
    }

    fn own_for(&self, wanted: KeyUse) -> Vec<Identity> {
        let lists = self.own.iter().flat_map(|list| chosen(list, wanted));
        lists.cloned().collect()
    }

    fn own_valid(
        &self,
        wanted: KeyUse,
        purpose: &'static str,
        now: SystemTime,
    ) -> Result<Identity, KeyringError> {
        let keys = self.own_for(wanted);
        let valid = keys.iter().find(|key| is_valid(key.certificate(), now));
        valid.cloned().ok_or_else(|| {
            let place = format!("`station.keys` or `partners.{}.keys`", self.partner);
            let there = keys.iter().map(Identity::certificate);
            none_valid(place, purpose, there)
        })
    }

    fn of_partner(&self, wanted: CertificateUse, now: SystemTime) -> Vec<Certificate> {
        let certificates = chosen(&self.certificates, wanted);
        let valid = certificates.filter(|certificate| is_valid(certificate, now));
        valid.cloned().collect()
    }

    fn valid_of_partner(
        &self,
        wanted: CertificateUse,
        purpose: &'static str,
        now: SystemTime,
    ) -> Result<Vec<Certificate>, KeyringError> {
        let valid = self.of_partner(wanted, now);
        match valid.is_empty() {
            true => {
                let place = format!("`partners.{}.certificates`", self.partner);
                let there = chosen(&self.certificates, wanted);
                Err(none_valid(place, purpose, there))
            }
            false => Ok(valid),
        }
    }
}

/// Those of a list that serve a purpose: the ones that name it, then those that serve all.
fn chosen<T, U: Ord + Copy>(list: &[KeyringEntry<T, U>], wanted: U) -> impl Iterator<Item = &T> {
    let named = list
        .iter()
        .filter(move |entry| entry.uses.contains(&wanted));
    let all = list.iter().filter(|entry| entry.uses.is_empty());
    named.chain(all).map(|entry| &entry.held)
}

fn is_valid(certificate: &Certificate, now: SystemTime) -> bool {
    (certificate.not_before()..=certificate.not_after()).contains(&now)
}

fn none_valid<'a>(
    place: String,
    purpose: &'static str,
    there: impl Iterator<Item = &'a Certificate>,
) -> KeyringError {
    let there: Vec<String> = there
        .map(|certificate| {
            let [from, to] = [certificate.not_before(), certificate.not_after()];
            format!("{certificate}, valid {} to {}", date(from), date(to))
        })
        .collect();
    match there.is_empty() {
        true => KeyringError::Nothing { place, purpose },
        false => KeyringError::NoneValid {
            place,
            purpose,
            there: there.join("; "),
        },
    }
}

fn date(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}
