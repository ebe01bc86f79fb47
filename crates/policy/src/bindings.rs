//! The WIT files in Rust.

#![allow(
    missing_docs,
    reason = "the documentation of these items is in the WIT files"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "policy",
    imports: { default: async | trappable },
    exports: { default: async },
    additional_derives: [PartialEq, pointsman_policy_serde::WitSerde],
});

/// The records and variants of `oftp:policy`, in one place.
///
/// The WIT files document every field (`wit/types.wit` and the file of each hook).
pub mod types {
    pub use super::exports::oftp::policy::connections::{ConnectionDecision, SessionTerms};
    pub use super::exports::oftp::policy::files::{FileDecision, FileTerms, RecordLayout};
    pub use super::exports::oftp::policy::queue::{
        DemandedServices, FileServices, FileToQueue, QueueDecision, QueueTerms,
    };
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

/// No terms: whatever is none is left to the partner's profile.
impl Default for types::SessionTerms {
    fn default() -> Self {
        Self {
            partner: None,
            ssid_code: None,
            level: None,
            buffer_size: None,
            credit: None,
            mode: None,
            compression: None,
            restart: None,
            secure_authentication: None,
            max_file_kib: None,
            idle_timeout: None,
            directory: None,
            labels: Vec::new(),
        }
    }
}

/// No terms: whatever is none is left to the session and the profile.
impl Default for types::FileTerms {
    fn default() -> Self {
        Self {
            directory: None,
            file_name: None,
            overwrite: None,
            restart: None,
            record_layout: None,
            labels: Vec::new(),
        }
    }
}

/// No terms: whatever is none is left to what was demanded for the file, else to the profile.
impl Default for types::QueueTerms {
    fn default() -> Self {
        Self {
            security: None,
            cipher_suite: None,
            compressed: None,
            signed_response: None,
            labels: Vec::new(),
        }
    }
}
