//! A delivered file is handed over to a command, and only then receipted.
//!
//! The command is run as often as it takes, and a crash may come after it and before that is written down: so it
//! may see a file twice, and knows it by `POINTSMAN_TRANSFER`. Its exit status is its answer.

use std::collections::BTreeSet;
use std::process::Stdio;

use pointsman_kernel as kernel;
use pointsman_store::OpenQuestion;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};

use crate::config::HandOver;
use crate::config::backoff::Backoff;

/// How long to wait after a command that failed.
const WAITS: Backoff = Backoff {
    first: std::time::Duration::from_secs(10),
    most: std::time::Duration::from_secs(15 * 60),
};

/// The exit status that says that the file itself is no good (`EX_DATAERR` of sysexits.h).
const UNUSABLE: i32 = 65;

/// How long to wait for the rest of its standard error when it has ended.
const STDERR_GRACE: std::time::Duration = std::time::Duration::from_secs(1);

/// Octets from the end of its standard error that are kept.
const STDERR_TAIL: usize = 500;

/// What the exit status of the command says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// It has the file: exit status 0.
    Taken,
    /// The file is no good: exit status 65, and why.
    Unusable(String),
    /// Anything else: it is to be run again.
    Failed(String),
}

/// Runs the command for one delivered file. It has the environment of this program, without the variables that secrets
/// were read from.
pub async fn run(
    command: &HandOver,
    file: &OpenQuestion,
    path: &std::path::Path,
    secrets: &BTreeSet<String>,
) -> CommandResult {
    let mut prepared = prepared(command, file, path);
    for variable in secrets {
        prepared.env_remove(variable);
    }
    let started = prepared.spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            return CommandResult::Failed(format!("{}: {error}", command.program.display()));
        }
    };
    let group = ProcessGroup::of(&child);
    let words = tokio::spawn(tail(child.stderr.take()));
    let status = match tokio::time::timeout(command.time, child.wait()).await {
        Err(_) => {
            drop(group);
            return CommandResult::Failed(format!("it took longer than {:?}", command.time));
        }
        Ok(Err(error)) => return CommandResult::Failed(error.to_string()),
        Ok(Ok(status)) => status,
    };
    group.detach();
    // A child that it left behind may hold its standard error for ever.
    let words = tokio::time::timeout(STDERR_GRACE, words).await;
    let words = words.ok().and_then(Result::ok).unwrap_or_default();
    match status.code() {
        Some(0) => CommandResult::Taken,
        Some(UNUSABLE) => CommandResult::Unusable(words),
        _ => CommandResult::Failed(format!("{status}: {words}")),
    }
}

/// The command and everything it starts, killed when this is dropped: at a time-out, or when the server closes down.
struct ProcessGroup(Option<rustix::process::Pid>);

impl ProcessGroup {
    fn of(child: &tokio::process::Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Self(leader.and_then(rustix::process::Pid::from_raw))
    }

    /// The command exited: the processes that it started and left behind are not killed.
    fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Who is gone already needs no end.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// How long to wait after so many tries.
#[must_use]
pub fn wait(tries: u32) -> std::time::Duration {
    WAITS.after(tries)
}

fn prepared(command: &HandOver, file: &OpenQuestion, path: &std::path::Path) -> Command {
    let key = &file.header.key;
    let mut prepared = Command::new(&command.program);
    prepared
        .args(&command.arguments)
        .arg(path)
        .env("POINTSMAN_TRANSFER", file.id.to_string())
        .env("POINTSMAN_PARTNER", &file.partner)
        .env("POINTSMAN_DATASET", key.dataset.as_str())
        .env("POINTSMAN_DATE", key.stamp.date())
        .env("POINTSMAN_TIME", key.stamp.time())
        .env("POINTSMAN_ORIGINATOR", key.originator.as_str())
        .env("POINTSMAN_DESTINATION", key.destination.as_str())
        .env("POINTSMAN_USER", file.header.user.as_str().trim_end())
        // The field may hold what no variable can.
        .env(
            "POINTSMAN_DESCRIPTION",
            file.header.description.replace('\0', " "),
        )
        .env("POINTSMAN_OCTETS", file.octets.to_string())
        .env("POINTSMAN_BLAKE3", &file.digest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    kernel::give_umask_back(&mut prepared);
    prepared
}

/// Reads everything, so that the command never waits for us; keeps the end of it, on one line.
async fn tail(words: Option<ChildStderr>) -> String {
    let Some(mut words) = words else {
        return String::new();
    };
    let (mut kept, mut piece) = (Vec::new(), vec![0; 4096]);
    while let Ok(count) = words.read(&mut piece).await
        && count > 0
    {
        kept.extend_from_slice(piece.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(STDERR_TAIL);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
