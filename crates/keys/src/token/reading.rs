//! What is on a token.

use std::path::Path;
use std::sync::Arc;

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::held::TokenKey;
use super::open_token::{OpenToken, unusable};
use crate::certificate::StoredCertificate;
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::numbers;
use crate::parts::Parts;
use crate::reading::{StoreReading, few_entries};

/// What is known of an object, beside what it is.
#[derive(Default)]
struct Found {
    label: Option<String>,
    value: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Reads certificates and RSA keys; other objects are passed over.
pub(super) fn read(library: &Path, reading: &StoreReading) -> Result<Parts, StoreFault> {
    let token = OpenToken::at(library, reading.token, reading.password)?;
    let certificates = token.with(certificates).map_err(unusable)?;
    let keys = token.with(private_keys).map_err(unusable)?;
    few_entries(certificates.len() + keys.len())?;
    let token = Arc::new(token);
    let mut parts = Parts::default();
    for found in certificates {
        parts.trusted(found.label, StoredCertificate::from_der(&found.value)?);
    }
    for found in keys {
        let Found {
            label,
            modulus,
            exponent,
            ..
        } = found;
        if modulus.is_empty() || exponent.is_empty() {
            let name = label.unwrap_or_default();
            parts.passed_over(format!(
                "the private key {name:?}, whose numbers the token hides"
            ));
            continue;
        }
        let public = numbers::rsa_public(&modulus, &exponent)?;
        let held = TokenKey::new(Arc::clone(&token), modulus);
        parts.key(label, StoredKey::held(Arc::new(held), public));
    }
    Ok(parts)
}

fn certificates(session: &Session) -> Result<Vec<Found>, Error> {
    let wanted = [Attribute::Class(ObjectClass::CERTIFICATE)];
    let kinds = [AttributeType::Label, AttributeType::Value];
    found(session, &wanted, &kinds)
}

fn private_keys(session: &Session) -> Result<Vec<Found>, Error> {
    let wanted = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
    ];
    let kinds = [
        AttributeType::Label,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    found(session, &wanted, &kinds)
}

fn found(
    session: &Session,
    wanted: &[Attribute],
    kinds: &[AttributeType],
) -> Result<Vec<Found>, Error> {
    let objects = session.find_objects(wanted)?;
    objects
        .into_iter()
        .map(|object| described(session, object, kinds))
        .collect()
}

fn described(
    session: &Session,
    object: ObjectHandle,
    kinds: &[AttributeType],
) -> Result<Found, Error> {
    let mut found = Found::default();
    for attribute in session.get_attributes(object, kinds)? {
        match attribute {
            Attribute::Label(label) if !label.is_empty() => {
                found.label = Some(String::from_utf8_lossy(&label).into_owned());
            }
            Attribute::Value(value) => found.value = value,
            Attribute::Modulus(modulus) => found.modulus = modulus,
            Attribute::PublicExponent(exponent) => found.exponent = exponent,
            _ => {}
        }
    }
    Ok(found)
}
