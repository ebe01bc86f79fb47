//! What only C offers: how much of what we sent the partner's system has not taken yet, and memory that goes back to the
//! operating system. The one place of this crate with `unsafe`.

use std::os::fd::AsRawFd;

use tokio::net::TcpStream;

/// Octets that were written to `socket` and that the other end has not acknowledged yet.
#[must_use]
pub fn unacknowledged(socket: &TcpStream) -> Option<u64> {
    let mut octets: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and SIOCOUTQ (which is TIOCOUTQ, tcp(7)) writes one
    // `int` to where the pointer points, which lives until the call returns.
    #[allow(unsafe_code, reason = "see the safety comment")]
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut octets) };
    (asked == 0).then(|| u64::try_from(octets).unwrap_or_default())
}

/// Gives memory that is free, but kept by the allocator, back to the operating system. Takes some milliseconds for each
/// hundred MiB, in which other threads wait for memory: not for a thread that serves sessions.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number and has no conditions; the allocator does its own locking.
    #[allow(unsafe_code, reason = "see the safety comment")]
    unsafe {
        libc::malloc_trim(0);
    }
}
