//! Keys and certificates on a token: a card, or a module for keys, behind the PKCS#11 library of its maker.

#[cfg(feature = "pkcs11")]
mod held;
#[cfg(feature = "pkcs11")]
mod mechanism;
#[cfg(feature = "pkcs11")]
mod open_token;
#[cfg(feature = "pkcs11")]
mod reading;

use std::path::Path;

use crate::error::KeyStoreError;
#[cfg(not(feature = "pkcs11"))]
use crate::error::StoreFault;
use crate::kind::KeyStoreKind;
use crate::parts::Parts;
use crate::reading::StoreReading;
use crate::store::KeyStore;

impl KeyStore {
    /// Reads the certificates and keys of a token. `library` is the PKCS#11 library, which is code that this process
    /// runs: only an operator may name it. The password is the PIN of the user. Private keys stay on the token.
    ///
    /// # Errors
    /// [`KeyStoreError`]: the library cannot be loaded, there is no such token, the PIN is wrong or was not tried since
    /// one more mistake would lock the token, nothing is on it, or this program was built without the feature `pkcs11`.
    pub fn of_token(library: &Path, reading: &StoreReading) -> Result<Self, KeyStoreError> {
        let parts = read(library, reading);
        let together = parts.and_then(Parts::put_together);
        let kind = KeyStoreKind::Pkcs11;
        together
            .map(|together| Self::of(kind, together))
            .map_err(|fault| KeyStoreError {
                name: reading.name.to_owned(),
                kind: Some(kind),
                fault,
            })
    }
}

#[cfg(feature = "pkcs11")]
use reading::read;

#[cfg(not(feature = "pkcs11"))]
fn read(_: &Path, _: &StoreReading) -> Result<Parts, StoreFault> {
    Err(StoreFault::Unusable(
        "this program was built without the feature `pkcs11`, and reads no tokens".to_owned(),
    ))
}
