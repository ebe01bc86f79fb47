//! What an audit finds.

use crate::transfer::TransferId;

/// How weighty a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something does not fit, and will not by itself.
    Discrepancy,
    /// Worth knowing; nothing is to be done, or the next start does it.
    Note,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The transfer. None where it is the ledger itself that is damaged, and not a row of a transfer.
    pub id: Option<TransferId>,
    /// How weighty.
    pub weight: Weight,
    /// A fixed word for it.
    pub kind: &'static str,
    /// Which file, below the state folder or the inbox; or which table.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}
