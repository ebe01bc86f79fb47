//! Starts what runs as long as the server does, each supervised alone; what belongs to an entry of the plan comes and goes
//! with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_kernel as kernel;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::inspect;
use crate::events::Event;
use crate::inbound::{delivery, opening, receipts};
use crate::outbound::{calls, watch};
use crate::session::listen::Acceptor;
use crate::station::Station;
use crate::station::contact_keeper;
use crate::station::drain::Drain;

/// How often component files are looked at. A poll sees what inotify does not: network file systems, and
/// folders that are links swapped as a whole.
const POLICY_POLL: Duration = Duration::from_secs(1);

/// How often memory is given back to the operating system, if sessions have ended meanwhile.
const GIVE_BACK: Duration = Duration::from_secs(20);

/// Starts what runs as long as the server does.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) station: Arc<Station>,
    pub(super) tasks: TaskTracker,
    pub(super) draining: Receiver<Drain>,
}

impl Keeper {
    /// Everything but listeners and the control socket.
    pub(super) fn keep_all(&self, sessions: &TaskTracker) {
        self.keep_until("delivering", delivery::keep_delivering);
        self.keep_until("opening", opening::keep_opening);
        let (sessions, draining) = (sessions.clone(), self.draining.clone());
        self.keep("calling", move |station| {
            calls::keep_calling(station, sessions.clone(), draining.clone())
        });
        self.keep_until("looking for overdue receipts", calls::keep_deadlines);
        self.keep_until("giving memory back", |_| keep_small());
        self.keep_until("remembering contacts", contact_keeper::keep_contacts);
        let draining = self.draining.clone();
        self.keep("asking for receipts", move |station| {
            receipts::keep_asking(station, draining.clone())
        });
        self.keep_until("looking at certificates", inspect::keep_inspecting);
        let keeper = self.clone();
        self.tasks.spawn(keeper.follow_plan());
    }

    /// Accepts callers until the listener is closed, or the drain begins.
    pub(super) fn accept(
        &self,
        acceptor: Arc<Acceptor>,
        sessions: &TaskTracker,
        close: &Sender<Drain>,
    ) {
        let (task, sessions) = (
            format!("listening on {}", acceptor.address()),
            sessions.clone(),
        );
        let (draining, closing) = (self.draining.clone(), close.subscribe());
        self.keep_while(&task, close.subscribe(), None, move |station| {
            let (acceptor, sessions) = (Arc::clone(&acceptor), sessions.clone());
            acceptor.accept_calls(station, sessions, draining.clone(), closing.clone())
        });
    }

    /// What ends without being told when the drain begins.
    pub(super) fn keep<W>(&self, task: &str, work: impl FnMut(Arc<Station>) -> W + Send + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.keep_while(task, self.draining.clone(), None, work);
    }

    /// Whether it would continue for ever.
    pub(super) fn keep_until<W>(
        &self,
        task: &str,
        mut work: impl FnMut(Arc<Station>) -> W + Send + 'static,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        let draining = self.draining.clone();
        self.keep(task, move |station| until(draining.clone(), work(station)));
    }

    /// What ends without being told when `ending` says so, and begins when `before` has ended.
    fn keep_while<W>(
        &self,
        task: &str,
        ending: Receiver<Drain>,
        before: Option<JoinHandle<()>>,
        mut work: impl FnMut(Arc<Station>) -> W + Send + 'static,
    ) -> JoinHandle<()>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (task, station) = (task.to_owned(), Arc::clone(&self.station));
        self.tasks.spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let (tasks, events) = (&station.tasks, &station.events);
            let work = || work(Arc::clone(&station));
            tasks.keep(&task, events, ending, work).await;
            tasks.forget(&task);
        })
    }

    /// Says when something ends: when it is told so, or when the drain begins.
    pub(super) fn ending(&self) -> Sender<Drain> {
        let (end, mut ended) = channel(Drain::No);
        let (forward, mut draining) = (end.clone(), self.draining.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = draining.wait_for(|drain| *drain != Drain::No) => {
                    forward.send_replace(Drain::AtNextTurn);
                }
                _ = ended.wait_for(|drain| *drain != Drain::No) => {}
            }
        });
        end
    }

    /// One task for each watched folder and each policy of the plan in force, until the drain.
    async fn follow_plan(self) {
        let kernel = Arc::new(watch::KernelEvents::default());
        let (mut plans, mut draining) = (self.station.plans(), self.draining.clone());
        let (mut folders, mut policies) = (Followers::default(), Followers::default());
        loop {
            let plan = Arc::clone(&plans.borrow_and_update());
            let watched = watch::folders(&plan).into_iter();
            let watched = watched.map(|folder| (folder.task(), folder));
            self.follow(&mut folders, watched.collect(), |folder, end| {
                let (folder, kernel, ending) =
                    (folder.clone(), Arc::clone(&kernel), end.subscribe());
                move |station| {
                    let (folder, kernel) = (folder.clone(), Arc::clone(&kernel));
                    watch::keep_watching(station, folder, kernel, ending.clone())
                }
            });
            let names = plan.policies.iter().map(|policy| policy.name.clone());
            let names = names.map(|name| (format!("watching the policy {name}"), name));
            self.follow(&mut policies, names.collect(), |name, end| {
                let (name, ending) = (name.clone(), end.subscribe());
                move |station| until(ending.clone(), watch_policy(station, name.clone()))
            });
            drop(plan);
            tokio::select! {
                changed = plans.changed() => if changed.is_err() { return },
                _ = draining.wait_for(|drain| *drain != Drain::No) => return,
            }
        }
    }

    /// Ends the tasks of entries that are gone, starts those of new ones, and starts those of changed ones again.
    fn follow<T, W, F>(
        &self,
        running: &mut Followers<T>,
        wanted: BTreeMap<String, T>,
        work: impl Fn(&T, &Sender<Drain>) -> F,
    ) where
        T: PartialEq,
        W: Future<Output = ()> + Send + 'static,
        F: FnMut(Arc<Station>) -> W + Send + 'static,
    {
        let mut before = std::mem::take(running);
        for (task, of) in wanted {
            let known = before.remove(&task);
            let known = match known {
                Some(same) if same.of == of => {
                    running.insert(task, same);
                    continue;
                }
                known => known,
            };
            let end = self.ending();
            let work = work(&of, &end);
            let known = known.map(Follower::end);
            let handle = self.keep_while(&task, end.subscribe(), known, work);
            running.insert(task, Follower { of, end, handle });
        }
        before.into_values().for_each(|gone| drop(gone.end()));
    }
}

/// Tasks of entries of the plan, by their names.
type Followers<T> = BTreeMap<String, Follower<T>>;

/// A task of an entry of the plan.
struct Follower<T> {
    of: T,
    end: Sender<Drain>,
    handle: JoinHandle<()>,
}

impl<T> Follower<T> {
    /// It ends as soon as it can; the handle says when it has.
    fn end(self) -> JoinHandle<()> {
        self.end.send_replace(Drain::AtNextTurn);
        self.handle
    }
}

/// Each policy's file in a task of its own: one that takes long to compile keeps no other waiting.
async fn watch_policy(station: Arc<Station>, name: String) {
    loop {
        tokio::time::sleep(POLICY_POLL).await;
        let Some(outcome) = station.policies.reload(&name).await else {
            continue;
        };
        station.events.emit(match outcome {
            Ok(swapped) => Event::PolicySwapped {
                policy: swapped.policy,
                generation: swapped.generation,
                digest: swapped.digest,
            },
            Err(error) => Event::PolicyRefused {
                policy: name.clone(),
                reason: error.to_string(),
            },
        });
    }
}

/// What sessions had is free when they are gone; the allocator keeps it until it is told to give it back.
async fn keep_small() {
    let mut ended = kernel::sessions_ended();
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        if kernel::sessions_ended() != ended {
            ended = kernel::sessions_ended();
            let _ = tokio::task::spawn_blocking(kernel::give_memory_back).await;
        }
    }
}

async fn until(mut drain: Receiver<Drain>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = drain.wait_for(|drain| *drain != Drain::No) => {}
    }
}
