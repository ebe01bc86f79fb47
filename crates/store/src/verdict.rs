//! What is decided about a received file, and about its receipt.

use std::time::SystemTime;

use oftp::{Counts, FileKey, Nerp, NerpReason};

use crate::measure::Measure;
use crate::note::Note;
use crate::transfer::{Labels, Target};

/// A file that is complete.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its size and digest.
    pub measure: Measure,
    /// What was counted, of the virtual file.
    pub counts: Counts,
    /// Where it is delivered, as it was decided last.
    pub target: Target,
    /// The decision about its receipt.
    pub verdict: Verdict,
    /// Which policy decided, and why.
    pub note: Note,
    /// Labels that the policies gave it.
    pub labels: Labels,
}

/// The decision about the receipt of a received file. A policy makes it, or the command that takes the file, the
/// operator, or the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// EERP as soon as the file is delivered.
    Positive,
    /// NERP. Where it is decided before the delivery, the file is not delivered.
    Negative(Box<Nerp>),
    /// The receipt waits: the question is asked again at this time; without a time an operator decides.
    Later(Option<SystemTime>),
    /// The receipt waits for the command that takes the file, which is run at this time.
    HandOver(SystemTime),
}

impl Verdict {
    /// The file was not used: a NERP (RFC 5024, 5.3.14), made by the file's destination.
    #[must_use]
    pub fn negative(key: &FileKey, reason: NerpReason, text: String) -> Self {
        Self::Negative(Box::new(Nerp {
            key: key.clone(),
            creator: key.destination.clone(),
            reason,
            text,
            hash: Vec::new(),
            signature: Vec::new(),
        }))
    }
}
