//! `pointsman sessions` and `pointsman status`.

use clap::Args;
use pointsman_store::Direction;

use super::command::{CommandOutcome, Configured, block_on};
use super::out::{print_json, say};
use crate::operator::running::{FileReport, SessionReport, StatusReport, TaskReport};

/// The sessions of the running server: who, from where, since when, which file, and how far it is. A session of a
/// `pointsman send` beside it is not among them.
#[derive(Debug, Args)]
pub(super) struct SessionsCommand {
    /// With this partner alone.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl SessionsCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let operator = self.configured.operator()?;
        let sessions = block_on(operator.sessions(self.partner.as_deref()))?;
        if self.json {
            return Ok(print_json(&sessions)?);
        }
        say!(
            "{:14}  {:20}  {:16}  {:28}  FILE",
            "SESSION",
            "SINCE",
            "PARTNER",
            "ADDRESS"
        );
        sessions.iter().for_each(print);
        Ok(())
    }
}

fn print(session: &SessionReport) {
    let way = if session.dialled { "to" } else { "from" };
    say!(
        "{:14}  {:20}  {:16}  {:28}  {}",
        session.session,
        session.since,
        session.partner.as_deref().unwrap_or("(not known yet)"),
        format!("{way} {}", session.remote),
        session
            .file
            .as_ref()
            .map_or_else(|| "-".to_owned(), how_far)
    );
}

/// One session as a line of its own.
pub(super) fn in_a_line(session: &SessionReport) -> String {
    let way = if session.dialled { "to" } else { "from" };
    format!(
        "{} {way} {} since {}: {}",
        session.session,
        session.remote,
        session.since,
        session
            .file
            .as_ref()
            .map_or_else(|| "no file is under way".to_owned(), how_far)
    )
}

fn how_far(file: &FileReport) -> String {
    let way = match file.direction {
        Direction::Inbound => "receiving",
        Direction::Outbound => "sending",
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

/// What the running server does.
#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl StatusCommand {
    pub(super) fn run(self) -> CommandOutcome {
        show(&self.configured, self.json)
    }
}

/// Shows what the running server does.
pub(super) fn show(configured: &Configured, as_json: bool) -> CommandOutcome {
    let operator = configured.operator()?;
    let status = block_on(operator.status())?;
    if as_json {
        return Ok(print_json(&status)?);
    }
    say!("sessions: {}", status.sessions);
    for session in &block_on(operator.sessions(None))? {
        let partner = session.partner.as_deref().unwrap_or("(not known yet)");
        say!("session with {partner}: {}", in_a_line(session));
    }
    print_status(&status);
    Ok(())
}

fn print_status(status: &StatusReport) {
    say!(
        "policy generation: {} (in use: {:?})",
        status.policy_generation,
        status.policy_generations_in_use
    );
    for policy in &status.policies {
        say!(
            "policy {}: sha256:{}, asked {}",
            policy.policy,
            policy.sha256,
            policy.hooks.join(", ")
        );
    }
    if status.log_lines_lost > 0 {
        say!(
            "log: {} lines were lost since the start",
            status.log_lines_lost
        );
    }
    if let Some(why) = &status.log_failing {
        say!("log: it cannot be written now: {why}");
    }
    status.tasks.iter().for_each(print_task);
}

/// A task that has never ended unexpectedly is none of an operator's business.
fn print_task(task: &TaskReport) {
    if let (Some(why), Some(at)) = (&task.last_reason, task.last_at) {
        say!(
            "task {}: {}; ended unexpectedly {} times since the start, the last time at {at}: {why}",
            task.task,
            if task.runs {
                "it runs"
            } else {
                "IT IS ABOUT TO BE STARTED AGAIN"
            },
            task.ended_unexpectedly,
        );
    }
}
