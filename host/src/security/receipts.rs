//! Receipts that are signed: ours are made, the partner's are checked (RFC 5024, 5.3.13, 5.3.14).

use oftp::Response;
use pointsman_cms::{
    Certificate, CmsError, FileTolerances, Identity, ReceiptError, SentFile, Suite, sign_receipt,
};
use pointsman_store::{OwedResponse, Row, WireHash};
use tokio::task::spawn_blocking;

use super::found_words::listed;

/// What is known of a partner's receipt for a file of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptCheck {
    /// It has no signature, and none was asked for.
    Unsigned,
    /// Its signature is the partner's: by which certificates.
    Verified(String),
    /// It has a signature that cannot be checked, and why.
    Unchecked(String),
    /// It is not taken for what it says, and why.
    Invalid(String),
}

/// Checks the receipt for a file of ours as it stands on the wire: its hash in any case, its signature where there are
/// certificates of the partner's.
pub async fn check(
    row: &Row,
    response: &Response,
    certificates: Vec<Certificate>,
    tolerances: FileTolerances,
) -> ReceiptCheck {
    let (_, signature) = response.proof();
    if signature.is_empty() && row.header.signed_receipt {
        let why = "a signed receipt was asked for, and it is not signed";
        return ReceiptCheck::Invalid(why.to_owned());
    }
    let suite = Suite::of(row.header.cipher);
    let (Some(suite), Some(hash)) = (suite, row.wire_hash.clone()) else {
        return unknown_hash(response);
    };
    let response = response.clone();
    let checking = move || checked(suite, &hash, &response, &certificates, tolerances);
    let lost = |error| ReceiptCheck::Unchecked(format!("its check was cut off: {error}"));
    let found = spawn_blocking(checking).await.unwrap_or_else(lost);
    found.checked_as_asked(row.header.signed_receipt)
}

impl ReceiptCheck {
    /// A signature that was asked for counts when it was checked.
    fn checked_as_asked(self, signed_receipt: bool) -> Self {
        match self {
            Self::Unchecked(why) if signed_receipt => {
                Self::Invalid(format!("a signed receipt was asked for, and {why}"))
            }
            found => found,
        }
    }
}

/// Of a file that was sent without a cipher suite no hash is known.
fn unknown_hash(response: &Response) -> ReceiptCheck {
    let (hash, signature) = response.proof();
    match hash.is_empty() && signature.is_empty() {
        true => ReceiptCheck::Unsigned,
        false => ReceiptCheck::Unchecked(
            "the signature was not checked: the file named no cipher suite".to_owned(),
        ),
    }
}

fn checked(
    suite: Suite,
    hash: &WireHash,
    response: &Response,
    certificates: &[Certificate],
    tolerances: FileTolerances,
) -> ReceiptCheck {
    let sent = SentFile {
        suite,
        hash: hash.octets(),
    };
    let (found, signature) = response.proof();
    if !found.is_empty()
        && let Err(error) = sent.check_hash(response)
    {
        return ReceiptCheck::Invalid(error.to_string());
    }
    if signature.is_empty() {
        return ReceiptCheck::Unsigned;
    }
    if certificates.is_empty() {
        return ReceiptCheck::Unchecked(
            "the signature was not checked: no certificate that is valid now is configured for receipts of this partner".to_owned(),
        );
    }
    match sent.verify(response, certificates, tolerances) {
        Ok(found) => ReceiptCheck::Verified(listed(&found.signers)),
        // The library failed, not the receipt.
        Err(ReceiptError::Signature(error @ (CmsError::Library(_) | CmsError::Thread))) => {
            ReceiptCheck::Unchecked(format!("the signature was not checked: {error}"))
        }
        Err(error) => ReceiptCheck::Invalid(error.to_string()),
    }
}

/// A receipt of ours gets the hash of its file and a signature; `unswapped` where the partner wants the stations as the
/// file had them, since what is signed is what stands on the wire.
///
/// # Errors
/// The key cannot sign, or the hash is not one of the suite's.
pub async fn sign(
    owed: OwedResponse,
    suite: Suite,
    hash: WireHash,
    identity: Identity,
    unswapped: bool,
) -> Result<OwedResponse, CmsError> {
    let signing = move || {
        let response = with_proof(&owed.response, hash.octets(), &[]);
        let on_the_wire = match unswapped {
            true => response.swapped(),
            false => response.clone(),
        };
        let signature = sign_receipt(&on_the_wire, suite, &[identity])?;
        Ok(OwedResponse {
            id: owed.id,
            response: with_proof(&response, hash.octets(), &signature),
            to_sign: None,
        })
    };
    spawn_blocking(signing)
        .await
        .unwrap_or(Err(CmsError::Thread))
}

fn with_proof(response: &Response, hash: &[u8], signature: &[u8]) -> Response {
    let mut response = response.clone();
    let (its_hash, its_signature) = match &mut response {
        Response::Positive(eerp) => (&mut eerp.hash, &mut eerp.signature),
        Response::Negative(nerp) => (&mut nerp.hash, &mut nerp.signature),
    };
    *its_hash = hash.to_vec();
    *its_signature = signature.to_vec();
    response
}
