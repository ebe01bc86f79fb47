//! What happens to a file before its first octet is sent: the queue, watched folders, calls.

pub(crate) mod calls;
mod deciding;
pub(crate) mod enqueue;
mod identity;
mod queue_facts;
mod securing;
mod send_as;
mod source;
pub(crate) mod watch;
pub(crate) mod wrapped_file;
