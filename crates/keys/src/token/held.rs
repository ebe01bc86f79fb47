//! A private key that stays on its token.

use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use pointsman_cms::{HashAlgorithm, HeldKey, HeldKeyError, RsaPadding};
use zeroize::Zeroizing;

use super::mechanism;
use super::open_token::OpenToken;

/// A key, found by its modulus at each use: handles of objects end with their session.
pub(super) struct TokenKey {
    token: Arc<OpenToken>,
    modulus: Vec<u8>,
}

impl TokenKey {
    pub(super) fn new(token: Arc<OpenToken>, modulus: Vec<u8>) -> Self {
        Self { token, modulus }
    }

    fn object(&self, session: &Session) -> Result<ObjectHandle, Error> {
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Modulus(self.modulus.clone()),
        ];
        let found = session.find_objects(&wanted)?;
        let gone = || {
            Error::Pkcs11(
                RvError::TokenNotPresent,
                cryptoki::context::Function::FindObjects,
            )
        };
        found.first().copied().ok_or_else(gone)
    }
}

impl HeldKey for TokenKey {
    fn sign(
        &self,
        padding: RsaPadding,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, HeldKeyError> {
        let (mechanism, text) = match padding {
            RsaPadding::Pkcs1 => (mechanism::pkcs1(), mechanism::digest_info(hash, digest)),
            RsaPadding::PssOaep => (mechanism::pss(hash)?, digest.to_vec()),
        };
        self.token
            .with(|session| session.sign(&mechanism, self.object(session)?, &text))
            .map_err(refused_or_unavailable)
    }

    fn decrypt(
        &self,
        padding: RsaPadding,
        hash: HashAlgorithm,
        block: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HeldKeyError> {
        let mechanism = match padding {
            RsaPadding::Pkcs1 => mechanism::pkcs1(),
            RsaPadding::PssOaep => mechanism::oaep(hash)?,
        };
        self.token
            .with(|session| session.decrypt(&mechanism, self.object(session)?, block))
            .map(Zeroizing::new)
            .map_err(refused_or_unavailable)
    }
}

/// Tokens name a wrong padding in many ways, some by a general error. So an error counts as one of these octets where it
/// is none of those that say that the token is not there.
fn refused_or_unavailable(error: Error) -> HeldKeyError {
    let is_of_octets = match &error {
        Error::Pkcs11(code, _) => !matches!(
            code,
            RvError::HostMemory
                | RvError::CantLock
                | RvError::DeviceError
                | RvError::DeviceMemory
                | RvError::DeviceRemoved
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::SessionClosed
                | RvError::SessionCount
                | RvError::SessionHandleInvalid
                | RvError::UserNotLoggedIn
                | RvError::OperationActive
                | RvError::CryptokiNotInitialized
                | RvError::PinIncorrect
                | RvError::PinLocked
                | RvError::PinExpired
        ),
        _ => false,
    };
    match is_of_octets {
        true => HeldKeyError::Refused(error.to_string()),
        false => HeldKeyError::Unavailable(error.to_string()),
    }
}
