//! The chain of policies as it stands at one time.

use std::sync::Arc;

use crate::hook::Hook;
use crate::loaded::Loaded;

/// One state of the chain: immutable, numbered from 1, freed with its last holder.
pub struct Generation {
    number: u64,
    pub(crate) chain: Vec<Arc<Loaded>>,
}

impl Generation {
    pub(crate) fn new(number: u64, chain: Vec<Arc<Loaded>>) -> Self {
        Generation { number, chain }
    }

    /// Its number. Each swap makes the next one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its policies in the order in which they are asked: name and SHA-256 (hexadecimal).
    pub fn policies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.chain
            .iter()
            .map(|loaded| (&*loaded.name, loaded.digest.as_str()))
    }

    /// Whether a policy of it is asked at this hook.
    pub fn asks(&self, hook: Hook) -> bool {
        self.chain.iter().any(|loaded| loaded.answers(hook))
    }

    /// The hooks at which a policy is asked: it exports them, and is deployed for them. Empty where there is no such
    /// policy.
    pub fn hooks(&self, policy: &str) -> Vec<Hook> {
        let named = self.chain.iter().find(|loaded| *loaded.name == *policy);
        named.map_or_else(Vec::new, |loaded| {
            let hooks = Hook::ALL.into_iter();
            hooks.filter(|hook| loaded.answers(*hook)).collect()
        })
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("number", &self.number)
            .field("policies", &self.policies().collect::<Vec<_>>())
            .finish()
    }
}
