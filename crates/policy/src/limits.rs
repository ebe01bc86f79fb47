//! What one policy may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Limits of one policy. Memory is counted per instance, all else per event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of an instance, all its memories together, in octets.
    pub memory: u64,
    /// Time the guest itself may run in one event.
    pub time: Duration,
    /// Time one event may take altogether, calls into the server included.
    pub call: Duration,
    /// Lines it may log in one event.
    pub log_lines: u32,
    /// Octets it may log in one event.
    pub log_bytes: u32,
    /// Octets of all texts in one decision.
    pub output: usize,
    /// Size of the component's file, in octets.
    pub component: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 32 << 20,
            time: Duration::from_millis(250),
            call: Duration::from_secs(5),
            log_lines: 256,
            log_bytes: 64 << 10,
            output: 64 << 10,
            component: 32 << 20,
        }
    }
}

/// Counts an instance's memory and remembers when it was denied some: the guest's own trap that
/// follows does not tell why.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    used: usize,
    pub(crate) denied: bool,
}

/// Elements of one table: room for an interpreter's functions, no room to eat memory by.
const TABLE_ELEMENTS: usize = 20_000;

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Meter {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            used: 0,
            denied: false,
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            self.denied = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
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

    #[test]
    fn memories_are_counted_together() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.denied);
        assert!(meter.memory_growing(60, 100, None).unwrap());
    }
}
