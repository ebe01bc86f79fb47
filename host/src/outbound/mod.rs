//! What happens to a file before its first octet is sent: the queue, watched folders, calls.

pub(crate) mod calls;
pub(crate) mod enqueue;
pub(crate) mod watch;
