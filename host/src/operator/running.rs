//! What only the running server knows or can do: asked of the station in the server's own process, and by the control
//! socket elsewhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use pointsman_policy::{Generation, LoadError};
use pointsman_store::Direction;
use serde::{Deserialize, Serialize};

use super::control::{self, ControlRequest};
use super::error::{ErrorCode, OperatorError};
use super::reload::Reloaded;
use super::utc_time::UtcTime;
use super::{Operator, ServerLink};
use crate::events::Event;
use crate::station::Station;
use crate::station::contacts::NextCall;
use crate::station::roster::{FileNow, SessionNow};
use crate::station::supervise::TaskNow;

/// What the running server does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusReport {
    /// Sessions with partners that run, whoever called.
    pub sessions: usize,
    /// The generation of policies that decides for new sessions.
    pub policy_generation: u64,
    /// Generations that sessions still hold.
    pub policy_generations_in_use: Vec<u64>,
    /// The policies, in the order in which they are asked.
    pub policies: Vec<PolicyReport>,
    /// Lines of the log that could not be written since the start.
    pub log_lines_lost: u64,
    /// Why the log cannot be written now, if so.
    pub log_failing: Option<String>,
    /// What runs as long as the server does.
    pub tasks: Vec<TaskReport>,
}

/// A policy, and the component that decides in its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyReport {
    /// Its name in the configuration.
    pub policy: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// The questions that it is asked: those that its component exports, and that it is deployed for.
    pub hooks: Vec<String>,
}

impl PolicyReport {
    /// All of a generation, in the order in which they are asked.
    pub(super) fn of(generation: &Generation) -> Vec<Self> {
        let policies = generation.policies();
        let reports = policies.map(|(policy, digest)| Self {
            policy: policy.to_owned(),
            sha256: digest.to_owned(),
            hooks: generation
                .hooks(policy)
                .into_iter()
                .map(|hook| hook.to_string())
                .collect(),
        });
        reports.collect()
    }
}

/// A task of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskReport {
    /// What it does.
    pub task: String,
    /// Whether it runs; else it is about to be started again.
    pub runs: bool,
    /// How often it has ended unexpectedly since the server's start.
    pub ended_unexpectedly: u64,
    /// Why it did so the last time.
    pub last_reason: Option<String>,
    /// When it did so the last time.
    pub last_at: Option<UtcTime>,
}

/// A session that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionReport {
    /// Its name, as in the log and in the histories of files.
    pub session: String,
    /// The partner's name in the configuration; none of a caller that has not said who it is.
    pub partner: Option<String>,
    /// The address of the other end.
    pub remote: String,
    /// Whether we dialled.
    pub dialled: bool,
    /// What both sides agreed on, and the TLS, once they have.
    pub terms: Option<String>,
    /// When the connection was there.
    pub since: UtcTime,
    /// How long ago that is.
    pub seconds: u64,
    /// The file that is under way.
    pub file: Option<FileReport>,
}

/// A file that is under way in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileReport {
    pub transfer: String,
    /// The file's identity.
    pub file: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Octets that have been moved by now, those of earlier sessions included.
    pub octets: u64,
    /// Its size in octets; of a received file what its sender said, in units of 1024.
    pub size: u64,
    /// When it began in this session.
    pub since: UtcTime,
    /// How long ago that is.
    pub seconds: u64,
}

/// When partners are called next, and who is here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CallsReport {
    /// By partner; one that is never called by itself is missing.
    pub next: BTreeMap<String, NextCall>,
    /// The sessions that run.
    pub sessions: Vec<SessionReport>,
}

/// A component that decides from the next session on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SwapReport {
    /// The policy's name in the configuration.
    pub policy: String,
    /// The number of the generation of policies that begins with it.
    pub generation: u64,
    /// SHA-256 of the component.
    pub digest: String,
    /// SHA-256 of the one before.
    pub previous: String,
    /// What is wrong with the configured file, so that it may not decide after the next start; if something is.
    pub warning: Option<String>,
}

impl Operator {
    /// What the running server does.
    ///
    /// # Errors
    /// No server runs, or it does not answer.
    pub(crate) async fn status(&self) -> Result<StatusReport, OperatorError> {
        match &self.server {
            ServerLink::Here(server) => Ok(StatusReport::of(&server.station)),
            ServerLink::BySocket => self.ask(&ControlRequest::Status).await,
        }
    }

    /// The sessions of the running server, those with one partner alone where one is named.
    ///
    /// # Errors
    /// No server runs, it does not answer, or there is no such partner.
    pub(crate) async fn sessions(
        &self,
        partner: Option<&str>,
    ) -> Result<Vec<SessionReport>, OperatorError> {
        let mut sessions: Vec<SessionReport> = match &self.server {
            ServerLink::Here(server) => sessions_of(&server.station),
            ServerLink::BySocket => self.ask(&ControlRequest::Sessions).await?,
        };
        sessions.retain(|session| partner.is_none() || session.partner.as_deref() == partner);
        self.known_partner(partner, !sessions.is_empty())?;
        Ok(sessions)
    }

    /// When partners are called next, and who is here. What the server remembers of its partners is in the ledger when
    /// this returns.
    ///
    /// # Errors
    /// No server runs, or it does not answer.
    pub(crate) async fn calls(&self) -> Result<CallsReport, OperatorError> {
        let station = match &self.server {
            ServerLink::Here(server) => &server.station,
            ServerLink::BySocket => return self.ask(&ControlRequest::Calls).await,
        };
        // Where it cannot be written down now, it is later, and the rest is reported all the same.
        let _ = station.contacts.write_down(station.ledger.as_ref()).await;
        Ok(CallsReport {
            next: station.contacts.plans(),
            sessions: sessions_of(station),
        })
    }

    /// Lets a new component decide from the next session on, once it is loaded, checked and started; it also replaces
    /// the configured file. If anything is wrong with it, the one before stays. While the server is asked by its socket,
    /// `working` is called every second with what is being done, and for how many seconds.
    ///
    /// # Errors
    /// No server runs, it does not answer, or the component was not taken.
    pub(crate) async fn swap_policy(
        &self,
        policy: &str,
        component: &Path,
        working: impl FnMut(&str, u64),
    ) -> Result<SwapReport, OperatorError> {
        let station = match &self.server {
            ServerLink::Here(server) => &server.station,
            ServerLink::BySocket => {
                let (policy, component) = (policy.to_owned(), component.to_owned());
                let request = ControlRequest::SwapPolicy { policy, component };
                return control::ask(&self.plan, &request, working).await;
            }
        };
        swap(station, policy, component).await.map_err(|reason| {
            let error = ErrorCode::Policy.because(format!("{reason}\nnothing was changed"));
            let policy = policy.to_owned();
            station.events.emit(Event::PolicyRefused { policy, reason });
            error
        })
    }

    /// Has the server read its configuration again. While the server is asked by its socket, `working` is called every
    /// second with what is being done, and for how many seconds.
    ///
    /// # Errors
    /// No server runs, it does not answer, or the configuration was not taken up: the one before is in force unchanged.
    pub(crate) async fn reload(
        &self,
        working: impl FnMut(&str, u64),
    ) -> Result<Reloaded, OperatorError> {
        match &self.server {
            ServerLink::Here(server) => server.reloader.reload().await,
            ServerLink::BySocket => {
                control::ask(&self.plan, &ControlRequest::Reload, working).await
            }
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        request: &ControlRequest,
    ) -> Result<T, OperatorError> {
        control::ask(&self.plan, request, |_, _| {}).await
    }
}

impl StatusReport {
    fn of(station: &Station) -> Self {
        let current = station.policies.current();
        let log = pointsman_log::health().unwrap_or_default();
        Self {
            sessions: station.roster.of_partners(),
            policy_generation: current.number(),
            policy_generations_in_use: station.policies.live_generations(),
            policies: PolicyReport::of(&current),
            log_lines_lost: log.lost,
            log_failing: log.failing,
            tasks: station
                .tasks
                .now()
                .into_iter()
                .map(TaskReport::from)
                .collect(),
        }
    }
}

fn sessions_of(station: &Station) -> Vec<SessionReport> {
    let sessions = station.roster.sessions().into_iter();
    sessions.map(SessionReport::from).collect()
}

impl From<TaskNow> for TaskReport {
    fn from(task: TaskNow) -> Self {
        let (last_reason, last_at) = task.last.unzip();
        Self {
            task: task.task,
            runs: task.runs,
            ended_unexpectedly: task.ended,
            last_reason,
            last_at: last_at.map(UtcTime),
        }
    }
}

impl From<SessionNow> for SessionReport {
    fn from(session: SessionNow) -> Self {
        Self {
            session: session.session,
            partner: session.partner,
            remote: session.remote.to_string(),
            dialled: session.dialled,
            terms: session.terms,
            since: UtcTime(session.since),
            seconds: seconds(session.since),
            file: session.file.map(FileReport::from),
        }
    }
}

impl From<FileNow> for FileReport {
    fn from(file: FileNow) -> Self {
        Self {
            transfer: file.transfer,
            file: file.file,
            direction: file.direction,
            octets: file.octets,
            size: file.size,
            since: UtcTime(file.since),
            seconds: seconds(file.since),
        }
    }
}

fn seconds(since: SystemTime) -> u64 {
    since.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}

/// The new component decides from the next session on, and stands in the old one's file for the next start.
async fn swap(station: &Station, policy: &str, component: &Path) -> Result<SwapReport, String> {
    let plan = station.plan();
    let usual = pointsman_policy::ResourceLimits::default();
    let limits = plan.policy(policy).map_or(&usual, |known| &known.limits);
    let most = limits.component;
    let octets = pointsman_policy::read_component(component, most)
        .await
        .map_err(|error| error.to_string())?;
    let swapped = station.policies.swap(policy, &octets).await;
    let swapped = swapped.map_err(|error| match error {
        // The octets are those of the file that was given, not of the one they would replace.
        LoadError::Component { policy, fault, .. } => {
            format!("policy `{policy}`: {}: {fault}", component.display())
        }
        error => error.to_string(),
    })?;
    if let Some(reason) = swapped.not_installed.clone() {
        let policy = swapped.policy.clone();
        let event = Event::PolicyNotInstalled { policy, reason };
        station.events.emit(event);
    }
    station.events.emit(Event::PolicySwapped {
        policy: swapped.policy.clone(),
        generation: swapped.generation,
        digest: swapped.digest.clone(),
    });
    Ok(SwapReport {
        policy: swapped.policy,
        generation: swapped.generation,
        digest: swapped.digest,
        previous: swapped.previous,
        warning: swapped.not_installed,
    })
}
