//! A policy as the operator deploys it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::hook::{Hook, OnFailure};
use crate::limits::ResourceLimits;

/// A policy as it is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySpec {
    /// Its name, unique among the policies.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// The moments it is asked at; empty = all.
    pub hooks: Vec<Hook>,
    /// Whether it is asked about callers that have shown no right password or certificate.
    pub asked_about_strangers: bool,
    /// What the policy reads as its settings.
    pub settings: BTreeMap<String, String>,
    /// What it may use.
    pub limits: ResourceLimits,
    /// What its failure means, for each hook; [`OnFailure::Retry`] where none is given.
    pub on_failure: BTreeMap<Hook, OnFailure>,
}
