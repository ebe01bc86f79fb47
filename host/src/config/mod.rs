//! The configuration: one YAML file, checked whole before anything starts.
//!
//! Every value is parsed into the type that cannot hold nonsense where it stands, so an error carries the
//! file, the line and the column. Relative paths are relative to the file.

mod deliveries;
mod model;
mod report;
mod secret;
mod text;
mod value;

use std::path::{Path, PathBuf};

pub use deliveries::{Delivery, HandOver, Quota, ReceivedAgain, Terms};
pub use model::{
    CANNOT_PAD, ClientAuth, Config, DatasetNames, Limits, Listener, Partner, Policies, Policy,
    PolicyLimits, Session, Station, Storage, Switches, Tls, TlsVersion, Waits, Watch,
};
pub use report::ConfigError;
pub use text::unmarked;
pub use value::{Address, Between, ExistingFile, Millis, Scalar, Size, Value};

impl Config {
    /// Reads and checks the configuration at `path`.
    ///
    /// # Errors
    /// Anything in it that is not right: unreadable, not YAML, an unknown or a duplicate key, a value its
    /// key cannot have, a file that is not there. The error shows the place and says what to do.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let octets = std::fs::read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        let text =
            text::decoded(&octets).map_err(|foreign| ConfigError::not_utf_8(path, foreign))?;
        Self::parse(path, &text)
    }

    /// Checks `text` as if it stood in `path`.
    ///
    /// # Errors
    /// See [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let base = path
            .parent()
            .map_or_else(|| PathBuf::from("."), Path::to_owned);
        value::with_base(&base, || {
            // A map type keeps the last of two equal keys; a plain value refuses the second.
            serde_yaml::from_str::<serde_yaml::Value>(text)
                .map_err(|error| ConfigError::new(path, text, &error))?;
            let config: Self =
                serde_yaml::from_str(text).map_err(|error| ConfigError::new(path, text, &error))?;
            config
                .agrees()
                .map_err(|what| ConfigError::whole(path, what))?;
            Ok(config)
        })
    }
}
