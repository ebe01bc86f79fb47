//! EnvelopedData (RFC 5652, 6), with its key transported by RSA.

mod key_choice;
mod reader;
mod recipient;
mod recipients;
mod writer;

pub(crate) use reader::{EnvelopedReader, EnvelopedRules, Inside};
pub use recipients::{Recipients, recipients};
pub(crate) use writer::{EnvelopedShape, EnvelopedWriter};
