//! Receipts that policies left to the operator.

use oftp::{Eerp, FileHeader, FileKey, Nerp, NerpReason, Response};
use pointsman_store::{Direction, Ledger, LedgerError, Transfer, TransferId, Verdict};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Operator;
use super::error::{ErrorCode, OperatorError};
use super::transfer_name::TransferName;

/// The operator's decision about the receipt of a received file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReceiptAnswer {
    pub transfer: TransferName,
    /// Which receipt it gets.
    pub receipt: ReceiptChoice,
}

/// Which receipt a file gets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReceiptChoice {
    /// An EERP.
    Positive,
    /// A NERP.
    Negative {
        /// Why: the number of RFC 5024, 5.3.14.
        #[serde(serialize_with = "code_of", deserialize_with = "reason_of")]
        reason: NerpReason,
        /// What to say with it.
        text: String,
    },
    /// The receipt that came for a file that was sent, with its hash and its signature: for a file that was passed on.
    Forwarded {
        /// The file that was sent.
        of: TransferName,
        /// It is the same file although the content differs.
        converted: bool,
    },
}

impl Operator {
    /// Decides a receipt; the partner gets it with its next session.
    ///
    /// # Errors
    /// The file has its receipt, or waits for none; or there is none that could be passed on.
    pub(crate) async fn answer(&self, answer: ReceiptAnswer) -> Result<(), OperatorError> {
        let ledger = self.store()?.ledger;
        let id = answer.transfer.find(ledger.as_ref()).await?;
        let row = without_receipt(ledger.as_ref(), id).await?;
        let verdict = match answer.receipt {
            ReceiptChoice::Forwarded { of, converted } => {
                let of = of.find(ledger.as_ref()).await?;
                let response = receipt_of(ledger.as_ref(), of, &row, converted).await?;
                let file = ledger.row(id).await?.ok_or(LedgerError::NotFound(id))?;
                is_as_asked_for(&file.header, &response)?;
                return Ok(ledger.forwarded(id, response).await?);
            }
            ReceiptChoice::Positive => Verdict::Positive,
            ReceiptChoice::Negative { reason, text } => Verdict::negative(&row.key, reason, text),
        };
        if row.direction() == Direction::Outbound
            || !ledger
                .decided(id, verdict, "by the operator".into())
                .await?
        {
            let row = without_receipt(ledger.as_ref(), id).await?;
            return Err(waits_for_none(&row));
        }
        Ok(())
    }
}

/// The row of a file that has no receipt yet: it gets one alone.
async fn without_receipt(ledger: &dyn Ledger, id: TransferId) -> Result<Transfer, OperatorError> {
    let row = ledger.show(id).await?.ok_or(LedgerError::NotFound(id))?;
    match row.receipt {
        None => Ok(row),
        Some(state) => Err(ErrorCode::ReceiptGiven.because(format!(
            "transfer {id} has its receipt ({state}) already: a file gets one alone"
        ))),
    }
}

fn waits_for_none(row: &Transfer) -> OperatorError {
    let way = match row.direction() {
        Direction::Inbound => "a received file",
        Direction::Outbound => "a file of ours",
    };
    ErrorCode::WrongState
        .because(format!(
            "transfer {} does not wait for an answer: it is {way}, and `{}`",
            row.id, row.state
        ))
        .hint("`pointsman transfers waiting` lists those that do")
}

/// The receipt of a file that was passed on is the receipt of the file that came: its originator can check the
/// signature of whoever received it at last (RFC 5024, 5.3.13, EERPSIG).
async fn receipt_of(
    ledger: &dyn Ledger,
    of: TransferId,
    row: &Transfer,
    converted: bool,
) -> Result<Response, OperatorError> {
    let came = ledger.receipt(of).await?.ok_or_else(|| {
        ErrorCode::NoReceipt.because(format!(
            "no receipt has come for transfer {of}: there is nothing to pass on"
        ))
    })?;
    let passed_on = ledger.show(of).await?.ok_or(LedgerError::NotFound(of))?;
    if passed_on.digest != row.digest && !converted {
        return Err(ErrorCode::OtherContent
            .because(format!("transfer {of} has another content than {}", row.id))
            .hint("give --converted if it is that file and was converted on its way"));
    }
    Ok(about(&row.key, came))
}

/// What the originator asked for is the signature of whoever received its file at last; ours would not be that.
fn is_as_asked_for(file: &FileHeader, came: &Response) -> Result<(), OperatorError> {
    let (_, signature) = came.proof();
    if !file.signed_receipt || !signature.is_empty() {
        return Ok(());
    }
    let why =
        "the file asks for a signed receipt (SFIDSIGN), and the one that came has no signature";
    Err(ErrorCode::NoReceipt
        .because(why.to_owned())
        .hint("answer without `--forward`, with a receipt of our own, or wait for a signed one"))
}

/// The same receipt for another file.
fn about(key: &FileKey, response: Response) -> Response {
    match response {
        Response::Positive(eerp) => Response::Positive(Eerp {
            key: key.clone(),
            ..eerp
        }),
        Response::Negative(nerp) => Response::Negative(Nerp {
            key: key.clone(),
            ..nerp
        }),
    }
}

/// A reason that NERP has: to the partner, another number would say something else, or nothing.
pub(crate) fn nerp_reason(code: &str) -> Result<NerpReason, String> {
    let of_code = |reason: &&NerpReason| code.parse() == Ok(reason.code());
    let known = NerpReason::TABLE.iter().find(of_code).copied();
    known.ok_or_else(|| {
        let listed: Vec<_> = NerpReason::TABLE.iter().map(ToString::to_string).collect();
        format!(
            "NERP has no such reason (RFC 5024, 5.3.14); it has: {}",
            listed.join(", ")
        )
    })
}

fn code_of<S: Serializer>(reason: &NerpReason, serializer: S) -> Result<S::Ok, S::Error> {
    reason.code().serialize(serializer)
}

fn reason_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NerpReason, D::Error> {
    let code = u64::deserialize(deserializer)?;
    nerp_reason(&code.to_string()).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use oftp::{DatasetName, FileStamp, OdetteId, UserData};

    use super::*;

    fn asked(signed_receipt: bool) -> FileHeader {
        let key = FileKey {
            dataset: DatasetName::new("ORDERS").unwrap(),
            stamp: FileStamp::new("20261130", "0815000001").unwrap(),
            originator: OdetteId::new("O0013000007MUELLER").unwrap(),
            destination: OdetteId::new("O0013000001NORDWERK").unwrap(),
        };
        FileHeader {
            signed_receipt,
            ..FileHeader::plain(key, 1)
        }
    }

    #[test]
    fn a_receipt_that_is_passed_on_has_the_signature_that_was_asked_for() {
        let came = |signature: &[u8]| {
            Response::Positive(Eerp {
                key: asked(true).key,
                user: UserData::default(),
                hash: vec![7; 32],
                signature: signature.to_vec(),
            })
        };
        assert!(is_as_asked_for(&asked(true), &came(b"signed")).is_ok());
        assert!(is_as_asked_for(&asked(false), &came(b"")).is_ok());
        let refused = is_as_asked_for(&asked(true), &came(b"")).unwrap_err();
        assert!(refused.to_string().contains("SFIDSIGN"), "{refused}");
    }
}
