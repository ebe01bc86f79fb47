//! The configuration: one YAML file, checked whole before anything starts.
//!
//! Every value is parsed at its place into a type that has only valid values, so an error has the file, the line and
//! the column. Relative paths are relative to the file.

mod agreement;
mod apart;
pub(crate) mod backoff;
mod braces;
mod changes;
mod context;
mod delivery_words;
mod file;
pub(crate) mod files;
mod key_uses;
pub(crate) mod leads;
mod locate;
mod mistakes;
mod partner;
mod places;
mod plan;
mod report;
mod resolve;
mod scalars;
mod secret;
mod security_agreement;
mod security_keys;
mod security_terms;
mod security_words;
mod services;
mod store_text;
mod text;
mod tls_agreement;
mod typed;
mod words;

use std::path::{Path, PathBuf};

use pointsman_folder::Names;

pub use agreement::CANNOT_PAD;
use agreement::{Disagreement, disagreements};
use changes::Fingerprints;
pub use context::Needs;
pub use key_uses::{CertificateUse, KeyUse, Purpose, Uses};
pub use partner::UnknownStation;
pub use plan::{
    DeliveryTerms, HandOver, IdentityFiles, ListenerPlan, Partner, PartnerQuota, Plan, PolicyPlan,
    ServerLimits, TlsPlan, WatchedFolder,
};
pub use report::ConfigError;
use report::Mistake;
pub use scalars::{Address, Label};
pub use security_terms::{
    BerLengths, CertificatePlan, Demand, FailedContent, FileSecurity, KeyPlan, SendServices,
    SessionAuthentication, StorePlan, StoreSource, WhenOpened,
};
pub use services::WantedServices;
pub use store_text::StoreText;
pub use typed::Scalar;
pub(crate) use typed::remedy;
pub use words::{ClientAuth, DatasetNames, Pattern, TlsVersion};

/// Octets of a configuration file, stores of keys within it among them.
const MOST_OCTETS: u64 = 16 << 20;

impl Plan {
    /// Reads and checks the configuration at `path`.
    ///
    /// # Errors
    /// All its mistakes: it is unreadable or not YAML; it has an unknown or a duplicate key, a value that its key
    /// cannot have, or two values that do not fit together; a file is missing. The error shows the places and says what
    /// to do.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_for(path, &Needs::Everything)
    }

    /// The same for a command that does not need everything that the configuration names: the rest may be missing, and
    /// passwords in it are not read.
    ///
    /// # Errors
    /// See [`Plan::load`].
    pub fn load_for(path: &Path, needs: &Needs) -> Result<Self, ConfigError> {
        let read = pointsman_folder::read(path, MOST_OCTETS, Names::Caller);
        let (octets, _) = read.map_err(|error| ConfigError::unreadable(path, &error.into_io()))?;
        let text =
            text::decoded(&octets).map_err(|foreign| ConfigError::not_utf_8(path, foreign))?;
        Self::parse(path, &text, needs)
    }

    /// Checks `text` as the content of `path`.
    ///
    /// # Errors
    /// See [`Plan::load`].
    pub fn parse(path: &Path, text: &str, needs: &Needs) -> Result<Self, ConfigError> {
        let base = path
            .parent()
            .map_or_else(|| PathBuf::from("."), Path::to_owned);
        let (file, secret_variables) = mistakes::read(&base, needs, text)
            .map_err(|mistakes| ConfigError::new(path, text, mistakes))?;
        let mut plan = file.plan(secret_variables);
        plan.path = path.to_owned();
        if *needs == Needs::Everything {
            plan.fingerprints = Fingerprints::of(&base, text);
        }
        let mut disagreements = disagreements(&file, &plan);
        // What is not needed may not even be known.
        disagreements.retain(|found| needs.include_values(&found.owner()));
        if disagreements.is_empty() {
            return Ok(plan);
        }
        let mut mistakes: Vec<Mistake> = disagreements
            .into_iter()
            .map(|Disagreement { keys, what }| {
                Mistake::at(
                    locate::place(text, &keys),
                    format!("{}: {what}", named(&keys)),
                )
            })
            .collect();
        mistakes.sort_by_key(|mistake| mistake.place);
        Err(ConfigError::new(path, text, mistakes))
    }
}

/// Keys as the reports name them.
fn named(keys: &[String]) -> String {
    let mut name = String::new();
    for key in keys {
        match key.parse::<usize>() {
            Ok(at) if !name.is_empty() => name.push_str(&format!("[{at}]")),
            _ if name.is_empty() => name.push_str(key),
            _ => name.push_str(&format!(".{key}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use oftp::Password;

    use super::*;

    /// A command that takes files must not get it, whichever partner is called.
    #[test]
    fn a_password_that_is_not_needed_is_a_secret_all_the_same_and_nobody_has_it() {
        let text = "station: {ssid: O001US, password: OURS}\nstorage: {state: s, inbox: i}\npartners:\n  \
                    one: {ssid: O001ONE, password: THEIRS}\n  \
                    other: {ssid: O001OTHER, password: '${env:PATH}'}\n";
        let needs = Needs::CallOf("one".to_owned());
        let plan = Plan::parse(Path::new("pointsman.yaml"), text, &needs);
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        assert!(plan.secret_variables.contains("PATH"));
        let password = |name: &str| &plan.partners[name].password;
        assert!(password("one").matches(&Password::new("THEIRS").unwrap()));
        assert!(!password("other").matches(&Password::none()));
    }
}
