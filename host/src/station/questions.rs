//! Files that a session has brought and that a command is to take: the task that runs the command is woken, and the
//! session is notified of the answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_store::TransferId;
use tokio::sync::Notify;
use tokio::sync::watch::{self, Receiver, Sender};

/// The questions that somebody waits for.
#[derive(Debug, Default)]
pub struct Questions {
    due: Notify,
    /// Whether this program runs the command: `pointsman send` leaves that to the server.
    is_asking: AtomicBool,
    waited_for: Mutex<HashMap<TransferId, Sender<()>>>,
}

/// A question whose answer a session awaits, until this is dropped.
#[derive(Debug)]
pub struct Awaited {
    questions: Arc<Questions>,
    id: TransferId,
    answer: Receiver<()>,
}

impl Questions {
    /// From now on this process asks.
    pub fn begin(&self) {
        self.is_asking.store(true, Ordering::Relaxed);
    }

    /// This program stops running the command: sessions do not await answers any more.
    pub fn end(&self) {
        self.is_asking.store(false, Ordering::Relaxed);
        self.all().clear();
    }

    /// Waits until a question may be due.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// A question may be due.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Registers that the answer for this transfer is awaited; none where this program does not run the command.
    pub fn expect(self: &Arc<Self>, id: TransferId) -> Option<Awaited> {
        let (sender, answer) = watch::channel(());
        let mut all = self.all();
        // Looked at under the lock: who ends it has not passed.
        if !self.is_asking.load(Ordering::Relaxed) {
            return None;
        }
        all.insert(id, sender);
        Some(Awaited {
            questions: Arc::clone(self),
            id,
            answer,
        })
    }

    /// Notes that the answer for this transfer is in the ledger.
    pub fn answered(&self, id: TransferId) {
        self.all().remove(&id);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<TransferId, Sender<()>>> {
        self.waited_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited {
    /// Whether the question has been answered.
    pub fn is_answered(&self) -> bool {
        self.answer.has_changed().is_err()
    }

    /// Waits until the question has been answered.
    pub async fn answer(&mut self) {
        // Nothing is ever sent: the answer is the sender's end.
        while self.answer.changed().await.is_ok() {}
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.questions.answered(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_when_its_answer_is_written_down_or_nobody_asks_any_more() {
        let questions = Arc::new(Questions::default());
        questions.begin();
        let [one, other] = [(); 2].map(|()| {
            let id = TransferId::new();
            (id, questions.expect(id).unwrap())
        });
        questions.answered(one.0);
        assert!(one.1.is_answered() && !other.1.is_answered());
        questions.end();
        assert!(other.1.is_answered());
    }
}
