//! Free space that files leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What files leave free of a file system, for receipts and the ledger. It may change at any time.
#[derive(Debug, Default)]
pub struct Reserve {
    octets: AtomicU64,
    files: AtomicU64,
}

impl Reserve {
    /// So many octets, and so many more files that can still be created beside those of the spool.
    #[must_use]
    pub fn new(octets: u64, files: u64) -> Arc<Self> {
        let reserve = Arc::<Self>::default();
        reserve.change(octets, files);
        reserve
    }

    /// From now on it is so much.
    pub fn change(&self, octets: u64, files: u64) {
        self.octets.store(octets, Relaxed);
        self.files.store(files, Relaxed);
    }

    pub(super) fn octets(&self) -> u64 {
        self.octets.load(Relaxed)
    }

    pub(super) fn files(&self) -> u64 {
        self.files.load(Relaxed)
    }
}
