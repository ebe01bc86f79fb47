//! Another chain in place of the one in force: policies that come, go or change their settings.

use std::sync::Arc;

use crate::component_file;
use crate::error::LoadError;
use crate::generation::Generation;
use crate::loaded::Loaded;
use crate::mutex::lock;
use crate::policy_set::{Deployed, PolicySet, load_first, refuse_duplicates};
use crate::spec::PolicySpec;

/// A chain that is loaded and not in force yet.
pub struct PreparedChain(Vec<(Arc<Deployed>, Link)>);

/// Where one policy of a prepared chain comes from.
enum Link {
    /// Nothing of it changed: whatever component is in force then stays.
    Kept,
    /// Its component is the one in force then, with other settings, hooks or limits.
    Respecified,
    /// It is new, or has another component.
    Loaded(Arc<Loaded>),
}

impl PolicySet {
    /// Loads the new policies among these specifications, which are the complete chain, and puts nothing in force.
    ///
    /// # Errors
    /// The policies that cannot be loaded, all of them.
    pub async fn prepare(&self, specs: Vec<PolicySpec>) -> Result<PreparedChain, LoadError> {
        refuse_duplicates(&specs)?;
        let (mut chain, mut refused) = (Vec::with_capacity(specs.len()), Vec::new());
        for spec in specs {
            match self.prepare_one(spec).await {
                Ok(link) => chain.push(link),
                Err(error) => refused.push(error),
            }
        }
        LoadError::all(refused)?;
        Ok(PreparedChain(chain))
    }

    async fn prepare_one(&self, spec: PolicySpec) -> Result<(Arc<Deployed>, Link), LoadError> {
        if let Ok(deployed) = self.named(&spec.name) {
            let known = deployed.state.lock().await;
            let is_same = component_file::look(&spec.component).await == known.look;
            if is_same && deployed.spec == spec {
                drop(known);
                return Ok((deployed, Link::Kept));
            }
            if is_same && is_compiled_alike(&deployed.spec, &spec) {
                let again = Deployed::respecified(spec, &known);
                return Ok((Arc::new(again), Link::Respecified));
            }
        }
        let (loaded, seen) = load_first(self.engine(), &spec).await?;
        let deployed = Deployed::new(spec, seen);
        Ok((Arc::new(deployed), Link::Loaded(Arc::new(loaded))))
    }

    /// Puts a prepared chain in force: a new generation, where anything has changed. Returns the number of the
    /// generation in force.
    pub fn deploy(&self, prepared: PreparedChain) -> u64 {
        let mut made = lock(&self.made);
        let old = self.current();
        let in_force = |name: &str| old.chain.iter().find(|loaded| *loaded.name == *name);
        let chain = prepared.0.iter().filter_map(|(deployed, link)| match link {
            Link::Kept => in_force(&deployed.spec.name).cloned(),
            Link::Respecified => in_force(&deployed.spec.name)
                .map(|loaded| Arc::new(loaded.respecified(&deployed.spec))),
            Link::Loaded(loaded) => Some(Arc::clone(loaded)),
        });
        let chain: Vec<Arc<Loaded>> = chain.collect();
        let deployed = prepared.0.into_iter().map(|(deployed, _)| deployed);
        self.deployed.store(Arc::new(deployed.collect()));
        let is_same = chain.len() == old.chain.len()
            && chain
                .iter()
                .zip(&old.chain)
                .all(|(new, old)| Arc::ptr_eq(new, old));
        if is_same {
            return old.number();
        }
        let new = Arc::new(Generation::new(old.number() + 1, chain));
        made.push(Arc::downgrade(&new));
        let number = new.number();
        self.current.store(new);
        number
    }
}

/// Whether a component that was checked and compiled for one of them can be used for the other.
fn is_compiled_alike(old: &PolicySpec, new: &PolicySpec) -> bool {
    let limits = |spec: &PolicySpec| (spec.limits.component, spec.limits.compile);
    old.component == new.component && limits(old) == limits(new) && old.hooks == new.hooks
}

impl std::fmt::Debug for PreparedChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|(deployed, _)| &deployed.spec.name);
        f.debug_list().entries(names).finish()
    }
}
