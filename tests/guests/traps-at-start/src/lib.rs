//! Traps before it can be asked anything, as a language's runtime may that does not find what it
//! needs.

use pointsman_policy_sdk::{Policy, policy};

struct Unasked;

policy!(Unasked);

impl Policy for Unasked {}

/// Called while the component is instantiated.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    panic!("nothing works here");
}
