//! A buffer that was used, to be used again while a file is open.

use std::hash::{Hash, Hasher};

/// Larger buffers that come back are not kept.
const LARGEST: usize = 512 * 1024;

/// A used buffer. It says nothing about where a session is: sessions that differ in it alone are equal.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<u8>);

impl Spare {
    /// A buffer to write over, used before if possible.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Keeps the largest used buffer, but no giant.
    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        if (self.0.capacity()..=LARGEST).contains(&buffer.capacity()) {
            self.0 = buffer;
        }
    }

    /// Releases the memory: no file is open any more.
    pub(super) fn release(&mut self) {
        self.0 = Vec::new();
    }
}

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Spare {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spare {}

impl Hash for Spare {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
