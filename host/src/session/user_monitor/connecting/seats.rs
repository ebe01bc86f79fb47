//! The seats that a session takes: at its listener until the caller is identified, among its partner's sessions from then
//! on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::station::seats::{CallerSeat, Seat};

/// The text of the ESID to a caller whose seat others want.
pub(crate) const CROWDED: &str = "too many callers at the moment, call again";

/// A session's seat at its listener, and its seat among those of its partner.
#[derive(Debug, Default)]
pub(crate) struct SessionSeats {
    pub(super) caller: Option<CallerSeat>,
    pub(super) seat: Option<Seat>,
}

/// Others want the caller's seat.
pub(super) struct Crowded;

impl SessionSeats {
    /// The seat of a caller at its listener.
    pub fn of_caller(caller: CallerSeat) -> Self {
        Self {
            caller: Some(caller),
            seat: None,
        }
    }

    /// Whether it is a caller that has not identified itself.
    pub fn is_of_stranger(&self) -> bool {
        self.caller.is_some()
    }

    /// Notified when others want the caller's seat.
    pub fn seat_lost(&self) -> Arc<Notify> {
        let seat_lost = self.caller.as_ref().map(CallerSeat::seat_lost);
        seat_lost.unwrap_or_default()
    }

    /// Waits, unless others want the caller's seat meanwhile.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Crowded> {
        if wait.is_zero() {
            return Ok(());
        }
        let seat_lost = self.seat_lost();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = seat_lost.notified() => Err(Crowded),
        }
    }
}
