//! CompressedData (RFC 3274): one zlib stream (RFC 1950).

mod adler;
mod deflate;
mod parallel;
mod reader;
mod writer;

pub(crate) use reader::CompressedReader;
pub use writer::Compress;
pub(crate) use writer::{CompressedWriter, definite_length};
