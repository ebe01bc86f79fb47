//! The questions to policies, and the facts that they are given.

pub(crate) mod ask;
pub(crate) mod facts;
