//! Explains why TLS failed: what the partner's alert means, what was wrong with the certificate that was shown, and
//! which partner it belongs to.

use std::cell::RefCell;
use std::fmt;
use std::io;

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::certificate::{PeerCertificate, describe, moment};
use super::known::KnownCertificates;

/// Who began the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The partner called one of our listeners.
    Called,
    /// We dialled.
    Dialled,
}

tokio::task_local! {
    /// The certificate that the peer showed in the present handshake: all handshakes share a verifier, and the
    /// connection does not keep a certificate that it refuses.
    static SHOWN: RefCell<Option<CertificateDer<'static>>>;
}

/// Notes the certificate that a verifier was shown.
pub(super) fn seen(shown: &CertificateDer<'_>) {
    let _ = SHOWN.try_with(|seen| seen.replace(Some(shown.clone().into_owned())));
}

/// A handshake that came to nothing.
#[derive(Debug)]
pub struct NoTls {
    /// What went wrong, in words.
    pub why: String,
    /// The certificate that the peer showed, if the handshake came that far.
    pub shown: Option<PeerCertificate>,
}

impl NoTls {
    /// The same, and which partner the certificate belongs to.
    #[must_use]
    pub fn told(&self, known: &KnownCertificates) -> String {
        match &self.shown {
            Some(shown) => format!("{}. It showed: {shown}{}", self.why, known.whose(shown)),
            None => self.why.clone(),
        }
    }
}

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for NoTls {}

/// Does a handshake.
///
/// # Errors
/// The handshake failed; the error has the reason and the certificate that was shown.
pub async fn handshake<T>(
    side: Side,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Box<NoTls>> {
    let watched = SHOWN.scope(RefCell::new(None), async {
        let done = work.await;
        (done, SHOWN.with(RefCell::take))
    });
    let (done, shown) = watched.await;
    done.map_err(|source| {
        let shown = shown.and_then(|shown| describe(&shown).ok());
        let why = match tls_error(&source) {
            Some(error) => explain(error, side, shown.as_ref()),
            None => without_tls(&source, side),
        };
        Box::new(NoTls { why, shown })
    })
}

/// What an error on a TLS connection means, where it is one of TLS: above all the partner's alert, which with TLS 1.3
/// comes only after the handshake.
#[must_use]
pub fn lost(error: &io::Error, side: Side) -> Option<String> {
    tls_error(error).map(|error| explain(error, side, None))
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn without_tls(error: &io::Error, side: Side) -> String {
    let usual = match side {
        Side::Called => {
            "often a caller that does not take our certificate or our version of TLS, or a scan: its own log says why"
        }
        Side::Dialled => {
            "often a partner that does not take our certificate or our version of TLS, or a port that is none of TLS's: its own log says why"
        }
    };
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => {
            format!("it hung up within the TLS handshake without a word ({error}): {usual}")
        }
        io::ErrorKind::TimedOut => {
            let plain = match side {
                Side::Called => {
                    "a caller that speaks plain OFTP waits here to be greeted; this port is for TLS"
                }
                Side::Dialled => "is the port one for TLS? 6619 is usual",
            };
            format!("no TLS handshake: {error}: {plain}")
        }
        _ => format!("no TLS handshake: {error}"),
    }
}

fn explain(error: &Error, side: Side, shown: Option<&PeerCertificate>) -> String {
    match error {
        Error::AlertReceived(alert) => alert_in_words(*alert, side),
        Error::InvalidCertificate(wrong) => not_believed(wrong, side, shown),
        Error::NoCertificatesPresented => {
            "it showed no certificate, and this listener demands one (client_auth: require): the partner has to set up its own certificate for its calls".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => match side {
            Side::Called => {
                "what came is no TLS: the caller speaks plain OFTP, or something else, to a port for TLS; plain OFTP needs a listener without `tls` (3305 is usual)".to_owned()
            }
            Side::Dialled => {
                "what came is no TLS: the partner speaks plain OFTP on this port; take its port for TLS (6619 is usual), or set `tls: false`".to_owned()
            }
        },
        other => format!("no TLS: {other}"),
    }
}

/// What alerts mean for the side that gets them (RFC 8446, 6), and what to do. `{ours}` is our certificate by its key in
/// the configuration, `{need}` what a side may lack beside a cipher suite.
const ALERTS: [(AlertDescription, &str, &str); 16] = [
    (
        AlertDescription::CertificateRequired,
        "certificate_required",
        "it demands a certificate of ours, and we showed none: set `our_certificate` and `our_key`, and send the partner the certificate",
    ),
    (
        AlertDescription::UnknownCA,
        "unknown_ca",
        "it does not know {ours}, nor who issued it: send the partner the certificate, and its CA's",
    ),
    (
        AlertDescription::CertificateExpired,
        "certificate_expired",
        "to it {ours} has ended or not begun: look at its dates (`pointsman check`), and at the partner's clock",
    ),
    (
        AlertDescription::CertificateRevoked,
        "certificate_revoked",
        "to it {ours} is revoked: ask the CA, and use a new one",
    ),
    (
        AlertDescription::BadCertificate,
        "bad_certificate",
        "it cannot use {ours}: ask the partner what its software says of it",
    ),
    (
        AlertDescription::UnsupportedCertificate,
        "unsupported_certificate",
        "{ours} is of a kind that it does not take: key, extensions or extended key usage (serverAuth, clientAuth)",
    ),
    (
        AlertDescription::CertificateUnknown,
        "certificate_unknown",
        "it does not take {ours}: send the partner the certificate that is in use now, and ask what its software says of it",
    ),
    (
        AlertDescription::AccessDenied,
        "access_denied",
        "it accepts {ours} and refuses us nevertheless: ask the partner to allow this certificate",
    ),
    (
        AlertDescription::HandshakeFailure,
        "handshake_failure",
        "it has no cipher suite or signature in common with us, or {need}",
    ),
    (
        AlertDescription::ProtocolVersion,
        "protocol_version",
        "it does not speak our versions of TLS, 1.2 and 1.3 (`min_version`)",
    ),
    (
        AlertDescription::InsufficientSecurity,
        "insufficient_security",
        "it wants stronger keys or cipher suites than were offered",
    ),
    (
        AlertDescription::UnrecognisedName,
        "unrecognized_name",
        "it does not know the host name that we call it by: see `address`",
    ),
    (
        AlertDescription::DecryptError,
        "decrypt_error",
        "a signature did not fit: is the key that of {ours}?",
    ),
    (
        AlertDescription::InternalError,
        "internal_error",
        "something failed on its side: its own log says what",
    ),
    (AlertDescription::UserCanceled, "close_notify", GAVE_UP),
    (AlertDescription::CloseNotify, "close_notify", GAVE_UP),
];

const GAVE_UP: &str = "it gave the handshake up: its own log says why";

/// What an alert means for the side that gets it, and what to do.
fn alert_in_words(alert: AlertDescription, side: Side) -> String {
    let number = u8::from(alert);
    let Some((_, name, meaning)) = ALERTS.iter().find(|(known, ..)| *known == alert) else {
        return format!(
            "the partner ended TLS by the alert {alert:?} ({number}): ask what its own log says"
        );
    };
    let (ours, need) = match side {
        Side::Called => ("the `certificate` of this listener", "cannot use our key"),
        Side::Dialled => (
            "our certificate (`our_certificate`)",
            "it demands a certificate (`our_certificate`)",
        ),
    };
    let meaning = meaning.replace("{ours}", ours).replace("{need}", need);
    format!("the partner ended TLS by the alert {name} ({number}): {meaning}")
}

/// Why a certificate that the partner showed was not accepted.
fn not_believed(wrong: &CertificateError, side: Side, shown: Option<&PeerCertificate>) -> String {
    let until = |what: fn(&PeerCertificate) -> u64| {
        shown.map_or_else(String::new, |shown| moment(what(shown)))
    };
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
            "its certificate ended {}: the partner must renew it, and you put the new one into its profile",
            until(|shown| shown.not_after)
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => format!(
            "its certificate begins only {}: is the clock of this machine right?",
            until(|shown| shown.not_before)
        ),
        CertificateError::UnknownIssuer => match side {
            Side::Called => "its certificate is no partner's `certificate`, and no CA of `client_ca` issued it".to_owned(),
            Side::Dialled => "its certificate is not the `certificate` of its profile, and no CA of `ca` issued it".to_owned(),
        },
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {}, not for {expected:?}: dial it by a name it is for, or give the certificate itself as `certificate`",
            presented.join(", ")
        ),
        CertificateError::NotValidForName => "its certificate is for another host name than `address` says: give the certificate itself as `certificate`".to_owned(),
        CertificateError::BadSignature => "a signature does not fit: it does not have the key of the certificate that it showed, or no CA of ours issued that".to_owned(),
        other => format!(
            "its certificate cannot be judged by its CA ({other}): give the certificate itself as `certificate`, then it is compared and not judged"
        ),
    }
}
