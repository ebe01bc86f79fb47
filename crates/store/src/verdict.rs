//! What is decided about a received file, and about its receipt.

use std::time::SystemTime;

use oftp::{Counts, FileKey, Nerp, NerpReason};

use crate::measure::Measure;
use crate::note::Note;
use crate::transfer::{Labels, Target};
use crate::wire_hash::WireHash;

/// A file of which all is here, as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its size and digest; of a secured file as it is on the wire.
    pub measure: Measure,
    /// What was counted, of the virtual file; of a secured file on the wire.
    pub counts: Counts,
    /// Its hash as it was transmitted; none where it is not needed, or is still to be made.
    pub wire_hash: Option<WireHash>,
    /// Where it is delivered, as it was decided last.
    pub target: Target,
    /// The decision about its receipt; none where the file is secured and is to be opened first.
    pub verdict: Option<Verdict>,
    /// Which policy decided, and why; or how a secured file came.
    pub note: Note,
    /// Labels that the policies gave it by now.
    pub labels: Labels,
    /// Why its contents are not kept, where it is rejected and they are to be removed. The history says so in the
    /// transaction of the verdict: by that the next start finds what a crash left.
    pub removal: Option<&'static str>,
}

/// A secured file that is opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Size and digest of its plain content.
    pub plain: Measure,
    /// What was counted, of the plain virtual file.
    pub counts: Counts,
    /// Its hash for the receipt, where that was not known before. The first one stays.
    pub wire_hash: Option<WireHash>,
    /// Where it is delivered, as it was decided last.
    pub target: Target,
    /// The decision about its receipt.
    pub verdict: Verdict,
    /// What was found in it: signer, cipher suite, sizes. Its data is for whoever asks again, and a rebuild has it too.
    pub found: Note,
    /// Which policy decided, and why.
    pub note: Note,
    /// All labels that the policies gave it.
    pub labels: Labels,
    /// Why its contents are not kept, where it is rejected and they are to be removed. The history says so in the
    /// transaction of the verdict: by that the next start finds what a crash left.
    pub removal: Option<&'static str>,
}

/// A secured file that is not opened: it cannot be, or what it lacks is demanded.
#[derive(Clone, Debug)]
pub struct NotOpened {
    /// Its receipt.
    pub nerp: Box<Nerp>,
    /// Its hash for the receipt, where that was not known before. The first one stays.
    pub wire_hash: Option<WireHash>,
    /// Why, and what was found in it up to there.
    pub note: Note,
    /// Why its contents are not kept, where they are to be removed. The history says so in the
    /// transaction of the verdict: by that the next start finds what a crash left.
    pub removal: Option<&'static str>,
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
