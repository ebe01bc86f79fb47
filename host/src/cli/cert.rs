//! `pointsman cert`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pointsman_keys::{KeyStoreKind, WantedSubject};
use zeroize::Zeroizing;

use super::command::{CommandOutcome, Configured, Unsuccessful};
use super::out::{print_json, say};
use crate::config::Needs;
use crate::operator::Operator;
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::shown_keys::{KeyStoreReport, WantedStore, show};

/// Looks at certificates and stores of keys.
#[derive(Debug, Args)]
pub(super) struct CertCommand {
    #[command(subcommand)]
    verb: CertVerb,
}

#[derive(Debug, Subcommand)]
enum CertVerb {
    /// What is in a store of keys and certificates, of any kind, with all its fields; or every certificate of the
    /// configuration. Nothing that is shown is secret.
    Show(CertShow),
}

#[derive(Debug, Args)]
struct CertShow {
    /// The file with the store.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    file: Option<PathBuf>,
    /// Every certificate of the configuration, those of TLS too.
    #[arg(long)]
    all: bool,
    /// The entry with this subject, a part of it, or this alias; `*` is the first.
    #[arg(long, value_name = "SUBJECT", conflicts_with = "all")]
    subject: Option<WantedSubject>,
    /// The kind of the store, where it is not found out.
    #[arg(long = "type", value_name = "KIND", conflicts_with = "all")]
    kind: Option<KeyStoreKind>,
    /// A file with the password of the store.
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    password_file: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl CertCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let CertVerb::Show(wanted) = self.verb;
        let stores = wanted.stores()?;
        match wanted.json {
            true => print_json(&stores)?,
            false => stores.iter().for_each(print),
        }
        match stores.iter().any(|store| store.error.is_some()) {
            true => Err(Unsuccessful::Printed),
            false => Ok(()),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        let CertVerb::Show(wanted) = &self.verb;
        wanted.json
    }
}

impl CertShow {
    fn stores(&self) -> Result<Vec<KeyStoreReport>, OperatorError> {
        let Some(path) = &self.file else {
            let plan = self.configured.load(&Needs::Everything)?;
            return Ok(Operator::of(plan).all_certificates());
        };
        let password = self.password_file.as_deref().map(password).transpose()?;
        let store = show(&WantedStore {
            path,
            password: password.as_deref().map(String::as_str),
            kind: self.kind,
            subject: self.subject.as_ref(),
        })?;
        Ok(vec![store])
    }
}

/// The longest password that is read.
const LONGEST: u64 = 64 * 1024;

/// The content of a file, without the line ends at its end.
pub(super) fn password(path: &Path) -> Result<Zeroizing<String>, OperatorError> {
    let read = pointsman_folder::read(path, LONGEST, pointsman_folder::Names::Operator);
    let (octets, _) = read.map_err(|error| ErrorCode::KeyStore.because(error))?;
    let octets = Zeroizing::new(octets);
    let text = std::str::from_utf8(&octets).map_err(|_| {
        let cause = format!("{}: the password in it is not in UTF-8", path.display());
        ErrorCode::KeyStore.because(cause)
    })?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

fn print(store: &KeyStoreReport) {
    let place = store.place.as_ref().map(|place| format!("{place}: "));
    let place = place.unwrap_or_default();
    if let Some(error) = &store.error {
        say!("error: {place}{error}");
        return;
    }
    let kind = store.kind.map(|kind| format!(" ({kind})"));
    say!("{place}{}{}", store.store, kind.unwrap_or_default());
    for entry in &store.entries {
        say!("");
        for line in entry.to_string().lines() {
            say!("  {line}");
        }
    }
    for what in &store.passed_over {
        say!("  not shown: {what}");
    }
    say!("");
}
