//! Pointsman: an OFTP server whose every decision is a question put to a sandboxed WebAssembly component.
//!
//! The main path, in reading order: [`listen`] accepts a caller, [`session`] drives the protocol engine over
//! its wire, [`monitor`] answers what the engine asks by asking profile, policies and ledger, [`delivery`]
//! puts what came into its folder.

// Output goes through `cli::out`, where a reader that is gone or stuck and texts of others are minded.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod backoff;
pub mod calls;
pub mod cli;
pub mod conditions;
pub mod config;
pub mod contacts;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod describe;
pub mod dial;
pub mod ending;
pub mod events;
pub mod guessing;
pub mod hand_over;
pub mod holders;
pub mod inspect;
pub mod intake;
mod kernel;
pub mod leases;
pub mod listen;
pub mod monitor;
pub mod names;
pub mod outbox;
pub mod pace;
mod padding;
pub mod partials;
pub mod partners;
pub mod questions;
pub mod quota;
pub mod receipts;
pub mod records;
pub mod roster;
pub mod seats;
pub mod server;
pub mod session;
pub mod signals;
pub mod station;
pub mod supervise;
pub mod template;
pub mod tls;
pub mod watch;

/// The hidden subcommand that compiles a policy in a process of limited means.
pub const COMPILE_POLICY: &str = "compile-policy";
