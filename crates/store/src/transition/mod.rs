//! Named transitions: a crash before one leaves another state behind than a crash after it.
//!
//! Each persistent step calls [`reached`] with its name. In a release build that does nothing. With the feature
//! `failpoints` the environment can have the program killed there, in the syntax of the `fail` crate: with
//! `FAILPOINTS='ledger.received.committed=2*off->return'` it is killed the third time it reaches this transition. With
//! `FAILPOINTS_TOLD` it reports each transition that it reaches.

mod names;

pub use names::{STEPS, VERBS, VerbName};

/// The step of that name is done.
#[cfg(not(feature = "failpoints"))]
pub const fn reached(_step: &str) {}

/// The verb of that name is about to be committed, or is committed.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached_verb(_verb: VerbName, _moment: &str) {}

#[cfg(feature = "failpoints")]
pub use armed::reached;
#[cfg(feature = "failpoints")]
pub(crate) use armed::reached_verb;

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::Once;

    use super::VerbName;

    /// The step of that name is done.
    pub fn reached(step: &str) {
        static ARMED: Once = Once::new();
        // Kept for ever: with it the points would be disarmed.
        ARMED.call_once(|| std::mem::forget(fail::FailScenario::setup()));
        if std::env::var_os("FAILPOINTS_TOLD").is_some() {
            eprintln!("transition {step}");
        }
        fail::fail_point!(step, |_| die());
    }

    /// The verb of that name is about to be committed, or is committed.
    pub(crate) fn reached_verb(verb: VerbName, moment: &str) {
        reached(&format!("ledger.{}.{moment}", verb.as_str()));
    }

    /// As by `kill -9`: nothing is flushed, nobody is told.
    fn die() {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
