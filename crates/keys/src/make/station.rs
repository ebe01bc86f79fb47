//! Whose certificate is made.

use std::str::FromStr;

use crate::name;

/// The most bytes of a host name (RFC 1035, 2.3.4).
const LONGEST_HOST: usize = 253;

/// The most characters of an attribute of a name (RFC 5280, appendix A.1; of a country it is 2).
const LONGEST_ATTRIBUTE: usize = 64;

/// The attributes that a name may have here.
const SHORT_NAMES: [&str; 8] = [
    "CN",
    "O",
    "OU",
    "L",
    "ST",
    "C",
    "serialNumber",
    "emailAddress",
];

/// Whose certificate it is: a name, and the names that a partner dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationName {
    pub(super) attributes: Vec<(String, String)>,
    pub(super) hosts: Vec<String>,
}

/// A name that no certificate can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StationNameError {
    /// It is not of the form.
    #[error(
        "{0:?} is no name of a certificate; one is written CN=oftp.nordwerk.example, O=Nordwerk, C=DE"
    )]
    Form(String),
    /// It has an attribute that certificates of stations have not.
    #[error(
        "{0} is no attribute of a name here; there are CN, O, OU, L, ST, C, serialNumber and emailAddress"
    )]
    Attribute(String),
    /// An attribute is empty or too long.
    #[error("{0} has 1 to {1} characters")]
    Length(String, usize),
    /// The common name is missing.
    #[error("a name has a CN: what partners show in their lists, usually the name that they dial")]
    NoCommonName,
    /// It is no host name.
    #[error("{0:?} is no host name that can be dialled")]
    Host(String),
}

impl StationName {
    /// Takes a name as `CN=…, O=…, C=…` and the host names that partners dial; there may be none, where nobody calls.
    ///
    /// # Errors
    /// [`StationNameError`]
    pub fn new(subject: &str, hosts: &[&str]) -> Result<Self, StationNameError> {
        let attributes =
            name::parse(subject).ok_or_else(|| StationNameError::Form(subject.to_owned()))?;
        for (key, value) in &attributes {
            if !SHORT_NAMES.contains(&key.as_str()) {
                return Err(StationNameError::Attribute(key.clone()));
            }
            let longest = if key == "C" { 2 } else { LONGEST_ATTRIBUTE };
            let length = value.chars().count();
            if length == 0 || length > longest || (key == "C" && length != 2) {
                return Err(StationNameError::Length(key.clone(), longest));
            }
        }
        if !attributes.iter().any(|(key, _)| key == "CN") {
            return Err(StationNameError::NoCommonName);
        }
        let hosts = hosts.iter().map(|host| (*host).to_owned());
        let hosts: Vec<String> = hosts.collect();
        match hosts.iter().find(|host| !is_host(host)) {
            Some(host) => Err(StationNameError::Host(host.clone())),
            None => Ok(Self { attributes, hosts }),
        }
    }

    /// The common name.
    pub fn common_name(&self) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == "CN");
        found.map_or("", |(_, value)| value)
    }
}

/// Whether it is a name of letters, digits and hyphens between dots.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= LONGEST_HOST && name.split('.').all(label)
}

/// How long an RSA key is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyLength {
    /// 3072 bits: what BSI and NIST ask for beyond 2030.
    #[default]
    Bits3072,
    /// 4096 bits: two to three times as slow.
    Bits4096,
}

impl KeyLength {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }
}

/// A number that is no length of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key has 3072 or 4096 bits")]
pub struct UnknownKeyLength;

impl FromStr for KeyLength {
    type Err = UnknownKeyLength;

    fn from_str(bits: &str) -> Result<Self, Self::Err> {
        match bits {
            "3072" => Ok(Self::Bits3072),
            "4096" => Ok(Self::Bits4096),
            _ => Err(UnknownKeyLength),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_certificate_can_have_are_refused() {
        let new = StationName::new;
        assert!(new("CN=a, O=\"b, c\", C=DE", &["oftp.nordwerk.example", "a-b"]).is_ok());
        assert_eq!(new("CN=a", &[]).unwrap().common_name(), "a");
        for (subject, error) in [
            ("Nordwerk", StationNameError::Form("Nordwerk".to_owned())),
            ("O=Nordwerk", StationNameError::NoCommonName),
            ("CN=a, C=DEU", StationNameError::Length("C".to_owned(), 2)),
            ("CN=a, C=D", StationNameError::Length("C".to_owned(), 2)),
            ("CN=", StationNameError::Length("CN".to_owned(), 64)),
            ("CN=a, XY=b", StationNameError::Attribute("XY".to_owned())),
        ] {
            assert_eq!(new(subject, &[]), Err(error));
        }
        let long = "a".repeat(64);
        for host in ["", "a b", "a..b", "-a", "a-", "*.a", "ä.example", &long] {
            assert_eq!(
                new("CN=a", &[host]),
                Err(StationNameError::Host(host.to_owned()))
            );
        }
    }

    #[test]
    fn keys_are_of_two_lengths() {
        assert_eq!("4096".parse(), Ok(KeyLength::Bits4096));
        assert_eq!("2048".parse::<KeyLength>(), Err(UnknownKeyLength));
        assert_eq!(KeyLength::default().bits(), 3072);
    }
}
