//! Files are secured and opened outside of any session, with the keys of a partner: for support.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use oftp::Security;
use pointsman_cms::{
    Announced, Certificate, CmsError, FileTolerances, Found, Limits, Opening, Problem, Suite,
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use super::send::SendRequest;
use crate::config::{CertificateUse, Partner};
use crate::outbound::enqueue::layout;
use crate::outbound::wrapped_file;
use crate::security::error::KeyringError;
use crate::security::hexadecimal;
use crate::security::keyring::{Keyring, PartnerKeyring};
use crate::security::{OpenError, OpeningTerms, open_pieces};

/// What a file became that was secured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WrapReport {
    /// The file that was made.
    pub path: PathBuf,
    /// Its services, such as `signed, compressed and encrypted`.
    pub services: String,
    /// Its cipher suite.
    pub suite: String,
    /// Octets of the virtual file.
    pub octets: u64,
    /// Octets that would be transmitted.
    pub wire_octets: u64,
    /// The hash that its receipt would have.
    pub hash: String,
}

/// A secured file that is to be opened, with what its SFID says.
#[derive(Clone, Debug)]
pub(crate) struct OpenRequest {
    pub partner: String,
    pub file: PathBuf,
    pub to: PathBuf,
    /// SFIDSEC.
    pub security: Security,
    /// SFIDCOMP.
    pub compressed: bool,
    /// SFIDCIPH.
    pub suite: Suite,
    /// SFIDFMT and SFIDLRECL, and how the records are to stand in the file that is made.
    pub format: SendRequest,
}

/// What a file was that is opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpenReport {
    /// The file that was made.
    pub path: PathBuf,
    /// Octets of its content.
    pub octets: u64,
    /// Octets as it was transmitted.
    pub wire_octets: u64,
    /// The certificates whose signatures are good.
    pub signers: Vec<String>,
    /// How it names signers that are not known.
    pub unknown_signers: Vec<String>,
    /// Our certificate whose key opened it.
    pub opened_with: Option<String>,
    /// Whether the file names that certificate; else the partner encrypts to an older one.
    pub was_named: bool,
    /// The hash that its receipt has, in hexadecimal digits.
    pub hash: String,
}

impl Operator {
    /// Secures a file as it would be sent, into another file.
    ///
    /// # Errors
    /// It would be sent as it is, or cannot be secured; or the other file is there.
    pub(crate) async fn wrap(
        &self,
        request: &SendRequest,
        to: PathBuf,
    ) -> Result<WrapReport, OperatorError> {
        let profile = self.profile(&request.partner)?;
        let Some(file) = &request.file else {
            return Err(ErrorCode::ArgumentsDisagree.because("no file is named"));
        };
        let keyring = self.keyring().await?;
        let (made, out) = NewFile::create(to)?;
        let how = request.how()?;
        let wrapped = wrapped_file::wrap(&keyring, &profile, file, &how, out).await?;
        let Some(wrapped) = wrapped else {
            return Err(ErrorCode::ArgumentsDisagree
                .because("the file would be sent as it is: it has no service")
                .hint("add --security or --compress, or give the partner `file_security.send`"));
        };
        Ok(WrapReport {
            path: made.keep()?,
            services: wrapped.services.to_string(),
            suite: wrapped.services.suite.to_string(),
            octets: wrapped.octets,
            wire_octets: wrapped.wire_octets,
            hash: wrapped.hash.to_string(),
        })
    }

    /// Opens a secured file of a partner into another file. Nothing is left of it where it cannot be opened.
    ///
    /// # Errors
    /// It is not what its SFID says, or cannot be opened with our keys; or the other file is there.
    pub(crate) async fn open(&self, request: OpenRequest) -> Result<OpenReport, OperatorError> {
        let profile = self.profile(&request.partner)?;
        let keys = self.keyring().await?.partner(&profile.name)?;
        let now = SystemTime::now();
        let how = request.format.how()?;
        let terms = OpeningTerms {
            opening: opening(&profile, &keys, &request, now),
            format: how.format,
            layout: layout(&profile, &how)?,
        };
        let (made, out) = NewFile::create(request.to)?;
        let from = request.file;
        let opened = spawn_blocking(move || {
            open(&terms, &from, out, |error| match error {
                OpenError::File(error) | OpenError::Ours(error) => unopened(
                    &from,
                    keys.explained(error, CertificateUse::Verification, now),
                ),
                error => not_as_said(&from, &error),
            })
        })
        .await;
        let found = opened.map_err(|lost| ErrorCode::Internal.because(lost))??;
        Ok(OpenReport::of(made.keep()?, &found))
    }

    fn profile(&self, partner: &str) -> Result<std::sync::Arc<Partner>, OperatorError> {
        let profile = self.plan.partner(partner);
        profile.ok_or_else(|| self.no_such_partner(partner))
    }

    async fn keyring(&self) -> Result<Keyring, OperatorError> {
        let plan = std::sync::Arc::clone(&self.plan);
        let reading = spawn_blocking(move || Keyring::of(&plan)).await;
        reading.map_err(|lost| ErrorCode::Internal.because(lost))
    }
}

fn opening(
    profile: &Partner,
    keys: &PartnerKeyring,
    request: &OpenRequest,
    now: SystemTime,
) -> Opening {
    let terms = &profile.file_security;
    Opening {
        announced: Announced {
            security: request.security,
            compressed: request.compressed,
            suite: request.suite,
        },
        own: keys.decryption(),
        partner: keys.verification(now),
        limits: Limits {
            largest: u64::MAX,
            ratio: terms.expansion,
        },
        tolerances: FileTolerances {
            other_hash: terms.other_hash,
            refuse_unknown_signers: terms.refuse_unknown_signers,
        },
        overlap: true,
    }
}

/// What can be done about a file that cannot be opened here.
fn hint(error: &CmsError) -> &'static str {
    match (error, error.problem()) {
        (CmsError::Decryption, _) => {
            "none of our keys for the partner opens it (`station.keys`, `partners.NAME.keys`), or it was changed; or it is encrypted by another suite: look at SFIDCIPH"
        }
        (_, Some(Problem::UnknownSigner(_) | Problem::UnknownSignerBeside(_))) => {
            "add the signer's certificate under `partners.NAME.certificates`, if the partner confirms that it is its own"
        }
        (_, Some(Problem::SignatureInvalid(_))) => {
            "it was changed, or its signer has another key; ask the partner"
        }
        _ => {
            "give what its SFID says: --security, --compressed and --suite (SFIDSEC, SFIDCOMP, SFIDCIPH); it must be as it was on the wire"
        }
    }
}

fn unopened(from: &Path, error: CmsError) -> OperatorError {
    let hint = hint(&error);
    ErrorCode::NotOpened
        .because(format!("{}: {error}", from.display()))
        .hint(hint)
}

/// What was secured is all here, and is not what its SFID says, or is no file.
fn not_as_said(from: &Path, error: &OpenError) -> OperatorError {
    ErrorCode::NotOpened
        .because(format!("{}: {error}", from.display()))
        .hint("give what its SFID says: --format and --record-length (SFIDFMT, SFIDLRECL)")
}

fn open(
    terms: &OpeningTerms,
    from: &Path,
    mut out: File,
    told: impl Fn(OpenError) -> OperatorError,
) -> Result<Found, OperatorError> {
    let file = File::open(from)
        .map_err(|error| ErrorCode::Unsendable.because(format!("{}: {error}", from.display())))?;
    let mut written = Ok(());
    let opened = open_pieces(BufReader::new(file), terms, |octets| {
        written = out.write_all(&octets);
        // What is not written ends the opening, and is told below.
        written.as_ref().map(drop).map_err(|_| OpenError::Stopped)
    });
    written?;
    Ok(opened.map_err(told)?.found)
}

impl OpenReport {
    fn of(path: PathBuf, found: &Found) -> Self {
        let signed = found.signed.as_ref();
        let enveloped = found.enveloped.as_ref();
        let hash = &found.wire.hash;
        Self {
            path,
            octets: found.content,
            wire_octets: found.wire.octets,
            signers: signed.map_or_else(Vec::new, |signed| {
                signed.signers.iter().map(Certificate::to_string).collect()
            }),
            unknown_signers: signed.map_or_else(Vec::new, |signed| signed.unknown_signers.clone()),
            opened_with: enveloped.map(|enveloped| enveloped.opened_with.to_string()),
            was_named: enveloped.is_none_or(|enveloped| enveloped.was_named),
            hash: hexadecimal(hash),
        }
    }
}

/// A file that is being made, under another name until it is whole. Nothing is left of it where it is dropped before.
struct NewFile {
    path: PathBuf,
    partial: PathBuf,
    is_kept: bool,
}

impl NewFile {
    fn create(path: PathBuf) -> Result<(Self, File), OperatorError> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(&path, &error)),
            Ok(_) => {
                let cause = format!("{} is there already", path.display());
                return Err(ErrorCode::ArgumentsDisagree
                    .because(cause)
                    .hint("name another file with --to"));
            }
        }
        let mut name = path.clone().into_os_string();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&partial);
        let out = made.map_err(|error| cannot(&partial, &error))?;
        let file = Self {
            path,
            partial,
            is_kept: false,
        };
        Ok((file, out))
    }

    fn keep(mut self) -> Result<PathBuf, OperatorError> {
        let renamed = fs::rename(&self.partial, &self.path);
        renamed.map_err(|error| cannot(&self.path, &error))?;
        self.is_kept = true;
        Ok(self.path.clone())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Whoever looks sees by its name that it is none.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> OperatorError {
    ErrorCode::NotPermitted.because(format!("{}: {error}", path.display()))
}

impl From<KeyringError> for OperatorError {
    fn from(error: KeyringError) -> Self {
        ErrorCode::Configuration.because(error)
    }
}
