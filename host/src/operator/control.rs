//! The control socket, as whoever asks the server of a configuration uses it.
//!
//! A Unix socket in the state folder, for its owner alone. One line of JSON is the request; lines of JSON are the answer,
//! of which the last is [`ControlReply::Done`] or [`ControlReply::Failed`].

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::error::{ErrorCode, OperatorError};
use crate::config::Plan;
use crate::config::files::socket;

/// How long the server may send nothing; while it is at work on a long request, it sends signs of life more often.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest answer: some hundred octets of each session and each partner.
const ANSWER: u64 = 64 << 20;

/// What only the running server knows or can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ControlRequest {
    /// [`Operator::status`](super::Operator::status).
    Status,
    /// [`Operator::sessions`](super::Operator::sessions).
    Sessions,
    /// [`Operator::calls`](super::Operator::calls).
    Calls,
    /// [`Operator::reload`](super::Operator::reload).
    Reload,
    /// [`Operator::swap_policy`](super::Operator::swap_policy).
    SwapPolicy {
        /// The policy's name in the configuration.
        policy: String,
        /// Absolute path of the component.
        component: PathBuf,
    },
}

/// A line of the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ControlReply<T> {
    /// A sign of life: the server is still at work on the request.
    Working {
        /// What it does.
        what: String,
        /// For how many seconds by now.
        seconds: u64,
    },
    /// The request was done.
    Done(T),
    /// The request was not done, and nothing changed.
    Failed(OperatorError),
}

/// Sends a request to the server of this configuration. `working` is called with each sign of life.
///
/// # Errors
/// No server runs, it is another user's, it did not answer in time, or it did not do it.
pub(super) async fn ask<T: DeserializeOwned>(
    config: &Plan,
    request: &ControlRequest,
    mut working: impl FnMut(&str, u64),
) -> Result<T, OperatorError> {
    let path = socket(config);
    let stream = UnixStream::connect(&path).await;
    let mut stream = stream.map_err(|error| unreached(&path, &error))?;
    let asked = async {
        stream.write_all(&line(request)?).await?;
        let mut answers = BufReader::new(stream);
        loop {
            let mut answer = String::new();
            let mut bounded = (&mut answers).take(ANSWER);
            tokio::time::timeout(SILENCE, bounded.read_line(&mut answer)).await??;
            match serde_json::from_str(&answer)? {
                ControlReply::Working { what, seconds } => working(&what, seconds),
                ControlReply::Done(done) => return Ok(Ok(done)),
                ControlReply::Failed(error) => return Ok(Err(error)),
            }
        }
    };
    asked
        .await
        .unwrap_or_else(|error| Err(broken(&path, &error)))
}

/// A value as a line of JSON.
///
/// # Errors
/// It cannot be JSON.
pub(crate) fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn unreached(path: &Path, error: &Error) -> OperatorError {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => ErrorCode::NotPermitted
            .because(format!(
                "{shown}: this user may not ask the server of this configuration, nor see whether one runs"
            ))
            .hint("run the command as the user that the server runs as"),
        _ => ErrorCode::NoServer
            .because(format!("no server runs on this configuration ({shown}: {error})"))
            .hint("start it with `pointsman serve`; where `storage.state` was changed while it runs, commands do not find it: stop it, and start it again"),
    }
}

fn broken(path: &Path, error: &Error) -> OperatorError {
    let shown = path.display();
    match error.kind() {
        ErrorKind::TimedOut => ErrorCode::ServerSilent.because(format!(
            "the server does not answer ({shown}): it has said nothing for {} s. It may be stopped (SIGSTOP), or wait for a disk that does not answer: its log says what it did last",
            SILENCE.as_secs()
        )),
        _ => ErrorCode::ServerSilent.because(format!("{shown}: {error}")),
    }
}
