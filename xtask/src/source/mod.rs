//! The repository's Rust as measures and rules see it: files as tokens, and crates as modules that use each other.

mod attributes;
pub mod circles;
mod declared;
pub mod file;
mod imports;
pub mod lexer;
pub mod modules;
pub mod names;
pub mod rooms;
pub mod tree;

/// Above so many lines a file is too long.
pub const LONG_FILE: usize = 500;
/// Above so many lines of code a function is too long.
pub const LONG_FUNCTION: usize = 60;
