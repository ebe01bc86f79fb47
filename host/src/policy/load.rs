//! From the policies of the configuration to components that can be asked.

use pointsman_policy::{
    Compile, Engine, EngineConfig, LoadError, PolicySet, PolicySpec, ResourceLimits,
};

use crate::config::{Config, Policy};

/// Why the policies of a configuration cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadPoliciesError {
    /// A policy.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// The policy engine.
    #[error("the policy engine does not start: {0}")]
    Engine(String),
}

/// Loads the policies a configuration names.
///
/// # Errors
/// Those that cannot be used, and why.
pub async fn load_policies(config: &Config) -> Result<PolicySet, LoadPoliciesError> {
    let engine = policy_engine(config)?;
    let specs = config
        .policies
        .0
        .iter()
        .map(|(name, policy)| spec(name, policy))
        .collect();
    Ok(PolicySet::load(&engine, specs).await?)
}

/// A policy engine that compiles in a child process of limited means, which is this program again.
///
/// # Errors
/// The engine does not start on this machine.
pub fn policy_engine(config: &Config) -> Result<Engine, LoadPoliciesError> {
    let program =
        std::env::current_exe().map_err(|error| LoadPoliciesError::Engine(error.to_string()))?;
    let compile = Compile::Child {
        program,
        args: vec![crate::COMPILE_POLICY.to_owned()],
    };
    Engine::new(EngineConfig {
        compile,
        memory: config.limits.policies_memory.0.0,
        ..EngineConfig::default()
    })
    .map_err(|error| LoadPoliciesError::Engine(format!("{error:#}")))
}

/// What the engine is told of a policy of the configuration.
#[must_use]
pub fn spec(name: &str, policy: &Policy) -> PolicySpec {
    let mut limits = ResourceLimits::default();
    if let Some(memory) = policy.limits.memory {
        limits.memory = memory.0.0;
    }
    if let Some(size) = policy.limits.component {
        limits.component = size.0.0;
    }
    if let Some(time) = policy.limits.time {
        limits.time = time.0.0;
    }
    if let Some(time) = policy.limits.compile_time {
        limits.compile.cpu = time.0.0;
    }
    if let Some(memory) = policy.limits.compile_memory {
        limits.compile.memory = memory.0.0;
    }
    PolicySpec {
        name: name.to_owned(),
        component: policy.component.0.0.clone(),
        hooks: policy.hooks.iter().map(|hook| hook.0).collect(),
        asked_about_strangers: policy.asked_about_strangers,
        settings: policy
            .settings
            .iter()
            .map(|(key, value)| (key.clone(), value.0.0.clone()))
            .collect(),
        limits,
        on_failure: policy
            .on_failure
            .iter()
            .map(|(hook, failure)| (hook.0, failure.0))
            .collect(),
    }
}
