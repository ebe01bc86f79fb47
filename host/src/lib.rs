//! Pointsman: an OFTP server whose every decision is a question put to a sandboxed WebAssembly component.
//!
//! The rooms of this folder have floors: a room uses those below it (`cargo xtask tidy` keeps that). From the top:
//! `cli`, `server`, `operator`, `outbound`, `session` with its user monitor, `inbound`, `station`, `policy`,
//! `security`, `events`, `config`. The main path is in ARCHITECTURE.md.

// Output goes through `cli::out`, where a reader that is gone or stuck and texts of others are minded.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod config;
mod events;
mod inbound;
mod operator;
mod outbound;
mod policy;
mod security;
mod server;
mod session;
mod station;

pub use cli::main;
/// The components of the demonstration, which are built into the program: WebAssembly, as a file has it.
pub use cli::scene::{KNOWN_PARTNERS, ROUTE_BY_DAY, ROUTE_BY_NAME};
