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
    /// Together with what policies choose, who are asked last. Signatures, encryption and signed receipts that either
    /// wants add up, so that nobody takes away what was demanded for this file; the rest is as the policies say.
    #[must_use]
    pub fn and(&self, chosen: &Self) -> Self {
        let security = |a: Security, b: Security| {
            let is_signed = a.is_signed() || b.is_signed();
            Security::of(is_signed, a.is_encrypted() || b.is_encrypted())
        };
        Self {
            plain: self.plain,
            security: both(self.security, chosen.security, security),
            compress: chosen.compress.or(self.compress),
            suite: chosen.suite.or(self.suite),
            signed_receipt: both(self.signed_receipt, chosen.signed_receipt, |a, b| a || b),
            lengths: chosen.lengths.or(self.lengths),
        }
    }

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
            compression_level: usual.compression_level,
            signed_receipt: self.signed_receipt.unwrap_or(usual.signed_receipt),
            lengths: self.lengths.unwrap_or(usual.lengths),
        }
    }
}

fn both<T>(a: Option<T>, b: Option<T>, together: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(together(a, b)),
        (a, b) => a.or(b),
    }
}

impl SendServices {
    /// How strongly files are compressed where nothing else is said: the numbers are in docs/configuration.md.
    pub const COMPRESSION_LEVEL: u32 = 3;

    /// Whether its cipher suite counts: something is signed or encrypted by it. Compression alone has none.
    #[must_use]
    pub fn needs_suite(&self) -> bool {
        self.signed_receipt || self.security != Security::None
    }

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
        compression_level: 6,
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
    fn a_policy_replaces_what_the_profile_says_and_takes_nothing_away_that_was_demanded() {
        let wanted = |security, signed_receipt| WantedServices {
            security,
            signed_receipt,
            ..WantedServices::default()
        };
        let nothing = WantedServices::default();
        let less = wanted(Some(Security::None), Some(false));
        let services = nothing.and(&less).or(&PROFILE);
        assert_eq!(services.to_string(), "compressed");
        let demanded = wanted(Some(Security::Signed), Some(true));
        let services = demanded.and(&less).or(&PROFILE);
        assert_eq!(
            (services.security, services.signed_receipt),
            (Security::Signed, true)
        );
        let more = wanted(Some(Security::Encrypted), None);
        assert_eq!(
            demanded.and(&more).security,
            Some(Security::EncryptedAndSigned)
        );
        let plain = WantedServices {
            plain: true,
            ..nothing
        };
        assert_eq!(plain.and(&more).or(&PROFILE).to_string(), "encrypted");
        let compressed = |compress| WantedServices {
            compress: Some(compress),
            ..nothing
        };
        assert_eq!(
            compressed(true).and(&compressed(false)).compress,
            Some(false)
        );
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
