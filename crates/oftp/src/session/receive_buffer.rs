//! Octets that came and are no whole exchange buffer yet.

use std::fmt;

/// An exchange buffer that is still incomplete, with its header.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct ReceiveBuffer {
    kept: Vec<u8>,
}

impl ReceiveBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps what may be completed by what comes next.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.kept.extend_from_slice(rest);
    }

    /// Takes out what was kept, to be completed.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Returns what was taken out, for its octets or for its capacity.
    pub(super) fn put_back(&mut self, kept: Vec<u8>) {
        self.kept = kept;
    }

    /// Releases the memory, too.
    pub(super) fn clear(&mut self) {
        self.kept = Vec::new();
    }
}

/// Octets may hold a password: only how many there are is shown.
impl fmt::Debug for ReceiveBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiveBuffer({} octets)", self.kept.len())
    }
}
