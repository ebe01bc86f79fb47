//! No test waits for ever.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again, for a minute at most.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited a minute in vain until {what}");
}

/// Ends a program that runs below `timeout`, which passes SIGTERM on; killed, it would leave the program behind.
pub fn end(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let _ = child.wait();
}
