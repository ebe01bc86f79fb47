//! Receipts, both ways (RFC 5024, 3.3.5, 9.10, 9.12).

use std::time::SystemTime;

use oftp::{Leniency, Response, ResponseTicket, Session};
use pointsman_cms::FileTolerances;
use pointsman_store::{
    Acknowledgement, LedgerError, Naming, Persisted, Proofs as _, Row, TransferId,
};

use super::context::SessionContext;
use super::error::InternalError;
use super::promise;
use crate::events::Event;
use crate::security::receipts::{self, ReceiptCheck};

/// EERP or NERP: it is recorded, then RTR. One that answers nothing of ours, and one that is not taken for what it says,
/// is answered all the same: it would come again for ever.
pub(super) async fn response_offered(
    context: &mut SessionContext,
    ticket: ResponseTicket,
    response: Response,
    session: &mut Session,
) -> Result<(), InternalError> {
    let meant = find(context, response).await?;
    let check = match &meant.file {
        Some(row) => check(context, row, &meant.came).await,
        None => ReceiptCheck::Unsigned,
    };
    let (problem, said) = weigh(&meant.response, &check);
    let known = record(context, &meant, &check, &said).await?;
    let id = match *known {
        Acknowledgement::Recorded(id)
        | Acknowledgement::Repeated(id)
        | Acknowledgement::Invalid(id) => Some(id),
        Acknowledgement::Unknown => None,
    };
    let (policies, response) = (&mut context.policies, &meant.response);
    let told = policies.end_response(response, id, &problem).await?;
    match id {
        Some(id) => context.keep_notification(id, &told).await?,
        None => {
            let what = "a receipt for no file of ours";
            context.log_decision(Some(response.key()), &told, what);
        }
    }
    let changes_nothing = !matches!(*known, Acknowledgement::Recorded(_));
    if changes_nothing {
        context.slow_down().await;
    }
    let event = received(context, response, &known, said);
    promise::rtr(session, ticket, known);
    context.log(event);
    Ok(())
}

/// What is logged of a receipt.
fn received(
    context: &SessionContext,
    response: &Response,
    known: &Acknowledgement,
    said: String,
) -> Event {
    let (session, file) = (context.talk(), response.key().to_string());
    let kind = kind(response);
    match (known, response) {
        (Acknowledgement::Unknown, _) => Event::UnknownReceipt {
            session,
            kind,
            file,
            reason: "no file of ours has that name, date, time and stations; it was confirmed and dropped".to_owned(),
        },
        (&Acknowledgement::Repeated(transfer), _) => Event::RepeatedReceipt {
            session,
            kind,
            transfer,
            file,
            reason: format!("{said}; it was here before"),
        },
        (&Acknowledgement::Invalid(transfer), _) => Event::ReceiptInvalid {
            session,
            kind,
            transfer,
            file,
            reason: said,
        },
        (&Acknowledgement::Recorded(transfer), Response::Positive(_)) => {
            Event::ReceiptReceived {
                session,
                transfer,
                file,
                reason: said,
            }
        }
        (&Acknowledgement::Recorded(transfer), Response::Negative(_)) => {
            Event::NegativeReceipt {
                session,
                transfer,
                file,
                reason: said,
            }
        }
    }
}

/// A receipt, and the file of ours that it is about.
struct Meant {
    /// As it stands on the wire: what was signed.
    came: Response,
    /// As it is meant.
    response: Response,
    by: Naming,
    /// None where it is about no file of ours.
    file: Option<Row>,
}

/// Finds the file that a receipt is about. The first edition of the protocol did not swap originator and destination in
/// receipts, and some partners still do not; others write names and stations in a case of their own.
async fn find(context: &SessionContext, response: Response) -> Result<Meant, LedgerError> {
    let (ledger, partner) = (&context.station.ledger, context.partner());
    let swapped = response.swapped();
    let tolerances = context
        .profile()
        .map(|profile| profile.offer.tolerances)
        .unwrap_or_default();
    let (unswapped, loose) = (tolerances.unswapped_responses, tolerances.response_names);
    // The exact reading is tried first, and the loosest one last: it might match another file.
    let in_turn = [
        (true, &response, Naming::Exact),
        (unswapped, &swapped, Naming::Exact),
        (loose, &response, Naming::Loose),
        (unswapped && loose, &swapped, Naming::Loose),
    ];
    for (tried, (is_taken, meant, by)) in in_turn.into_iter().enumerate() {
        if !is_taken {
            continue;
        }
        if let Some(row) = ledger.answered_by(partner, meant, by).await? {
            if tried > 0 {
                log_tolerated(context, meant, by);
            }
            return Ok(Meant {
                response: meant.clone(),
                came: response.clone(),
                by,
                file: Some(row),
            });
        }
    }
    Ok(Meant {
        came: response.clone(),
        response,
        by: Naming::Exact,
        file: None,
    })
}

/// Writes a receipt down with the file it is about; of one that is not taken for what it says, only that it came.
async fn record(
    context: &SessionContext,
    meant: &Meant,
    check: &ReceiptCheck,
    said: &str,
) -> Result<Persisted<Acknowledgement>, LedgerError> {
    let (ledger, partner) = (&context.station.ledger, context.partner());
    if let (Some(row), ReceiptCheck::Invalid(_)) = (&meant.file, check) {
        return ledger.receipt_invalid(row.id, said.into()).await;
    }
    let (response, by) = (&meant.response, meant.by);
    ledger.acknowledged_by(partner, response, by, said).await
}

/// Whether a receipt is what it says it is.
async fn check(context: &SessionContext, row: &Row, response: &Response) -> ReceiptCheck {
    let keys = context.plan.keyring().partner(context.partner());
    let certificates = keys.map(|keys| keys.receipt_verification(SystemTime::now()));
    let tolerances = context.profile().map(|profile| FileTolerances {
        other_hash: profile.file_security.other_hash,
        refuse_unknown_signers: profile.file_security.refuse_unknown_signers,
    });
    let (certificates, tolerances) = (
        certificates.unwrap_or_default(),
        tolerances.unwrap_or_default(),
    );
    receipts::check(row, response, certificates, tolerances).await
}

/// The log says how a receipt was found to be about a file of ours.
fn log_tolerated(context: &SessionContext, response: &Response, by: Naming) {
    let leniency = match by {
        Naming::Exact => Leniency::UnswappedResponses,
        Naming::Loose => Leniency::ResponseNames,
    };
    context.log_tolerated(format!(
        "{} of {}: {leniency} ({})",
        kind(response),
        response.key(),
        leniency.name()
    ));
}

/// A receipt that cannot be read names no file; it was confirmed, since it would come again for ever.
pub(super) fn response_unreadable(context: &SessionContext, text: &str) {
    let what = "a receipt that names no file was confirmed and dropped";
    context.log_tolerated(format!("{what}: {text}"));
}

/// RTR: the partner has our receipt.
pub(super) async fn response_taken(
    context: &SessionContext,
    id: TransferId,
) -> Result<(), LedgerError> {
    context.station.ledger.response_taken(id).await?;
    context.log(Event::ReceiptGiven {
        session: context.talk(),
        transfer: id,
    });
    Ok(())
}

/// The agreed level has no such response (RFC 2204 knows no NERP): the partner cannot get one, now or later.
pub(super) async fn response_not_sent(
    context: &SessionContext,
    id: TransferId,
    why: &str,
) -> Result<(), LedgerError> {
    let reason =
        format!("its receipt is closed and was not given, tell the partner another way: {why}");
    context.station.ledger.response_closed(id, &reason).await?;
    context.log(Event::ReceiptNotSent {
        session: context.talk(),
        transfer: id,
        reason,
    });
    Ok(())
}

fn kind(response: &Response) -> &'static str {
    match response {
        Response::Positive(_) => "EERP",
        Response::Negative(_) => "NERP",
    }
}

/// The problem with a receipt, and what the history of its file says of it.
fn weigh(response: &Response, check: &ReceiptCheck) -> (String, String) {
    let what = match response {
        Response::Negative(nerp) => format!(
            "{:02} {}: {} (from {})",
            nerp.reason.code(),
            nerp.reason.meaning(),
            nerp.text,
            nerp.creator
        ),
        Response::Positive(_) => {
            "it names our file by name, date, time and both stations".to_owned()
        }
    };
    match check {
        ReceiptCheck::Unsigned => (String::new(), format!("{what}; it is not signed")),
        ReceiptCheck::Verified(by) => (
            String::new(),
            format!("{what}; its signature is good, by {by}"),
        ),
        ReceiptCheck::Unchecked(why) => (why.clone(), format!("{what}; {why}")),
        ReceiptCheck::Invalid(why) => (why.clone(), format!("{why} ({what})")),
    }
}
