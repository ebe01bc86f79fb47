//! One certificate or key in DER: told by its structure.

use openssl::pkey::PKey;

use crate::certificate::StoredCertificate;
use crate::der::{BIT_STRING, DerElements, INTEGER, OBJECT, OCTET_STRING, SEQUENCE};
use crate::error::StoreFault;
use crate::key::{self, StoredKey};
use crate::parts::Parts;
use crate::pbe::Encrypted;
use crate::reading::KeyAccess;

/// Reads the one object that there is.
pub(crate) fn read(der: &[u8], access: &KeyAccess) -> Result<Parts, StoreFault> {
    let mut parts = Parts::default();
    let mut inside = DerElements::of(der).inside(SEQUENCE, "sequence")?;
    if inside.next_is(INTEGER) {
        parts.key(None, StoredKey::from_der(der)?);
        return Ok(parts);
    }
    let first = inside.next(SEQUENCE, "certificate or key")?.elements();
    match (first.next_is(OBJECT), inside.next_tag()) {
        (true, Some(OCTET_STRING)) => parts.key(None, encrypted_key(der, access)?),
        (true, Some(BIT_STRING)) => public_key(der, None, &mut parts)?,
        _ => parts.certificate(None, StoredCertificate::from_der(der)?),
    }
    Ok(parts)
}

/// Takes a public key (SubjectPublicKeyInfo).
pub(crate) fn public_key(
    der: &[u8],
    alias: Option<String>,
    parts: &mut Parts,
) -> Result<(), StoreFault> {
    let public = PKey::public_key_from_der(der).map_err(|_| {
        StoreFault::Unusable("its public key is damaged or of an unknown kind".to_owned())
    })?;
    key::check(&public)?;
    parts.public_key(alias, public);
    Ok(())
}

/// Reads an EncryptedPrivateKeyInfo.
pub(crate) fn encrypted_key(der: &[u8], access: &KeyAccess) -> Result<StoredKey, StoreFault> {
    let encrypted = Encrypted::key(der)?;
    let password = access.needed_for_key(encrypted.what)?;
    let plain = encrypted.decrypt(password, access)?;
    // Some wrong passwords leave a right padding behind; what is inside is no key then.
    DerElements::of(&plain)
        .inside(SEQUENCE, "key")
        .and_then(|mut inside| inside.number("version"))
        .map_err(|_| StoreFault::PasswordWrong(encrypted.what))?;
    StoredKey::from_der(&plain)
}
