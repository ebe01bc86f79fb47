//! Standard error, without the lock of the standard library: whoever is stuck in a write must not keep others from
//! theirs.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Standard error, unbuffered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        match rustix::io::write(stderr.as_fd(), octets) {
            // Somebody who has it, too, has made it one that does not wait.
            Err(rustix::io::Errno::AGAIN) => {
                wait_for_room(&stderr);
                Err(io::ErrorKind::Interrupted.into())
            }
            written => Ok(written?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wait_for_room(stderr: &io::Stderr) {
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    // Either way it is tried again.
    let _ = poll(
        &mut [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)],
        Some(&second),
    );
}
