//! The readers, one file a kind.

mod bcfks;
mod der_file;
mod java;
mod jwk;
mod p7b;
mod pem_file;
mod pfx;
mod ppk;
mod ssh;
mod xml;

use crate::detection;
use crate::error::StoreFault;
use crate::kind::KeyStoreKind;
use crate::parts::Parts;
use crate::reading::KeyAccess;

/// Reads octets as a kind of store.
pub(crate) fn read(
    kind: KeyStoreKind,
    octets: &[u8],
    access: &KeyAccess,
) -> Result<Parts, StoreFault> {
    let binary = || detection::unwrapped(kind, octets);
    let text = || {
        let text = detection::text(octets);
        text.ok_or_else(|| StoreFault::Form("it is no text in UTF-8".to_owned()))
    };
    match kind {
        KeyStoreKind::Pfx => pfx::read(&binary(), access),
        KeyStoreKind::Jks | KeyStoreKind::Jceks => java::read(kind, &binary(), access),
        KeyStoreKind::Bcfks => bcfks::read(&binary(), access),
        KeyStoreKind::Der => der_file::read(&binary(), access),
        KeyStoreKind::P7b => p7b::read(&binary()),
        KeyStoreKind::Pem => pem_file::read(&text()?, access),
        KeyStoreKind::Ssh => ssh::read(&text()?, access),
        KeyStoreKind::Ppk => ppk::read(&text()?, access),
        KeyStoreKind::Xml => xml::read(&text()?),
        KeyStoreKind::Jwk => jwk::read(&text()?),
        KeyStoreKind::Pkcs11 => Err(StoreFault::Form(
            "a token is read by its library, not as a file".to_owned(),
        )),
    }
}
