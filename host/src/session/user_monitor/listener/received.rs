//! The files that a session has received and is not done with: one EFPA may be unconfirmed, deliveries are under way, and
//! our next turn waits a little for the receipts that come of them.

use std::sync::Arc;

use oftp::Event;
use pointsman_store::{Hold, Ledger, LedgerError, Repeated, TransferId, Undelivered, Verdict};
use tokio::task::JoinHandle;

use crate::inbound::{delivery, opening, rejected};
use crate::session::user_monitor::context::SessionContext;
use crate::station::Station;
use crate::station::questions::Awaited;

/// Deliveries of one session that may be under way. More are left to the server.
const MOST: usize = 64;

/// Commands of one session whose receipts our next turn waits for.
const HAND_OVERS: usize = 64;

/// What a session has received and is not done with.
#[derive(Debug, Default)]
pub(crate) struct ReceivedFiles {
    /// A file whose EFPA the partner is not known to have yet.
    unconfirmed: Option<TransferId>,
    deliveries: DeliveryTasks,
    /// Secured files that are opened, and delivered then.
    openings: DeliveryTasks,
    /// Files that a command takes before they are receipted.
    hand_overs: Vec<Awaited>,
}

impl ReceivedFiles {
    /// EFPA is handed to the engine. Where files are compared with those that are here (`received_again`), the partner's
    /// next command shows that EFPA has arrived.
    pub(super) fn promised(&mut self, context: &SessionContext, id: TransferId) {
        self.unconfirmed = (context.repeated() != Repeated::Refused).then_some(id);
    }

    /// Any command of the partner after our EFPA confirms it; the end of a session does only where it is normal.
    pub async fn confirmed_by(
        &mut self,
        event: &Event,
        ledger: &dyn Ledger,
    ) -> Result<(), LedgerError> {
        let says_so = match event {
            Event::Ended(end) => end.is_normal(),
            Event::FileOffered(..) | Event::ResponseOffered(..) | Event::YourTurn(_) => true,
            _ => false,
        };
        match self.unconfirmed.take_if(|_| says_so) {
            Some(id) => ledger.confirmed(id).await,
            None => Ok(()),
        }
    }

    /// EFPA is handed to the engine: the file is delivered, or forgotten where it is rejected and not to be kept (`removal`).
    /// Nothing is awaited, since EFPA has yet to leave. From here on nothing depends on this session: after a crash the
    /// next start does it.
    pub(super) fn follow_up(
        &mut self,
        context: &SessionContext,
        file: Undelivered,
        verdict: &Verdict,
        removal: Option<&'static str>,
        hold: Hold,
    ) {
        let station = Arc::clone(&context.station);
        match verdict {
            Verdict::Negative(_) => self.forget(station, file, removal, hold),
            // The server takes it up beside the sessions.
            _ if self.deliveries.is_full() => {}
            verdict => {
                if matches!(verdict, Verdict::HandOver(_)) {
                    self.await_command(station.questions.expect(file.id));
                }
                let delivery = delivery::start(station, file, Some(hold));
                self.deliveries.push(delivery);
            }
        }
    }

    fn forget(
        &mut self,
        station: Arc<Station>,
        file: Undelivered,
        removal: Option<&'static str>,
        hold: Hold,
    ) {
        self.deliveries.push(tokio::spawn(async move {
            rejected::forget(&station, &file.partner, file.id, removal).await;
            drop(hold);
        }));
    }

    /// Files that come faster than they can be delivered wait before they are taken, until one of those before is delivered.
    pub async fn wait_for_a_place(&mut self, context: &SessionContext) {
        let patience = context.plan.limits.receipt_wait;
        let _ = tokio::time::timeout(patience, self.deliveries.place()).await;
    }

    /// Has a secured file opened and delivered. Where very many wait, our turn does not wait for this one.
    pub(super) fn open(&mut self, context: &SessionContext, id: TransferId, hold: Hold) {
        let station = &context.station;
        // Before it is opened: the answer may come at once.
        let has_command = context.delivery().command.is_some();
        let awaited = has_command.then(|| station.questions.expect(id)).flatten();
        if let Some(opening) = opening::start(station, id, context.partner(), hold) {
            self.openings.push(opening);
            self.await_command(awaited);
        }
    }

    fn await_command(&mut self, awaited: Option<Awaited>) {
        self.hand_overs.retain(|one| !one.is_answered());
        if self.hand_overs.len() >= HAND_OVERS {
            self.hand_overs.remove(0);
        }
        self.hand_overs.extend(awaited);
    }

    /// The receipts of what this session brought go with our turn, if the deliveries are quick enough.
    pub async fn wait_for_receipts(&mut self, context: &SessionContext) {
        let patience = context.plan.limits.receipt_wait;
        let all = async {
            self.openings.done().await;
            self.deliveries.done().await;
            while let Some(hand_over) = self.hand_overs.last_mut() {
                hand_over.answer().await;
                self.hand_overs.pop();
            }
        };
        // Past the limit the receipts wait for the next turn, or the next session.
        let _ = tokio::time::timeout(patience, all).await;
        // A slow command, and a folder that does not answer, are waited for once, not at every turn.
        self.hand_overs.clear();
        self.deliveries.pass_by();
        self.openings.forget();
    }
}

/// The deliveries that a session has begun.
#[derive(Debug, Default)]
struct DeliveryTasks {
    /// Those that were waited for in vain, the oldest first.
    slow: Vec<JoinHandle<()>>,
    /// Those that our next turn waits for, the oldest first.
    quick: Vec<JoinHandle<()>>,
}

impl DeliveryTasks {
    fn push(&mut self, delivery: JoinHandle<()>) {
        self.quick.retain(|delivery| !delivery.is_finished());
        self.quick.push(delivery);
    }

    /// What is delivered is forgotten. Whether so many are under way that no more are to be.
    fn is_full(&mut self) -> bool {
        for under_way in [&mut self.slow, &mut self.quick] {
            under_way.retain(|delivery| !delivery.is_finished());
        }
        self.slow.len() + self.quick.len() >= MOST
    }

    /// Until they are fewer: the oldest is waited for. May be dropped at any time.
    async fn place(&mut self) {
        while self.is_full() {
            let oldest = self.slow.first_mut().or(self.quick.first_mut());
            if let Some(oldest) = oldest {
                let _ = oldest.await;
            }
        }
    }

    /// Until all of them are done. To be dropped when it takes too long: then [`DeliveryTasks::pass_by`].
    async fn done(&mut self) {
        while let Some(delivery) = self.quick.last_mut() {
            // A delivery that was lost is taken up again by the server; its receipt comes later.
            let _ = delivery.await;
            self.quick.pop();
        }
    }

    /// No turn waits for those that are not done by now.
    fn forget(&mut self) {
        self.quick.clear();
    }

    /// Those that are not done by now are slow, and no turn waits for them any more: a folder that does not answer holds
    /// a session up once, not at each of its turns.
    fn pass_by(&mut self) {
        self.slow.append(&mut self.quick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const HANGS: Duration = Duration::from_millis(300);

    async fn waited(deliveries: &mut DeliveryTasks) -> Duration {
        let began = Instant::now();
        let _ = tokio::time::timeout(HANGS, deliveries.done()).await;
        deliveries.pass_by();
        began.elapsed()
    }

    #[tokio::test]
    async fn a_delivery_that_hangs_is_waited_for_once_and_those_after_it_all_the_same() {
        let mut deliveries = DeliveryTasks::default();
        deliveries.push(tokio::spawn(std::future::pending()));
        assert!(waited(&mut deliveries).await >= HANGS);
        assert!(waited(&mut deliveries).await < HANGS, "each turn waits");
        let (done, is_done) = tokio::sync::oneshot::channel();
        deliveries.push(tokio::spawn(async move {
            let _ = done.send(());
        }));
        deliveries.done().await;
        assert_eq!(is_done.await, Ok(()), "a new one is waited for");
    }

    #[tokio::test]
    async fn those_that_hang_count_among_those_under_way() {
        let mut deliveries = DeliveryTasks::default();
        for _ in 0..MOST {
            deliveries.push(tokio::spawn(std::future::pending()));
        }
        deliveries.pass_by();
        let one_more = tokio::time::timeout(HANGS, deliveries.place());
        assert!(one_more.await.is_err(), "one more would be too many");
    }
}
