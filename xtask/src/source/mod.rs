//! The repository's Rust as measures and rules see it: files as tokens, and crates as modules that use each other.

mod attributes;
pub mod circles;
pub mod file;
mod imports;
pub mod lexer;
pub mod modules;
pub mod names;
pub mod rooms;
pub mod tree;
