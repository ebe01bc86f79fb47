//! Named transitions: the points between which a crash leaves something else behind.
//!
//! Each persistent step says its name here. In a real build that is nothing. With the feature `failpoints` the
//! environment can have the program killed there, in the words of the `fail` crate: with
//! `FAILPOINTS='ledger.received.committed=2*off->return'` it dies the third time it has come that far. With
//! `FAILPOINTS_TOLD` it tells of each transition that it comes to.

mod names;

pub use names::{STEPS, VERBS};

/// The step of that name is done.
#[cfg(not(feature = "failpoints"))]
pub const fn reached(_step: &str) {}

/// The verb of that name is about to be committed, or is committed.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached_verb(_verb: &str, _moment: &str) {}

#[cfg(feature = "failpoints")]
pub use armed::reached;
#[cfg(feature = "failpoints")]
pub(crate) use armed::reached_verb;

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::Once;

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
    pub(crate) fn reached_verb(verb: &str, moment: &str) {
        reached(&format!("ledger.{verb}.{moment}"));
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

#[cfg(test)]
mod tests {
    use super::VERBS;

    /// Verbs that only look.
    const LOOKS: [&str; 22] = [
        "here",
        "standing",
        "arrived",
        "receipt",
        "open_questions",
        "lessees",
        "waiting_for",
        "queue",
        "partners",
        "undelivered",
        "outbound",
        "show",
        "list",
        "find",
        "timeline",
        "details",
        "resembling",
        "unfinished",
        "unsettled",
        "contacts",
        "backlog",
        "kv_get",
    ];

    #[test]
    fn every_verb_that_changes_something_is_a_transition() {
        let ledger = include_str!("../ledger.rs");
        let verbs = ledger
            .split("async fn ")
            .skip(1)
            .filter_map(|rest| rest.split('(').next())
            .map(|verb| verb.trim_end_matches("_early").trim_end_matches("_by"));
        let unnamed: Vec<&str> = verbs
            .filter(|verb| !VERBS.contains(verb) && !LOOKS.contains(verb))
            .collect();
        assert!(unnamed.is_empty(), "not in `VERBS`: {unnamed:?}");
    }

    /// The writer takes no verb without a name; this holds the names against the list.
    #[test]
    fn the_writer_is_given_the_names_of_the_list() {
        let source = include_str!("../sqlite/mod.rs");
        let mut said: Vec<&str> = source
            .split("writer\n")
            .skip(1)
            .chain(source.split("writer.").skip(1))
            .filter_map(|rest| rest.split('"').nth(1).filter(|_| is_call(rest)))
            .collect();
        let mut listed = VERBS.to_vec();
        said.sort_unstable();
        said.dedup();
        listed.sort_unstable();
        assert_eq!(said, listed);
    }

    fn is_call(rest: &str) -> bool {
        let rest = rest.trim_start().trim_start_matches('.');
        ["run(", "commit(", "ask("]
            .iter()
            .any(|call| rest.starts_with(call))
    }
}
