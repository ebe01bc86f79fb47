//! Private keys, of any kind that certificates of TLS and of file security have.

use std::fmt;
use std::sync::Arc;

use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use pointsman_cms::{HeldKey, KeyError, PrivateKey};
use zeroize::Zeroizing;

use crate::error::StoreFault;
use crate::reading::within;

/// The most bits of an RSA key.
const MOST_BITS: u64 = 16_384;

/// A private key of a store: RSA, EC, Ed25519 or Ed448; or an RSA key that a token holds. Copies share it; one in memory
/// is erased with the last.
#[derive(Clone)]
pub struct StoredKey(KeyPlace);

#[derive(Clone)]
enum KeyPlace {
    Memory(PKey<Private>),
    #[cfg_attr(
        not(feature = "pkcs11"),
        expect(dead_code, reason = "no token is read")
    )]
    Token {
        held: Arc<dyn HeldKey>,
        public: PKey<Public>,
    },
}

impl StoredKey {
    pub(crate) fn of(key: PKey<Private>) -> Result<Self, StoreFault> {
        check(&key)?;
        Ok(Self(KeyPlace::Memory(key)))
    }

    /// A key that a token holds, with its other half.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn held(held: Arc<dyn HeldKey>, public: PKey<Public>) -> Self {
        Self(KeyPlace::Token { held, public })
    }

    /// Reads a key that is not encrypted: PKCS#8, PKCS#1 or SEC 1 in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, StoreFault> {
        let key = PKey::private_key_from_der(der).map_err(|_| {
            StoreFault::Unusable("its private key is damaged or of an unknown kind".to_owned())
        })?;
        Self::of(key)
    }

    /// The key as PKCS#8 in DER, not encrypted: for a TLS library.
    ///
    /// # Errors
    /// [`StoreFault::Unusable`], if the library cannot write it, or a token holds it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let KeyPlace::Memory(key) = &self.0 else {
            let text = "its private key is held by a token, which does not give it out";
            return Err(StoreFault::Unusable(text.to_owned()));
        };
        key.private_key_to_pkcs8()
            .map(Zeroizing::new)
            .map_err(|_| StoreFault::Unusable("its private key cannot be written".to_owned()))
    }

    /// The key for the services of files and sessions, which are RSA alone.
    ///
    /// # Errors
    /// [`KeyError::NotRsa`], if it is another one.
    pub fn for_files(&self) -> Result<PrivateKey, KeyError> {
        match &self.0 {
            KeyPlace::Memory(key) => {
                let der = Zeroizing::new(key.private_key_to_der()?);
                PrivateKey::from_der(&der)
            }
            KeyPlace::Token { held, .. } => Ok(PrivateKey::held(Arc::clone(held))),
        }
    }

    /// The public key that belongs to it, as SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`StoreFault::Unusable`], if the library cannot write it.
    pub fn public_der(&self) -> Result<Vec<u8>, StoreFault> {
        let der = match &self.0 {
            KeyPlace::Memory(key) => key.public_key_to_der(),
            KeyPlace::Token { public, .. } => public.public_key_to_der(),
        };
        der.map_err(|_| StoreFault::Unusable("its public key cannot be written".to_owned()))
    }

    /// Whether a token holds it, and does not give it out.
    pub fn is_held(&self) -> bool {
        matches!(self.0, KeyPlace::Token { .. })
    }

    pub(crate) fn public(&self) -> Result<PKey<Public>, StoreFault> {
        PKey::public_key_from_der(&self.public_der()?)
            .map_err(|_| StoreFault::Unusable("its public key cannot be read".to_owned()))
    }

    /// Whether a public key is its other half.
    pub(crate) fn is_pair_of(&self, public: &PKeyRef<Public>) -> bool {
        match &self.0 {
            KeyPlace::Memory(key) => key.public_eq(public),
            KeyPlace::Token { public: own, .. } => own.public_eq(public),
        }
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            KeyPlace::Memory(key) => write!(f, "StoredKey({})", algorithm(key)),
            KeyPlace::Token { .. } => f.write_str("StoredKey(RSA, held by a token)"),
        }
    }
}

/// That a key is not too large.
pub(crate) fn check_size<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), StoreFault> {
    within("bits of a key", u64::from(key.bits()), MOST_BITS)
}

/// That a key is of a kind and size that is read here.
pub(crate) fn check<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), StoreFault> {
    match key.id() {
        Id::RSA | Id::EC | Id::ED25519 | Id::ED448 => check_size(key),
        _ => Err(StoreFault::Unusable(format!(
            "its key is of a kind that OFTP has no use for ({})",
            algorithm(key)
        ))),
    }
}

/// What the algorithm of a key is called.
pub(crate) fn algorithm<T: HasPublic>(key: &PKeyRef<T>) -> String {
    match key.id() {
        Id::RSA => "RSA".to_owned(),
        Id::EC => "EC".to_owned(),
        Id::ED25519 => "Ed25519".to_owned(),
        Id::ED448 => "Ed448".to_owned(),
        Id::DSA => "DSA".to_owned(),
        Id::RSA_PSS => "RSA-PSS".to_owned(),
        id => format!("number {}", id.as_raw()),
    }
}
