//! The chain in force, and how it is replaced.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use pointsman_folder::FileStat;
use pointsman_log::emit;
use tokio::sync::{Mutex, watch};

use crate::check;
use crate::component_file::{self, Unread, install};
use crate::engine::Engine;
use crate::error::LoadError;
use crate::events::PolicyEvent;
use crate::generation::Generation;
use crate::hook::Hook;
use crate::load;
use crate::loaded::Loaded;
use crate::mutex::lock;
use crate::spec::PolicySpec;

/// A swap that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// Name of the policy.
    pub policy: String,
    /// The generation that began with it.
    pub generation: u64,
    /// SHA-256 of the component now in force, hexadecimal.
    pub digest: String,
    /// SHA-256 of the one before.
    pub previous: String,
    /// What is wrong with the configured file, if anything is: it could not be replaced, so that the old component is
    /// used again after the next start; or a power cut may undo the replacement.
    pub not_installed: Option<String>,
}

/// The policies of a server: a chain in the order it was configured, and its generations.
///
/// Changes of one policy count in the order in which they were requested, however long each takes to compile: a change
/// is given up if a later one is in force already ([`LoadError::Overtaken`]). No change waits for the compilation of
/// another.
pub struct PolicySet {
    engine: Engine,
    pub(crate) current: ArcSwap<Generation>,
    pub(crate) deployed: ArcSwap<Vec<Arc<Deployed>>>,
    /// Numbers changes in the order they are asked for.
    changes: AtomicU64,
    pub(crate) made: std::sync::Mutex<Vec<Weak<Generation>>>,
}

/// A deployed policy: its specification, its file, and the state of its changes.
pub(crate) struct Deployed {
    pub(crate) spec: PolicySpec,
    /// Locked while the file is looked at or replaced, and never while something compiles.
    pub(crate) state: Mutex<FileState>,
    /// The number of the change that is in force.
    in_force: watch::Sender<u64>,
}

/// A policy's file as it was last seen.
#[derive(Clone)]
pub(crate) struct FileState {
    pub(crate) look: Option<FileStat>,
    /// The change that put this file there.
    change: u64,
    /// Whether it has been read since.
    read: bool,
}

impl PolicySet {
    /// Loads all policies: generation 1.
    ///
    /// # Errors
    /// The policies that cannot be loaded, all of them.
    pub async fn load(engine: &Engine, specs: Vec<PolicySpec>) -> Result<PolicySet, LoadError> {
        refuse_duplicates(&specs)?;
        let mut chain = Vec::with_capacity(specs.len());
        let mut deployed = Vec::with_capacity(specs.len());
        let mut refused = Vec::new();
        for spec in specs {
            let (loaded, seen) = match load_first(engine, &spec).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    refused.push(error);
                    continue;
                }
            };
            emit(&PolicyEvent::Loaded {
                policy: loaded.name.to_string(),
                digest: loaded.digest.clone(),
                file: spec.component.display().to_string(),
            });
            chain.push(Arc::new(loaded));
            deployed.push(Arc::new(Deployed::new(spec, seen)));
        }
        LoadError::all(refused)?;
        let first = Arc::new(Generation::new(1, chain));
        Ok(PolicySet {
            engine: engine.clone(),
            made: std::sync::Mutex::new(vec![Arc::downgrade(&first)]),
            current: ArcSwap::new(first),
            deployed: ArcSwap::from_pointee(deployed),
            changes: AtomicU64::new(0),
        })
    }

    /// The chain in force. A session takes it once, at its start.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Replaces a policy's component: in its configured file, and in force. Settings, limits and order stay. The swap
    /// succeeds even if the file cannot be written; [`Swapped::not_installed`] says why.
    ///
    /// # Errors
    /// There is no such policy, the component cannot be loaded, or a later change of this policy is in force already.
    /// Then nothing has changed.
    pub async fn swap(&self, name: &str, component: &[u8]) -> Result<Swapped, LoadError> {
        let policy = &*self.named(name)?;
        let change = {
            let mut state = policy.state.lock().await;
            self.look_at_file(policy, &mut state).await;
            self.next_change()
        };
        let loaded = self
            .load_unless_overtaken(policy, change, component)
            .await?;
        let mut state = policy.state.lock().await;
        self.look_at_file(policy, &mut state).await;
        if state.change > change || *policy.in_force.borrow() > change {
            return Err(overtaken(&policy.spec));
        }
        let not_installed = replace_file(&policy.spec, &mut state, change, component).await?;
        self.put_in_force(policy, change, loaded, not_installed)
    }

    /// Checks a policy's file, and swaps the policy if the content has changed; none where it has not. A file that
    /// cannot be loaded is reported once, not at every check.
    pub async fn reload(&self, name: &str) -> Option<Result<Swapped, LoadError>> {
        match self.named(name) {
            Ok(policy) => self.reload_file(&policy).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Numbers of the generations that are still in use, the oldest first; the last is in force.
    pub fn live_generations(&self) -> Vec<u64> {
        let mut made = lock(&self.made);
        made.retain(|generation| generation.strong_count() > 0);
        made.iter()
            .filter_map(Weak::upgrade)
            .map(|generation| generation.number())
            .collect()
    }

    /// The file counts as read only at the end, so that a reload that is cancelled half-way has changed nothing.
    async fn reload_file(&self, policy: &Deployed) -> Result<Option<Swapped>, LoadError> {
        let change = {
            let mut state = policy.state.lock().await;
            self.look_at_file(policy, &mut state).await;
            if state.read {
                return Ok(None);
            }
            state.change
        };
        let loaded = self.load_file(policy, change).await;
        if matches!(loaded, Err(LoadError::Overtaken { .. })) {
            // What is in force by now is newer than this file, or is this file.
            return Ok(None);
        }
        let mut state = policy.state.lock().await;
        self.look_at_file(policy, &mut state).await;
        let changed_while_read =
            matches!(&loaded, Ok(Some((_, seen))) if state.look != Some(*seen));
        if state.change != change || changed_while_read {
            // The next look is about the file that stands there by now.
            return Ok(None);
        }
        state.read = true;
        if *policy.in_force.borrow() > change {
            // What was swapped in later stays.
            return Ok(None);
        }
        let Some((loaded, _)) = loaded? else {
            return Ok(None);
        };
        match self.put_in_force(policy, change, loaded, None) {
            // Another configuration came meanwhile, and with it this file.
            Err(LoadError::Overtaken { .. }) => Ok(None),
            swapped => swapped.map(Some),
        }
    }

    /// The component in the file, and the facts of the file; none if that component is in force already.
    async fn load_file(
        &self,
        policy: &Deployed,
        change: u64,
    ) -> Result<Option<(Arc<Loaded>, FileStat)>, LoadError> {
        let (component, seen) = read(&policy.spec).await?;
        if load::sha256(&component) == self.digest_of(&policy.spec.name) {
            return Ok(None);
        }
        let loaded = self
            .load_unless_overtaken(policy, change, &component)
            .await?;
        Ok(Some((loaded, seen)))
    }

    /// A file that differs from the one before was put there by another program just now, which is a change, too.
    async fn look_at_file(&self, policy: &Deployed, state: &mut FileState) {
        let now = component_file::look(&policy.spec.component).await;
        if now != state.look {
            *state = FileState {
                look: now,
                change: self.next_change(),
                read: false,
            };
        }
    }

    fn next_change(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Loads a component before anything is changed. Where a later change comes in the meantime, the compilation is
    /// stopped.
    async fn load_unless_overtaken(
        &self,
        policy: &Deployed,
        change: u64,
        component: &[u8],
    ) -> Result<Arc<Loaded>, LoadError> {
        let mut in_force = policy.in_force.subscribe();
        let newer = async {
            // The sender lives as long as the policies do.
            let _ = in_force.wait_for(|newer| *newer > change).await;
        };
        tokio::select! {
            loaded = load::load(&self.engine, &policy.spec, component) => Ok(Arc::new(loaded?)),
            () = newer => Err(overtaken(&policy.spec)),
        }
    }

    /// Replaces the generation. The caller has locked the policy's file state, and has checked that nothing newer is in
    /// force.
    fn put_in_force(
        &self,
        policy: &Deployed,
        change: u64,
        loaded: Arc<Loaded>,
        not_installed: Option<String>,
    ) -> Result<Swapped, LoadError> {
        let name = &policy.spec.name;
        let mut made = lock(&self.made);
        let is_deployed = |known: &Arc<Deployed>| std::ptr::eq(&**known, policy);
        // Another configuration came meanwhile: whoever loads for that one looks at the file again.
        if !self.deployed.load().iter().any(is_deployed) {
            return Err(overtaken(&policy.spec));
        }
        let old = self.current();
        let previous = self.digest_of(name);
        let chain = old
            .chain
            .iter()
            .map(|one| if *one.name == **name { &loaded } else { one })
            .cloned()
            .collect();
        let new = Arc::new(Generation::new(old.number() + 1, chain));
        made.push(Arc::downgrade(&new));
        let swapped = Swapped {
            policy: name.clone(),
            generation: new.number(),
            digest: loaded.digest.clone(),
            previous,
            not_installed,
        };
        self.current.store(new);
        drop(made);
        policy.in_force.send_replace(change);
        Ok(swapped)
    }

    /// The engine of all its policies.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn named(&self, name: &str) -> Result<Arc<Deployed>, LoadError> {
        let deployed = self.deployed.load();
        let named = deployed.iter().find(|policy| policy.spec.name == name);
        named.cloned().ok_or_else(|| unknown(name, &deployed))
    }

    fn digest_of(&self, name: &str) -> String {
        let current = self.current();
        let found = current.chain.iter().find(|loaded| *loaded.name == *name);
        found
            .map(|loaded: &Arc<Loaded>| loaded.digest.clone())
            .unwrap_or_default()
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PolicySet").field(&self.current()).finish()
    }
}

impl Deployed {
    /// The policy of that file with another specification.
    pub(crate) fn respecified(spec: PolicySpec, file: &FileState) -> Self {
        Deployed {
            spec,
            state: Mutex::new(file.clone()),
            in_force: watch::Sender::new(file.change),
        }
    }

    pub(crate) fn new(spec: PolicySpec, seen: FileStat) -> Self {
        Deployed {
            spec,
            state: Mutex::new(FileState {
                look: Some(seen),
                change: 0,
                read: true,
            }),
            in_force: watch::Sender::new(0),
        }
    }
}

/// Puts a component into the policy's file. Returns what is wrong with the file afterwards, if anything is.
///
/// # Errors
/// Somebody put another file there meanwhile: that one counts.
async fn replace_file(
    spec: &PolicySpec,
    state: &mut FileState,
    change: u64,
    component: &[u8],
) -> Result<Option<String>, LoadError> {
    let place = &spec.component;
    match install(place, component, state.look).await {
        Ok(Some(installed)) => {
            *state = FileState {
                look: Some(installed.look),
                change,
                read: true,
            };
            Ok(installed.unsynced.map(|error| {
                format!(
                    "its file is replaced, but its folder could not be synced, and a power cut may bring the one before back: {}: {error}",
                    place.display()
                )
            }))
        }
        Ok(None) => Err(overtaken(spec)),
        // The file stays what it is, and as old as it is.
        Err(error) => Ok(Some(format!(
            "the one before comes back with the next start, since its file could not be replaced: {}: {error}",
            place.display()
        ))),
    }
}

/// Its component, and the facts of the file when it was opened.
async fn read(spec: &PolicySpec) -> Result<(Vec<u8>, FileStat), LoadError> {
    let limit = spec.limits.component;
    let read = component_file::read(&spec.component, limit).await;
    read.map_err(|unread| match unread {
        Unread::TooBig => load::too_big(spec),
        Unread::Failed(source) => LoadError::Read {
            policy: spec.name.clone(),
            file: spec.component.clone(),
            source,
        },
    })
}

impl PolicySpec {
    /// Whether it would be asked at a hook, by what it is deployed for and by what its component exports; nothing is
    /// compiled. A component that cannot be read, or is none, might be asked: whoever loads it is told what is wrong.
    pub async fn may_be_asked(&self, hook: Hook) -> bool {
        if !self.hooks.is_empty() && !self.hooks.contains(&hook) {
            return false;
        }
        let exported = read(self).await.ok();
        let exported = exported.and_then(|(component, _)| check::hooks(&component).ok());
        exported.is_none_or(|exported| exported.contains(&hook))
    }
}

pub(crate) async fn load_first(
    engine: &Engine,
    spec: &PolicySpec,
) -> Result<(Loaded, FileStat), LoadError> {
    let (component, seen) = read(spec).await?;
    Ok((load::load(engine, spec, &component).await?, seen))
}

pub(crate) fn refuse_duplicates(specs: &[PolicySpec]) -> Result<(), LoadError> {
    let mut names = BTreeSet::new();
    match specs.iter().find(|spec| !names.insert(&spec.name)) {
        Some(spec) => Err(LoadError::Duplicate {
            policy: spec.name.clone(),
        }),
        None => Ok(()),
    }
}

fn overtaken(spec: &PolicySpec) -> LoadError {
    LoadError::Overtaken {
        policy: spec.name.clone(),
    }
}

fn unknown(name: &str, deployed: &[Arc<Deployed>]) -> LoadError {
    let known: Vec<&str> = deployed
        .iter()
        .map(|policy| policy.spec.name.as_str())
        .collect();
    LoadError::Unknown {
        policy: name.to_owned(),
        known: known.join(", "),
    }
}
