//! Which certificate of ours a peer is shown.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::describe;
use super::error::{TlsError, wrong};
use crate::security::tls_identity::TlsIdentity;

/// Our certificates, in their order. At each handshake the first one is shown that is valid at that moment, of those whose
/// signatures the peer can check; where none of them is, the first: the peer may take it nevertheless.
#[derive(Debug)]
pub(super) struct ShownCertificates(Vec<ShownCertificate>);

#[derive(Debug)]
struct ShownCertificate {
    certified: Arc<CertifiedKey>,
    /// In seconds since 1970.
    not_before: u64,
    not_after: u64,
}

impl ShownCertificates {
    /// # Errors
    /// The key of one of them is of a kind that TLS here does not use.
    pub(super) fn of(
        identities: &[TlsIdentity],
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let shown = identities
            .iter()
            .map(|identity| ShownCertificate::of(identity, provider));
        shown.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn choose(&self, schemes: &[SignatureScheme], now: u64) -> Option<Arc<CertifiedKey>> {
        let fits = |shown: &&ShownCertificate| shown.certified.key.choose_scheme(schemes).is_some();
        let is_valid =
            |shown: &&ShownCertificate| (shown.not_before..=shown.not_after).contains(&now);
        let fitting = || self.0.iter().filter(fits);
        let chosen = fitting().find(is_valid).or_else(|| fitting().next());
        let chosen = chosen.or_else(|| self.0.first());
        chosen.map(|shown| Arc::clone(&shown.certified))
    }
}

impl ShownCertificate {
    fn of(identity: &TlsIdentity, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let der = identity.chain().iter().map(|found| found.der().to_vec());
        let chain: Vec<CertificateDer<'static>> = der.map(CertificateDer::from).collect();
        let first = chain.first().map(describe).transpose();
        let Some(first) = first.map_err(|error| wrong("a certificate of ours", &error))? else {
            return Err(wrong("a key of ours", &"it has no certificate"));
        };
        let key = identity.key().to_pkcs8();
        let key = key.map_err(|fault| wrong(&first, &fault))?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.as_slice()));
        let loaded = provider.key_provider.load_private_key(der.clone_key());
        let key = loaded.map_err(|_| {
            wrong(
                &first,
                &"TLS here cannot use its key: it must be RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519",
            )
        })?;
        Ok(Self {
            certified: Arc::new(CertifiedKey::new(chain, key)),
            not_before: first.not_before,
            not_after: first.not_after,
        })
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

impl ResolvesServerCert for ShownCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.signature_schemes(), now())
    }
}

impl ResolvesClientCert for ShownCertificates {
    fn resolve(
        &self,
        _issuers: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.choose(schemes, now())
    }

    fn has_certs(&self) -> bool {
        !self.is_empty()
    }
}
