//! CompressedData (RFC 3274): one zlib stream (RFC 1950).

mod adler;
mod deflate;
mod parallel;
mod reader;
mod writer;

pub(crate) use reader::{CompressedReader, CompressedRules};
pub(crate) use writer::{CompressedShape, CompressedWriter};
