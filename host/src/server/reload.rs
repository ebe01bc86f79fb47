//! Another configuration in place of the one in force, while the server runs: read and checked whole first, and then put in
//! force at once. A session keeps the plan and the policies that it began with.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use super::keeper::Keeper;
use super::listeners::Listeners;
use crate::config::{Needs, Plan};
use crate::events::Event;
use crate::operator::conditions::obstacles;
use crate::operator::error::{ErrorCode, OperatorError};
use crate::operator::running::Reloaded;
use crate::session::listen::ListenError;
use crate::station::Station;
use crate::station::in_force::InForce;
use crate::station::policies::{self, LoadPoliciesError};

/// Why a configuration was not taken up. The one before is in force unchanged.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    /// What the file says.
    #[error("{0}")]
    Configuration(String),
    /// What must hold for a start does not.
    #[error("{}", .0.join("\n"))]
    NotReady(Vec<String>),
    /// A policy.
    #[error(transparent)]
    Policies(#[from] LoadPoliciesError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The reading failed by a mistake of this program.
    #[error("the reload failed: {0}")]
    Lost(#[from] tokio::task::JoinError),
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
pub struct Reloader {
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

    /// Says when another plan is in force.
    #[must_use]
    pub fn plans(&self) -> watch::Receiver<Arc<InForce>> {
        self.station.plans()
    }

    /// Reads the configuration again and puts it in force, if all of it can be. What came of it is logged.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    pub async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let outcome = self.try_reload().await;
        let events = &self.station.events;
        match &outcome {
            Ok(reloaded) => {
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
        outcome
    }

    async fn try_reload(&self) -> Result<Reloaded, NotReloaded> {
        let mut listeners = self.listeners.lock().await;
        let old = self.station.plan();
        let path = self.path.clone();
        let before = Arc::clone(&old);
        let read = tokio::task::spawn_blocking(move || read(&path, &before)).await?;
        let (next, mut reloaded) = read?;
        let chain = self.station.policies.prepare(policies::specs(&next)).await;
        let chain = chain.map_err(LoadPoliciesError::from)?;
        let bound = listeners.bind_new(&next).await?;
        // Nothing fails from here on.
        reloaded.policy_generation = self.station.put_in_force(next, chain);
        listeners.take_up(bound, &self.keeper);
        Ok(reloaded)
    }
}

/// Reads and checks the file as a start does; what needs a restart stays as it was.
fn read(path: &std::path::Path, old: &InForce) -> Result<(InForce, Reloaded), NotReloaded> {
    let plan = Plan::load_for(path, &Needs::Everything)
        .map_err(|error| NotReloaded::Configuration(error.to_string()))?;
    let changed = plan.fingerprints.changed_since(&old.fingerprints);
    let (plan, waiting) = plan.with_what_needs_a_restart_of(old);
    let next = InForce::of(plan);
    let wrong = obstacles(&next);
    if !wrong.is_empty() {
        let wrong = wrong.iter().map(|wrong| format!("error: {wrong}"));
        return Err(NotReloaded::NotReady(wrong.collect()));
    }
    let changed = changed.into_iter().filter(|key| !waiting.contains(key));
    let reloaded = Reloaded {
        changed: changed.collect(),
        waiting,
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
