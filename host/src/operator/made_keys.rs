//! A key and a certificate of ours for a partner.

use std::path::{Path, PathBuf};

use pointsman_keys::make::{self, KeyLength, KeyPair, StationName};
use pointsman_naming::names;

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use crate::config::{KeyPlan, KeyUse, Partner};

/// What key is to be made.
pub(crate) struct WantedKey<'a> {
    /// The partner that it is for.
    pub partner: &'a str,
    /// Whose certificate it is, as `CN=…, O=…`; made of the first host, or of our SSID code, where it is not given.
    pub subject: Option<&'a str>,
    /// The names that the partner dials.
    pub hosts: &'a [&'a str],
    pub length: KeyLength,
    /// How long it is valid.
    pub days: u32,
    /// Where the files are put; beside the configuration where it is not given.
    pub folder: Option<&'a Path>,
    /// The password that the key is encrypted with.
    pub password: Option<&'a str>,
}

/// A key that was made.
pub(crate) struct MadeKey {
    /// The key, which goes to nobody.
    pub key: PathBuf,
    /// Its certificate, for the configuration.
    pub certificate: PathBuf,
    /// The same, for the partner.
    pub for_partner: PathBuf,
    /// A request for a CA, where the partner wants its certificate.
    pub request: PathBuf,
    /// What the partner is told.
    pub letter: String,
    /// Whether another key of ours signs files or receipts for the partner, who may know the certificate of that one alone.
    pub has_older: bool,
}

impl Operator {
    /// Makes a key and its certificate, and writes them into files; one that is there already is not replaced. It blocks,
    /// for seconds.
    ///
    /// # Errors
    /// There is no such partner, no certificate can have that name, or a file cannot be written.
    pub(crate) fn make_key(&self, wanted: &WantedKey<'_>) -> Result<MadeKey, OperatorError> {
        let partner = self.plan().partner(wanted.partner);
        let partner = partner.ok_or_else(|| self.no_such_partner(wanted.partner))?;
        let subject = wanted.subject.map(str::to_owned);
        let subject = subject.unwrap_or_else(|| subject_for(&partner, wanted.hosts));
        let name = StationName::new(&subject, wanted.hosts)
            .map_err(|error| ErrorCode::ArgumentsDisagree.because(error))?;
        let unmade = |error: make::MakeError| {
            let hint = error.hint();
            let error = ErrorCode::KeyStore.because(error);
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        };
        let pair = KeyPair::make(name, wanted.length, wanted.days).map_err(unmade)?;
        let beside = self.plan().path.parent().unwrap_or(Path::new("."));
        let folder = wanted.folder.unwrap_or(beside);
        let files = file_name(&partner.name);
        let written = make::write(&pair, folder, &files, wanted.password).map_err(unmade)?;
        Ok(MadeKey {
            key: written.key,
            certificate: written.certificate,
            for_partner: written.for_partner,
            request: written.request,
            letter: written.letter,
            has_older: signs(&self.plan().ours.keys) || signs(&partner.keys),
        })
    }
}

/// Whether one of the keys signs files or receipts.
fn signs(keys: &[KeyPlan]) -> bool {
    let uses = [KeyUse::Signing, KeyUse::ReceiptSigning];
    keys.iter()
        .any(|key| uses.iter().any(|signing| key.uses.mean(*signing)))
}

/// The name that partners dial, else our SSID code; and our SSID code as the serial number, as Odette has it.
fn subject_for(partner: &Partner, hosts: &[&str]) -> String {
    let code = partner.offer.code.to_string();
    let name = hosts.first().map_or(code.as_str(), |host| host);
    format!("CN=\"{name}\", serialNumber=\"{code}\"")
}

/// `own-PARTNER-20261130`, so that the next one stands beside it.
fn file_name(partner: &str) -> String {
    let today = jiff::Timestamp::now().strftime("%Y%m%d");
    format!("own-{}-{today}", names::safe(partner))
}
