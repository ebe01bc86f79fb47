//! `pointsman sessions` and `pointsman status`.

use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::out::{print_json, say};
use super::policy::{ask, unexpected};
use super::{Configured, Outcome, known_partner, when};
use crate::config::Needs;
use crate::server::control::{Reply, Request};
use crate::station::roster::{FileNow, SessionNow};
use crate::station::supervise::TaskNow;

/// The sessions of the running server: who, from where, since when, which file, and how far it is. A session of a
/// `pointsman send` beside it is not among them.
#[derive(Debug, Args)]
pub(super) struct Sessions {
    /// With this partner alone.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Sessions {
    pub(super) fn run(self) -> Outcome {
        let config = self.configured.load(&Needs::Nothing)?;
        let sessions = match ask(&config, &Request::Sessions)? {
            Reply::Sessions(sessions) => sessions,
            other => return Err(unexpected(other)),
        };
        let wanted =
            |session: &&SessionNow| self.partner.is_none() || session.partner == self.partner;
        let sessions: Vec<&SessionNow> = sessions.iter().filter(wanted).collect();
        known_partner(&config, self.partner.as_deref(), !sessions.is_empty())?;
        if self.json {
            return print_json(&sessions.into_iter().map(as_json).collect::<Vec<_>>());
        }
        say!(
            "{:14}  {:20}  {:16}  {:28}  FILE",
            "SESSION",
            "SINCE",
            "PARTNER",
            "ADDRESS"
        );
        sessions.into_iter().for_each(print);
        Ok(())
    }
}

fn print(session: &SessionNow) {
    let way = if session.dialled { "to" } else { "from" };
    say!(
        "{:14}  {:20}  {:16}  {:28}  {}",
        session.session,
        when(session.since),
        session.partner.as_deref().unwrap_or("(not said yet)"),
        format!("{way} {}", session.remote),
        session
            .file
            .as_ref()
            .map_or_else(|| "-".to_owned(), how_far)
    );
}

/// One session as a line of its own.
pub(super) fn told(session: &SessionNow) -> String {
    let way = if session.dialled { "to" } else { "from" };
    format!(
        "{} {way} {} since {}: {}",
        session.session,
        session.remote,
        when(session.since),
        session
            .file
            .as_ref()
            .map_or_else(|| "no file is under way".to_owned(), how_far)
    )
}

fn how_far(file: &FileNow) -> String {
    let way = if file.received {
        "receiving"
    } else {
        "sending"
    };
    let part = match file.size {
        0 => String::new(),
        // The size that a partner tells is an estimate.
        size => format!(" ({} %)", (file.octets.saturating_mul(100) / size).min(100)),
    };
    format!(
        "{way} {}, transfer {}: {} of {} octets{part}",
        file.file, file.transfer, file.octets, file.size
    )
}

pub(super) fn as_json(session: &SessionNow) -> Value {
    json!({
        "session": session.session,
        "partner": session.partner,
        "remote": session.remote.to_string(),
        "dialled": session.dialled,
        "terms": session.terms,
        "since": when(session.since),
        "seconds": seconds(session.since),
        "file": session.file.as_ref().map(|file| json!({
            "transfer": file.transfer,
            "file": file.file,
            "direction": if file.received { "in" } else { "out" },
            "octets": file.octets,
            "size": file.size,
            "since": when(file.since),
            "seconds": seconds(file.since),
        })),
    })
}

fn seconds(since: SystemTime) -> u64 {
    since.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}

/// What the running server does.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Status {
    pub(super) fn run(self) -> Outcome {
        show(&self.configured, self.json)
    }
}

/// Shows what the running server does.
pub(super) fn show(configured: &Configured, as_json: bool) -> Outcome {
    let config = configured.load(&Needs::Nothing)?;
    let status = match ask(&config, &Request::Status)? {
        Reply::Status(status) => status,
        other => return Err(unexpected(other)),
    };
    if as_json {
        let policies = status
            .policies
            .iter()
            .map(|(name, digest)| json!({ "policy": name, "sha256": digest }));
        return print_json(&json!({
            "sessions": status.sessions,
            "policy_generation": status.generation,
            "policy_generations_in_use": status.generations,
            "policies": policies.collect::<Vec<_>>(),
            "log_lines_lost": status.log_lines_lost,
            "log_failing": status.log_failing,
            "tasks": status.tasks.iter().map(task_json).collect::<Vec<_>>(),
        }));
    }
    say!("sessions: {}", status.sessions);
    if let Reply::Sessions(sessions) = ask(&config, &Request::Sessions)? {
        for session in &sessions {
            let partner = session.partner.as_deref().unwrap_or("(not said yet)");
            say!("session with {partner}: {}", told(session));
        }
    }
    say!(
        "policy generation: {} (in use: {:?})",
        status.generation,
        status.generations
    );
    for (name, digest) in status.policies {
        say!("policy {name}: sha256:{digest}");
    }
    if status.log_lines_lost > 0 {
        say!(
            "log: {} lines were lost since the start",
            status.log_lines_lost
        );
    }
    if let Some(why) = status.log_failing {
        say!("log: it cannot be written now: {why}");
    }
    for task in &status.tasks {
        if let Some((why, at)) = &task.last {
            say!(
                "task {}: {}; ended unexpectedly {} times since the start, the last time at {}: {why}",
                task.task,
                if task.runs {
                    "it runs"
                } else {
                    "IT IS ABOUT TO BE STARTED AGAIN"
                },
                task.ended,
                when(*at)
            );
        }
    }
    Ok(())
}

fn task_json(task: &TaskNow) -> Value {
    json!({
        "task": task.task,
        "runs": task.runs,
        "ended_unexpectedly": task.ended,
        "last_reason": task.last.as_ref().map(|(why, _)| why),
        "last_at": task.last.as_ref().map(|(_, at)| when(*at)),
    })
}
