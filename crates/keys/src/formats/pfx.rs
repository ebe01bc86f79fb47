//! PFX, which is PKCS#12 (RFC 7292): bags of keys and certificates, in the clear or encrypted, under a checksum.

use std::borrow::Cow;

use super::der_file;
use crate::certificate::StoredCertificate;
use crate::der::{
    BMP_STRING, CONTEXT_0, CONTEXT_0_PRIMITIVE, DerElements, INTEGER, OBJECT, OCTET_STRING,
    SEQUENCE, SET, definite, joined,
};
use crate::derive::{self, Pkcs12Use, is_intact, utf16_ended};
use crate::error::StoreFault;
use crate::key::StoredKey;
use crate::oid;
use crate::parts::Parts;
use crate::pbe::Encrypted;
use crate::reading::{KeyAccess, few_entries};

/// The deepest nesting of bags in bags.
const MOST_DEPTH: usize = 8;

/// Reads a store.
pub(crate) fn read(octets: &[u8], access: &KeyAccess) -> Result<Parts, StoreFault> {
    let der = definite(octets)?;
    let mut pfx = DerElements::of(&der).inside(SEQUENCE, "store")?;
    pfx.next(INTEGER, "version")?;
    let mut content = pfx.inside(SEQUENCE, "content")?;
    let kind = content.next(OBJECT, "type of the content")?.body;
    if kind != oid::DATA {
        return Err(StoreFault::Algorithm {
            what: "the store",
            name: format!("{} instead of a password", oid::name(kind)),
        });
    }
    let bags = content
        .inside(CONTEXT_0, "content")?
        .next(OCTET_STRING, "content")?
        .body;
    if !pfx.is_empty() {
        check(pfx.inside(SEQUENCE, "checksum")?, bags, access)?;
    }
    let mut parts = Parts::default();
    let mut contents = DerElements::of(bags).inside(SEQUENCE, "contents")?;
    while !contents.is_empty() {
        let plain = opened(contents.inside(SEQUENCE, "content")?, access)?;
        take_bags(&plain, MOST_DEPTH, access, &mut parts)?;
    }
    Ok(parts)
}

/// Compares the checksum (RFC 7292, 4, and appendix B).
fn check(mut checksum: DerElements, content: &[u8], access: &KeyAccess) -> Result<(), StoreFault> {
    let mut info = checksum.inside(SEQUENCE, "checksum")?;
    let scheme = info
        .inside(SEQUENCE, "algorithm of the checksum")?
        .next(OBJECT, "algorithm of the checksum")?
        .body;
    let there = info.next(OCTET_STRING, "checksum")?.body;
    let salt = checksum.next(OCTET_STRING, "salt of the checksum")?.body;
    let rounds = match checksum.is_empty() {
        true => 1,
        false => checksum.number("rounds of the checksum")?,
    };
    let unknown = || StoreFault::Algorithm {
        what: "the checksum of the store",
        name: match scheme {
            oid::PBMAC1 => "PBMAC1".to_owned(),
            _ => oid::name(scheme),
        },
    };
    let hash = derive::hash(scheme).ok_or_else(unknown)?;
    let holds = |password: &[u8]| -> Result<bool, StoreFault> {
        let rounds = access.spend(rounds)?;
        let key = derive::pkcs12(hash, password, salt, rounds, Pkcs12Use::Mac, hash.size());
        let computed = key.and_then(|key| derive::hmac(hash, &key, content));
        Ok(computed.is_some_and(|computed| is_intact(&computed, there)))
    };
    let whole = match access.password() {
        Some(password) => holds(&utf16_ended(password))? || (password.is_empty() && holds(&[])?),
        // No password is an empty one to some programs, and none at all to others.
        None => holds(&[])? || holds(&utf16_ended(""))?,
    };
    match (whole, access.password()) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(StoreFault::PasswordWrong("the store")),
        (false, None) => Err(StoreFault::PasswordMissing("the store")),
    }
}

/// The bags of a content, decrypted where they are encrypted.
fn opened<'a>(
    mut content: DerElements<'a>,
    access: &KeyAccess,
) -> Result<Cow<'a, [u8]>, StoreFault> {
    let kind = content.next(OBJECT, "type of a content")?.body;
    let mut inside = content.inside(CONTEXT_0, "content")?;
    match kind {
        oid::DATA => Ok(Cow::Borrowed(inside.next(OCTET_STRING, "bags")?.body)),
        oid::ENCRYPTED_DATA => {
            let mut data = inside.inside(SEQUENCE, "encrypted data")?;
            data.next(INTEGER, "version")?;
            let mut data = data.inside(SEQUENCE, "encrypted content")?;
            data.next(OBJECT, "type of an encrypted content")?;
            let algorithm = data.inside(SEQUENCE, "algorithm of encryption")?;
            let content = data.any("encrypted content")?;
            let octets = match content.tag {
                CONTEXT_0_PRIMITIVE => Cow::Borrowed(content.body),
                CONTEXT_0 => Cow::Owned(joined(content.body)?),
                _ => return Err(StoreFault::damaged("encrypted content", 0)),
            };
            let encrypted = Encrypted {
                algorithm,
                octets: &octets,
                what: "the certificates in the store",
            };
            let plain = encrypted.decrypt(access.password().unwrap_or_default(), access);
            let plain = plain.map_err(|fault| told(fault, access.password()))?;
            Ok(Cow::Owned(definite(&plain)?.into_owned()))
        }
        _ => Err(StoreFault::Algorithm {
            what: "the store",
            name: oid::name(kind),
        }),
    }
}

/// Takes the keys and certificates out of bags.
fn take_bags(
    bags: &[u8],
    depth: usize,
    access: &KeyAccess,
    parts: &mut Parts,
) -> Result<(), StoreFault> {
    let mut bags = DerElements::of(bags).inside(SEQUENCE, "bags")?;
    while !bags.is_empty() {
        let mut bag = bags.inside(SEQUENCE, "bag")?;
        let kind = bag.next(OBJECT, "type of a bag")?.body;
        let value = bag.next(CONTEXT_0, "content of a bag")?;
        let Attributes { alias, trusted } = match bag.is_empty() {
            true => Attributes::default(),
            false => Attributes::of(bag.inside(SET, "attributes of a bag")?)?,
        };
        match oid::last_arc(kind, oid::BAGS) {
            Some(1) => parts.key(alias, StoredKey::from_der(value.body)?),
            Some(2) => {
                let key = shrouded(value.body, access)?;
                parts.key(alias, key);
            }
            Some(3) => certificate(value.elements(), alias, trusted, parts)?,
            Some(6) if depth > 0 => take_bags(value.body, depth - 1, access, parts)?,
            Some(4) => parts.passed_over("a revocation list".to_owned()),
            Some(5) => parts.passed_over("a secret".to_owned()),
            _ => parts.passed_over(format!("a bag {}", oid::name(kind))),
        }
        few_entries(parts.count())?;
    }
    Ok(())
}

fn shrouded(der: &[u8], access: &KeyAccess) -> Result<StoredKey, StoreFault> {
    if access.key_password().is_some() {
        return der_file::encrypted_key(der, access);
    }
    let plain = Encrypted::key(der)?.decrypt("", access);
    let plain = plain.map_err(|fault| told(fault, None))?;
    // The padding may look right by chance.
    if DerElements::of(&plain).inside(SEQUENCE, "key").is_err() {
        return Err(StoreFault::PasswordMissing("the private key"));
    }
    StoredKey::from_der(&plain)
}

/// Some programs take no password for an empty one. Where it is not the empty one, none was given.
fn told(fault: StoreFault, given: Option<&str>) -> StoreFault {
    match (fault, given) {
        (StoreFault::PasswordWrong(what), None) => StoreFault::PasswordMissing(what),
        (fault, _) => fault,
    }
}

fn certificate(
    mut value: DerElements,
    alias: Option<String>,
    trusted: bool,
    parts: &mut Parts,
) -> Result<(), StoreFault> {
    let mut bag = value.inside(SEQUENCE, "certificate")?;
    if bag.next(OBJECT, "type of a certificate")?.body != oid::X509_CERTIFICATE {
        parts.passed_over("a certificate of another kind than X.509".to_owned());
        return Ok(());
    }
    let der = bag
        .inside(CONTEXT_0, "certificate")?
        .next(OCTET_STRING, "certificate")?
        .body;
    let certificate = StoredCertificate::from_der(der)?;
    match trusted {
        true => parts.trusted(alias, certificate),
        false => parts.certificate(alias, certificate),
    }
    Ok(())
}

/// What is read of the attributes of a bag.
#[derive(Default)]
struct Attributes {
    /// The friendly name (RFC 2985, 5.5.1).
    alias: Option<String>,
    /// Whether Java has it as an entry of its own.
    trusted: bool,
}

impl Attributes {
    fn of(mut attributes: DerElements) -> Result<Self, StoreFault> {
        let mut found = Self::default();
        while !attributes.is_empty() {
            let mut attribute = attributes.inside(SEQUENCE, "attribute")?;
            let kind = attribute.next(OBJECT, "type of an attribute")?.body;
            let mut values = attribute.inside(SET, "values of an attribute")?;
            match kind {
                oid::TRUSTED_KEY_USAGE => found.trusted = true,
                oid::FRIENDLY_NAME if values.next_is(BMP_STRING) => {
                    found.alias = Some(utf16(values.any("friendly name")?.body));
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// A text of UTF-16, the high octet first; what is none is replaced.
fn utf16(octets: &[u8]) -> String {
    let units = octets
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let units: Vec<u16> = units.map(u16::from_be_bytes).collect();
    String::from_utf16_lossy(&units)
}
