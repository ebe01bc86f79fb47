//! Tasks that run as long as the server does. One that ends unexpectedly is logged and started again after a while; one
//! that cannot be kept running ends the server.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::events::{Event, Events};
use crate::station::drain::Drain;

/// A task, as `pointsman status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskNow {
    /// What it does.
    pub task: String,
    /// Whether it runs; if not, it is about to be started again.
    pub runs: bool,
    /// How often it has ended unexpectedly since the server's start.
    pub ended: u64,
    /// Why it ended unexpectedly the last time, and when.
    pub last: Option<(String, SystemTime)>,
}

/// How a task that ended is started again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The wait before it is started again the first time; each further wait is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
    /// A task that ran for so long is taken to work: its failures are counted from 0 again.
    pub settled: Duration,
    /// After this many ends in a row the server ends.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(60),
            settled: Duration::from_secs(60),
            tries: 8,
        }
    }
}

/// The tasks of a server.
#[derive(Debug)]
pub struct Tasks {
    shown: Mutex<BTreeMap<String, TaskNow>>,
    broken: watch::Sender<Option<String>>,
    patience: Patience,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self {
            shown: Mutex::default(),
            broken: watch::channel(None).0,
            patience,
        }
    }

    /// All of them, by name.
    pub fn now(&self) -> Vec<TaskNow> {
        self.shown().values().cloned().collect()
    }

    /// Returns when a task cannot be kept running, with the reason.
    pub async fn broken(&self) -> String {
        let mut broken = self.broken.subscribe();
        match broken.wait_for(Option::is_some).await {
            Ok(told) => told.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Runs a task until the drain begins, and starts it again whenever it ends before. With the drain the task ends by
    /// itself.
    pub async fn keep<W>(
        &self,
        task: &str,
        events: &Events,
        drain: watch::Receiver<Drain>,
        mut work: impl FnMut() -> W,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        let mut failures = 0;
        loop {
            self.note(task, |now| now.runs = true);
            let began = Instant::now();
            // On a task of its own, so that a panic is its own.
            let ended = AbortOnDropHandle::new(tokio::spawn(work())).await;
            if *drain.borrow() != Drain::No {
                return;
            }
            let reason = match ended {
                Ok(()) => "it ended by itself".to_owned(),
                Err(lost) => lost.to_string(),
            };
            failures = match began.elapsed() < self.patience.settled {
                true => failures + 1,
                false => 1,
            };
            let again = self.wait(failures);
            events.emit(Event::TaskEnded {
                task: task.to_owned(),
                failures,
                again,
                reason: reason.clone(),
            });
            self.note(task, |now| {
                now.runs = false;
                now.ended += 1;
                now.last = Some((reason.clone(), SystemTime::now()));
            });
            if failures >= self.patience.tries {
                let told = format!("the task `{task}` cannot be got to run: {reason}");
                self.give_up(told);
                return;
            }
            let mut drain = drain.clone();
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                _ = drain.wait_for(|drain| *drain != Drain::No) => return,
            }
        }
    }

    pub(crate) fn give_up(&self, told: String) {
        self.broken.send_replace(Some(told));
    }

    fn wait(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.patience
            .first
            .saturating_mul(doubled)
            .min(self.patience.most)
    }

    /// Removes a task that is not to run any more.
    pub(crate) fn forget(&self, task: &str) {
        self.shown().remove(task);
    }

    fn note(&self, task: &str, change: impl FnOnce(&mut TaskNow)) {
        let mut shown = self.shown();
        change(shown.entry(task.to_owned()).or_insert_with(|| TaskNow {
            task: task.to_owned(),
            runs: true,
            ended: 0,
            last: None,
        }));
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<String, TaskNow>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const QUICK: Patience = Patience {
        first: Duration::from_millis(1),
        most: Duration::from_millis(4),
        settled: Duration::from_secs(60),
        tries: 4,
    };

    fn panics(
        times: u32,
    ) -> (
        Arc<AtomicU32>,
        impl FnMut() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    ) {
        let started = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&started);
        let work = move || -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                assert!(number >= times, "a mistake");
                std::future::pending().await
            })
        };
        (started, work)
    }

    #[tokio::test]
    async fn a_task_that_panics_is_told_of_and_started_again() {
        let (tasks, events) = (Arc::new(Tasks::new(QUICK)), Events::default());
        let mut told = events.own();
        let (drain, draining) = watch::channel(Drain::No);
        let (started, work) = panics(2);
        let kept = {
            let tasks = Arc::clone(&tasks);
            tokio::spawn(async move { tasks.keep("watching", &events, draining, work).await })
        };
        for failures in 1..=2 {
            match told.recv().await.unwrap() {
                Event::TaskEnded {
                    failures: n,
                    reason,
                    ..
                } => {
                    assert_eq!(n, failures);
                    assert!(reason.contains("a mistake"), "{reason}");
                }
                other => panic!("{other}"),
            }
        }
        while started.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
        let now = tasks.now().remove(0);
        assert!(now.runs);
        assert_eq!((now.task.as_str(), now.ended), ("watching", 2));
        drain.send_replace(Drain::AtNextTurn);
        kept.abort();
    }

    #[tokio::test]
    async fn a_task_that_cannot_be_got_to_run_ends_the_server() {
        let (tasks, events) = (Tasks::new(QUICK), Events::default());
        let (_drain, draining) = watch::channel(Drain::No);
        let (started, work) = panics(u32::MAX);
        tasks.keep("watching", &events, draining, work).await;
        assert_eq!(started.load(Ordering::SeqCst), QUICK.tries);
        let told = tasks.broken().await;
        assert!(
            told.contains("watching") && told.contains("a mistake"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_task_that_ends_with_the_drain_is_no_trouble() {
        let (tasks, events) = (Tasks::new(QUICK), Events::default());
        let (drain, draining) = watch::channel(Drain::No);
        drain.send_replace(Drain::AtNextTurn);
        tasks.keep("watching", &events, draining, || async {}).await;
        assert_eq!(tasks.now().remove(0).ended, 0);
    }
}
