//! Finds what file security asks for and the configuration does not give: keys, certificates, a level of the protocol.

use oftp::Level;
use pointsman_cms::Suite;

use super::file::File;
use super::key_uses::{CertificateUse, KeyUse};
use super::plan::{Partner, Plan};
use super::security_keys::{OwnKeyKeys, PartnerCertificateKeys};
use super::security_terms::SessionAuthentication;
use super::tls_agreement::{Lack, of_tls};

/// What is missing, or written twice.
pub(super) fn lacks(file: &File, plan: &Plan) -> Vec<Lack> {
    let mut found = Vec::new();
    let station = ["station".to_owned(), "keys".to_owned()];
    own_stores(&mut found, &station, &file.station.keys);
    for (name, keys) in &file.partners {
        let place = |key: &str| ["partners".to_owned(), name.clone(), key.to_owned()];
        own_stores(&mut found, &place("keys"), &keys.keys);
        their_stores(&mut found, &place("certificates"), &keys.certificates);
    }
    for partner in plan.partners.values() {
        for (keys, what) in Wants::of(plan, partner).lacks() {
            let mut place = vec!["partners".to_owned(), partner.name.clone()];
            place.extend(keys.iter().map(|key| (*key).to_owned()));
            found.push((place, what));
        }
        found.extend(of_watched_folders(partner));
    }
    found.extend(of_tls(file, plan));
    found
}

fn own_stores(found: &mut Vec<Lack>, place: &[String], stores: &[OwnKeyKeys]) {
    for (at, store) in stores.iter().enumerate() {
        one_source(
            found,
            place,
            at,
            store.file.is_some(),
            store.inline.is_some(),
        );
    }
}

fn their_stores(found: &mut Vec<Lack>, place: &[String], stores: &[PartnerCertificateKeys]) {
    for (at, store) in stores.iter().enumerate() {
        one_source(
            found,
            place,
            at,
            store.file.is_some(),
            store.inline.is_some(),
        );
    }
}

fn one_source(found: &mut Vec<Lack>, place: &[String], at: usize, file: bool, inline: bool) {
    let what = match (file, inline) {
        (true, true) => "`file` and `inline` exclude each other: the store is one of them",
        (false, false) => "it names no store: add its `file`, or the store itself under `inline`",
        _ => return,
    };
    let place = [place, &[at.to_string()]].concat();
    found.push((place, what.to_owned()));
}

/// What is wrong with a cipher suite for files to a partner, if it is not agreed with it.
fn unagreed(partner: &Partner, suite: Suite) -> Option<String> {
    let security = &partner.file_security;
    let number = suite.number().number();
    (!security.suites.contains(&suite)).then(|| {
        format!(
            "files to it are to have cipher suite {number:02}, and those that are agreed with it are {}: name {number} in `partners.{}.file_security.suites`, or choose another",
            security.agreed_suites(),
            partner.name
        )
    })
}

/// Watched folders whose files are to have a suite that is not agreed with their partner.
fn of_watched_folders(partner: &Partner) -> impl Iterator<Item = Lack> + '_ {
    let folders = partner.watch.iter().enumerate();
    folders.filter_map(|(at, folder)| {
        let what = unagreed(partner, folder.services.suite?)?;
        let at = at.to_string();
        let keys = ["partners", &partner.name, "watch", &at, "send", "suite"];
        Some((keys.map(str::to_owned).to_vec(), what))
    })
}

/// What is agreed with a partner, and what there is for it.
struct Wants<'p> {
    plan: &'p Plan,
    partner: &'p Partner,
}

/// Keys of a partner's profile, and what is wrong.
type Found = (&'static [&'static str], String);

impl<'p> Wants<'p> {
    fn of(plan: &'p Plan, partner: &'p Partner) -> Self {
        Self { plan, partner }
    }

    fn lacks(&self) -> Vec<Found> {
        let mut found = Vec::new();
        self.suites(&mut found);
        self.to_send(&mut found);
        self.to_receive(&mut found);
        self.to_authenticate(&mut found);
        found
    }

    fn to_authenticate(&self, found: &mut Vec<Found>) {
        const KEY: &[&str] = &["session", "authentication"];
        let what = "its sessions are authenticated";
        let authentication = self.partner.authentication;
        if authentication != SessionAuthentication::Disallowed {
            self.needs_key(found, KEY, what, KeyUse::Authentication);
            self.needs_certificate(found, KEY, what, CertificateUse::Authentication);
        }
        if authentication == SessionAuthentication::Required {
            self.needs_level(found, KEY);
        }
    }

    /// The suites that are agreed, and that of files to it among them.
    fn suites(&self, found: &mut Vec<Found>) {
        let security = &self.partner.file_security;
        if security.suites.is_empty() {
            let what = "no cipher suite is agreed: name at least one, such as 4, or leave `suites` out (4, 6, 3, 5)";
            found.push((&["file_security", "suites"], what.to_owned()));
            return;
        }
        if let Some(what) = unagreed(self.partner, security.send.suite) {
            found.push((&["file_security", "send", "suite"], what));
        }
        if security.refuse_compressed && security.demand.compressed {
            let what = "its compressed files are refused, and its files must be compressed: one of the two goes";
            found.push((&["file_security", "compressed"], what.to_owned()));
        }
    }

    fn to_send(&self, found: &mut Vec<Found>) {
        const SECURITY: &[&str] = &["file_security", "send", "security"];
        const RECEIPT: &[&str] = &["file_security", "send", "signed_receipt"];
        let send = &self.partner.file_security.send;
        if send.security.is_signed() {
            self.needs_key(found, SECURITY, "files to it are signed", KeyUse::Signing);
        }
        if send.security.is_encrypted() {
            let what = "files to it are encrypted";
            self.needs_certificate(found, SECURITY, what, CertificateUse::Encryption);
        }
        if send.signed_receipt {
            let what = "its receipts are to be signed";
            self.needs_certificate(found, RECEIPT, what, CertificateUse::ReceiptVerification);
        }
        let security = send.security.is_signed() || send.security.is_encrypted();
        self.need_level(
            found,
            [
                (SECURITY, security),
                (RECEIPT, send.signed_receipt),
                (&["file_security", "send", "compress"], send.compress),
            ],
        );
    }

    fn to_receive(&self, found: &mut Vec<Found>) {
        const SECURITY: &[&str] = &["file_security", "demand", "security"];
        const RECEIPT: &[&str] = &["file_security", "demand", "signed_receipt"];
        let demand = &self.partner.file_security.demand;
        if demand.security.is_encrypted() {
            let what = "its files must be encrypted";
            self.needs_key(found, SECURITY, what, KeyUse::Decryption);
        }
        if demand.security.is_signed() {
            let what = "its files must be signed";
            self.needs_certificate(found, SECURITY, what, CertificateUse::Verification);
        }
        if demand.signed_receipt {
            let what = "it must ask for signed receipts";
            self.needs_key(found, RECEIPT, what, KeyUse::ReceiptSigning);
        }
        let security = demand.security.is_signed() || demand.security.is_encrypted();
        self.need_level(
            found,
            [
                (SECURITY, security),
                (RECEIPT, demand.signed_receipt),
                (
                    &["file_security", "demand", "compressed"],
                    demand.compressed,
                ),
            ],
        );
    }

    /// Of the services that are wanted each needs level 2.0.
    fn need_level(&self, found: &mut Vec<Found>, services: [(&'static [&'static str], bool); 3]) {
        for (key, _) in services.into_iter().filter(|(_, wanted)| *wanted) {
            self.needs_level(found, key);
        }
    }

    fn needs_key(
        &self,
        found: &mut Vec<Found>,
        key: &'static [&'static str],
        what: &str,
        wanted: KeyUse,
    ) {
        let mut keys = self.partner.keys.iter().chain(&self.plan.ours.keys);
        if !keys.any(|key| key.uses.mean(wanted)) {
            let what = format!(
                "{what}, and there is no key of ours for {}: add one under `station.keys`, or under its `keys`",
                wanted.word()
            );
            found.push((key, what));
        }
    }

    fn needs_certificate(
        &self,
        found: &mut Vec<Found>,
        key: &'static [&'static str],
        what: &str,
        wanted: CertificateUse,
    ) {
        let mut theirs = self.partner.certificates.iter();
        if !theirs.any(|one| one.uses.mean(wanted)) {
            let what = format!(
                "{what}, and it has no certificate for {}: add one under its `certificates`",
                wanted.word()
            );
            found.push((key, what));
        }
    }

    fn needs_level(&self, found: &mut Vec<Found>, key: &'static [&'static str]) {
        if self.partner.offer.level < Level::V20 {
            let what = "only OFTP 2.0 has that, and its `session.version` is an older one";
            found.push((key, what.to_owned()));
        }
    }
}
