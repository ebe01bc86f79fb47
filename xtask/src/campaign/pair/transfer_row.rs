//! What a station says of one of its transfers.

use serde_json::Value;

/// A row of `pointsman transfers list --json`.
pub(super) struct TransferRow {
    pub(super) id: String,
    pub(super) way: String,
    pub(super) state: String,
    pub(super) receipt: String,
    pub(super) dataset: String,
}

impl TransferRow {
    pub(super) fn read(row: &Value) -> Option<Self> {
        let text = |at: &str| row.pointer(at)?.as_str().map(str::to_owned);
        Some(Self {
            id: text("/transfer")?,
            way: text("/direction")?,
            state: text("/state")?,
            receipt: text("/receipt")?,
            dataset: text("/file/dataset")?,
        })
    }
}
