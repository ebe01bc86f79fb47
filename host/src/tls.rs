//! TLS on both sides: our certificates, and which of the others' we believe.
//!
//! A partner's own certificate, given in its profile, is believed because it is that certificate: no CA and
//! no extended key usage is asked for, since partners renew with certificates that list only `serverAuth`.
//! Any other must be issued by a CA of the configuration.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::{ClientAuth, Config, ExistingFile, Partner, Tls, TlsVersion, Value};

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct TlsError {
    what: String,
    why: String,
}

/// What TLS says of the peer.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// `TLSv1.3`, `TLSv1.2`.
    pub version: String,
    /// The name of the cipher suite.
    pub cipher_suite: String,
    /// The name the caller asked for.
    pub server_name: Option<String>,
    /// The peer's certificate, believed by [`verifier`](self).
    pub peer: Option<PeerCertificate>,
}

/// A certificate, as it is shown and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Subject (RFC 4514 order as written).
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// Start of validity, seconds since 1970.
    pub not_before: u64,
    /// End of validity, seconds since 1970.
    pub not_after: u64,
    /// DNS names it is for.
    pub dns_names: Vec<String>,
}

/// What a listener needs to speak TLS.
///
/// # Errors
/// A certificate or key that is not one, or does not match the other.
pub fn server(config: &Config, tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(tls.min_version))
        .map_err(|error| wrong("tls", &error))?;
    let builder = match tls.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        asked => builder
            .with_client_cert_verifier(Arc::new(Callers::new(config, tls, asked, &provider)?)),
    };
    let (chain, key) = identity(&tls.certificate, &tls.key)?;
    let mut server = builder
        .with_single_cert(chain, key)
        .map_err(|error| wrong(shown(&tls.certificate), &error))?;
    // A session of OFTP is long beside its handshake, so nothing is kept to resume one.
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
    let verifier = Arc::new(Station::new(partner, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(TlsVersion::V12))
        .map_err(|error| wrong("tls", &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let client = match (&partner.our_certificate, &partner.our_key) {
        (Some(certificate), Some(key)) => {
            let (chain, key) = identity(certificate, key)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| wrong(shown(certificate), &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

/// The certificates of a PEM file, the holder's first.
///
/// # Errors
/// It holds none, or what it holds does not read.
pub fn certificates(file: &Value<ExistingFile>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&file.0.0).and_then(Iterator::collect);
    let found = found.map_err(|error| wrong(shown(file), &error))?;
    match found.first() {
        Some(first) => describe(first)
            .map(|_| found)
            .map_err(|error| wrong(shown(file), &error)),
        None => Err(wrong(
            shown(file),
            &"there is no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)",
        )),
    }
}

/// What a certificate says of itself.
///
/// # Errors
/// It is not an X.509 certificate.
pub fn describe(der: &CertificateDer<'_>) -> Result<PeerCertificate, Error> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let names = certificate.subject_alternative_name().ok().flatten();
    let dns = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
    Ok(PeerCertificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: certificate.raw_serial_as_string().replace(':', ""),
        sha256: Sha256::digest(der)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect(),
        not_before: seconds(certificate.validity().not_before),
        not_after: seconds(certificate.validity().not_after),
        dns_names: dns.collect(),
    })
}

/// Whether `certificate` is the partner's own.
///
/// # Errors
/// The partner's certificate does not read.
pub fn is_partners(partner: &Partner, certificate: &PeerCertificate) -> Result<bool, TlsError> {
    let Some(file) = &partner.certificate else {
        return Ok(true);
    };
    let known = certificates(file)?;
    Ok(known
        .first()
        .and_then(|known| describe(known).ok())
        .is_some_and(|known| known.sha256 == certificate.sha256))
}

/// Which partners the certificates of the profiles are known as, as they were at the start.
#[derive(Debug, Default)]
pub struct KnownCertificates(HashMap<String, BTreeSet<String>>);

impl KnownCertificates {
    /// Reads those of every profile. One that cannot be read is known as nobody's; `check` tells of it.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let mut known: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (name, partner) in &config.partners {
            let file = partner.certificate.as_ref();
            let certificates = file.and_then(|file| certificates(file).ok());
            let own = certificates.as_ref().and_then(|found| found.first());
            if let Some(own) = own.and_then(|own| describe(own).ok()) {
                known.entry(own.sha256).or_default().insert(name.clone());
            }
        }
        Self(known)
    }

    /// The partner that the certificate is known as, if it is another than `partner`. One that several partners share,
    /// `partner` among them, is `partner`'s own.
    #[must_use]
    pub fn others(&self, partner: &str, certificate: &PeerCertificate) -> Option<&str> {
        let owners = self.0.get(&certificate.sha256)?;
        let first = owners.first()?;
        (!owners.contains(partner)).then_some(first)
    }
}

/// What is known of the peer after a handshake.
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

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
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

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(
    certificate: &Value<ExistingFile>,
    key: &Value<ExistingFile>,
) -> Result<Identity, TlsError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(&key.0.0).map_err(|error| wrong(shown(key), &error))?;
    Ok((chain, key))
}

fn roots(file: &Value<ExistingFile>) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(shown(file), &error))?;
    }
    Ok(Arc::new(roots))
}

fn shown(file: &Value<ExistingFile>) -> &Path {
    &file.0.0
}

fn wrong(what: impl AsRef<Path>, why: &dyn std::fmt::Display) -> TlsError {
    TlsError {
        what: what.as_ref().display().to_string(),
        why: why.to_string(),
    }
}

/// Certificates believed for what they are.
#[derive(Debug)]
struct Pinned(Vec<CertificateDer<'static>>);

impl Pinned {
    /// `None`: not one of ours, ask the CAs.
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

/// Whether a certificate's time is now, for checks before a handshake.
#[must_use]
pub fn is_current(certificate: &PeerCertificate) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    (certificate.not_before..=certificate.not_after).contains(&now)
}

/// The half of both verifiers that is the same: whether the peer has the key of the certificate it shows.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            shown: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, shown, signed, &self.algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            shown: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, shown, signed, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

/// Believes callers: the partners' own certificates, and those of the listener's CAs.
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
        config: &Config,
        tls: &Tls,
        asked: ClientAuth,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let mut pinned = Vec::new();
        for file in config
            .partners
            .values()
            .filter_map(|partner| partner.certificate.as_ref())
        {
            pinned.extend(certificates(file)?.into_iter().take(1));
        }
        let issued: Option<Arc<dyn ClientCertVerifier>> = match &tls.client_ca {
            Some(file) => Some(
                WebPkiClientVerifier::builder_with_provider(roots(file)?, Arc::clone(provider))
                    .build()
                    .map_err(|error| wrong(shown(file), &error))?,
            ),
            None => None,
        };
        let algorithms = provider.signature_verification_algorithms;
        // No hints of acceptable issuers: with pinned certificates a list of CAs would keep callers from showing theirs.
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
        match (self.pinned.believes(shown, now), &self.issued) {
            (Some(verdict), _) => verdict.map(|()| ClientCertVerified::assertion()),
            (None, Some(issued)) => issued.verify_client_cert(shown, chain, now),
            (None, None) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    handshake_signatures!();
}

/// Believes one partner's server: its own certificate, or one of its CA with its host name.
#[derive(Debug)]
struct Station {
    pinned: Pinned,
    issued: Option<Arc<dyn ServerCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Station {
    fn new(partner: &Partner, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let pinned = match &partner.certificate {
            Some(file) => certificates(file)?.into_iter().take(1).collect(),
            None => Vec::new(),
        };
        let issued: Option<Arc<dyn ServerCertVerifier>> = match &partner.ca {
            Some(file) => Some(
                rustls::client::WebPkiServerVerifier::builder_with_provider(
                    roots(file)?,
                    Arc::clone(provider),
                )
                .build()
                .map_err(|error| wrong(shown(file), &error))?,
            ),
            None => None,
        };
        Ok(Self {
            pinned: Pinned(pinned),
            issued,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for Station {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match (self.pinned.believes(shown, now), &self.issued) {
            (Some(verdict), _) => verdict.map(|()| ServerCertVerified::assertion()),
            (None, Some(issued)) => issued.verify_server_cert(shown, chain, name, ocsp, now),
            (None, None) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    handshake_signatures!();
}
