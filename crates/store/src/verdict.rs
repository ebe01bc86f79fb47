//! What is decided about a received file, and about its receipt.

use std::time::SystemTime;

use oftp::{Counts, Nerp};

use crate::measure::Measure;
use crate::note::Note;
use crate::transfer::{Labels, Target};

/// A file whose octets are all here.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its size and digest.
    pub measure: Measure,
    /// What was counted, of the virtual file.
    pub counts: Counts,
    /// Where it is delivered, as it was decided last.
    pub target: Target,
    /// What becomes of its receipt.
    pub verdict: Verdict,
    /// Which policy decided, and why.
    pub note: Note,
    /// What the policies said of it.
    pub labels: Labels,
}

/// What becomes of the receipt of a received file: a policy says so, or the command that takes the file, the operator, or
/// the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// EERP as soon as the file is delivered.
    Positive,
    /// NERP, and the file is not delivered.
    Negative(Box<Nerp>),
    /// The receipt waits: the question is to be asked again then, or is an operator's.
    Later(Option<SystemTime>),
    /// The receipt waits for the command that takes the file, which is to be run then.
    HandOver(SystemTime),
}
