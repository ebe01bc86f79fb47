//! Limits of what is opened.

/// How much a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the largest content.
    pub largest: u64,
    /// How many times its size a file may inflate to, counted from 1 MiB of output on.
    pub ratio: u32,
}

impl Limits {
    /// The default ratio. What zlib can do at most is about 1030.
    pub const RATIO: u32 = 200;
}
