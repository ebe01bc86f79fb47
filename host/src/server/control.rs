//! The control socket: how the command line talks to a server that runs.
//!
//! A Unix socket in the state folder, for its owner alone: one line of JSON asks, one line answers. Its lock
//! file also keeps a second server from the same storage.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_folder::{Folder, Kind};
use pointsman_policy::LoadError;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::config::Config;
use crate::config::files::{LOCK, SOCKET, socket};
use crate::events::{Event, tell};
use crate::station::Station;
use crate::station::contacts::Plan;
use crate::station::roster::SessionNow;
use crate::station::storage::keep_state;
use crate::station::supervise::TaskNow;

/// How long one request may take, a swap apart: that ends with its compiler, which has limits of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the server may say nothing to who asks it; a swap shows more often that it is at work.
const SILENCE: Duration = Duration::from_secs(10);

/// How often a swap that takes its time shows that it is at work.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Longest request.
const LINE: u64 = 64 * 1024;

/// Longest answer: some hundred octets of each session and each partner.
const ANSWER: u64 = 64 << 20;

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// What runs.
    Status,
    /// The sessions that run.
    Sessions,
    /// When partners are called next. What is remembered of them is in the ledger when the answer comes.
    Partners,
    /// Take this component for that policy.
    SwapPolicy {
        /// The policy's name in the configuration.
        policy: String,
        /// Absolute path of the component.
        component: PathBuf,
    },
}

/// What the running server does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusNow {
    /// Sessions with partners that run, whoever called.
    pub sessions: usize,
    /// The generation that decides for new sessions.
    pub generation: u64,
    /// Generations that sessions still hold.
    pub generations: Vec<u64>,
    /// Policy and SHA-256, in order.
    pub policies: Vec<(String, String)>,
    /// Lines of the log that could not be written since the start.
    pub log_lines_lost: u64,
    /// Why the log cannot be written now, if so.
    pub log_failing: Option<String>,
    /// What runs as long as the server does.
    pub tasks: Vec<TaskNow>,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(StatusNow),
    /// To [`Request::Sessions`].
    Sessions(Vec<SessionNow>),
    /// To [`Request::Partners`].
    Partners {
        /// When each is called next; one that is never called by itself is missing.
        plans: BTreeMap<String, Plan>,
        /// The sessions that run.
        sessions: Vec<SessionNow>,
    },
    /// Not the answer yet: the swap is at work. Comes again and again before it.
    Working {
        /// What is being done.
        what: String,
        /// For how long by now, in seconds.
        seconds: u64,
    },
    /// The new generation decides from the next session on.
    Swapped {
        /// Its number.
        generation: u64,
        /// SHA-256 of the component.
        digest: String,
        /// SHA-256 of the one before.
        previous: String,
        /// What is wrong with the configured file, so that it may not decide after the next start; if something is.
        warning: Option<String>,
    },
    /// It was not done, and nothing changed.
    Refused {
        /// Why.
        why: String,
    },
}

/// Why there is no control socket, or no answer from one.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another server has this storage.
    #[error("another server runs on {0}; stop it first, or give this one another storage.state")]
    Taken(PathBuf),
    /// Nobody listens.
    #[error(
        "no server runs on this configuration ({path}: {source}); start it with `pointsman serve`"
    )]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server is another user's, or its folder is.
    #[error(
        "{path}: this user may not ask the server of this configuration, nor see whether one runs; run the command as the user that the server runs as"
    )]
    NotForUs {
        /// The socket.
        path: PathBuf,
    },
    /// Somebody listens, and says nothing.
    #[error(
        "the server does not answer ({path}): it has said nothing for {} s. It may be stopped (SIGSTOP), or wait for a disk that does not answer: its log says what it did last",
        SILENCE.as_secs()
    )]
    Silent {
        /// The socket.
        path: PathBuf,
    },
    /// A folder stands in the socket's place.
    #[error("{path}: this is a folder, where the control socket belongs: move it away")]
    SocketFolder {
        /// The socket.
        path: PathBuf,
    },
    /// The operating system says so.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The storage is this process's as long as this is kept.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock goes with the open file")] File);

impl Lock {
    /// Takes the storage of this configuration for this process.
    ///
    /// # Errors
    /// Another server has it, or the folder cannot be written.
    pub fn take(config: &Config) -> Result<Self, ControlError> {
        let state = &config.storage.state.0;
        let folder = keep_state(config).map_err(|error| io(state)(error.into_io()))?;
        let path = state.join(LOCK);
        let (file, _) = folder
            .own_file(LOCK)
            .map_err(|error| io(&path)(error.into_io()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ControlError::Taken(state.clone())),
            Err(error) => Err(io(&path)(error.into())),
        }
    }
}

impl Lock {
    /// Looks whether [`Lock::take`] and [`Socket::bind`] could do it where no other server runs, and takes nothing.
    ///
    /// # Errors
    /// What stands in their places is something else.
    pub fn look(config: &Config) -> Result<(), ControlError> {
        let state = &config.storage.state.0;
        let folder = Folder::look_home(state).map_err(|error| io(state)(error.into_io()))?;
        let Some(folder) = folder else { return Ok(()) };
        let path = state.join(LOCK);
        folder
            .look_own_file(LOCK)
            .map_err(|error| io(&path)(error.into_io()))?;
        let path = socket(config);
        let there = folder.look(SOCKET);
        match there.map_err(|error| io(&path)(error.into_io()))? {
            Some(look) if look.kind == Kind::Folder => Err(ControlError::SocketFolder { path }),
            _ => Ok(()),
        }
    }
}

/// Whether a server runs on this configuration, or is about to. It is not asked anything.
#[must_use]
pub fn is_served(config: &Config) -> bool {
    std::os::unix::net::UnixStream::connect(socket(config)).is_ok()
}

/// The server's end.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens in the state folder, which must be locked already.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn bind(config: &Config, _locked: &Lock) -> Result<Self, ControlError> {
        let path = socket(config);
        // The lock is ours, so what lies here is left over.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tell(&Event::ControlSocketLeft {
                    path: path.clone(),
                    reason: error.to_string(),
                });
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(io(&path))?;
        let ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, ours).map_err(io(&path))?;
        Ok(Self { listener, path })
    }

    /// Answers requests; one that is slow to ask keeps nobody else waiting.
    pub async fn serve(self: Arc<Self>, station: Arc<Station>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(attend(stream, Arc::clone(&station)))),
                Err(error) => {
                    station.events.tell(Event::ControlFailed {
                        reason: error.to_string(),
                    });
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks the server of this configuration. `working` hears what it does meanwhile, and for how many seconds by then.
///
/// # Errors
/// No server runs, it is another user's, or it did not answer in time.
pub async fn ask(
    config: &Config,
    request: &Request,
    mut working: impl FnMut(&str, u64),
) -> Result<Reply, ControlError> {
    let path = socket(config);
    let mut stream = UnixStream::connect(&path)
        .await
        .map_err(|source| unreached(&path, source))?;
    let asked = async {
        stream.write_all(&line(request)?).await?;
        let mut answers = BufReader::new(stream);
        loop {
            let mut answer = String::new();
            let mut bounded = (&mut answers).take(ANSWER);
            tokio::time::timeout(SILENCE, bounded.read_line(&mut answer)).await??;
            match serde_json::from_str(&answer)? {
                Reply::Working { what, seconds } => working(&what, seconds),
                reply => return Ok::<_, std::io::Error>(reply),
            }
        }
    };
    asked.await.map_err(|source| match source.kind() {
        std::io::ErrorKind::TimedOut => ControlError::Silent { path },
        _ => ControlError::Io { path, source },
    })
}

fn unreached(path: &Path, source: std::io::Error) -> ControlError {
    let path = path.to_owned();
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => ControlError::NotForUs { path },
        _ => ControlError::Nobody { path, source },
    }
}

fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

async fn attend(stream: UnixStream, station: Arc<Station>) {
    if let Err(error) = converse(stream, &station).await {
        let reason = error.to_string();
        station.events.tell(Event::ControlBroken { reason });
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ControlError + use<> {
    let path = path.to_owned();
    move |source| ControlError::Io { path, source }
}

async fn converse(mut stream: UnixStream, station: &Station) -> std::io::Result<()> {
    let mut asked = String::new();
    let mut input = BufReader::new((&mut stream).take(LINE));
    // Who only looks whether somebody is here asks nothing.
    if in_time(input.read_line(&mut asked)).await? == 0 {
        return Ok(());
    }
    let reply = match serde_json::from_str(&asked) {
        Ok(Request::SwapPolicy { policy, component }) => {
            let swap = swap(station, &policy, &component);
            let what = format!("policy {policy}: checking and compiling");
            while_working(&mut stream, &what, swap).await?
        }
        Ok(request) => in_time(async { Ok(answer(request, station).await) }).await?,
        Err(error) => Reply::Refused {
            why: format!("this is not a request: {error}"),
        },
    };
    in_time(async { stream.write_all(&line(&reply)?).await }).await
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Shows signs of life until the work is done. Where nobody hears them any more, the work is given up.
async fn while_working(
    stream: &mut UnixStream,
    what: &str,
    work: impl Future<Output = Reply>,
) -> std::io::Result<Reply> {
    let began = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
            Ok(reply) => return Ok(reply),
            Err(_) => {
                let (what, seconds) = (what.to_owned(), began.elapsed().as_secs());
                let sign = line(&Reply::Working { what, seconds })?;
                in_time(stream.write_all(&sign)).await?;
            }
        }
    }
}

async fn answer(request: Request, station: &Station) -> Reply {
    match request {
        Request::Status => {
            let current = station.policies.current();
            let log = pointsman_log::health().unwrap_or_default();
            Reply::Status(StatusNow {
                sessions: station.roster.of_partners(),
                generation: current.number(),
                generations: station.policies.live_generations(),
                policies: current
                    .policies()
                    .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
                    .collect(),
                log_lines_lost: log.lost,
                log_failing: log.failing,
                tasks: station.tasks.now(),
            })
        }
        Request::Sessions => Reply::Sessions(station.roster.sessions()),
        Request::Partners => {
            // Where it cannot, what it remembers is written later, and the rest is told all the same.
            let _ = station.contacts.write_down(station.ledger.as_ref()).await;
            Reply::Partners {
                plans: station.contacts.plans(),
                sessions: station.roster.sessions(),
            }
        }
        Request::SwapPolicy { policy, component } => swap(station, &policy, &component).await,
    }
}

async fn swap(station: &Station, policy: &str, component: &Path) -> Reply {
    try_swap(station, policy, component)
        .await
        .unwrap_or_else(|why| {
            station.events.tell(Event::PolicyRefused {
                policy: policy.to_owned(),
                reason: why.clone(),
            });
            Reply::Refused { why }
        })
}

/// The new component decides from the next session on, and stands in the old one's file for the next start.
async fn try_swap(station: &Station, policy: &str, component: &Path) -> Result<Reply, String> {
    let most = station.config.policies.limit(policy);
    let octets = pointsman_policy::read_component(component, most)
        .await
        .map_err(|error| error.to_string())?;
    let swapped = station
        .policies
        .swap(policy, &octets)
        .await
        .map_err(|error| match error {
            // The octets are those of the file that was given, not of the one they would replace.
            LoadError::Component { policy, fault, .. } => {
                format!("policy `{policy}`: {}: {fault}", component.display())
            }
            error => error.to_string(),
        })?;
    let reply = Reply::Swapped {
        generation: swapped.generation,
        digest: swapped.digest.clone(),
        previous: swapped.previous,
        warning: swapped.not_installed.clone(),
    };
    let policy = swapped.policy;
    if let Some(why) = swapped.not_installed {
        let policy = policy.clone();
        station.events.tell(Event::PolicyNotInstalled {
            policy,
            reason: why,
        });
    }
    station.events.tell(Event::PolicySwapped {
        policy,
        generation: swapped.generation,
        digest: swapped.digest,
    });
    Ok(reply)
}
