//! The server's end of the control socket: each line that comes is a request to the server's [`Operator`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch::channel;
use tokio::task::JoinHandle;

use crate::config::Plan;
use crate::config::files::socket;
use crate::events::{Event, emit};
use crate::operator::control::{ControlReply, ControlRequest, line};
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::lock::{LockError, StorageLock, io};
use crate::operator::{Operator, RunningServer};
use crate::station::drain::Drain;

/// How long one request may take, swaps and reloads apart: those end with their compilers, which have limits of their own.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a request that takes its time shows that the server is at work.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Longest request.
const REQUEST: u64 = 64 * 1024;

/// A Unix socket in the state folder, for its owner alone.
pub(crate) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens in the state folder, which must be locked already.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn bind(config: &Plan, _locked: &StorageLock) -> Result<Self, LockError> {
        let path = socket(config);
        // The lock is ours, so what lies here is left over.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                emit(&Event::ControlSocketLeft {
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

    /// Answers requests in a task of its own, through the drain as well: it ends with the server.
    pub(super) fn keep_serving(self, server: RunningServer) -> JoinHandle<()> {
        let socket = Arc::new(self);
        tokio::spawn(async move {
            let (_kept, no_drain) = channel(Drain::No);
            let work = || Arc::clone(&socket).serve(server.clone());
            let (tasks, events) = (&server.station.tasks, &server.station.events);
            tasks
                .keep("answering commands", events, no_drain, work)
                .await;
        })
    }

    /// Answers requests; one that is slow to ask keeps nobody else waiting.
    async fn serve(self: Arc<Self>, server: RunningServer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(attend(stream, server.clone()))),
                Err(error) => {
                    server.station.events.emit(Event::ControlFailed {
                        reason: error.to_string(),
                    });
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn attend(stream: UnixStream, server: RunningServer) {
    let operator = Operator::within(server.clone());
    if let Err(error) = converse(stream, operator).await {
        let reason = error.to_string();
        server.station.events.emit(Event::ControlBroken { reason });
    }
}

async fn converse(mut stream: UnixStream, operator: Operator) -> std::io::Result<()> {
    let mut asked = String::new();
    let mut input = BufReader::new((&mut stream).take(REQUEST));
    // Who only looks whether somebody is here asks nothing.
    if in_time(input.read_line(&mut asked)).await? == 0 {
        return Ok(());
    }
    let done = match serde_json::from_str(&asked) {
        Ok(request) => {
            let takes_time = takes_time(&request);
            let answer = answer(request, &operator);
            match takes_time {
                Some(what) => while_working(&mut stream, &what, answer).await?,
                None => in_time(async { Ok(answer.await) }).await?,
            }
        }
        Err(error) => Err(ErrorCode::Internal.because(format!("this is not a request: {error}"))),
    };
    let reply = done.map_or_else(ControlReply::Failed, ControlReply::Done);
    in_time(async { stream.write_all(&line(&reply)?).await }).await
}

/// What is done for a request that may take longer than [`PATIENCE`], since it compiles components.
fn takes_time(request: &ControlRequest) -> Option<String> {
    match request {
        ControlRequest::SwapPolicy { policy, .. } => {
            Some(format!("policy {policy}: checking and compiling"))
        }
        ControlRequest::Reload => Some("checking the configuration".to_owned()),
        ControlRequest::Status | ControlRequest::Sessions | ControlRequest::Calls => None,
    }
}

async fn answer(request: ControlRequest, operator: &Operator) -> Result<Value, OperatorError> {
    match request {
        ControlRequest::Status => data(operator.status().await),
        ControlRequest::Sessions => data(operator.sessions(None).await),
        ControlRequest::Calls => data(operator.calls().await),
        ControlRequest::SwapPolicy { policy, component } => {
            data(operator.swap_policy(&policy, &component, |_, _| {}).await)
        }
        ControlRequest::Reload => data(operator.reload(|_, _| {}).await),
    }
}

fn data(done: Result<impl Serialize, OperatorError>) -> Result<Value, OperatorError> {
    serde_json::to_value(done?).map_err(|error| ErrorCode::Internal.because(error))
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Sends signs of life until the work is done. Where nobody reads them any more, the work is given up.
async fn while_working<T>(
    stream: &mut UnixStream,
    what: &str,
    work: impl Future<Output = T>,
) -> std::io::Result<T> {
    let began = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => {
                let (what, seconds) = (what.to_owned(), began.elapsed().as_secs());
                let sign = line(&ControlReply::<Value>::Working { what, seconds })?;
                in_time(stream.write_all(&sign)).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::server::Server;

    const CONFIG: &str = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                          listeners: [{address: '127.0.0.1:0'}]\npartners: {}\n";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_asks_by_the_socket_gets_what_the_server_knows_errors_included() {
        let temp = tempfile::TempDir::new().unwrap();
        let path = temp.path().join("pointsman.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        let plan = Plan::load(&path).unwrap();
        let server = Server::start(plan.clone()).await.unwrap();
        let (within, outside) = (server.operator(), Operator::of(plan));
        let (here, asked) = (within.status().await, outside.status().await);
        let (here, asked) = (here.unwrap(), asked.unwrap());
        assert_eq!(asked.policy_generation, here.policy_generation);
        assert_eq!((asked.sessions, here.sessions), (0, 0));
        assert_eq!(outside.sessions(None).await, Ok(Vec::new()));
        let nowhere = Path::new("/nowhere.wasm");
        let refused = outside.swap_policy("route", nowhere, |_, _| {}).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Policy);
        assert!(refused.cause.ends_with("nothing was changed"), "{refused}");
        std::fs::write(&path, CONFIG.replace("partners", "partner")).unwrap();
        let asked = outside.reload(|_, _| {}).await.unwrap_err();
        assert_eq!(asked.code, ErrorCode::Configuration);
        // The server itself needs no socket.
        std::fs::remove_file(temp.path().join("state/control.sock")).unwrap();
        assert_eq!(within.reload(|_, _| {}).await, Err(asked));
        std::fs::write(&path, format!("{CONFIG}limits: {{sessions: 3}}\n")).unwrap();
        let reloaded = within.reload(|_, _| {}).await.unwrap();
        assert_eq!(reloaded.changed, ["limits.sessions"]);
        server.drain().await;
    }
}
