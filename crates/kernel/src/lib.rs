//! What only C offers: how much of what we sent the partner's system has not taken yet, memory that goes back to the
//! operating system, and the umask of programs that are started.

use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::Mode;
use rustix::process::DumpableBehavior;

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

/// How many sessions have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many had ended when this thread last emptied its cache.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

/// So many sessions end before a thread empties its cache: that takes some 0.1 ms.
const OFTEN: u64 = 16;

/// How many sessions have ended since the start.
#[must_use]
pub fn sessions_ended() -> u64 {
    ENDED.load(Ordering::Relaxed)
}

/// A session has ended, and its memory is free.
pub fn a_session_ended() {
    ENDED.fetch_add(1, Ordering::Relaxed);
}

/// Empties what the allocator keeps for the calling thread alone, where many sessions have ended since the last time: some
/// hundred pieces (glibc: 64 sizes, 7 of each), which lie wherever sessions had theirs, and each of which keeps
/// [`give_memory_back`] from a page. A thread that ends gives all of them back, so they go to one.
pub fn empty_cache_of_thread() {
    let ended = sessions_ended();
    if ended.saturating_sub(SEEN.get()) < OFTEN {
        return;
    }
    SEEN.set(ended);
    let sizes = (24..=1032).step_by(16);
    let pieces: Vec<Vec<u8>> = sizes
        .flat_map(|octets| (0..7).map(move |_| Vec::with_capacity(octets)))
        .collect();
    // A thread that cannot be started leaves the pieces here.
    let _ = std::thread::Builder::new().spawn(move || drop(pieces));
}

/// From now on the memory of this program, which has passwords in it, is written into no core dump, and read by no other
/// program of its user.
pub fn dump_no_core() {
    // A kernel that does not know how can be helped by nobody.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// The umask that this program was started with.
static GIVEN: OnceLock<Mode> = OnceLock::new();

/// From now on whatever this program makes is its user's alone, where nothing else is said of it.
pub fn make_all_private() {
    let given = rustix::process::umask(Mode::from_raw_mode(0o077));
    let _ = GIVEN.set(given);
}

/// A program that is started makes its files as it would have where this one was started from.
#[allow(unsafe_code, reason = "see the safety comment")]
pub fn give_umask_back(command: &mut tokio::process::Command) {
    let Some(given) = GIVEN.get().copied() else {
        return;
    };
    // SAFETY: what runs between fork and exec is one system call, which takes a number and touches no memory.
    unsafe {
        command.pre_exec(move || {
            rustix::process::umask(given);
            Ok(())
        });
    }
}
