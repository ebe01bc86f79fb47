//! Two real sessions, a connection that can be lost and ends that can fail at any step: every order
//! in which things can happen, within bounds, checked by stateright.
//!
//! `cargo test` searches small bounds whole; `cargo xtask model --long` larger ones. With the
//! feature `mutants` known bugs are planted one by one, and each has to be found
//! (`cargo xtask model --mutants`).

#![cfg(test)]

mod completion;
mod end;
#[cfg(feature = "mutants")]
mod mutants;
mod properties;
#[cfg(not(feature = "mutants"))]
mod searches;
mod world;
