//! Layers on threads of their own, with a few buffers between them.

mod ahead;
mod aside;

pub(crate) use ahead::Ahead;
pub(crate) use aside::Aside;

/// Octets of a buffer between two threads.
const BUFFER: usize = 256 * 1024;
/// Buffers that may wait between two threads.
const WAITING: usize = 3;
