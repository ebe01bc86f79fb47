//! The keys of the configuration on file security, keys and certificates, and what they mean.

use std::path::PathBuf;

use oftp::{CipherSuite, Security};
use pointsman_cms::Suite;
use pointsman_keys::{KeyStoreKind, WantedSubject};
use serde::Deserialize;

use super::key_uses::{CertificateUse, KeyUse};
use super::plan::IdentityFiles;
use super::scalars::{Between, ExistingFile};
use super::security_terms::{
    BerLengths, CertificatePlan, Demand, FailedContent, FailureReasons, FileSecurity, KeyPlan,
    SendServices, StorePlan, StoreSource, WhenOpened,
};
use super::security_words::{
    CompressedFiles, InlineStore, OtherHash, Passphrase, StoreFile, UnknownSigners,
};
use super::services::WantedServices;
use super::store_text::StoreText;
use super::typed::Typed;
use super::words::{ClientAuth, TlsVersion};

/// A key of ours with its certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnKeyKeys {
    /// The store, of any kind.
    pub file: Option<Typed<StoreFile>>,
    /// The store itself, instead of `file`.
    pub inline: Option<Typed<InlineStore>>,
    /// Its password.
    pub password: Option<Typed<Passphrase>>,
    /// The password of the keys in it, where it is another one (JKS, JCEKS).
    pub key_password: Option<Typed<Passphrase>>,
    /// Its kind: pfx, jks, jceks, bcfks, pem, der, p7b, ssh, ppk, xml or jwk (default: found out); pkcs11 for a token, whose library `file`
    /// is.
    #[serde(rename = "type")]
    pub kind: Option<Typed<KeyStoreKind>>,
    /// Which entry, where there are several: its subject or a part of it, its alias, or `*` for the first.
    pub subject: Option<Typed<WantedSubject>>,
    /// The label of the token, where the PKCS#11 library has several.
    pub token: Option<Typed<String>>,
    /// The file of its certificate, where the store has the key alone.
    pub certificate: Option<Typed<StoreFile>>,
    /// What it is for: decryption, signing, receipt-signing, authentication (default: all of these), tls-server,
    /// tls-client.
    #[serde(rename = "for", default)]
    pub uses: Vec<Typed<KeyUse>>,
}

/// A certificate of a partner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerCertificateKeys {
    /// The store, of any kind.
    pub file: Option<Typed<StoreFile>>,
    /// The store itself, instead of `file`.
    pub inline: Option<Typed<InlineStore>>,
    /// Its password.
    pub password: Option<Typed<Passphrase>>,
    /// Its kind, as for keys of ours.
    #[serde(rename = "type")]
    pub kind: Option<Typed<KeyStoreKind>>,
    /// Which entry, where there are several, as for keys of ours.
    pub subject: Option<Typed<WantedSubject>>,
    /// What it is for: encryption, verification, receipt-verification, authentication (default: all of these), tls.
    #[serde(rename = "for", default)]
    pub uses: Vec<Typed<CertificateUse>>,
}

impl OwnKeyKeys {
    pub(super) fn plan(&self) -> KeyPlan {
        let key_password = known(self.key_password.as_ref());
        KeyPlan {
            store: StorePlan {
                source: match key_password {
                    Some(None) => StoreSource::NotNeeded,
                    _ => source(
                        self.file.as_ref(),
                        self.inline.as_ref(),
                        self.password.as_ref(),
                    ),
                },
                password: known(self.password.as_ref()).flatten(),
                key_password: key_password.flatten(),
                kind: self.kind.map(|kind| kind.0),
                token: self.token.as_ref().map(|label| label.0.clone()),
                subject: subject(self.subject.as_ref()),
            },
            certificate: self.certificate.as_ref().map(of_file),
            uses: self.uses.iter().map(|of| of.0).collect(),
        }
    }
}

impl PartnerCertificateKeys {
    pub(super) fn plan(&self) -> CertificatePlan {
        let password = self.password.as_ref();
        CertificatePlan {
            store: StorePlan {
                source: source(self.file.as_ref(), self.inline.as_ref(), password),
                password: known(password).flatten(),
                key_password: None,
                kind: self.kind.map(|kind| kind.0),
                token: None,
                subject: subject(self.subject.as_ref()),
            },
            uses: self.uses.iter().map(|of| of.0).collect(),
        }
    }
}

/// The TLS of a listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsKeys {
    /// Our certificate and its chain, in a store of any kind; where none is given, those of `station.keys` that are for
    /// tls-server.
    pub certificate: Option<Typed<ExistingFile>>,
    /// Its private key, where the store of the certificate does not have it.
    pub key: Option<Typed<ExistingFile>>,
    /// The password of both.
    pub password: Option<Typed<Passphrase>>,
    /// Whether a caller must show a certificate.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// CA certificates that callers' certificates may be issued by, beside the partners' own.
    pub client_ca: Option<Typed<ExistingFile>>,
    /// The oldest version spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
}

impl TlsKeys {
    /// Our certificate of this listener alone, where it has one.
    pub(super) fn identity(&self) -> Option<IdentityFiles> {
        let certificate = &self.certificate.as_ref()?.0.0;
        let password = known(self.password.as_ref());
        let file = |path: &PathBuf| match password {
            Some(None) => StoreSource::NotNeeded,
            _ => StoreSource::File(path.clone()),
        };
        Some(IdentityFiles {
            certificate: file(certificate),
            key: self.key.as_ref().map(|key| file(&key.0.0)),
            password: password.clone().flatten(),
        })
    }
}

/// A password that is written, where it is known to this command.
fn known(password: Option<&Typed<Passphrase>>) -> Option<Option<StoreText>> {
    password.map(|password| password.0.0.clone())
}

fn of_file(file: &Typed<StoreFile>) -> StoreSource {
    let path = file.0.0.clone();
    path.map_or(StoreSource::NotNeeded, StoreSource::File)
}

/// That one of the two is given is looked at with all that must agree. A store whose password is not known to a command
/// is not read by it.
fn source(
    file: Option<&Typed<StoreFile>>,
    inline: Option<&Typed<InlineStore>>,
    password: Option<&Typed<Passphrase>>,
) -> StoreSource {
    let text = inline.and_then(|inline| inline.0.0.clone());
    match (file, text) {
        _ if known(password) == Some(None) => StoreSource::NotNeeded,
        (Some(file), _) => of_file(file),
        (None, Some(text)) => StoreSource::Inline(text),
        (None, None) => StoreSource::NotNeeded,
    }
}

fn subject(subject: Option<&Typed<WantedSubject>>) -> WantedSubject {
    subject.map_or(WantedSubject::Only, |subject| subject.0.clone())
}

/// File security with a partner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSecurityKeys {
    /// When its secured files are opened: after-acknowledgement (the default) or before-acknowledgement.
    pub open: Typed<WhenOpened>,
    /// What files to it have, where nothing else is said for a file.
    pub send: SendKeys,
    /// What its files must have at least.
    pub demand: DemandKeys,
    /// The cipher suites that files from it and to it may have, at least one, the preferred one first (default 4, 6, 3, 5).
    pub suites: Option<Vec<Typed<Suite>>>,
    /// Whether its compressed files are taken: take (the default) or refuse.
    pub compressed: Typed<CompressedFiles>,
    /// Whether signers who are not known are tolerated beside one who is: tolerate (the default) or refuse.
    pub unknown_signers: Typed<UnknownSigners>,
    /// The weakest hash of a signature that is taken though the suite has another: none (the default), sha1, sha256 or
    /// sha512.
    pub other_hash: Typed<OtherHash>,
    /// What becomes of the content as on the wire of a file that cannot be opened: keep (the default) or delete.
    pub failed: Typed<FailedContent>,
    /// What the partner learns of a file that cannot be opened: told-apart, or alike (the default).
    pub failures: Typed<FailureReasons>,
    /// How many octets one octet of compressed data may become, counted from 1 MiB of output on (default 200).
    pub expansion: Option<Typed<Between<1, 100_000>>>,
}

/// What files to a partner have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SendKeys {
    /// none (the default), signed, encrypted or encrypted-and-signed.
    pub security: Option<Typed<Security>>,
    /// Whether they are compressed (default false).
    pub compress: bool,
    /// The cipher suite, one of `suites` (default the first of them).
    pub suite: Option<Typed<Suite>>,
    /// How strongly they are compressed, 1 to 9 (default 3).
    pub compression_level: Option<Typed<Between<1, 9>>>,
    /// Whether a signed receipt is asked for (default false).
    pub signed_receipt: bool,
    /// How lengths are written in them: indefinite (the default) or definite.
    pub lengths: Typed<BerLengths>,
}

/// What files of a watched folder have; what is not said is as for the partner's other files.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSendKeys {
    /// none, signed, encrypted or encrypted-and-signed.
    pub security: Option<Typed<Security>>,
    /// Whether they are compressed.
    pub compress: Option<bool>,
    /// The cipher suite.
    pub suite: Option<Typed<Suite>>,
    /// Whether a signed receipt is asked for.
    pub signed_receipt: Option<bool>,
    /// How lengths are written in them: indefinite or definite.
    pub lengths: Option<Typed<BerLengths>>,
}

impl WatchSendKeys {
    pub(super) fn wanted(&self) -> WantedServices {
        WantedServices {
            plain: false,
            security: self.security.map(|of| of.0),
            compress: self.compress,
            suite: self.suite.map(|suite| suite.0),
            signed_receipt: self.signed_receipt,
            lengths: self.lengths.map(|lengths| lengths.0),
        }
    }
}

/// What files of a partner must have at least.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemandKeys {
    /// none (the default), signed, encrypted or encrypted-and-signed.
    pub security: Option<Typed<Security>>,
    /// Whether they must be compressed (default false).
    pub compressed: bool,
    /// Whether they must ask for a signed receipt (default false).
    pub signed_receipt: bool,
}

impl FileSecurityKeys {
    pub(super) fn plan(&self) -> FileSecurity {
        let suites = self.suites();
        FileSecurity {
            open: self.open.0,
            send: self.send.plan(suites.first().copied()),
            demand: Demand {
                security: self.demand.security.map_or(Security::None, |of| of.0),
                compressed: self.demand.compressed,
                signed_receipt: self.demand.signed_receipt,
            },
            suites,
            refuse_compressed: self.compressed.0 == CompressedFiles::Refuse,
            refuse_unknown_signers: self.unknown_signers.0 == UnknownSigners::Refuse,
            other_hash: self.other_hash.0.0,
            failed: self.failed.0,
            failures: self.failures.0,
            expansion: self.expansion.map_or(200, |ratio| ratio.0.0),
        }
    }
}

impl FileSecurityKeys {
    fn suites(&self) -> Vec<Suite> {
        match &self.suites {
            None => [4, 6, 3, 5].into_iter().filter_map(suite).collect(),
            Some(suites) => suites.iter().map(|suite| suite.0).collect(),
        }
    }
}

impl SendKeys {
    fn plan(&self, preferred: Option<Suite>) -> SendServices {
        let suite = self.suite.map(|suite| suite.0).or(preferred);
        SendServices {
            security: self.security.map_or(Security::None, |of| of.0),
            compress: self.compress,
            suite: suite.unwrap_or(Suite::USUAL),
            compression_level: self
                .compression_level
                .map_or(SendServices::COMPRESSION_LEVEL, |level| level.0.0),
            signed_receipt: self.signed_receipt,
            lengths: self.lengths.0,
        }
    }
}

fn suite(number: u8) -> Option<Suite> {
    Suite::of(CipherSuite::new(number)?)
}
