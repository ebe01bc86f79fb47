//! The chain in force, and how it is replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::engine::Engine;
use crate::error::LoadError;
use crate::event::lock;
use crate::generation::Generation;
use crate::hook::{Hook, OnFailure};
use crate::limits::Limits;
use crate::load::{self, Loaded};

/// A policy as it is deployed.
#[derive(Debug, Clone, Default)]
pub struct PolicySpec {
    /// Its name, unique among the policies.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// The moments it is asked at; empty = all.
    pub hooks: Vec<Hook>,
    /// What the policy reads as its settings.
    pub settings: BTreeMap<String, String>,
    /// What it may use.
    pub limits: Limits,
    /// What its failure means, for each hook; [`OnFailure::Retry`] where nothing is said.
    pub on_failure: BTreeMap<Hook, OnFailure>,
}

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
}

/// The policies of a server: a chain in the order it was configured, and its generations.
pub struct Policies {
    engine: Engine,
    current: ArcSwap<Generation>,
    /// One change at a time; readers do not wait for it.
    changing: Mutex<Vec<Source>>,
    made: std::sync::Mutex<Vec<Weak<Generation>>>,
}

/// Where a policy comes from, and what its file looked like when it was last read.
struct Source {
    spec: PolicySpec,
    seen: Option<Stat>,
}

/// What changes with a file that is written or put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

impl Policies {
    /// Load all policies: generation 1.
    ///
    /// # Errors
    /// The first policy that cannot be loaded.
    pub async fn load(engine: &Engine, specs: Vec<PolicySpec>) -> Result<Policies, LoadError> {
        refuse_duplicates(&specs)?;
        let mut chain = Vec::with_capacity(specs.len());
        let mut sources = Vec::with_capacity(specs.len());
        for spec in specs {
            let (component, seen) = read(&spec).await?;
            let loaded = load::load(engine, &spec, &component).await?;
            tracing::info!(target: "policy", policy = %loaded.name, digest = %loaded.digest,
                file = %spec.component.display(), "policy-loaded");
            chain.push(Arc::new(loaded));
            sources.push(Source {
                spec,
                seen: Some(seen),
            });
        }
        let first = Arc::new(Generation::new(1, chain));
        Ok(Policies {
            engine: engine.clone(),
            made: std::sync::Mutex::new(vec![Arc::downgrade(&first)]),
            current: ArcSwap::new(first),
            changing: Mutex::new(sources),
        })
    }

    /// The chain in force. A session takes it once, at its start.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Put another component in a policy's place; settings, limits and order stay.
    ///
    /// # Errors
    /// If there is no such policy or the component cannot be loaded; then nothing has changed.
    pub async fn swap(&self, name: &str, component: &[u8]) -> Result<Swapped, LoadError> {
        let sources = self.changing.lock().await;
        let spec = sources
            .iter()
            .map(|source| &source.spec)
            .find(|spec| spec.name == name)
            .ok_or_else(|| unknown(name, &sources))?;
        self.replace(spec, component).await
    }

    /// Look at every component's file, and swap those whose content is another one. One entry for
    /// each file that changed; a file that does not load is told of once, not at every look.
    pub async fn reload_changed(&self) -> Vec<Result<Swapped, LoadError>> {
        let mut outcomes = Vec::new();
        for source in self.changing.lock().await.iter_mut() {
            if let Some(outcome) = self.reload(source).await {
                if let Err(error) = &outcome {
                    tracing::error!(target: "policy", policy = %source.spec.name, %error,
                        "policy-not-reloaded");
                }
                outcomes.push(outcome);
            }
        }
        outcomes
    }

    /// Numbers of the generations that somebody still holds, oldest first; the last is in force.
    pub fn live_generations(&self) -> Vec<u64> {
        let mut made = lock(&self.made);
        made.retain(|generation| generation.strong_count() > 0);
        made.iter()
            .filter_map(Weak::upgrade)
            .map(|generation| generation.number())
            .collect()
    }

    async fn reload(&self, source: &mut Source) -> Option<Result<Swapped, LoadError>> {
        let now = tokio::fs::metadata(&source.spec.component)
            .await
            .ok()
            .as_ref()
            .map(Stat::of);
        if now == source.seen {
            return None;
        }
        source.seen = now;
        let (component, seen) = match read(&source.spec).await {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        source.seen = Some(seen);
        if load::sha256(&component) == self.digest_of(&source.spec.name) {
            return None;
        }
        Some(self.replace(&source.spec, &component).await)
    }

    /// Everything that can fail comes first; then one pointer changes.
    async fn replace(&self, spec: &PolicySpec, component: &[u8]) -> Result<Swapped, LoadError> {
        let loaded = Arc::new(load::load(&self.engine, spec, component).await?);
        let old = self.current();
        let chain = old
            .chain
            .iter()
            .map(|one| if *one.name == spec.name { &loaded } else { one })
            .cloned()
            .collect();
        let swapped = Swapped {
            policy: spec.name.clone(),
            generation: old.number() + 1,
            digest: loaded.digest.clone(),
            previous: self.digest_of(&spec.name),
        };
        let new = Arc::new(Generation::new(swapped.generation, chain));
        lock(&self.made).push(Arc::downgrade(&new));
        self.current.store(new);
        tracing::info!(target: "policy", policy = %swapped.policy, generation = swapped.generation,
            digest = %swapped.digest, previous = %swapped.previous, "policy-swapped");
        Ok(swapped)
    }

    fn digest_of(&self, name: &str) -> String {
        let current = self.current();
        let found = current.chain.iter().find(|loaded| *loaded.name == *name);
        found
            .map(|loaded: &Arc<Loaded>| loaded.digest.clone())
            .unwrap_or_default()
    }
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Policies").field(&self.current()).finish()
    }
}

impl Stat {
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Stat {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

/// The component, and what its file looked like before it was read: a change while reading shows at
/// the next look.
async fn read(spec: &PolicySpec) -> Result<(Vec<u8>, Stat), LoadError> {
    let cannot = |source| LoadError::Read {
        policy: spec.name.clone(),
        file: spec.component.clone(),
        source,
    };
    let metadata = tokio::fs::metadata(&spec.component).await.map_err(cannot)?;
    load::check_size(spec, metadata.len())?;
    let component = tokio::fs::read(&spec.component).await.map_err(cannot)?;
    Ok((component, Stat::of(&metadata)))
}

fn refuse_duplicates(specs: &[PolicySpec]) -> Result<(), LoadError> {
    let mut names = BTreeSet::new();
    match specs.iter().find(|spec| !names.insert(&spec.name)) {
        Some(spec) => Err(LoadError::Duplicate {
            policy: spec.name.clone(),
        }),
        None => Ok(()),
    }
}

fn unknown(name: &str, sources: &[Source]) -> LoadError {
    let known: Vec<&str> = sources
        .iter()
        .map(|source| source.spec.name.as_str())
        .collect();
    LoadError::Unknown {
        policy: name.to_owned(),
        known: known.join(", "),
    }
}
