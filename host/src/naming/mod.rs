//! Names of local files.

pub(crate) mod names;
pub(crate) mod template;
