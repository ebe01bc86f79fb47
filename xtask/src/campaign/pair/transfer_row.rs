//! What a station says of one of its transfers.

use serde_json::Value;

/// A row of `pointsman transfers list --json`.
pub(super) struct TransferRow {
    pub(super) id: String,
    pub(super) state: RowState,
    pub(super) receipt: RowReceipt,
    pub(super) dataset: String,
}

impl TransferRow {
    pub(super) fn read(row: &Value) -> Option<Self> {
        let text = |at: &str| row.pointer(at)?.as_str().map(str::to_owned);
        Some(Self {
            id: text("/transfer")?,
            state: RowState::read(&text("/direction")?, &text("/state")?),
            receipt: RowReceipt::read(&text("/receipt")?),
            dataset: text("/file/dataset")?,
        })
    }
}

/// The states that a campaign asks for. It has words of its own: what it compares, the program must not judge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    Delivered,
    /// A received file that was refused after its EFPA.
    Refused,
    Sent,
    Acknowledged,
    /// A sent file whose NERP came.
    Rejected,
    /// On its way.
    Other,
}

impl RowState {
    fn read(way: &str, state: &str) -> Self {
        match (way, state) {
            ("in", "delivered") => Self::Delivered,
            ("in", "rejected") => Self::Refused,
            ("out", "sent") => Self::Sent,
            ("out", "acknowledged") => Self::Acknowledged,
            ("out", "rejected") => Self::Rejected,
            _ => Self::Other,
        }
    }
}

/// Where a receipt is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowReceipt {
    None,
    Owed,
    Given,
    Received,
}

impl RowReceipt {
    fn read(word: &str) -> Self {
        match word {
            "owed" => Self::Owed,
            "given" => Self::Given,
            "received" => Self::Received,
            _ => Self::None,
        }
    }
}
