//! One fault, and what came of it.

use std::fmt;
use std::path::PathBuf;

use super::calls::{Fault, StorageCall};
use crate::campaign::tally::Tally;

/// One fault: the nth of these calls fails, or all from the nth on.
#[derive(Clone, Copy)]
pub(super) struct FaultPoint {
    pub(super) verb: &'static StorageCall,
    pub(super) error: Fault,
    pub(super) nth: u64,
    pub(super) sticky: bool,
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, nth, error) = (self.verb.name, self.nth, self.error.name());
        let how = if self.sticky { "from then on" } else { "once" };
        write!(f, "{verb} number {nth}, {error} {how}")
    }
}

/// What came of a point.
#[derive(Debug, Default)]
pub(super) struct PointResult {
    /// The files whose calls failed, in that order.
    pub(super) hit: Vec<PathBuf>,
    pub(super) named: bool,
    pub(super) ended_itself: bool,
    pub(super) found: Tally,
    /// What must not be.
    pub(super) wrong: Option<String>,
}
