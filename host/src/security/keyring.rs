//! Keys of ours and certificates of partners, by what they are for. They are read at the start and at each reload, all of
//! them at once, and do not change in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use pointsman_cms::{Certificate, CmsError, Identity, Problem, SignerNames};
use pointsman_keys::StoredCertificate;

use super::error::KeyringError;
use super::stores::{self, ReadKey};
use super::tls_identity::TlsIdentity;
use super::tls_keys::{self, IdentityPlaces, TlsKeyring};
use crate::config::{CertificateUse, KeyPlan, KeyUse, Partner, Plan, Purpose, StorePlan, Uses};

/// All keys and certificates of a plan.
#[derive(Debug, Default)]
pub struct Keyring {
    partners: BTreeMap<String, Result<Arc<PartnerKeyring>, KeyringError>>,
    known: Vec<KnownKey>,
    faults: Vec<KeyringError>,
    tls: TlsKeyring,
}

/// A certificate of the keyring, and where it stands.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// The key of the configuration.
    pub place: String,
    /// The file that it was read from, or what else it was.
    pub store: String,
    /// The certificate; of a key of ours, its own.
    pub certificate: StoredCertificate,
    /// Whose it is, and what for.
    pub uses: KnownUses,
}

/// What a certificate is for, as the configuration says.
#[derive(Clone, Debug)]
pub enum KnownUses {
    /// That of a key of ours.
    Ours(Uses<KeyUse>),
    /// A partner's.
    Theirs(Uses<CertificateUse>),
}

impl KnownUses {
    /// Whether it is of a key of ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }

    /// Whether it is for files, receipts or sessions.
    #[must_use]
    pub fn are_of_files(&self) -> bool {
        match self {
            Self::Ours(uses) => uses.are_of_files(),
            Self::Theirs(uses) => uses.are_of_files(),
        }
    }

    /// Whether it is for TLS.
    #[must_use]
    pub fn are_of_tls(&self) -> bool {
        match self {
            Self::Ours(uses) => uses.are_of_tls(),
            Self::Theirs(uses) => uses.are_of_tls(),
        }
    }
}

/// A key or certificate for files, receipts or sessions that was read.
#[derive(Clone, Debug)]
struct KeyringEntry<T, U> {
    /// A key of ours, or a partner's certificate.
    held: T,
    /// What it is for.
    uses: Uses<U>,
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
        keyring.tls.server = station.for_tls(KeyUse::TlsServer);
        for (name, partner) in &plan.partners {
            let read = keyring.read_partner(partner, &station);
            keyring.partners.insert(name.clone(), read.map(Arc::new));
        }
        keyring.read_tls_identities(plan);
        keyring
    }

    /// Our certificates for TLS that have keys of the configuration of their own.
    fn read_tls_identities(&mut self, plan: &Plan) {
        for (at, listener) in plan.listeners.iter().enumerate() {
            let files = listener.tls.as_ref().and_then(|tls| tls.identity.as_ref());
            if let Some(files) = files {
                let places = IdentityPlaces {
                    certificate: format!("listeners[{at}].tls.certificate"),
                    key: format!("listeners[{at}].tls.key"),
                    password: "`password` gives it",
                };
                let read = tls_keys::identity(&places, files);
                self.tls.listeners.insert(at, read);
            }
        }
        for (name, partner) in &plan.partners {
            if let Some(files) = &partner.our_identity {
                let places = IdentityPlaces {
                    certificate: format!("partners.{name}.our_certificate"),
                    key: format!("partners.{name}.our_key"),
                    password: "under `keys`, with `for: [tls-client]`, there is a `password`",
                };
                let read = tls_keys::identity(&places, files);
                self.tls.dialling.insert(name.clone(), read);
            }
        }
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

    /// Our certificate of a listener alone, by the listener's number in the plan; none where it has none of its own.
    #[must_use]
    pub fn listener_identity(&self, at: usize) -> Option<&Result<TlsIdentity, KeyringError>> {
        self.tls.listeners.get(&at)
    }

    /// Our certificate for calls of that partner (`our_certificate`), where it has one.
    #[must_use]
    pub fn dialling_identity(&self, partner: &str) -> Option<&Result<TlsIdentity, KeyringError>> {
        self.tls.dialling.get(partner)
    }

    /// Our certificates that callers of a listener are shown, by its number in the plan: its own, then those of the station.
    ///
    /// # Errors
    /// One of them could not be read.
    pub fn tls_server(&self, listener: usize) -> Result<Vec<TlsIdentity>, KeyringError> {
        self.tls.of_listener(listener)
    }

    /// Our certificates that a partner is shown that we call: `our_certificate`, then its `keys`, then the station's.
    ///
    /// # Errors
    /// One of them could not be read.
    pub fn tls_client(&self, partner: &str) -> Result<Vec<TlsIdentity>, KeyringError> {
        self.tls.of_calls(partner)
    }

    /// The certificates for TLS among the partner's `certificates`.
    ///
    /// # Errors
    /// One of them could not be read.
    pub fn tls_certificates(&self, partner: &str) -> Result<Vec<StoredCertificate>, KeyringError> {
        self.tls.of_partner(partner)
    }

    /// Every certificate of `keys` and `certificates` that was read, ours and the partners'.
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
        station: &OwnKeys,
    ) -> Result<PartnerKeyring, KeyringError> {
        let place = format!("partners.{}", partner.name);
        let own = self.read_own(&place, &partner.keys);
        let mut client = own.for_tls(KeyUse::TlsClient);
        client.extend(station.for_tls(KeyUse::TlsClient));
        self.tls.client.insert(partner.name.clone(), client);
        let certificates = self.read_certificates(partner, &place);
        Ok(PartnerKeyring {
            partner: partner.name.clone(),
            own: [own.for_files()?, station.for_files()?],
            certificates: certificates?,
        })
    }

    fn read_own(&mut self, owner: &str, plans: &[KeyPlan]) -> OwnKeys {
        let mut read = Vec::new();
        for (at, plan) in plans.iter().enumerate() {
            let place = format!("{owner}.keys[{at}]");
            let key = stores::own_key(&place, plan);
            let certificate = key.as_ref().map(|key| key.certificate.clone());
            let uses = KnownUses::Ours(plan.uses.clone());
            self.note(place, &plan.store, certificate, uses);
            read.push((key, plan.uses.clone()));
        }
        OwnKeys(read)
    }

    fn read_certificates(
        &mut self,
        partner: &Partner,
        owner: &str,
    ) -> Result<Vec<PartnerCertificate>, KeyringError> {
        let (mut for_files, mut for_tls) = (Vec::new(), Vec::new());
        for (at, plan) in partner.certificates.iter().enumerate() {
            let place = format!("{owner}.certificates[{at}]");
            let read = stores::certificate(&place, plan);
            let certificate = read.as_ref().map(|read| read.certificate.clone());
            let uses = KnownUses::Theirs(plan.uses.clone());
            self.note(place, &plan.store, certificate.clone(), uses);
            if plan.uses.are_of_tls() {
                for_tls.push(certificate.map_err(Clone::clone));
            }
            let entry = |held| KeyringEntry {
                held,
                uses: plan.uses.clone(),
            };
            for_files.extend(read.map(|read| read.for_files.map(entry)).transpose());
        }
        self.tls.certificates.insert(partner.name.clone(), for_tls);
        for_files.into_iter().collect()
    }

    /// Notes what was read, or why it could not be.
    fn note(
        &mut self,
        place: String,
        store: &StorePlan,
        read: Result<StoredCertificate, &KeyringError>,
        uses: KnownUses,
    ) {
        match read {
            Ok(certificate) => self.known.push(KnownKey {
                place,
                store: stores::name(&store.source),
                certificate,
                uses,
            }),
            Err(KeyringError::NotRead { .. }) => {}
            Err(fault) => self.faults.push(fault.clone()),
        }
    }
}

/// Keys of ours of one list, as far as they could be read, and what each is for.
struct OwnKeys(Vec<(Result<ReadKey, KeyringError>, Uses<KeyUse>)>);

impl OwnKeys {
    /// Those that are for files, receipts or sessions; none where any of the list could not be read.
    fn for_files(&self) -> Result<Vec<OwnKey>, KeyringError> {
        let entry = |(read, uses): &(Result<ReadKey, KeyringError>, Uses<KeyUse>)| {
            let read = match read {
                Ok(read) => read.for_files.clone(),
                Err(error) => return Some(Err(error.clone())),
            };
            let uses = uses.clone();
            read.map(|held| Ok(KeyringEntry { held, uses }))
        };
        self.0.iter().filter_map(entry).collect()
    }

    /// Those that name that use of TLS.
    fn for_tls(&self, wanted: KeyUse) -> Vec<Result<TlsIdentity, KeyringError>> {
        let named = self.0.iter().filter(|(_, uses)| uses.name(wanted));
        named
            .filter_map(|(read, _)| match read {
                Ok(read) => read.for_tls.clone().map(Ok),
                Err(error) => Some(Err(error.clone())),
            })
            .collect()
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

    /// Says of a signer that is not known that it is: by a certificate that is not valid at that time. An error of another
    /// kind stays as it is.
    #[must_use]
    pub fn explained(&self, error: CmsError, wanted: CertificateUse, now: SystemTime) -> CmsError {
        match error {
            CmsError::Layer {
                layer,
                problem: Problem::UnknownSigner(names),
            } => {
                let problem = Problem::UnknownSigner(self.with_ended(names, wanted, now));
                CmsError::Layer { layer, problem }
            }
            CmsError::AfterDecryption(inner) => {
                CmsError::AfterDecryption(Box::new(self.explained(*inner, wanted, now)))
            }
            other => other,
        }
    }

    fn with_ended(
        &self,
        mut names: SignerNames,
        wanted: CertificateUse,
        now: SystemTime,
    ) -> SignerNames {
        for certificate in chosen(&self.certificates, wanted) {
            if !is_valid(certificate, now) && names.name(certificate) {
                let [from, to] = [certificate.not_before(), certificate.not_after()];
                names = names.remarked(&format!(
                    "serial {} is known under `partners.{}.certificates`, and was valid from {} to {}: the partner needs a new certificate",
                    certificate.serial(),
                    self.partner,
                    date(from),
                    date(to)
                ));
            }
        }
        names
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
fn chosen<T, U: Purpose>(list: &[KeyringEntry<T, U>], wanted: U) -> impl Iterator<Item = &T> {
    let named = list.iter().filter(move |entry| entry.uses.name(wanted));
    let all = list.iter().filter(|entry| entry.uses.name_none());
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
