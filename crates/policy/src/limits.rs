//! What one policy may use.

use std::time::Duration;

/// Limits of one policy. Memory is counted per instance, everything else per event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceLimits {
    /// Memory of an instance, all its linear memories and tables together, in octets.
    pub memory: u64,
    /// Time the guest itself may run in one event.
    pub time: Duration,
    /// The time that one event may take altogether: waiting for memory, starting an instance, and calls into the server
    /// included. Each policy of a chain has its own, so that one that hangs costs its own answer alone.
    pub call: Duration,
    /// Lines it may log in one event.
    pub log_lines: u32,
    /// Octets it may log in one event.
    pub log_bytes: u32,
    /// Octets of all texts in one decision.
    pub output: usize,
    /// Size of the component's file, in octets.
    pub component: u64,
    /// What its compiler may use.
    pub compile: CompileLimits,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        ResourceLimits {
            memory: 32 << 20,
            time: Duration::from_millis(250),
            call: Duration::from_secs(5),
            log_lines: 256,
            log_bytes: 64 << 10,
            output: 64 << 10,
            component: 32 << 20,
            compile: CompileLimits::default(),
        }
    }
}

/// What the child that compiles a component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, in whole seconds; more ends it by SIGXCPU.
    pub cpu: Duration,
    /// Address space in octets.
    pub memory: u64,
}

impl Default for CompileLimits {
    /// 10 s and 512 MiB: plenty for Rust, Go and small engines. Components of 12 MB and more, with the big engines of
    /// JavaScript or Python inside, need more of both.
    fn default() -> Self {
        CompileLimits {
            cpu: Duration::from_secs(10),
            memory: 512 << 20,
        }
    }
}

impl CompileLimits {
    /// As the child's arguments: seconds, and MiB.
    pub(crate) fn args(self) -> [String; 2] {
        [self.cpu.as_secs(), self.memory >> 20].map(|number| number.to_string())
    }

    /// Reads the arguments of [`Self::args`]; none where they are others.
    pub(crate) fn of_args(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut number = || args.next()?.parse::<u64>().ok();
        Some(CompileLimits {
            cpu: Duration::from_secs(number()?),
            memory: number()? << 20,
        })
    }
}
