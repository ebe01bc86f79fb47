//! What `wit/` says, in Rust.

#![allow(
    missing_docs,
    reason = "the documentation of these items is in the WIT files"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "policy",
    imports: { default: async | trappable },
    exports: { default: async },
    additional_derives: [PartialEq],
});

/// The records and variants of `oftp:policy`, in one place.
///
/// Field by field they are documented in the WIT files (`wit/types.wit` and the file of each hook).
pub mod types {
    pub use super::exports::oftp::policy::connections::{ConnectionDecision, SessionTerms};
    pub use super::exports::oftp::policy::files::{FileDecision, FileTerms};
    pub use super::exports::oftp::policy::responses::{Rejection, ResponseInfo, ResponseKind};
    pub use super::exports::oftp::policy::transfers::{
        ResponseDecision, ResponseTerms, TransferDirection, TransferOutcome, TransferResult,
    };
    pub use super::exports::oftp::policy::turns::{TurnDecision, TurnTerms};
    pub use super::oftp::policy::host::Level;
    pub use super::oftp::policy::types::{
        Certificate, ConnectionInfo, Direction, FileInfo, OutboundFile, RecordFormat, Refusal,
        SecurityLevel, TlsInfo, TransferMode,
    };
}
