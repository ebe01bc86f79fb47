//! Another configuration in place of the one in force, while the server runs: read and checked whole first, and then put in
//! force at once. A session keeps the plan and the policies that it began with.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::keeper::Keeper;
use super::listeners::Listeners;
use crate::config::{Needs, Plan};
use crate::events::Event;
use crate::operator::check::remarks;
use crate::operator::check_remark::CheckRemark;
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::left::left_by;
use crate::operator::reload::{Reload, Reloaded};
use crate::operator::remark::RemarkLevel;
use crate::session::listen::ListenError;
use crate::station::Station;
use crate::station::in_force::InForce;
use crate::station::policies::{self, LoadPoliciesError};

/// Why a configuration was not taken up. The one before is in force unchanged.
#[derive(Debug, thiserror::Error)]
enum NotReloaded {
    /// What the file says.
    #[error("{0}")]
    Configuration(String),
    /// What must hold for a start does not, or a certificate or key cannot be used.
    #[error("{}", lines(.0))]
    NotReady(Vec<CheckRemark>),
    /// A policy cannot be loaded.
    #[error(transparent)]
    Policies(#[from] LoadPoliciesError),
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The reading failed by a mistake of this program.
    #[error("the reload failed: {0}")]
    Lost(#[from] tokio::task::JoinError),
}

fn lines(wrong: &[CheckRemark]) -> String {
    let wrong = wrong.iter();
    let lines = wrong.map(|wrong| format!("error: {}: {}", wrong.place, wrong.text));
    lines.collect::<Vec<_>>().join("\n")
}

impl From<NotReloaded> for OperatorError {
    fn from(error: NotReloaded) -> Self {
        let code = match error {
            NotReloaded::Configuration(_) => ErrorCode::Configuration,
            NotReloaded::Policies(_) => ErrorCode::Policy,
            NotReloaded::NotReady(_) | NotReloaded::Listen(_) => ErrorCode::NotReady,
            NotReloaded::Lost(_) => ErrorCode::Internal,
        };
        code.because(error)
            .hint("the configuration before is in force unchanged")
    }
}

/// Reloads the configuration of a server.
pub(super) struct Reloader {
    station: Arc<Station>,
    path: PathBuf,
    keeper: Keeper,
    /// Locked for a whole reload: one comes after the other.
    listeners: Mutex<Listeners>,
}

impl Reloader {
    pub(super) fn new(keeper: Keeper, listeners: Listeners) -> Self {
        let station = Arc::clone(&keeper.station);
        Self {
            path: station.plan().path.clone(),
            station,
            keeper,
            listeners: Mutex::new(listeners),
        }
    }

    async fn reload_and_log(&self) -> Result<Reloaded, NotReloaded> {
        let outcome = self.try_reload().await;
        let events = &self.station.events;
        match &outcome {
            Ok((reloaded, _)) => {
                events.emit(Event::ConfigurationReloaded {
                    changed: shown(&reloaded.changed),
                    generation: reloaded.policy_generation,
                });
                if !reloaded.waiting.is_empty() {
                    let waiting = shown(&reloaded.waiting);
                    events.emit(Event::ConfigurationWaits { waiting });
                }
            }
            Err(error) => events.emit(Event::ConfigurationRefused {
                reason: error.to_string(),
            }),
        }
        let (mut reloaded, before) = outcome?;
        reloaded
            .remarks
            .extend(left_by(&self.station, &before).await);
        Ok(reloaded)
    }

    /// Gives the plan that was in force before, too.
    async fn try_reload(&self) -> Result<(Reloaded, Arc<InForce>), NotReloaded> {
        let mut listeners = self.listeners.lock().await;
        let old = self.station.plan();
        let path = self.path.clone();
        let before = Arc::clone(&old);
        let read = tokio::task::spawn_blocking(move || read(&path, &before)).await?;
        let (next, mut reloaded) = read?;
        let chain = self.station.policies.prepare(policies::specs(&next)).await;
        let chain = chain.map_err(LoadPoliciesError::from)?;
        let bound = listeners.bind_new(&next)?;
        // Nothing fails from here on.
        reloaded.policy_generation = self.station.put_in_force(next, chain);
        listeners.take_up(bound, &self.keeper);
        Ok((reloaded, old))
    }
}

#[async_trait]
impl Reload for Reloader {
    async fn reload(&self) -> Result<Reloaded, OperatorError> {
        self.reload_and_log().await.map_err(OperatorError::from)
    }
}

/// Reads and checks the file as a start does; what needs a restart stays as it was.
fn read(path: &std::path::Path, old: &InForce) -> Result<(InForce, Reloaded), NotReloaded> {
    let plan = Plan::load_for(path, &Needs::Everything)
        .map_err(|error| NotReloaded::Configuration(error.to_string()))?;
    let changed = plan.fingerprints.changed_since(&old.fingerprints);
    let (plan, waiting) = plan.with_what_needs_a_restart_of(old);
    let next = InForce::of(plan);
    let (wrong, mut remarks): (Vec<_>, Vec<_>) = remarks(&next, next.keyring())
        .into_iter()
        .partition(|found| found.keeps_out);
    if !wrong.is_empty() {
        return Err(NotReloaded::NotReady(wrong));
    }
    remarks.retain(|remark| remark.severity > RemarkLevel::Good);
    let changed = changed.into_iter().filter(|key| !waiting.contains(key));
    let reloaded = Reloaded {
        changed: changed.collect(),
        waiting,
        remarks,
        policy_generation: 0,
    };
    Ok((next, reloaded))
}

/// Keys as a line of the log has them.
fn shown(keys: &[String]) -> String {
    /// More than these are counted.
    const MOST: usize = 40;
    match keys {
        [] => "nothing".to_owned(),
        keys if keys.len() <= MOST => keys.join(", "),
        keys => {
            let (named, more) = keys.split_at(MOST);
            format!("{} and {} more", named.join(", "), more.len())
        }
    }
}
