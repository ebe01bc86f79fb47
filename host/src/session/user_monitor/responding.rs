//! Receipts, both ways (RFC 5024, 3.3.5, 9.10, 9.12).

use oftp::{Leniency, Response, ResponseTicket, Session};
use pointsman_store::{Acknowledgement, LedgerError, Naming, Persisted, TransferId};

use super::context::SessionContext;
use super::error::InternalError;
use super::promise;
use crate::events::Event;

/// EERP or NERP: it is recorded, then RTR. One that answers nothing of ours is answered all the same.
pub(super) async fn response_offered(
    context: &mut SessionContext,
    ticket: ResponseTicket,
    response: Response,
    session: &mut Session,
) -> Result<(), InternalError> {
    let (problem, said) = weigh(&response);
    let (response, known) = record(context, response, &said).await?;
    let id = match *known {
        Acknowledgement::Recorded(id) | Acknowledgement::Repeated(id) => Some(id),
        Acknowledgement::Unknown => None,
    };
    let policies = &mut context.policies;
    let told = policies.end_response(&response, id, &problem).await?;
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
    let event = received(context, &response, &known, said);
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

/// Writes a receipt down with the file it is about. The first edition of the protocol did not swap originator and
/// destination in receipts, and some partners still do not; others write names and stations in a case of their own.
async fn record(
    context: &SessionContext,
    response: Response,
    said: &str,
) -> Result<(Response, Persisted<Acknowledgement>), LedgerError> {
    let (ledger, partner) = (&context.station.ledger, context.partner());
    let known = ledger.acknowledged(partner, &response, said).await?;
    let Some(profile) = context.profile() else {
        return Ok((response, known));
    };
    if *known != Acknowledgement::Unknown {
        return Ok((response, known));
    }
    let tolerances = profile.offer.tolerances;
    let (unswapped, loose) = (tolerances.unswapped_responses, tolerances.response_names);
    let swapped = response.swapped();
    // The exact reading was tried above, and the loosest one is tried last: it might match another file.
    let in_turn = [
        (unswapped, &swapped, Naming::Exact),
        (loose, &response, Naming::Loose),
        (unswapped && loose, &swapped, Naming::Loose),
    ];
    for (tolerated, meant, by) in in_turn {
        if !tolerated {
            continue;
        }
        let known = ledger.acknowledged_by(partner, meant, by, said).await?;
        if *known != Acknowledgement::Unknown {
            log_tolerated(context, meant, by);
            return Ok((meant.clone(), known));
        }
    }
    Ok((response, known))
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
fn weigh(response: &Response) -> (String, String) {
    match response {
        Response::Negative(nerp) => {
            let what = format!(
                "{:02} {}: {}",
                nerp.reason.code(),
                nerp.reason.meaning(),
                nerp.text
            );
            (String::new(), format!("{what} (from {})", nerp.creator))
        }
        Response::Positive(eerp) if eerp.signature.is_empty() => (
            String::new(),
            "it names our file by name, date, time and both stations; it is not signed".to_owned(),
        ),
        Response::Positive(_) => {
            let problem = "the signature was not checked: no certificate is configured for receipts of this partner";
            (problem.to_owned(), problem.to_owned())
        }
    }
}
