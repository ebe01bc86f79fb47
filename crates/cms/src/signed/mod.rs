//! SignedData (RFC 5652, 5), with its content inside.

mod attributes;
mod reader;
mod signer_info;
mod writer;

pub(crate) use reader::{SignedReader, SignedRules};
pub(crate) use writer::{SignedShape, SignedWriter};
