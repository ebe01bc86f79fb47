//! BER and DER (ITU-T X.690), as far as CMS needs them: streams that are read and written as they pass, and slices of
//! what is small.

mod copied;
mod elements;
mod frame;
mod octets;
mod reader;
pub(crate) mod tag;
mod writer;

pub(crate) use elements::Elements;
pub(crate) use frame::{Container, Frame};
pub(crate) use octets::OctetString;
pub(crate) use reader::BerReader;
pub use reader::MOST_DEPTH;
pub(crate) use writer::{element, header};
