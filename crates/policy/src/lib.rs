//! Policies: WebAssembly components that make the server's decisions.
//!
//! A policy is a component of the world `oftp:policy/policy` (folder `wit/` of the repository). This
//! crate takes one from a file to its answers:
//!
//! - **load** ([`Policies::load`]): size, imports, compilation in a limited child process, types,
//!   and a first start; anything wrong is a [`LoadError`] and nothing has changed;
//! - **ask** ([`Conversation`]): one session's instances, each in a store of its own with limits on
//!   memory, time, log and output; what goes wrong there is a [`Failure`] and has an answer all the
//!   same;
//! - **swap** ([`Policies::swap`], [`Policies::reload`]): a new [`Generation`] of the whole
//!   chain, made beside the old one. A session stays with the generation it began with.
//!
//! Deliberately absent: the protocol, the store, sockets and files other than the components. What
//! a policy may reach beyond its session comes through [`HostServices`].

mod artefact;
mod bindings;
mod check;
mod compile;
pub mod compile_worker;
mod component_file;
mod context;
mod conversation;
mod decision;
mod engine;
mod error;
mod event;
pub mod events;
mod generation;
mod hook;
mod instance;
mod limits;
mod load;
mod memory;
mod policies;
mod question;
mod rules;
mod session_values;

pub use bindings::types;
pub use component_file::read_component;
pub use context::HostServices;
pub use conversation::{Answer, Conversation, DecidedBy};
pub use engine::{Compile, Engine, EngineConfig, EngineError};
pub use error::{ComponentFault, Failure, FailureKind, LoadError};
pub use generation::Generation;
pub use hook::{Hook, OnFailure, UnknownName};
pub use limits::Limits;
pub use policies::{Policies, PolicySpec, Swapped};
