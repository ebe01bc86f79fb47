//! Names of local files. What a partner sends, and what a policy answers, becomes a path only through here.
//!
//! Nothing here touches a file: texts go in, and the parts of a path come out.

pub mod names;
mod template;

pub use template::Template;
