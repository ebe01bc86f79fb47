//! The deliveries of one session: their receipts belong in its next turn, if they are quick enough.

use tokio::task::JoinHandle;

/// Deliveries of one session that may be under way.
const MOST: usize = 64;

/// The deliveries that a session has begun.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// Those that were waited for in vain, the oldest first.
    slow: Vec<JoinHandle<()>>,
    /// Those that our next turn waits for, the oldest first.
    quick: Vec<JoinHandle<()>>,
}

impl Deliveries {
    pub fn push(&mut self, delivery: JoinHandle<()>) {
        self.quick.push(delivery);
    }

    /// What is delivered is forgotten. So many run at once, and of more the oldest is waited for.
    pub async fn make_way(&mut self) {
        for under_way in [&mut self.slow, &mut self.quick] {
            under_way.retain(|delivery| !delivery.is_finished());
        }
        while self.slow.len() + self.quick.len() >= MOST {
            let oldest = match self.slow.is_empty() {
                true => self.quick.remove(0),
                false => self.slow.remove(0),
            };
            let _ = oldest.await;
        }
    }

    /// Until all of them are done. To be dropped when it takes too long: then [`Deliveries::pass_by`].
    pub async fn done(&mut self) {
        while let Some(delivery) = self.quick.last_mut() {
            // A delivery that was lost is taken up again by the server; its receipt comes later.
            let _ = delivery.await;
            self.quick.pop();
        }
    }

    /// Those that are not done by now are slow, and no turn waits for them any more: a folder that does not answer holds
    /// a session up once, not at each of its turns.
    pub fn pass_by(&mut self) {
        self.slow.append(&mut self.quick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const HANGS: Duration = Duration::from_millis(300);

    async fn waited(deliveries: &mut Deliveries) -> Duration {
        let began = Instant::now();
        let _ = tokio::time::timeout(HANGS, deliveries.done()).await;
        deliveries.pass_by();
        began.elapsed()
    }

    #[tokio::test]
    async fn a_delivery_that_hangs_is_waited_for_once_and_those_after_it_all_the_same() {
        let mut deliveries = Deliveries::default();
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
        let mut deliveries = Deliveries::default();
        for _ in 0..MOST {
            deliveries.push(tokio::spawn(std::future::pending()));
        }
        deliveries.pass_by();
        let makes_way = tokio::time::timeout(HANGS, deliveries.make_way());
        assert!(makes_way.await.is_err(), "one more would be too many");
    }
}
