//! Receipts, both ways (RFC 5024, 3.3.5, 9.10, 9.12).

use std::time::SystemTime;

use oftp::{Leniency, Response, ResponseTicket, Session};
use pointsman_store::{Acknowledgement, Naming, Persisted};

use super::{Monitor, Trouble, promise};
use crate::events::Event as Happening;
use crate::policy::facts;

impl Monitor {
    /// A receipt of the peer's: recorded, then RTR. One that answers nothing of ours is answered all the same.
    pub(super) async fn response_offered(
        &mut self,
        ticket: ResponseTicket,
        response: Response,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let (problem, said) = weigh(&response);
        let (response, known) = self.record(response, &said).await?;
        let detail = match *known {
            Acknowledgement::Unknown => "no file of ours has that name, date, time and stations; it was confirmed and dropped".to_owned(),
            Acknowledgement::Repeated(_) => format!("{said}; it was here before"),
            Acknowledgement::Recorded(_) => said,
        };
        let is_repeated = matches!(*known, Acknowledgement::Repeated(_));
        let id = match *known {
            Acknowledgement::Recorded(id) | Acknowledgement::Repeated(id) => Some(id),
            Acknowledgement::Unknown => None,
        };
        let connection = self.connection()?.clone();
        let told = facts::response(&response, id, &problem);
        self.policies
            .end_response(&connection, &told, SystemTime::now())
            .await;
        if is_repeated || id.is_none() {
            self.slow_down().await;
        }
        promise::rtr(session, ticket, known);
        let (session, file, reason) = (self.talk(), response.key().to_string(), detail);
        self.tell(match (id, &response) {
            (Some(transfer), _) if is_repeated => Happening::RepeatedReceipt {
                session,
                kind: kind(&response),
                transfer,
                file,
                reason,
            },
            (Some(transfer), Response::Positive(_)) => Happening::ReceiptReceived {
                session,
                transfer,
                file,
                reason,
            },
            (Some(transfer), Response::Negative(_)) => Happening::NegativeReceipt {
                session,
                transfer,
                file,
                reason,
            },
            (None, _) => Happening::UnknownReceipt {
                session,
                kind: kind(&response),
                file,
                reason,
            },
        });
        Ok(())
    }

    /// Writes a receipt down with the file it is about. The first edition of the protocol did not swap originator and
    /// destination in receipts, and some partners still do not; others write names and stations in a case of their own.
    async fn record(
        &mut self,
        response: Response,
        said: &str,
    ) -> Result<(Response, Persisted<Acknowledgement>), Trouble> {
        let ledger = std::sync::Arc::clone(&self.station.ledger);
        let known = ledger.acknowledged(self.partner(), &response, said).await?;
        let Some(profile) = self.profile.as_ref() else {
            return Ok((response, known));
        };
        if *known != Acknowledgement::Unknown {
            return Ok((response, known));
        }
        let tolerances = profile.tolerances(&self.station.config);
        let swapped = swapped(&response);
        let in_turn = [
            (tolerances.unswapped_responses, &swapped, Naming::Exact),
            (tolerances.response_names, &response, Naming::Loose),
            (
                tolerances.unswapped_responses && tolerances.response_names,
                &swapped,
                Naming::Loose,
            ),
        ];
        for (tolerated, meant, by) in in_turn {
            if !tolerated {
                continue;
            }
            let known = ledger
                .acknowledged_by(self.partner(), meant, by, said)
                .await?;
            if *known != Acknowledgement::Unknown {
                self.tell_forgiven(meant, by);
                return Ok((meant.clone(), known));
            }
        }
        Ok((response, known))
    }

    /// The log says how a receipt was found to be about a file of ours.
    fn tell_forgiven(&self, response: &Response, by: Naming) {
        let leniency = match by {
            Naming::Exact => Leniency::UnswappedResponses,
            Naming::Loose => Leniency::ResponseNames,
        };
        self.tolerate(format!(
            "{} of {}: {leniency} ({})",
            kind(response),
            response.key(),
            leniency.name()
        ));
    }

    /// RTR: our receipt is the peer's now.
    pub(super) async fn response_taken(&mut self) -> Result<(), Trouble> {
        let Some(id) = self.answering else {
            return Ok(());
        };
        self.station.ledger.response_taken(id).await?;
        self.answering = None;
        self.tell(Happening::ReceiptGiven {
            session: self.talk(),
            transfer: id,
        });
        Ok(())
    }

    /// The agreed level has no such response (RFC 2204 knows no NERP): its partner cannot be told, now or later.
    pub(super) async fn response_not_sent(&mut self, why: &str) -> Result<(), Trouble> {
        let Some(id) = self.answering else {
            return Ok(());
        };
        let why =
            format!("its receipt is closed and was not given, tell the partner another way: {why}");
        self.station.ledger.response_closed(id, &why).await?;
        self.answering = None;
        self.tell(Happening::ReceiptNotSent {
            session: self.talk(),
            transfer: id,
            reason: why,
        });
        Ok(())
    }
}

fn kind(response: &Response) -> &'static str {
    match response {
        Response::Positive(_) => "EERP",
        Response::Negative(_) => "NERP",
    }
}

/// The same receipt for the file whose originator and destination are the other way round.
pub(super) fn swapped(response: &Response) -> Response {
    let mut swapped = response.clone();
    match &mut swapped {
        Response::Positive(eerp) => eerp.key = eerp.key.swapped(),
        Response::Negative(nerp) => nerp.key = nerp.key.swapped(),
    }
    swapped
}

/// What a receipt is worth: the problem with it, and what to say of it.
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
