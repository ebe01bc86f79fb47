//! Records in local files: how a file of format F or V, which travels record by record (RFC 5024,
//! 1.5.3), stands in a file that is nothing but octets.
//!
//! [`RecordWriter`] makes a local file of what [`Event::Data`](crate::Event::Data) brings,
//! [`RecordReader`] finds in a local file what [`send_data`](crate::Session::send_data) wants.

mod layout;
mod reader;
mod writer;

pub use layout::{Position, RecordLayout, RecordProblem};
pub use reader::{Piece, RecordReader};
pub use writer::RecordWriter;
