//! The server: everything that runs beside the sessions, and the order of start and end.

mod control;
mod hangups;
mod inspect;
mod keeper;
mod listeners;
mod recovery;
mod reload;
pub(crate) mod signals;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pointsman_store::is_full;
use tokio::sync::broadcast;
use tokio::sync::watch::{Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use self::control::ControlSocket;
use self::keeper::Keeper;
use self::listeners::Listeners;
use self::recovery::recover;
use self::reload::Reloader;
use crate::config::Plan;
use crate::events::{Event, emit};
use crate::operator::conditions::{Obstacle, obstacles};
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::lock::{LockError, StorageLock};
use crate::operator::{Operator, RunningServer};
use crate::session::listen::ListenError;
use crate::station::drain::Drain;
use crate::station::error::StartError;
use crate::station::in_force::InForce;
use crate::station::{Inbox, Station};

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
    running: RunningServer,
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
    /// What all sessions share cannot be set up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A listener cannot be opened.
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
    /// A disk is full; with free space, the start will succeed.
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
                        emit(&Event::DiskFull { reason });
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
        let in_force = InForce::of(config);
        let obstacles = obstacles(&in_force, in_force.keyring());
        if !obstacles.is_empty() {
            return Err(ServeError::NotReady(obstacles));
        }
        allow_descriptors();
        // Before anything in the storage is touched: two servers must not share it.
        let lock = StorageLock::take(&in_force)?;
        let control = ControlSocket::bind(&in_force, &lock)?;
        let station = Station::open(in_force, "serve", Inbox::Made).await?;
        recover(&station).await?;
        let (drain, draining) = channel(Drain::No);
        let (sessions, tasks) = (TaskTracker::new(), TaskTracker::new());
        let mut listeners = Listeners::new(sessions.clone());
        // All are bound before one accepts calls, so a start that fails here has served nobody.
        let bound = listeners.bind_new(&station.plan())?;
        let keeper = Keeper {
            station: Arc::clone(&station),
            tasks: tasks.clone(),
            draining,
        };
        listeners.take_up(bound, &keeper);
        let addresses = listeners.addresses();
        keeper.keep_all(&sessions);
        let reloader = Arc::new(Reloader::new(keeper, listeners));
        let running = RunningServer { station, reloader };
        let control = control.keep_serving(running.clone());
        Ok(Self {
            running,
            addresses,
            drain,
            sessions,
            tasks,
            control,
            _lock: lock,
        })
    }

    /// What its sessions share.
    #[cfg(test)]
    pub(crate) fn station(&self) -> &Arc<Station> {
        &self.running.station
    }

    /// An operator of this server, in its own process.
    #[must_use]
    pub(crate) fn operator(&self) -> Operator {
        Operator::within(self.running.clone())
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.running.station.events.own()
    }

    /// Returns when something that the server cannot do without cannot be got to run, with what to tell.
    pub async fn broken(&self) -> String {
        self.running.station.tasks.broken().await
    }

    /// Where it listened at the start, and whether with TLS.
    #[must_use]
    pub fn addresses(&self) -> &[(SocketAddr, bool)] {
        &self.addresses
    }

    /// Waits until no file is being opened or delivered.
    async fn settled(&self) {
        let station = &self.running.station;
        while !station.openings.is_idle() || !station.deliveries.is_idle() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends: no new callers; sessions to their next turn, then calls and commands, then deliveries, each for as long as
    /// the configuration says. What is cut off is resumed by the next start.
    pub async fn drain(self) {
        let events = &self.running.station.events;
        let sessions = self.sessions.len();
        events.emit(Event::Draining { sessions });
        self.drain.send_replace(Drain::AtNextTurn);
        self.sessions.close();
        self.tasks.close();
        let patience = self.running.station.plan().limits.drain;
        if tokio::time::timeout(patience, self.sessions.wait())
            .await
            .is_err()
        {
            let sessions = self.sessions.len();
            events.emit(Event::DrainCutOff { sessions });
            self.drain.send_replace(Drain::Now);
            self.running.station.openings.stop_awaited();
            // Long enough for an ESID; who does not take it is cut off.
            let _ = tokio::time::timeout(FAREWELL, self.sessions.wait()).await;
        }
        if tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_err()
        {
            events.emit(Event::TasksCutOff {});
        }
        if tokio::time::timeout(patience, self.settled())
            .await
            .is_err()
        {
            events.emit(Event::DeliveriesCutOff {});
            self.running.station.openings.stop();
            // They end at the next octets; what is half made is removed.
            let _ = tokio::time::timeout(FAREWELL, self.settled()).await;
        }
        // How the last sessions ended.
        let ledger = self.running.station.ledger.as_ref();
        if let Err(error) = self.running.station.contacts.write_down(ledger).await {
            let reason = error.to_string();
            events.emit(Event::ContactsNotWritten { reason });
        }
        self.control.abort();
        events.emit(Event::Stopped {});
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
        emit(&Event::FewDescriptors { reason });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use pointsman_log::LogEvent as _;
    use pointsman_policy::{Engine, EngineConfig, PolicySet};

    use super::*;
    use crate::station::policies::specs;

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
        let station = Station::open(InForce::of(config(temp.path())), "test", Inbox::Made);
        let (_drain, draining) = channel(Drain::No);
        let keeper = Keeper {
            station: station.await.unwrap(),
            tasks: TaskTracker::new(),
            draining,
        };
        let mut told = keeper.station.events.own();
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
            "opening".to_owned(),
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
        let mut told = server.station().events.own();
        server.drain().await;
        let said: Vec<Event> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        let was_cut_off = |event: &Event| matches!(event, Event::TasksCutOff {});
        assert!(
            !said.iter().any(was_cut_off),
            "each ends with the drain: {said:?}"
        );
    }

    /// The store has an open folder to close, the watched folder is a file, and a policy is loaded.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_watches_gets_the_events_of_every_crate_once() {
        let temp = tempfile::TempDir::new().unwrap();
        let state = temp.path().join("state");
        std::fs::create_dir(&state).unwrap();
        std::fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        std::fs::write(temp.path().join("out"), "a file").unwrap();
        std::fs::write(temp.path().join("route.wasm"), crate::ROUTE_BY_NAME).unwrap();
        let mut watching = pointsman_log::watch();
        let server = Server::start(config(temp.path())).await.unwrap();
        // In this process: the program that compiles is no test.
        let policies = format!("{CONFIG}policies: {{watched-for: {{component: route.wasm}}}}\n");
        let path = temp.path().join("policies.yaml");
        std::fs::write(&path, policies).unwrap();
        let engine = Engine::new(EngineConfig::default()).unwrap();
        let specs = specs(&Plan::load(&path).unwrap());
        PolicySet::load(&engine, specs).await.unwrap();
        let here = temp.path().display().to_string();
        let mut codes = Vec::new();
        while !["POL-001", "SND-013", "STO-011"]
            .iter()
            .all(|code| codes.contains(code))
        {
            let event = tokio::time::timeout(Duration::from_secs(60), watching.recv());
            let event = event.await.unwrap().unwrap();
            let said = event.to_string();
            // Other tests of this process emit beside.
            if said.contains(&here) || said.contains("watched-for") {
                assert!(!event.facts().remedy.is_empty(), "{said}");
                codes.push(event.facts().code);
            }
        }
        codes.sort_unstable();
        assert_eq!(codes, ["POL-001", "SND-013", "STO-011"]);
        server.drain().await;
    }
}
