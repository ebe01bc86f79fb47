//! The server: everything that runs beside the sessions, and the order of start and end.

mod control;
mod inspect;
mod recovery;
pub(crate) mod signals;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pointsman_store::is_full;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use self::control::ControlSocket;
use self::recovery::recover;
use crate::config::Plan;
use crate::events::{Event, tell};
use crate::inbound::delivery;
use crate::inbound::receipts;
use crate::operator::conditions::{Obstacle, obstacles};
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::lock::{LockError, StorageLock};
use crate::outbound::calls;
use crate::outbound::watch;
use crate::session::listen::{Acceptor, ListenError};
use crate::station::contacts;
use crate::station::drain::Drain;
use crate::station::error::StartError;
use crate::station::{Inbox, Station};
use crate::system::kernel;

/// How often component files are looked at. A poll sees what inotify does not: network file systems, and
/// folders that are links swapped as a whole.
const POLICY_POLL: Duration = Duration::from_secs(1);

/// How often memory is given back to the operating system, if sessions have ended meanwhile.
const GIVE_BACK: Duration = Duration::from_secs(20);

/// How long sessions may take to end once they must.
const FAREWELL: Duration = Duration::from_secs(6);

/// How long the orderly end of a server of this configuration takes at most: sessions, calls and commands, and deliveries
/// one after the other, and what is between them.
#[must_use]
pub fn patience(config: &Plan) -> Duration {
    config.limits.drain * 3 + FAREWELL + Duration::from_secs(10)
}

/// A server that runs.
pub struct Server {
    station: Arc<Station>,
    addresses: Vec<(SocketAddr, bool)>,
    drain: Sender<Drain>,
    sessions: TaskTracker,
    tasks: TaskTracker,
    control: JoinHandle<()>,
    /// Kept to the very end: no other server may begin on this storage before.
    _lock: StorageLock,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What sessions need.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The control socket, or another server on the same storage.
    #[error(transparent)]
    Control(#[from] LockError),
    /// What must hold for a start does not.
    #[error("{}", told(.0))]
    NotReady(Vec<Obstacle>),
}

impl From<ServeError> for OperatorError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Start(error) => error.into(),
            ServeError::Control(error) => error.into(),
            error => ErrorCode::NotReady.because(error),
        }
    }
}

fn told(obstacles: &[Obstacle]) -> String {
    let lines = obstacles
        .iter()
        .map(|obstacle| format!("error: {obstacle}"));
    let lines: Vec<String> = lines.collect();
    lines.join("\n")
}

impl ServeError {
    /// There is no room on a disk: with some, the start will do.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Start(error) => error.is_full(),
            Self::Control(LockError::Io { source, .. }) => is_full(source),
            _ => false,
        }
    }
}

/// How long a start waits before it looks again whether a full disk has room.
const ROOM: Duration = Duration::from_secs(1);

impl Server {
    /// Starts as soon as its disks have room for it. Nobody is answered until then.
    ///
    /// # Errors
    /// Whatever else keeps it from running.
    pub async fn start_when_there_is_room(config: Plan) -> Result<Self, ServeError> {
        let mut told = false;
        loop {
            match Self::start(config.clone()).await {
                Err(error) if error.is_full() => {
                    if !told {
                        let reason = error.to_string();
                        tell(&Event::DiskFull { reason });
                        told = true;
                    }
                    tokio::time::sleep(ROOM).await;
                }
                other => return other,
            }
        }
    }

    /// Starts: what must hold for it, storage, policies, recovery of what a crash left, and only then the listeners.
    ///
    /// # Errors
    /// Whatever keeps it from running; nothing runs then.
    pub async fn start(config: Plan) -> Result<Self, ServeError> {
        let obstacles = obstacles(&config);
        if !obstacles.is_empty() {
            return Err(ServeError::NotReady(obstacles));
        }
        allow_descriptors();
        let lock = StorageLock::take(&config)?;
        let control = ControlSocket::bind(&config, &lock)?;
        let station = Station::open(config, "serve", Inbox::Made).await?;
        recover(&station).await?;
        let mut acceptors = Vec::new();
        for listener in &station.plan().listeners {
            acceptors.push(Acceptor::bind(&station, listener).await?);
        }
        let (drain, draining) = channel(Drain::No);
        let (sessions, tasks) = (TaskTracker::new(), TaskTracker::new());
        let mut addresses = Vec::new();
        let keeper = Keeper {
            station: Arc::clone(&station),
            tasks: tasks.clone(),
            draining,
        };
        for acceptor in acceptors {
            addresses.extend(
                acceptor
                    .address()
                    .map(|address| (address, acceptor.is_tls())),
            );
            keeper.accept_calls(Arc::new(acceptor), &sessions);
        }
        keeper.keep_all(&sessions);
        let control = keeper.answer(Arc::new(control));
        for (address, tls) in addresses.iter().copied() {
            station.events.tell(Event::Listening { address, tls });
        }
        Ok(Self {
            station,
            addresses,
            drain,
            sessions,
            tasks,
            control,
            _lock: lock,
        })
    }

    /// What its sessions share.
    #[must_use]
    pub fn station(&self) -> &Arc<Station> {
        &self.station
    }

    /// Returns when something that the server cannot do without cannot be got to run, with what to tell.
    pub async fn broken(&self) -> String {
        self.station.tasks.broken().await
    }

    /// Where it listens, and whether with TLS.
    #[must_use]
    pub fn addresses(&self) -> &[(SocketAddr, bool)] {
        &self.addresses
    }

    /// Ends: no new callers; sessions to their next turn, then calls and commands, then deliveries, each for as long as
    /// the configuration says. What is cut off is resumed by the next start.
    pub async fn drain(self) {
        let events = &self.station.events;
        let sessions = self.sessions.len();
        events.tell(Event::Draining { sessions });
        self.drain.send_replace(Drain::AtNextTurn);
        self.sessions.close();
        self.tasks.close();
        let patience = self.station.plan().limits.drain;
        if tokio::time::timeout(patience, self.sessions.wait())
            .await
            .is_err()
        {
            let sessions = self.sessions.len();
            events.tell(Event::DrainCutOff { sessions });
            self.drain.send_replace(Drain::Now);
            // Long enough for an ESID; who does not take it is cut off.
            let _ = tokio::time::timeout(FAREWELL, self.sessions.wait()).await;
        }
        if tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_err()
        {
            events.tell(Event::TasksCutOff {});
        }
        let settled = async {
            while !self.station.deliveries.is_idle() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(patience, settled).await.is_err() {
            events.tell(Event::DeliveriesCutOff {});
        }
        // How the last sessions ended.
        let ledger = self.station.ledger.as_ref();
        if let Err(error) = self.station.contacts.write_down(ledger).await {
            let reason = error.to_string();
            events.tell(Event::ContactsNotWritten { reason });
        }
        self.control.abort();
        events.tell(Event::Stopped {});
    }
}

/// Each policy's file by itself: one that takes long to compile keeps no other waiting.
async fn watch_policy(station: Arc<Station>, name: String) {
    loop {
        tokio::time::sleep(POLICY_POLL).await;
        let Some(outcome) = station.policies.reload(&name).await else {
            continue;
        };
        station.events.tell(match outcome {
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

/// As many descriptors as this process may have: the usual 1,024 are fewer than the callers and sessions that the limits
/// allow, and a listener without any accepts nobody.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut allowed = getrlimit(Resource::Nofile);
    allowed.current = allowed.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, allowed) {
        let reason = error.to_string();
        tell(&Event::FewDescriptors { reason });
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

/// Starts what runs as long as the server does, each supervised by itself.
struct Keeper {
    station: Arc<Station>,
    tasks: TaskTracker,
    draining: Receiver<Drain>,
}

impl Keeper {
    fn keep_all(&self, sessions: &TaskTracker) {
        self.keep_until("delivering", delivery::keep_delivering);
        let ears = Arc::new(watch::Ears::default());
        for (key, profile, watch) in watch::folders(&self.station.plan()) {
            let task = format!("watching {} of {}", watch.folder.display(), profile.name);
            let (ears, draining) = (Arc::clone(&ears), self.draining.clone());
            self.keep(&task, move |station| {
                let (key, profile, watch) = (key.clone(), profile.clone(), watch.clone());
                watch::keep_watching(
                    station,
                    key,
                    profile,
                    watch,
                    Arc::clone(&ears),
                    draining.clone(),
                )
            });
        }
        let (sessions, draining) = (sessions.clone(), self.draining.clone());
        self.keep("calling", move |station| {
            calls::keep_calling(station, sessions.clone(), draining.clone())
        });
        self.keep_until("looking for overdue receipts", calls::keep_deadlines);
        self.keep_until("giving memory back", |_| keep_small());
        self.keep_until("remembering contacts", contacts::keep_contacts);
        let draining = self.draining.clone();
        self.keep("asking for receipts", move |station| {
            receipts::keep_asking(station, draining.clone())
        });
        for policy in &self.station.plan().policies {
            let name = policy.name.clone();
            let task = format!("watching the policy {name}");
            self.keep_until(&task, move |station| watch_policy(station, name.clone()));
        }
        self.keep_until("looking at certificates", inspect::keep_inspecting);
    }

    fn accept_calls(&self, acceptor: Arc<Acceptor>, sessions: &TaskTracker) {
        let address = acceptor
            .address()
            .map_or_else(|_| String::new(), |at| at.to_string());
        let (sessions, draining) = (sessions.clone(), self.draining.clone());
        self.keep(&format!("listening on {address}"), move |station| {
            Arc::clone(&acceptor).accept_calls(station, sessions.clone(), draining.clone())
        });
    }

    /// Answers commands, through the drain as well: it ends with the server.
    fn answer(&self, socket: Arc<ControlSocket>) -> JoinHandle<()> {
        let station = Arc::clone(&self.station);
        tokio::spawn(async move {
            let (_kept, no_drain) = channel(Drain::No);
            let (tasks, events) = (&station.tasks, &station.events);
            let work = || Arc::clone(&socket).serve(Arc::clone(&station));
            tasks
                .keep("answering commands", events, no_drain, work)
                .await;
        })
    }

    /// What ends by itself when the drain begins.
    fn keep<W>(&self, task: &str, mut work: impl FnMut(Arc<Station>) -> W + Send + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (task, draining) = (task.to_owned(), self.draining.clone());
        let station = Arc::clone(&self.station);
        self.tasks.spawn(async move {
            let (tasks, events) = (&station.tasks, &station.events);
            let work = || work(Arc::clone(&station));
            tasks.keep(&task, events, draining, work).await;
        });
    }

    /// What would go on for ever.
    fn keep_until<W>(&self, task: &str, mut work: impl FnMut(Arc<Station>) -> W + Send + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let draining = self.draining.clone();
        self.keep(task, move |station| until(draining.clone(), work(station)));
    }
}

async fn until(mut drain: Receiver<Drain>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = drain.wait_for(|drain| *drain != Drain::No) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const CONFIG: &str = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                          listeners: [{address: '127.0.0.1:0'}]\npartners:\n  them: {ssid: O0013THEM, password: THEIRS, watch: [{folder: out}]}\n";

    fn config(folder: &std::path::Path) -> Plan {
        let path = folder.join("pointsman.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        Plan::load(&path).unwrap()
    }

    #[tokio::test]
    async fn what_runs_as_long_as_the_server_is_started_again_where_it_ends() {
        let temp = tempfile::TempDir::new().unwrap();
        let station = Station::open(config(temp.path()), "test", Inbox::Made);
        let (_drain, draining) = channel(Drain::No);
        let keeper = Keeper {
            station: station.await.unwrap(),
            tasks: TaskTracker::new(),
            draining,
        };
        let mut told = keeper.station.events.watch();
        let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let begin_until = begin.clone();
        keeper.keep("ends", move |_| {
            let _ = begin.send("ends");
            std::future::ready(())
        });
        keeper.keep_until("panics", move |_| {
            let _ = begin_until.send("panics");
            async { panic!("a mistake") }
        });
        let mut times = BTreeMap::from([("ends", 0), ("panics", 0)]);
        while times.values().any(|times| *times < 2) {
            let began = tokio::time::timeout(Duration::from_secs(60), begun.recv()).await;
            *times.get_mut(began.unwrap().unwrap()).unwrap() += 1;
        }
        let said = std::iter::from_fn(|| told.try_recv().ok());
        let mut ended = said.filter(|event| matches!(event, Event::TaskEnded { .. }));
        assert!(ended.next().is_some(), "it is told of");
        let shown = keeper.station.tasks.now();
        assert!(shown.iter().all(|task| task.ended > 0), "{shown:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_that_runs_as_long_as_the_server_is_supervised() {
        let temp = tempfile::TempDir::new().unwrap();
        let server = Server::start(config(temp.path())).await.unwrap();
        let port = server.addresses()[0].0;
        let mut expected = vec![
            "answering commands".to_owned(),
            "asking for receipts".to_owned(),
            "calling".to_owned(),
            "delivering".to_owned(),
            "giving memory back".to_owned(),
            format!("listening on {port}"),
            "looking at certificates".to_owned(),
            "looking for overdue receipts".to_owned(),
            "remembering contacts".to_owned(),
            format!("watching {} of them", temp.path().join("out").display()),
        ];
        expected.sort();
        let shown = || {
            let tasks = server.station().tasks.now();
            tasks.into_iter().map(|task| task.task).collect::<Vec<_>>()
        };
        let began = std::time::Instant::now();
        while shown() != expected && began.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(shown(), expected);
        server.drain().await;
    }
}
