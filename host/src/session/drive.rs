//! One session: octets and time into the engine, the engine's octets and questions out.
//!
//! It reads while it writes, so an ESID is noticed while a file is sent. While an answer is awaited it does neither, and
//! notices no time-out. The engine is never
//! asked from two places: this loop owns it, and the [`UserMonitor`] answers within the loop.
//!
//! A session that waits is to be small: the buffer that is read into belongs to the thread, what is written is gone when
//! it is written, and the work of an answer is on the heap only as long as it takes.

use std::sync::Arc;

use oftp::{End, Session, SessionReason};
use pointsman_store::in_session;
use tokio::sync::{Notify, watch};

use super::clock::Clock;
use super::ending::Ending;
use super::in_flight::InFlight;
use super::user_monitor::{CROWDED, UserMonitor};
use super::wire_io::{Connection, HURRY, Moved, Output, PATIENCE, exchange, say_goodbye};
use crate::station::drain::Drain;

/// Octets that are read and written before other sessions get the thread.
const BUDGET: usize = 256 * 1024;

/// What one pass of the loop takes of the budget, in addition to its octets.
const PASS: usize = 1024;

/// Drives `session` over `wire` until it ends or the server closes down. Lines of the ledger's timelines that are written
/// meanwhile have this session's id.
///
/// The session's state is on the heap once: a future that is passed on by value adds its size to each future that had it.
pub fn drive(
    wire: impl Connection,
    session: Session,
    monitor: Box<UserMonitor>,
    clock: Clock,
    drain: watch::Receiver<Drain>,
) -> impl Future<Output = Ending> {
    let (id, generation) = monitor.session();
    let id = id.to_owned();
    let (seat_lost, overtaken) = monitor.dismissals();
    let mut running = Running {
        wire,
        session,
        monitor,
        clock,
        drain,
        seat_lost,
        overtaken,
        output: Output::default(),
        in_flight: InFlight::new(&clock),
        lost: None,
        is_dismissed: false,
    };
    let work = Box::pin(async move {
        let end = running.run().await;
        // On the heap: the rest of the session is passed on by value.
        Box::pin(running.end(end)).await
    });
    async move { in_session(&id, generation, work).await }
}

/// A session that runs.
struct Running<W> {
    wire: W,
    session: Session,
    monitor: Box<UserMonitor>,
    clock: Clock,
    drain: watch::Receiver<Drain>,
    /// Notified when others want the place of a caller.
    seat_lost: Arc<Notify>,
    /// Notified when the partner sends the file that stands still here over a new session.
    overtaken: Arc<Notify>,
    output: Output,
    in_flight: InFlight,
    /// The error of the wire, when it went away.
    lost: Option<std::io::Error>,
    /// Others want what this session has: its end is not to take long.
    is_dismissed: bool,
}

impl<W: Connection> Running<W> {
    /// Until the engine reports the end.
    async fn run(&mut self) -> End {
        let mut used = 0;
        loop {
            if let Some(end) = self.answer().await {
                return end;
            }
            self.session.set_time(self.clock.now());
            self.output.refill(&mut self.session);
            let moved = self.wait().await;
            self.in_flight.wrote(moved.written);
            used += moved.read + moved.written + PASS;
            self.lost = moved.lost.or(self.lost.take());
            if used >= BUDGET {
                used = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Answers what the engine asks, and feeds it the file that is being sent, until it has to wait for the wire.
    async fn answer(&mut self) -> Option<End> {
        let Self {
            session,
            monitor,
            clock,
            ..
        } = self;
        loop {
            while let Some(event) = session.poll_event() {
                // On the heap, so that a session that waits does not keep room for all that an answer may need.
                let end = Box::pin(monitor.answer(event, session)).await;
                session.set_time(clock.now());
                if end.is_some() {
                    return end;
                }
            }
            if !monitor.is_feeding() || !Box::pin(monitor.feed(session)).await {
                return None;
            }
            session.set_time(clock.now());
        }
    }

    /// Waits for the wire, for the engine's time, and for whatever ends the session from outside.
    async fn wait(&mut self) -> Moved {
        let deadline = self.in_flight.deadline(self.session.poll_timeout());
        tokio::select! {
            moved = exchange(&mut self.wire, &mut self.session, &mut self.output, &self.clock) => return moved,
            () = self.clock.until(deadline) => self.timed_out(),
            () = self.seat_lost.notified(), if self.monitor.is_stranger() => {
                self.dismiss(SessionReason::Resources, CROWDED);
            }
            () = self.overtaken.notified() => self.overtaken(),
            Ok(()) = self.drain.changed() => self.drains(),
        }
        Moved::default()
    }

    fn timed_out(&mut self) {
        let Self {
            session,
            in_flight,
            clock,
            ..
        } = self;
        in_flight.look(self.wire.socket(), session, clock);
        if in_flight.is_due(session.poll_timeout(), clock.now()) {
            session.handle_timeout(clock.now());
        }
    }

    fn overtaken(&mut self) {
        if self.monitor.is_overtaken() {
            let text = "the file that stood still comes over a new session";
            self.dismiss(SessionReason::TimeOut, text);
        }
    }

    fn dismiss(&mut self, reason: SessionReason, text: &str) {
        self.is_dismissed = true;
        self.session.set_time(self.clock.now());
        self.session.abort(reason, text);
    }

    fn drains(&mut self) {
        match *self.drain.borrow_and_update() {
            Drain::No => {}
            Drain::AtNextTurn => self.monitor.drain(),
            Drain::Now => {
                let text = "the server closes down";
                self.session.abort(SessionReason::LocalEmergency, text);
            }
        }
    }

    /// The partner gets our last command while leases are released: what the session had is free for others at once. Its
    /// place is not, as long as the connection is here.
    async fn end(self, end: End) -> Ending {
        let Self {
            mut wire,
            mut session,
            mut monitor,
            mut output,
            clock,
            ..
        } = self;
        let ending = Ending::new(end, self.lost.as_ref(), monitor.side());
        let patience = if self.is_dismissed { HURRY } else { PATIENCE };
        let _seats = monitor.seats();
        let goodbye = async {
            say_goodbye(&mut wire, &mut session, &mut output, patience).await;
            session.disconnected(clock.now());
        };
        tokio::join!(goodbye, Box::pin(monitor.ended(&ending)));
        ending
    }
}
