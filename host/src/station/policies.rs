//! From the policies of the configuration to components that can be asked.

use std::collections::BTreeSet;

use pointsman_policy::{
    Compile, Engine, EngineConfig, Hook, LoadError, PolicySet, PolicySpec, compile_worker,
};

use crate::config::{Plan, PolicyPlan};

/// Why the policies of a configuration cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadPoliciesError {
    /// A component cannot be loaded.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// WebAssembly cannot run on this machine at all.
    #[error("the policy engine does not start: {0}")]
    Engine(String),
}

/// Loads the policies a configuration names.
///
/// # Errors
/// Those that cannot be used, and why.
pub async fn load_policies(config: &Plan) -> Result<PolicySet, LoadPoliciesError> {
    let engine = policy_engine(config)?;
    Ok(PolicySet::load(&engine, specs(config)).await?)
}

/// What the engine is told of the policies of a plan.
#[must_use]
pub fn specs(plan: &Plan) -> Vec<PolicySpec> {
    plan.policies.iter().map(spec).collect()
}

/// The policies of a plan that are asked at this hook, and those of which nobody knows since their component cannot be
/// read.
pub async fn asked_at(plan: &Plan, hook: Hook) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for spec in specs(plan) {
        if spec.may_be_asked(hook).await {
            asked.insert(spec.name);
        }
    }
    asked
}

/// A policy engine that compiles in a child process of limited means, which is this program again.
///
/// # Errors
/// The engine does not start on this machine.
pub fn policy_engine(config: &Plan) -> Result<Engine, LoadPoliciesError> {
    let program =
        std::env::current_exe().map_err(|error| LoadPoliciesError::Engine(error.to_string()))?;
    let compile = Compile::Child {
        program,
        args: vec![compile_worker::COMMAND.to_owned()],
    };
    Engine::new(EngineConfig {
        compile,
        memory: config.limits.policies_memory,
        ..EngineConfig::default()
    })
    .map_err(|error| LoadPoliciesError::Engine(format!("{error:#}")))
}

/// What the engine is told of a policy of the plan.
fn spec(policy: &PolicyPlan) -> PolicySpec {
    let settings = policy.settings.iter();
    PolicySpec {
        name: policy.name.clone(),
        component: policy.component.clone(),
        hooks: policy.hooks.clone(),
        asked_about_strangers: policy.asked_about_strangers,
        settings: settings
            .map(|(key, value)| (key.clone(), value.0.clone()))
            .collect(),
        limits: policy.limits.clone(),
        on_failure: policy.on_failure.clone(),
    }
}
