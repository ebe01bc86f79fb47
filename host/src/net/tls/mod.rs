//! TLS on both sides: our certificates, and which of the others' we believe.
//!
//! A partner's own certificate, given in its profile, is accepted because it is that certificate: it is compared, and
//! neither its CA nor its extensions nor its version of X.509 are checked, only its period of validity. Any other
//! certificate must be issued by a CA of the configuration.

mod certificate;
mod error;
mod files;
mod known;
mod provider;
mod refusal;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerMisbehaved, ProtocolVersion, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

pub use certificate::{CertificateTime, PeerCertificate, describe, oddities, unusable};
pub use error::TlsError;
pub use known::KnownCertificates;
pub use refusal::{Side, handshake, lost};

use self::certificate::{Key, is_no_ca, parsed};
use self::error::wrong;
use self::provider::provider;
use crate::config::{ClientAuth, IdentityFiles, Partner, Plan, TlsPlan, TlsVersion};

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

/// What a listener needs to speak TLS.
///
/// # Errors
/// A file is not a certificate or key, or the two do not belong together.
pub fn server(known: &KnownCertificates, tls: &TlsPlan) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(tls.min_version))
        .map_err(|error| wrong("tls", &error))?;
    let builder = match tls.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        asked => {
            builder.with_client_cert_verifier(Arc::new(Callers::new(known, tls, asked, &provider)?))
        }
    };
    let identity = identity(&tls.identity, &provider)?;
    let mut server = builder.with_cert_resolver(Arc::new(identity));
    // A session of OFTP is long compared with its handshake, so TLS sessions are not resumed.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(Arc::new(server))
}

/// What we need to dial a partner with TLS.
///
/// # Errors
/// As for [`server`].
pub fn client(partner: &Partner) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier = Arc::new(StationVerifier::new(partner, &provider)?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(TlsVersion::V12))
        .map_err(|error| wrong("tls", &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let client = match &partner.our_identity {
        Some(files) => builder.with_client_cert_resolver(Arc::new(identity(files, &provider)?)),
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

/// The TLS configuration to dial each partner, from its files as they were at the start or the last reload.
#[derive(Debug, Default)]
pub struct Clients(HashMap<String, Arc<ClientConfig>>);

impl Clients {
    /// Reads the files of all partners that are dialled with TLS. `check` reports those that cannot be used.
    #[must_use]
    pub fn of(config: &Plan) -> Self {
        let dialled = config.partners.iter().filter(|(_, partner)| partner.tls);
        let usable =
            dialled.filter_map(|(name, partner)| Some((name.clone(), client(partner).ok()?)));
        Self(usable.collect())
    }

    /// The TLS configuration to dial this partner. Files that could not be used before are read again, in case they
    /// were corrected.
    ///
    /// # Errors
    /// As for [`client`].
    pub fn of_partner(&self, partner: &Partner) -> Result<Arc<ClientConfig>, TlsError> {
        match self.0.get(&partner.name) {
            Some(client) => Ok(Arc::clone(client)),
            None => client(partner),
        }
    }
}

/// The certificates of a file (PEM, or one as DER), the holder's first.
///
/// # Errors
/// It has none, or one that cannot be parsed.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    files::read_certificates(file)
}

/// Whether a certificate under `ca` or `client_ca` cannot issue others: then it is compared, like a pinned one.
#[must_use]
pub fn issues_nothing(certificate: &CertificateDer<'_>) -> bool {
    is_no_ca(certificate)
}

/// Checks that the key of our certificate belongs to it.
///
/// # Errors
/// It does not, or one of the two cannot be read.
pub fn check_identity(files: &IdentityFiles) -> Result<(), TlsError> {
    identity(files, &provider()).map(drop)
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

/// Our certificate and its key, if they belong together. The certificate itself is checked by the partner, not here.
fn identity(
    files: &IdentityFiles,
    provider: &CryptoProvider,
) -> Result<SingleCertAndKey, TlsError> {
    let IdentityFiles { certificate, key } = files;
    let chain = certificates(certificate)?;
    let mut public = chain.iter().map(|found| {
        let found = parsed(found).ok()?;
        Some(found.public_key().raw.to_vec())
    });
    let of_first = public.next().flatten();
    let loaded = provider
        .key_provider
        .load_private_key(files::read_key(key)?)
        .map_err(|_| {
            wrong(
                key,
                &"TLS here cannot use this key: it must be RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519",
            )
        })?;
    // Where one of the two public keys cannot be read, the first handshake shows whether they belong together.
    if let (Some(of_key), Some(of_first)) = (loaded.public_key(), of_first)
        && of_key.as_ref() != of_first.as_slice()
    {
        let file = certificate.display();
        let later = public.position(|found| found.as_deref() == Some(of_key.as_ref()));
        let why = match later {
            Some(at) => format!(
                "this key belongs to certificate {} of {file}: put that one first in the file, and those of CAs behind it",
                at + 2
            ),
            None => format!(
                "this key does not belong to the certificate {file}: give the key with which the certificate was made"
            ),
        };
        return Err(wrong(key, &why));
    }
    Ok(SingleCertAndKey::from(CertifiedKey::new(chain, loaded)))
}

/// Reads a file under `ca` or `client_ca`: certificates that may issue others, and certificates that are accepted
/// themselves. An issuing certificate is accepted too, since the holder of its key could issue any other.
fn issuers(file: &Path) -> Result<(RootCertStore, Pinned), TlsError> {
    let (mut roots, certificates) = (RootCertStore::empty(), certificates(file)?);
    for certificate in certificates.iter().filter(|found| !is_no_ca(found)) {
        roots
            .add(certificate.clone())
            .map_err(|error| wrong(file, &error))?;
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
        tls: &TlsPlan,
        asked: ClientAuth,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let mut pinned = Vec::new();
        for own in known.own.values() {
            let own = own.as_ref().map_err(Clone::clone)?;
            pinned.push(own.der.clone());
        }
        let mut issued: Option<Arc<dyn ClientCertVerifier>> = None;
        if let Some(file) = &tls.client_ca {
            let (roots, themselves) = issuers(file)?;
            pinned.extend(themselves.0);
            if !roots.is_empty() {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
                issued = Some(verifier.build().map_err(|error| wrong(file, &error))?);
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
    fn new(partner: &Partner, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut pinned: Vec<_> = match &partner.certificate {
            Some(file) => certificates(file)?.into_iter().take(1).collect(),
            None => Vec::new(),
        };
        let mut issued: Option<Arc<dyn ServerCertVerifier>> = None;
        if let Some(file) = &partner.ca {
            let (roots, themselves) = issuers(file)?;
            pinned.extend(themselves.0);
            if !roots.is_empty() {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
                issued = Some(verifier.build().map_err(|error| wrong(file, &error))?);
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
