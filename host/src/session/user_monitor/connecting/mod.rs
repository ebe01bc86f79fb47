//! Who the partner is, and on what terms (RFC 5024, 9.8).

mod admission;
mod authentication;
mod dialled;
mod proof;
mod seats;
mod session_refusal;
mod terms;

pub(super) use authentication::Authentication;
pub(super) use dialled::connected;
pub(crate) use seats::CROWDED;
pub(super) use seats::SessionSeats;

use oftp::{ConnectionAnswer, ConnectionTicket, Session, Ssid};

use self::admission::Admission;
use self::session_refusal::SessionRefusal;
use super::context::SessionContext;
use crate::events::Event;

/// SSID of a caller: it is let in (our SSID), or refused (ESID).
pub(super) async fn connection_offered(
    context: &mut SessionContext,
    seats: &mut SessionSeats,
    ticket: ConnectionTicket,
    offer: Ssid,
    session: &mut Session,
) {
    let own = context.plan.partner_by_ssid(&offer.code);
    context.claims(own.map(|own| own.name.clone()));
    let admission = Admission {
        context,
        seats,
        offer: &offer,
    };
    let answer = match admission.admit().await {
        Ok(params) => ConnectionAnswer::Accept(Box::new(params)),
        Err(refused) => {
            log_refused(context, &offer, &refused);
            let SessionRefusal { reason, text, .. } = refused;
            ConnectionAnswer::Refuse { reason, text }
        }
    };
    // Too late means that the session ended meanwhile, and its end is the next event; so everywhere below.
    let _ = session.answer_connection(ticket, answer);
}

fn log_refused(context: &SessionContext, offer: &Ssid, refused: &SessionRefusal) {
    let reason = refused.sentence();
    if let Some(claimed) = context.claimed() {
        let line = context.line(claimed);
        context.station.contacts.refused(&line, &reason);
    }
    context.log(Event::ConnectionRefused {
        session: context.talk(),
        ssid: offer.code.to_string(),
        reason,
    });
}
