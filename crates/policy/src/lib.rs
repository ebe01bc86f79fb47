//! Policies: WebAssembly components that make the server's decisions.
//!
//! A policy is a component of the world `oftp:policy/policy` (folder `wit/` of the repository). This
//! crate takes one from a file to its answers:
//!
//! - **load** ([`PolicySet::load`]): size, imports, compilation in a limited child process, types,
//!   and a first start; anything wrong is a [`LoadError`] and nothing has changed;
//! - **ask** ([`Conversation`]): the instances of one session, or of one question outside of sessions, each in a store of its own with limits on memory, time, log
//!   and output; a fault there is a [`PolicyFailure`], and the question is answered nevertheless;
//! - **swap** ([`PolicySet::swap`], [`PolicySet::reload`]): a new [`Generation`] of the whole
//!   chain, made beside the old one. A session stays with the generation it began with.
//!
//! Deliberately absent: the protocol, the store, sockets and files other than the components. What
//! a policy may reach beyond its session comes through [`HostServices`].

mod artefact;
mod bindings;
mod bounded;
mod check;
mod compile;
pub mod compile_worker;
mod component_file;
mod conversation;
mod decided;
mod decision;
mod engine;
mod error;
pub mod events;
mod generation;
mod guest_context;
mod guest_event;
mod hook;
mod hook_call;
mod host_calls;
mod instance;
mod limits;
mod load;
mod loaded;
mod memory;
mod meter;
mod mutex;
mod policy_set;
mod redeploy;
mod rules;
mod services;
mod session_values;
mod spec;
mod wasm_config;

pub use bindings::types;
pub use component_file::read_component;
pub use conversation::Conversation;
pub use decided::{AskedPolicy, Decided, DecidedBy};
pub use engine::{Compile, Engine, EngineConfig, EngineError};
pub use error::{ComponentFault, FailureKind, LoadError, PolicyFailure};
pub use generation::Generation;
pub use hook::{Hook, OnFailure, UnknownName};
pub use host_calls::HostCall;
pub use limits::{CompileLimits, ResourceLimits};
pub use policy_set::{PolicySet, Swapped};
pub use redeploy::PreparedChain;
pub use services::HostServices;
pub use spec::PolicySpec;
