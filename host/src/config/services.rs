//! The services of a file to send, as they are wanted for one file, and what they are called.

use std::fmt;

use oftp::Security;
use pointsman_cms::Suite;

use super::security_terms::{BerLengths, SendServices};

/// What is said about the services of one file; the partner's profile says the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WantedServices {
    /// It has none at all, whatever the profile says; what else is said here counts all the same.
    pub plain: bool,
    /// Signed, encrypted, both or neither.
    pub security: Option<Security>,
    /// Compressed.
    pub compress: Option<bool>,
    /// Its cipher suite.
    pub suite: Option<Suite>,
    /// Whether a signed receipt is asked for.
    pub signed_receipt: Option<bool>,
    /// How lengths are written in it.
    pub lengths: Option<BerLengths>,
}

impl WantedServices {
    /// The services of the file, with those of the profile where nothing is said.
    #[must_use]
    pub fn or(&self, profile: &SendServices) -> SendServices {
        let none = SendServices {
            security: Security::None,
            compress: false,
            signed_receipt: false,
            ..*profile
        };
        let usual = if self.plain { none } else { *profile };
        SendServices {
            security: self.security.unwrap_or(usual.security),
            compress: self.compress.unwrap_or(usual.compress),
            suite: self.suite.unwrap_or(usual.suite),
            signed_receipt: self.signed_receipt.unwrap_or(usual.signed_receipt),
            lengths: self.lengths.unwrap_or(usual.lengths),
        }
    }
}

impl SendServices {
    /// Whether the file is another on the wire than it is here.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.security != Security::None || self.compress
    }
}

impl fmt::Display for SendServices {
    /// The services, such as `signed, compressed and with a signed receipt`; `plain` where there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = [
            (self.security.is_signed(), "signed"),
            (self.compress, "compressed"),
            (self.security.is_encrypted(), "encrypted"),
            (self.signed_receipt, "sent for a signed receipt"),
        ];
        let of: Vec<_> = of.iter().filter(|(is, _)| *is).map(|(_, of)| *of).collect();
        match of.split_last() {
            None => f.write_str("plain"),
            Some((one, [])) => f.write_str(one),
            Some((last, others)) => write!(f, "{} and {last}", others.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: SendServices = SendServices {
        security: Security::EncryptedAndSigned,
        compress: true,
        suite: Suite::USUAL,
        signed_receipt: true,
        lengths: BerLengths::Definite,
    };

    #[test]
    fn what_is_said_of_a_file_counts_before_the_profile() {
        assert_eq!(WantedServices::default().or(&PROFILE), PROFILE);
        let wanted = WantedServices {
            security: Some(Security::Signed),
            compress: Some(false),
            ..WantedServices::default()
        };
        let services = wanted.or(&PROFILE);
        assert_eq!(services.to_string(), "signed and sent for a signed receipt");
        assert_eq!(services.lengths, BerLengths::Definite);
    }

    #[test]
    fn a_plain_file_has_no_service_but_those_that_are_named() {
        let mut wanted = WantedServices {
            plain: true,
            ..WantedServices::default()
        };
        assert_eq!(wanted.or(&PROFILE).to_string(), "plain");
        assert!(!wanted.or(&PROFILE).is_secured());
        wanted.compress = Some(true);
        assert_eq!(wanted.or(&PROFILE).to_string(), "compressed");
        assert_eq!(
            PROFILE.to_string(),
            "signed, compressed, encrypted and sent for a signed receipt"
        );
    }
}
