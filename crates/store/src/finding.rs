//! What an audit finds.

use crate::transfer::TransferId;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something does not fit, and will not be mended without an operator.
    Discrepancy,
    /// It is worth knowing, and the operator need not do anything, or the next start does it.
    Note,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The transfer. None where the ledger itself is damaged, and not the row of a transfer.
    pub id: Option<TransferId>,
    /// How serious it is.
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
