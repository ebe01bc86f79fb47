//! One policy, ready to be asked: everything that can be wrong with it is found here.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use wasmtime::component::InstancePre;

use crate::bindings::types::OutboundFile;
use crate::engine::Engine;
use crate::error::{ComponentFault, LoadError};
use crate::events::Subject;
use crate::guest_context::GuestContext;
use crate::guest_event::EventStamp;
use crate::hook::Hook;
use crate::hook_call::Exports;
use crate::instance::{Deadline, Instance};
use crate::limits::CompileLimits;
use crate::loaded::Loaded;
use crate::memory::OVERHEAD;
use crate::services::HostServices;
use crate::session_values::SessionValues;
use crate::spec::PolicySpec;
use crate::{check, compile};

/// Makes a policy that can be asked from the octets of a component.
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
    let compiler = spec.limits.compile;
    let exported = check::hooks(component).map_err(faulty)?;
    let pre = prepare(engine, component, compiler).await.map_err(faulty)?;
    let exports = exports(spec, &pre, &exported).map_err(faulty)?;
    let loaded = Loaded {
        name: spec.name.as_str().into(),
        digest: digest.clone(),
        settings: Arc::new(spec.settings.clone()),
        limits: spec.limits.clone(),
        engine: engine.clone(),
        pre,
        exports,
        exported,
        size: AtomicU64::new(OVERHEAD),
        hooks: spec.hooks.clone(),
        asked_about_strangers: spec.asked_about_strangers,
        on_failure: spec.on_failure.clone(),
    };
    try_start(&loaded).await.map_err(faulty)?;
    Ok(loaded)
}

fn check_size(spec: &PolicySpec, size: u64) -> Result<(), LoadError> {
    match size > spec.limits.component {
        true => Err(too_big(spec)),
        false => Ok(()),
    }
}

/// A component has more octets than it may.
pub(crate) fn too_big(spec: &PolicySpec) -> LoadError {
    LoadError::TooBig {
        policy: spec.name.clone(),
        file: spec.component.clone(),
        limit: spec.limits.component,
    }
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

async fn prepare(
    engine: &Engine,
    component: &[u8],
    compiler: CompileLimits,
) -> Result<InstancePre<GuestContext>, ComponentFault> {
    let compiled = compile::compile(engine, component, compiler).await?;
    engine
        .linker()
        .instantiate_pre(&compiled)
        .map_err(|e| ComponentFault::Imports(format!("{e:#}")))
}

/// Its hooks: there is one at least, and all that it is deployed for.
fn exports(
    spec: &PolicySpec,
    component: &InstancePre<GuestContext>,
    exported: &[Hook],
) -> Result<Exports, ComponentFault> {
    if exported.is_empty() {
        return Err(ComponentFault::NoHooks);
    }
    if let Some(missing) = spec.hooks.iter().find(|hook| !exported.contains(hook)) {
        let exported: Vec<&str> = exported.iter().map(|hook| hook.name()).collect();
        return Err(ComponentFault::NotExported {
            missing: *missing,
            exported: exported.join(", "),
        });
    }
    let exports = Exports::of(component, exported);
    exports.map_err(|error| ComponentFault::Exports(format!("{error:#}")))
}

/// Starts it once, so that a component that traps at its start is found now and not in a session.
async fn try_start(loaded: &Loaded) -> Result<(), ComponentFault> {
    let stamp = EventStamp {
        subject: &Subject::nobody("loading".into()),
        number: 0,
        at: SystemTime::UNIX_EPOCH + AT_LOADING,
    };
    let values = SessionValues::new(loaded.engine.memory());
    let (services, deadline) = (Arc::new(NoServices), Deadline::of(loaded));
    let started = Instance::start(loaded, &stamp, services, values, deadline).await;
    started.map(drop).map_err(|fault| ComponentFault::Start {
        kind: fault.kind,
        detail: fault.detail,
    })
}

/// The time of this start, always the same: 2026-01-01T00:00:00Z. A language's runtime may need a plausible clock (Go's
/// ends at a clock of 0).
const AT_LOADING: Duration = Duration::from_secs(1_767_225_600);

/// The services of a component that is started to be checked: there are none.
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
