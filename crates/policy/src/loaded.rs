//! A policy that can be asked, with what it was deployed with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::InstancePre;

use crate::decided::AskedPolicy;
use crate::engine::Engine;
use crate::guest_context::GuestContext;
use crate::hook::{Hook, OnFailure};
use crate::hook_call::Exports;
use crate::limits::ResourceLimits;
use crate::spec::PolicySpec;

/// A checked and compiled component, with its specification. It is immutable.
pub(crate) struct Loaded {
    pub(crate) name: Arc<str>,
    pub(crate) digest: String,
    pub(crate) settings: Arc<BTreeMap<String, String>>,
    pub(crate) limits: ResourceLimits,
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<GuestContext>,
    pub(crate) exports: Exports,
    /// The hooks that it exports.
    pub(crate) exported: Vec<Hook>,
    /// The most octets that one of its instances held at its start.
    pub(crate) size: AtomicU64,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) asked_about_strangers: bool,
    pub(crate) on_failure: BTreeMap<Hook, OnFailure>,
}

impl Loaded {
    /// The same component under another specification.
    pub(crate) fn respecified(&self, spec: &PolicySpec) -> Self {
        Loaded {
            name: Arc::clone(&self.name),
            digest: self.digest.clone(),
            settings: Arc::new(spec.settings.clone()),
            limits: spec.limits.clone(),
            engine: self.engine.clone(),
            pre: self.pre.clone(),
            exports: self.exports.clone(),
            exported: self.exported.clone(),
            size: AtomicU64::new(self.size_at_start()),
            hooks: spec.hooks.clone(),
            asked_about_strangers: spec.asked_about_strangers,
            on_failure: spec.on_failure.clone(),
        }
    }

    /// Its name and digest.
    pub(crate) fn identity(&self) -> AskedPolicy {
        AskedPolicy {
            name: self.name.to_string(),
            digest: self.digest.clone(),
        }
    }

    /// Whether it is asked at this hook: it exports it, and is deployed for it.
    pub(crate) fn answers(&self, hook: Hook) -> bool {
        self.exported.contains(&hook) && (self.hooks.is_empty() || self.hooks.contains(&hook))
    }

    /// Whether it is asked about callers that have shown no right password or certificate.
    pub(crate) fn knows_strangers(&self) -> bool {
        self.asked_about_strangers && self.answers(Hook::AcceptConnection)
    }

    /// What an instance is expected to hold at its start, in octets.
    pub(crate) fn size_at_start(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// An instance held so many octets at its start.
    pub(crate) fn starts_with(&self, octets: u64) {
        self.size.fetch_max(octets, Ordering::Relaxed);
    }

    /// What its failure means at this hook.
    pub(crate) fn on_failure(&self, hook: Hook) -> OnFailure {
        self.on_failure.get(&hook).copied().unwrap_or_default()
    }
}
