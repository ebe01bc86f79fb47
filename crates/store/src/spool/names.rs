//! The folders of a spool, and what their names are made of.

use crate::state::Direction;

pub(super) const INCOMING: &str = "incoming";
pub(super) const SEALED: &str = "sealed";
pub(super) const OUTGOING: &str = "outgoing";
pub(super) const PROCESSES: &str = "processes";
/// How the name of a sidecar ends.
pub(super) const SIDECAR: &str = ".jsonl";

/// The folder of sealed contents that go that way.
pub(super) fn folder_of(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => SEALED,
        Direction::Outbound => OUTGOING,
    }
}

/// How the name of a plain content ends.
pub(super) const PLAIN: &str = ".plain";
