//! How an event names its session.

use std::fmt;
use std::net::SocketAddr;

use pointsman_log::{Field, FieldValue};

/// Which session something happened in, who is at its other end, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// The session's name.
    pub session: String,
    /// The partner, once it has shown that it is the one.
    pub partner: Option<String>,
    /// Who it says it is, while it has not.
    pub claims: Option<String>,
    /// The address at the other end.
    pub remote: SocketAddr,
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            session, remote, ..
        } = self;
        match (&self.partner, &self.claims) {
            (Some(partner), _) => write!(f, "session {session} with {partner} at {remote}"),
            (None, Some(claims)) => {
                write!(
                    f,
                    "session {session} with a caller at {remote} that claims to be {claims}"
                )
            }
            (None, None) => write!(f, "session {session} with an unknown caller at {remote}"),
        }
    }
}

impl Field for Talk {
    fn show(&self, name: &'static str, see: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        self.session.show(name, see);
        self.partner.show("partner", see);
        self.claims.show("claims", see);
        self.remote.show("remote", see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_named_as_far_as_it_is_known() {
        let talk = |partner: Option<&str>, claims: Option<&str>| Talk {
            session: "S1".to_owned(),
            partner: partner.map(str::to_owned),
            claims: claims.map(str::to_owned),
            remote: "192.0.2.7:5000".parse().unwrap(),
        };
        let told = talk(None, Some("mueller")).to_string();
        assert_eq!(
            told,
            "session S1 with a caller at 192.0.2.7:5000 that claims to be mueller"
        );
        let told = talk(None, None).to_string();
        assert!(told.contains("an unknown caller at 192.0.2.7:5000"));
        let told = talk(Some("mueller"), None).to_string();
        assert!(told.contains("with mueller at 192.0.2.7"));
    }
}
