//! Certificates in SignedData without content and signers (RFC 5652, 5.1): what Windows and CAs give as a chain. A
//! signature in it is not looked at.

use crate::certificate::StoredCertificate;
use crate::der::{CONTEXT_0, DerElements, INTEGER, OBJECT, SEQUENCE, SET, definite};
use crate::error::StoreFault;
use crate::oid;
use crate::parts::Parts;
use crate::reading::few_entries;

/// Reads the certificates.
pub(crate) fn read(octets: &[u8]) -> Result<Parts, StoreFault> {
    let mut parts = Parts::default();
    take(octets, &mut parts)?;
    Ok(parts)
}

/// Takes the certificates to what else there is.
pub(crate) fn take(octets: &[u8], parts: &mut Parts) -> Result<(), StoreFault> {
    let der = definite(octets)?;
    let mut content = DerElements::of(&der).inside(SEQUENCE, "content")?;
    if content.next(OBJECT, "type of the content")?.body != oid::SIGNED_DATA {
        return Err(StoreFault::damaged("signed data", 0));
    }
    let mut signed = content
        .inside(CONTEXT_0, "signed data")?
        .inside(SEQUENCE, "signed data")?;
    signed.next(INTEGER, "version")?;
    signed.next(SET, "hash algorithms")?;
    signed.next(SEQUENCE, "content")?;
    if !signed.next_is(CONTEXT_0) {
        return Ok(());
    }
    let mut certificates = signed.inside(CONTEXT_0, "certificates")?;
    while !certificates.is_empty() {
        let certificate = certificates.any("certificate")?;
        match certificate.tag {
            SEQUENCE => parts.certificate(None, StoredCertificate::from_der(certificate.whole)?),
            _ => parts.passed_over("a certificate of another kind than X.509".to_owned()),
        }
        few_entries(parts.count())?;
    }
    Ok(())
}
