//! RSA keys as XML: `RSAKeyValue` as .NET's `RSA.ToXmlString` writes it, or inside the `KeyInfo` of XML Signature, where
//! `X509Certificate` has certificates.

use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

use crate::certificate::StoredCertificate;
use crate::error::StoreFault;
use crate::numbers::{self, RsaNumbers};
use crate::parts::Parts;
use crate::pem;
use crate::reading::few_entries;

/// The most elements, attributes and texts.
const MOST_NODES: u32 = 100_000;

/// Reads all keys and certificates of a document.
pub(crate) fn read(text: &str) -> Result<Parts, StoreFault> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text.trim_start(), options).map_err(|error| {
        let (row, column) = (error.pos().row, error.pos().col);
        StoreFault::Form(format!("it is no XML at line {row}, column {column}"))
    })?;
    let mut parts = Parts::default();
    for element in document.descendants().filter(Node::is_element) {
        match element.tag_name().name() {
            "RSAKeyValue" => take(element, &mut parts)?,
            "X509Certificate" => {
                let der = octets(element, "X509Certificate")?;
                parts.certificate(None, StoredCertificate::from_der(&der)?);
            }
            _ => {}
        }
        few_entries(parts.count())?;
    }
    Ok(parts)
}

fn take(element: Node, parts: &mut Parts) -> Result<(), StoreFault> {
    let child = |name: &'static str| {
        let mut children = element.children();
        children.find(|child| child.tag_name().name() == name)
    };
    let number = |name: &'static str| {
        let missing = || StoreFault::Form(format!("its element {name} is missing"));
        octets(child(name).ok_or_else(missing)?, name)
    };
    let (n, e) = (number("Modulus")?, number("Exponent")?);
    if child("D").is_none() {
        parts.public_key(None, numbers::rsa_public(&n, &e)?);
        return Ok(());
    }
    let numbers = RsaNumbers {
        n: &n,
        e: &e,
        d: &number("D")?,
        p: &number("P")?,
        q: &number("Q")?,
        qi: &number("InverseQ")?,
    };
    parts.key(None, numbers.key()?);
    Ok(())
}

fn octets(element: Node, name: &'static str) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    element
        .text()
        .and_then(pem::decode)
        .ok_or_else(|| StoreFault::Form(format!("its element {name} is no base64")))
}
