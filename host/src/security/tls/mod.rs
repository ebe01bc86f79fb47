//! TLS on both sides: our certificates, and which of the others' we believe.
//!
//! A partner's own certificates, given in its profile, are accepted because they are these certificates: they are compared,
//! and neither their CA nor their extensions nor their version of X.509 are checked, only the period of validity. Any other
//! certificate must be issued by a CA of the configuration. Which of ours is shown is chosen at each handshake (`shown.rs`).

mod certificate;
mod error;
mod known;
mod provider;
mod refusal;
mod shown;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerMisbehaved, ProtocolVersion, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

pub use certificate::{CertificateTime, PeerCertificate, der, describe, oddities, unusable};
pub use error::TlsError;
pub use known::KnownCertificates;
pub use refusal::{Side, handshake, lost};

use self::certificate::{Key, is_no_ca, parsed};
use self::error::wrong;
use self::provider::provider;
use self::shown::ShownCertificates;
use crate::config::{ClientAuth, Partner, Plan, TlsPlan, TlsVersion};
use crate::security::keyring::Keyring;
use crate::security::stores;

/// What TLS says of the peer.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// `TLSv1.3`, `TLSv1.2`.
    pub version: String,
    /// The name of the cipher suite.
    pub cipher_suite: String,
    /// The name the caller asked for.
    pub server_name: Option<String>,
    /// The peer's certificate, accepted by [`verifier`](self).
    pub peer: Option<PeerCertificate>,
}

/// What a listener needs to speak TLS, by its number in the plan.
///
/// # Errors
/// A store cannot be read, or has no certificate or key that TLS can use.
pub fn server(
    keyring: &Keyring,
    known: &KnownCertificates,
    (at, tls): (usize, &TlsPlan),
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(tls.min_version))
        .map_err(|error| wrong("tls", &error))?;
    let builder = match tls.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        asked => {
            let callers = Callers::new(known, (at, tls), asked, &provider)?;
            builder.with_client_cert_verifier(Arc::new(callers))
        }
    };
    let shown = ShownCertificates::of(&keyring.tls_server(at)?, &provider)?;
    let mut server = builder.with_cert_resolver(Arc::new(shown));
    // A session of OFTP is long compared with its handshake, so TLS sessions are not resumed.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(Arc::new(server))
}

/// What we need to dial a partner with TLS.
///
/// # Errors
/// As for [`server`].
pub fn client(
    keyring: &Keyring,
    known: &KnownCertificates,
    partner: &Partner,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(StationVerifier::new(known, partner, &provider)?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(TlsVersion::V12))
        .map_err(|error| wrong("tls", &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let shown = ShownCertificates::of(&keyring.tls_client(&partner.name)?, &provider)?;
    let client = match shown.is_empty() {
        true => builder.with_no_client_auth(),
        false => builder.with_client_cert_resolver(Arc::new(shown)),
    };
    Ok(Arc::new(client))
}

/// The TLS configuration to dial each partner, from its files as they were at the start or the last reload.
#[derive(Debug, Default)]
pub struct Clients(HashMap<String, Result<Arc<ClientConfig>, TlsError>>);

impl Clients {
    /// Makes those of all partners that are dialled with TLS. `check` reports those that cannot be used.
    #[must_use]
    pub fn of(config: &Plan, keyring: &Keyring, known: &KnownCertificates) -> Self {
        let dialled = config.partners.iter().filter(|(_, partner)| partner.tls);
        let made = dialled.map(|(name, partner)| (name.clone(), client(keyring, known, partner)));
        Self(made.collect())
    }

    /// The TLS configuration to dial this partner.
    ///
    /// # Errors
    /// As for [`client`].
    pub fn of_partner(&self, partner: &Partner) -> Result<Arc<ClientConfig>, TlsError> {
        let known = self.0.get(&partner.name).cloned();
        known.unwrap_or_else(|| Err(wrong(&partner.name, &"its profile has no TLS")))
    }
}

/// Whether a certificate under `ca` or `client_ca` cannot issue others: then it is compared, like a pinned one.
#[must_use]
pub fn issues_nothing(certificate: &CertificateDer<'_>) -> bool {
    is_no_ca(certificate)
}

/// The facts about the peer after a handshake.
pub fn facts(connection: &rustls::CommonState, server_name: Option<&str>) -> TlsFacts {
    let peer = connection
        .peer_certificates()
        .and_then(<[_]>::first)
        .and_then(|peer| describe(peer).ok());
    TlsFacts {
        version: connection
            .protocol_version()
            .and_then(|v| v.as_str())
            .unwrap_or("unknown")
            .replace('_', "."),
        cipher_suite: connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown")
            .to_owned(),
        server_name: server_name.map(str::to_owned),
        peer,
    }
}

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] =
        [&rustls::version::TLS13, &rustls::version::TLS12];
    static NEWEST: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match oldest {
        TlsVersion::V12 => &BOTH,
        TlsVersion::V13 => &NEWEST,
    }
}

/// Reads a file under `ca` or `client_ca`: certificates that may issue others, and certificates that are accepted
/// themselves. An issuing certificate is accepted too, since the holder of its key could issue any other.
fn issuers(place: &str, file: &Path) -> Result<(RootCertStore, Pinned), TlsError> {
    let (mut roots, stored) = (RootCertStore::empty(), stores::certificates(place, file)?);
    let certificates: Vec<_> = stored
        .iter()
        .map(der)
        .map(CertificateDer::into_owned)
        .collect();
    for certificate in certificates.iter().filter(|found| !is_no_ca(found)) {
        roots
            .add(certificate.clone())
            .map_err(|error| wrong(file.display(), &error))?;
    }
    Ok((roots, Pinned(certificates)))
}

/// Certificates that are accepted because they are compared as equal.
#[derive(Debug)]
struct Pinned(Vec<CertificateDer<'static>>);

impl Pinned {
    /// `None`: it is none of these, and the CAs decide.
    fn believes(&self, shown: &CertificateDer<'_>, now: UnixTime) -> Option<Result<(), Error>> {
        self.0
            .iter()
            .any(|known| known == shown)
            .then(|| in_time(shown, now))
    }
}

fn in_time(shown: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = describe(shown)?;
    let now = now.as_secs();
    match () {
        () if now < certificate.not_before => {
            Err(Error::InvalidCertificate(CertificateError::NotValidYet))
        }
        () if now > certificate.not_after => {
            Err(Error::InvalidCertificate(CertificateError::Expired))
        }
        () => Ok(()),
    }
}

/// Checks that the peer has the key of the certificate that it showed. The certificate itself is not checked again: a
/// pinned one may be one that no CA would have issued.
fn verify_signature(
    message: &[u8],
    shown: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
    version: ProtocolVersion,
) -> Result<HandshakeSignatureValid, Error> {
    let offered = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme);
    let (_, candidates) =
        offered.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    // RFC 8446, 4.2.3: with TLS 1.3 a scheme names its curve, and PKCS#1 is not allowed; with 1.2 neither holds.
    let candidates = match version {
        ProtocolVersion::TLSv1_3 if is_of_tls12(signed.scheme) => {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        ProtocolVersion::TLSv1_3 => candidates.get(..1).unwrap_or_default(),
        _ => candidates,
    };
    let certificate = parsed(shown)?;
    let key =
        Key::of(&certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    candidates
        .iter()
        .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == key.kind)
        .find(|algorithm| {
            algorithm
                .verify_signature(key.octets, message, signed.signature())
                .is_ok()
        })
        .map(|_| HandshakeSignatureValid::assertion())
        .ok_or(Error::InvalidCertificate(CertificateError::BadSignature))
}

fn is_of_tls12(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA1
            | SignatureScheme::ECDSA_SHA1_Legacy
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

/// The methods that are the same in both verifiers.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            shown: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let version = ProtocolVersion::TLSv1_2;
            verify_signature(message, shown, signed, &self.algorithms, version)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            shown: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let version = ProtocolVersion::TLSv1_3;
            verify_signature(message, shown, signed, &self.algorithms, version)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

/// Verifies callers: it accepts the partners' own certificates, and those of the listener's CAs.
#[derive(Debug)]
struct Callers {
    pinned: Pinned,
    issued: Option<Arc<dyn ClientCertVerifier>>,
    mandatory: bool,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Callers {
    fn new(
        known: &KnownCertificates,
        (at, tls): (usize, &TlsPlan),
        asked: ClientAuth,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let mut pinned = Vec::new();
        for own in known.own.values() {
            let own = own.as_ref().map_err(Clone::clone)?;
            pinned.extend(own.iter().map(|own| own.der.clone()));
        }
        let mut issued: Option<Arc<dyn ClientCertVerifier>> = None;
        if let Some(file) = &tls.client_ca {
            let (roots, themselves) = issuers(&format!("listeners[{at}].tls.client_ca"), file)?;
            pinned.extend(themselves.0);
            if !roots.is_empty() {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
                let verifier = verifier.build();
                issued = Some(verifier.map_err(|error| wrong(file.display(), &error))?);
            }
        }
        let algorithms = provider.signature_verification_algorithms;
        // No acceptable issuers are named: with pinned certificates a list of CAs would keep callers from showing
        // theirs.
        Ok(Self {
            pinned: Pinned(pinned),
            issued,
            mandatory: asked == ClientAuth::Require,
            hints: Vec::new(),
            algorithms,
        })
    }
}

impl ClientCertVerifier for Callers {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        refusal::seen(shown);
        match (self.pinned.believes(shown, now), &self.issued) {
            (Some(verdict), _) => verdict.map(|()| ClientCertVerified::assertion()),
            (None, Some(issued)) => issued.verify_client_cert(shown, chain, now),
            (None, None) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    handshake_signatures!();
}

/// Verifies one partner's server: it accepts its own certificate, or one of its CA with its host name.
#[derive(Debug)]
struct StationVerifier {
    pinned: Pinned,
    issued: Option<Arc<dyn ServerCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl StationVerifier {
    fn new(
        known: &KnownCertificates,
        partner: &Partner,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let own = known.own.get(&partner.name).cloned().transpose()?;
        let own = own.into_iter().flatten();
        let mut pinned: Vec<_> = own.map(|own| own.der).collect();
        let mut issued: Option<Arc<dyn ServerCertVerifier>> = None;
        if let Some(file) = &partner.ca {
            let (roots, themselves) = issuers(&format!("partners.{}.ca", partner.name), file)?;
            pinned.extend(themselves.0);
            if !roots.is_empty() {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
                let verifier = verifier.build();
                issued = Some(verifier.map_err(|error| wrong(file.display(), &error))?);
            }
        }
        Ok(Self {
            pinned: Pinned(pinned),
            issued,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for StationVerifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        refusal::seen(shown);
        match (self.pinned.believes(shown, now), &self.issued) {
            (Some(verdict), _) => verdict.map(|()| ServerCertVerified::assertion()),
            (None, Some(issued)) => issued.verify_server_cert(shown, chain, name, ocsp, now),
            (None, None) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    handshake_signatures!();
}
