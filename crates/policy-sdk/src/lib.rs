//! Write policies for an OFTP server in Rust.
//!
//! A policy decides what the server does: whom it lets in, which files it takes and where they go,
//! when responses are made, what is sent in a turn, what files are secured with. It is a type that implements [`Policy`]; every
//! method has a default that passes, so a policy says only what it has an opinion on.
//!
//! ```no_run
//! use pointsman_policy_sdk::{
//!     Answer, ConnectionInfo, FileDecision, FileInfo, FileTerms, Policy, info, policy, refuse,
//!     required_setting,
//! };
//!
//! /// Takes invoices into a folder of the operator's choice, and nothing else.
//! struct Invoices;
//!
//! impl Policy for Invoices {
//!     fn accept_file(_: &ConnectionInfo, file: &FileInfo) -> Answer<FileDecision> {
//!         if !file.dataset_name.starts_with("INVOIC") {
//!             // SFNA 01: invalid file name. The partner must not try again.
//!             return Ok(FileDecision::Refuse(refuse(1, "only invoices are taken here")));
//!         }
//!         info!("{} from {}", file.dataset_name, file.originator);
//!         Ok(FileDecision::Accept(FileTerms {
//!             directory: Some(required_setting("directory")?),
//!             ..FileTerms::default()
//!         }))
//!     }
//! }
//!
//! policy!(Invoices);
//! # fn main() {}
//! ```
//!
//! `Cargo.toml` says `crate-type = ["cdylib"]`; `cargo build --release --target wasm32-wasip2`
//! makes the component, `target/wasm32-wasip2/release/NAME.wasm`.
//!
//! A panic is contained: the server logs its message, and `on_failure` of the deployment decides what follows. An `Err`
//! from a method does the same in an orderly way; use it for settings that cannot be read.

#[doc(hidden)]
#[allow(missing_docs)]
pub mod bindings;
mod defaults;
mod exports;
mod hooks;
mod host;
mod records;

#[doc(hidden)]
pub use exports::Exports;
pub use hooks::{Answer, Policy};
pub use host::{
    kv_get, kv_set, list_outbound, log, now, required_setting, session_get, session_set, setting,
    settings,
};
pub use records::*;

/// A refusal for good: the protocol's reason number, and a text for the partner.
pub fn refuse(reason: u8, text: impl Into<String>) -> Refusal {
    Refusal {
        reason,
        text: text.into(),
        retry: false,
    }
}

/// A refusal for now: the partner may try again.
pub fn refuse_for_now(reason: u8, text: impl Into<String>) -> Refusal {
    Refusal {
        reason,
        text: text.into(),
        retry: true,
    }
}

/// Makes a type that implements [`Policy`] the component's policy. Once a crate.
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        const _: () = {
            type PolicyExports = $crate::Exports<$policy>;
            #[cfg(target_family = "wasm")]
    $crate::bindings::export!(PolicyExports with_types_in $crate::bindings);
            // Natively, where tests of a policy's own functions run, there is nobody to export to.
            #[cfg(not(target_family = "wasm"))]
            const _: ::std::marker::PhantomData<PolicyExports> = ::std::marker::PhantomData;
        };
    };
}

/// Log a line at [`Level::Debug`]; the arguments are those of [`format!`].
#[macro_export]
macro_rules! debug {
    ($($line:tt)*) => { $crate::log($crate::Level::Debug, &format!($($line)*)) };
}

/// Log a line at [`Level::Info`]; the arguments are those of [`format!`].
#[macro_export]
macro_rules! info {
    ($($line:tt)*) => { $crate::log($crate::Level::Info, &format!($($line)*)) };
}

/// Log a line at [`Level::Warn`]; the arguments are those of [`format!`].
#[macro_export]
macro_rules! warn {
    ($($line:tt)*) => { $crate::log($crate::Level::Warn, &format!($($line)*)) };
}

/// Log a line at [`Level::Error`]; the arguments are those of [`format!`].
#[macro_export]
macro_rules! error {
    ($($line:tt)*) => { $crate::log($crate::Level::Error, &format!($($line)*)) };
}
