//! Signed receipts: the signatures of EERP and NERP (RFC 5024, 5.3.13, 5.3.14), made and verified.
//!
//! What is signed is the fields of the command one after the other, with their blanks and without the command's letter:
//! a NERP that was signed could be read as an EERP with a longer hash, were lengths not compared. Why a file was refused
//! (NERPREAS and its text) is not signed: it is what the way here claims.

use std::io::{Cursor, Read};

use oftp::{FileKey, Response, Security};

use crate::certificate::{Certificate, Identity};
use crate::error::CmsError;
use crate::found::SignedFound;
use crate::limits::Limits;
use crate::opening::{Announced, FileTolerances, Opening};
use crate::suite::Suite;
use crate::wrapping::Wrapping;

/// Octets of the fields, as RFC 5024, 5.3.13 has them.
const NAME: usize = 26;
const DATE: usize = 8;
const TIME: usize = 10;
const ID: usize = 25;
/// More than the text of any receipt has.
const MOST_TEXT: u64 = 1024;

/// Why a receipt is not taken for what it says. The text names the check that failed, and its field.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A signed receipt was asked for.
    #[error("the receipt is not signed")]
    NotSigned,
    /// The hash is not as long as the suite's are.
    #[error("the receipt's hash has {found} octets, and {expected} are needed")]
    HashLength {
        /// Octets of the suite's hash.
        expected: usize,
        /// Octets of the receipt's.
        found: usize,
    },
    /// The hash is not that of the file which was sent.
    #[error("the receipt's hash is not that of the file which was sent")]
    OtherHash,
    /// The signature is not one of the partner's.
    #[error("the receipt's signature is not good: {0}")]
    Signature(#[source] CmsError),
    /// What was signed and what the command says differ.
    #[error("the receipt's {0} is not the one that was signed")]
    Field(&'static str),
    /// What was signed is shorter or longer than a receipt of this kind.
    #[error(
        "the receipt's signature is that of {found} octets, and not of {expected}: not of this kind of receipt"
    )]
    TextLength {
        /// Octets of a receipt of this kind.
        expected: usize,
        /// Octets that were signed.
        found: usize,
    },
}

/// A field of a command: its name, its octets on the wire, its value.
type Field<'a> = (&'static str, usize, &'a str);

fn fields(response: &Response) -> Vec<Field<'_>> {
    let key = response.key();
    match response {
        Response::Positive(_) => key_fields(
            key,
            ["EERPDSN", "EERPDATE", "EERPTIME", "EERPDEST", "EERPORIG"],
        ),
        Response::Negative(nerp) => {
            let names = ["NERPDSN", "NERPDATE", "NERPTIME", "NERPDEST", "NERPORIG"];
            let mut fields = key_fields(key, names);
            fields.push(("NERPCREA", ID, nerp.creator.as_str()));
            fields
        }
    }
}

/// The destination of a receipt is who made the file.
fn key_fields<'a>(key: &'a FileKey, names: [&'static str; 5]) -> Vec<Field<'a>> {
    let [name, date, time, destination, origin] = names;
    vec![
        (name, NAME, key.dataset.as_str()),
        (date, DATE, key.stamp.date()),
        (time, TIME, key.stamp.time()),
        (destination, ID, key.originator.as_str()),
        (origin, ID, key.destination.as_str()),
    ]
}

fn hash(response: &Response) -> &[u8] {
    match response {
        Response::Positive(eerp) => &eerp.hash,
        Response::Negative(nerp) => &nerp.hash,
    }
}

fn signature(response: &Response) -> &[u8] {
    match response {
        Response::Positive(eerp) => &eerp.signature,
        Response::Negative(nerp) => &nerp.signature,
    }
}

/// What is signed of a receipt: 94 octets and the hash of an EERP, 119 and the hash of a NERP.
pub fn receipt_text(response: &Response) -> Vec<u8> {
    let mut text = String::new();
    for (_, width, value) in fields(response) {
        text.push_str(&format!("{value:width$}"));
    }
    let mut text = text.into_bytes();
    text.extend_from_slice(hash(response));
    text
}

/// Signs a receipt, whose hash is that of the file as it was transmitted, by the file's suite: the octets for EERPSIG or
/// NERPSIG.
///
/// # Errors
/// [`CmsError`], if there is no key, a key fails, or the hash is not one of the suite's.
pub fn sign_receipt(
    response: &Response,
    suite: Suite,
    signers: &[Identity],
) -> Result<Vec<u8>, CmsError> {
    if signers.is_empty() {
        return Err(CmsError::NoKey(
            "a receipt is to be signed, and there is no key for it",
        ));
    }
    if hash(response).len() != suite.hash().length() {
        return Err(CmsError::NotAsMeasured(
            "the receipt's hash is not as long as the suite's",
        ));
    }
    let text = receipt_text(response);
    let wrapping = Wrapping {
        suite,
        sign: signers.to_vec(),
        with_certificates: false,
        compress: None,
        encrypt: Vec::new(),
        overlap: false,
    };
    wrapping.small_file(&text)
}

/// What is known of a file whose receipt came.
#[derive(Debug, Clone, Copy)]
pub struct SentFile<'a> {
    /// The suite of its SFID.
    pub suite: Suite,
    /// Its hash as it was transmitted, by that suite.
    pub hash: &'a [u8],
}

impl SentFile<'_> {
    /// That the hash of a receipt, signed or not, is the file's: as long, and equal.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn check_hash(&self, response: &Response) -> Result<(), ReceiptError> {
        let (expected, found) = (self.suite.hash().length(), hash(response));
        let is_longer = planted!(ReceiptHashLengthNotCompared) && found.starts_with(self.hash);
        if found.len() != expected && !is_longer {
            return Err(ReceiptError::HashLength {
                expected,
                found: found.len(),
            });
        }
        if found != self.hash && !is_longer && !planted!(ReceiptHashNotCompared) {
            return Err(ReceiptError::OtherHash);
        }
        Ok(())
    }

    /// That a receipt was signed by the partner for this file: its hash is the file's, a known certificate's signature
    /// verifies, and what was signed are the fields of this command. Whether these name the file is the caller's to
    /// look at: it found the file by them.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(
        &self,
        response: &Response,
        partner: &[Certificate],
        tolerances: FileTolerances,
    ) -> Result<SignedFound, ReceiptError> {
        if signature(response).is_empty() {
            return Err(ReceiptError::NotSigned);
        }
        self.check_hash(response)?;
        let (text, found) = open(signature(response), self.suite, partner, tolerances)
            .map_err(ReceiptError::Signature)?;
        if !planted!(ReceiptFieldsNotCompared) {
            compare(&text, response)?;
        }
        Ok(found)
    }
}

/// The text that was signed, and by whom.
fn open(
    signature: &[u8],
    suite: Suite,
    partner: &[Certificate],
    tolerances: FileTolerances,
) -> Result<(Vec<u8>, SignedFound), CmsError> {
    let opening = Opening {
        announced: Announced {
            security: Security::Signed,
            compressed: false,
            suite,
        },
        own: Vec::new(),
        partner: partner.to_vec(),
        limits: Limits {
            largest: MOST_TEXT,
            ratio: Limits::RATIO,
        },
        tolerances,
        overlap: false,
    };
    let mut opener = opening.read_from(Cursor::new(signature.to_vec()))?;
    let mut text = Vec::new();
    // What is wrong, finish says.
    let _ = opener.read_to_end(&mut text);
    let found = opener.finish()?;
    let signed = found.signed.ok_or(CmsError::NotReadToEnd)?;
    Ok((text, signed))
}

/// That a signed text is that of these fields. What fills a field up, blanks or NULs, does not count.
fn compare(text: &[u8], response: &Response) -> Result<(), ReceiptError> {
    let fields = fields(response);
    let width: usize = fields.iter().map(|(_, width, _)| width).sum();
    let (expected, found) = (width + hash(response).len(), text.len());
    if expected != found {
        return Err(ReceiptError::TextLength { expected, found });
    }
    let mut rest = text;
    for (name, width, value) in fields {
        let (signed, after) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        if unfilled(signed) != unfilled(value.as_bytes()) {
            return Err(ReceiptError::Field(name));
        }
        rest = after;
    }
    match rest == hash(response) {
        true => Ok(()),
        false => Err(ReceiptError::Field("hash")),
    }
}

/// The octets of a field of a receipt without what fills it up on its right, blanks or NULs: so fields are compared.
#[must_use]
pub fn unfilled(mut field: &[u8]) -> &[u8] {
    while let Some((b' ' | 0, rest)) = field.split_last() {
        field = rest;
    }
    field
}
