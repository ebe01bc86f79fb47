//! What the kernel offers to C alone.

pub(crate) mod kernel;
