//! One policy, ready to be asked: everything that can be wrong with it is found here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::bindings::PolicyPre;
use crate::bindings::types::OutboundFile;
use crate::context::{Context, HostServices, SessionValues};
use crate::engine::Engine;
use crate::error::{ComponentFault, LoadError};
use crate::hook::{Hook, OnFailure};
use crate::instance::Instance;
use crate::limits::Limits;
use crate::policies::PolicySpec;
use crate::{check, compile};

/// A checked and compiled component with what it was deployed with. Immutable.
pub(crate) struct Loaded {
    pub(crate) name: Arc<str>,
    pub(crate) digest: String,
    pub(crate) settings: Arc<BTreeMap<String, String>>,
    pub(crate) limits: Limits,
    pub(crate) engine: Engine,
    pub(crate) pre: PolicyPre<Context>,
    hooks: Vec<Hook>,
    on_failure: BTreeMap<Hook, OnFailure>,
}

impl Loaded {
    /// Whether it is asked at this moment.
    pub(crate) fn answers(&self, hook: Hook) -> bool {
        self.hooks.is_empty() || self.hooks.contains(&hook)
    }

    /// What its failure means at this moment.
    pub(crate) fn on_failure(&self, hook: Hook) -> OnFailure {
        self.on_failure.get(&hook).copied().unwrap_or_default()
    }
}

/// From the component's octets to something that can be asked.
pub(crate) async fn load(
    engine: &Engine,
    spec: &PolicySpec,
    component: &[u8],
) -> Result<Loaded, LoadError> {
    check_size(spec, component.len() as u64)?;
    let digest = sha256(component);
    let faulty = |fault| LoadError::Component {
        policy: spec.name.clone(),
        file: spec.component.clone(),
        digest: digest.clone(),
        fault,
    };
    let pre = prepare(engine, component).await.map_err(faulty)?;
    let loaded = Loaded {
        name: spec.name.as_str().into(),
        digest: digest.clone(),
        settings: Arc::new(spec.settings.clone()),
        limits: spec.limits.clone(),
        engine: engine.clone(),
        pre,
        hooks: spec.hooks.clone(),
        on_failure: spec.on_failure.clone(),
    };
    try_start(&loaded).await.map_err(faulty)?;
    Ok(loaded)
}

/// Refuse what is too large, before it is read where the size is known by then.
pub(crate) fn check_size(spec: &PolicySpec, size: u64) -> Result<(), LoadError> {
    let limit = spec.limits.component;
    if size > limit {
        return Err(LoadError::TooBig {
            policy: spec.name.clone(),
            file: spec.component.clone(),
            size,
            limit,
        });
    }
    Ok(())
}

/// Lower-case hexadecimal.
pub(crate) fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets)
        .iter()
        .fold(String::with_capacity(64), |mut hex, octet| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{octet:02x}");
            hex
        })
}

async fn prepare(engine: &Engine, component: &[u8]) -> Result<PolicyPre<Context>, ComponentFault> {
    check::imports(component)?;
    let compiled = compile::compile(engine, component).await?;
    let pre = engine
        .linker()
        .instantiate_pre(&compiled)
        .map_err(|e| ComponentFault::Imports(format!("{e:#}")))?;
    PolicyPre::new(pre).map_err(|e| ComponentFault::Exports(format!("{e:#}")))
}

/// Start it once, so that one that traps at its start is found now and not by a partner.
async fn try_start(loaded: &Loaded) -> Result<(), ComponentFault> {
    Instance::start(
        loaded,
        "loading".into(),
        Arc::new(NoServices),
        SessionValues::default(),
        0,
        SystemTime::UNIX_EPOCH,
    )
    .await
    .map(drop)
    .map_err(|failed| ComponentFault::Start {
        kind: failed.kind,
        detail: failed.detail,
    })
}

/// While a component is started for a try, there is no server behind it.
struct NoServices;

#[async_trait]
impl HostServices for NoServices {
    async fn list_outbound(&self, _partner: &str, _limit: u32) -> Vec<OutboundFile> {
        Vec::new()
    }

    async fn kv_get(&self, _policy: &str, _key: &str) -> Option<Vec<u8>> {
        None
    }

    async fn kv_set(&self, _policy: &str, _key: &str, _value: Vec<u8>) -> Result<(), String> {
        Err("nothing is kept before the first question".to_owned())
    }
}
