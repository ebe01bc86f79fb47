//! Keys and certificates, and all that is done with them: TLS, file security, receipts, the authentication of sessions.

pub(crate) mod announced;
mod demand;
pub(crate) mod error;
mod found_words;
pub(crate) mod keyring;
mod open_error;
mod opening;
mod plain_records;
mod receipt_text;
pub(crate) mod receipts;
pub(crate) mod stores;
pub(crate) mod tls;
pub(crate) mod tls_identity;
mod tls_keys;
pub(crate) mod virtual_file;
mod wire_hash;
pub(crate) mod wrapping;

pub(crate) use self::demand::{check_found, is_to_be_opened};
pub(crate) use self::found_words::{found_in_words, hexadecimal, listed};
pub(crate) use self::open_error::{OpenError, ToldReason};
pub(crate) use self::opening::{
    ContentReader, OpenedContent, OpeningTerms, look, open, open_pieces,
};
pub(crate) use self::wire_hash::{hash_content, wire_hash};
