//! The places that a session takes: at its listener until the caller is identified, among its partner's sessions from then
//! on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::station::seats::{CallerSeat, Seat};

/// The text of the ESID to a caller whose place others want.
pub(crate) const CROWDED: &str = "too many callers at the moment, call again";

/// A session's place at its listener, and its place among those of its partner.
#[derive(Debug, Default)]
pub(crate) struct SessionPlaces {
    pub(super) caller: Option<CallerSeat>,
    pub(super) seat: Option<Seat>,
}

/// Others want the caller's place.
pub(super) struct Crowded;

impl SessionPlaces {
    /// The place of a caller at its listener.
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

    /// Notified when others want the caller's place.
    pub fn place_lost(&self) -> Arc<Notify> {
        let place_lost = self.caller.as_ref().map(CallerSeat::place_lost);
        place_lost.unwrap_or_default()
    }

    /// Waits, unless others want the caller's place meanwhile.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Crowded> {
        if wait.is_zero() {
            return Ok(());
        }
        let place_lost = self.place_lost();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = place_lost.notified() => Err(Crowded),
        }
    }
}
