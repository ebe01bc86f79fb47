//! The memory of one instance, counted against its own limit and that of all instances together.

use wasmtime::ResourceLimiter;

use crate::memory::{OVERHEAD, Share};

/// Counts an instance's memory and remembers that it was denied some, since the trap of the guest that follows does not
/// say why.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: u64,
    used: u64,
    share: Share,
    pub(crate) denied: Option<Denied>,
}

/// Which limit an instance met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The limit of a single instance.
    Own,
    /// The limit of all instances together (`limits.policies_memory`).
    All,
}

/// Elements of one table: enough for the functions of an interpreter, and too few to use up memory.
const TABLE_ELEMENTS: usize = 20_000;
/// Octets of one of them.
const ELEMENT: u64 = 16;

impl Meter {
    /// `limit` is the most octets of this instance; `share` is its part of what all may hold, which grows with it.
    pub(crate) fn new(limit: u64, share: Share) -> Self {
        Meter {
            limit,
            used: 0,
            share,
            denied: None,
        }
    }

    /// The share that an instance like this one needs.
    pub(crate) fn size(&self) -> u64 {
        self.used.saturating_add(OVERHEAD)
    }

    fn grow(&mut self, octets: u64) -> bool {
        let used = self.used.saturating_add(octets);
        if used > self.limit {
            self.denied = Some(Denied::Own);
            return false;
        }
        if !self.share.grow(used.saturating_add(OVERHEAD)) {
            self.denied = Some(Denied::All);
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        Ok(desired <= TABLE_ELEMENTS && self.grow(more.saturating_mul(ELEMENT)))
    }

    fn instances(&self) -> usize {
        100
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[tokio::test]
    async fn memories_and_tables_are_counted_together() {
        let all = Memory::new(1 << 30);
        let mut meter = Meter::new(1000, all.share(OVERHEAD).await);
        assert!(meter.memory_growing(0, 600, None).unwrap());
        assert!(!meter.memory_growing(0, 600, None).unwrap());
        assert_eq!(meter.denied, Some(Denied::Own));
        assert!(meter.memory_growing(600, 990, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
    }
}
