//! Signals, heard by a thread that does nothing else: whatever the tasks do, and be it to wait for a disk that answers no
//! more, SIGTERM ends the program. Signals that mean nothing to it end nothing.

use std::io;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use pointsman_log::Log;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::sleep;

use crate::events::{Event, emit};

/// How long the program may take to end at once.
const GRACE: Duration = Duration::from_secs(5);

/// How long the end of the program waits for the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How long an orderly end may take where nothing else is said.
const USUAL_PATIENCE: Duration = Duration::from_secs(60);

/// SIGTERM, SIGINT and SIGQUIT, as they come.
#[derive(Debug)]
pub struct Signals {
    asked: Receiver<u32>,
    hangups: Receiver<u32>,
    seen: u32,
    patience: Arc<Mutex<Duration>>,
}

/// How long an orderly end may take.
#[derive(Clone, Debug)]
pub struct EndPatience(Arc<Mutex<Duration>>);

impl EndPatience {
    /// From now on so long.
    pub fn set(&self, patience: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }
}

/// What the end of the terminal means (SIGHUP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// As SIGTERM.
    Ends,
    /// That the configuration is to be read again: a server has no terminal.
    Reloads,
}

impl Signals {
    /// Listens from now on, for as long as the program runs.
    ///
    /// # Errors
    /// The system gives no thread, or lets nobody listen.
    pub fn listen(hangup: Hangup) -> io::Result<Self> {
        let (count, asked) = channel(0);
        let (count_hangups, hangups) = channel(0);
        let patience = Arc::new(Mutex::new(USUAL_PATIENCE));
        let (sender, receiver) = mpsc::channel();
        let bound = Arc::clone(&patience);
        let attend = move || match SignalStreams::open(hangup, count_hangups) {
            Ok((runtime, streams)) => {
                let _ = sender.send(Ok(()));
                runtime.block_on(streams.attend(&count, &bound));
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(attend)?;
        receiver.recv().map_err(io::Error::other)??;
        Ok(Self {
            asked,
            hangups,
            seen: 0,
            patience,
        })
    }

    /// How long an orderly end may take; then the program ends at once, as by a second signal.
    pub fn be_patient_for(&self, patience: Duration) {
        self.patience().set(patience);
    }

    /// What sets it while somebody waits for signals.
    #[must_use]
    pub fn patience(&self) -> EndPatience {
        EndPatience(Arc::clone(&self.patience))
    }

    /// How often SIGHUP came, where it does not mean the end.
    #[must_use]
    pub fn hangups(&self) -> Receiver<u32> {
        self.hangups.clone()
    }

    /// Returns when one of them has come once more than when it returned last. Who does not end the program then has it ended
    /// by the next one: that leaves 5 seconds for it.
    pub async fn asked(&mut self) {
        // Counted when it is told, not before: this may be dropped while it waits.
        let next = self.seen + 1;
        // It is gone only with the program.
        let _ = self.asked.wait_for(|asked| *asked >= next).await;
        self.seen = next;
    }
}

/// Signals that mean nothing here, and would end the program if nobody heard them. SIGXFSZ comes with a limit on the
/// size of files (`ulimit -f`): when it is heard, the write fails in its place.
const MEANINGLESS: [(&str, libc::c_int); 11] = [
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGALRM", libc::SIGALRM),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGIO", libc::SIGIO),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGPWR", libc::SIGPWR),
    ("SIGSTKFLT", libc::SIGSTKFLT),
];

/// These, and those that no system gives a meaning.
fn meaningless() -> impl Iterator<Item = (String, libc::c_int)> {
    let named = MEANINGLESS.map(|(name, number)| (name.to_owned(), number));
    let first = libc::SIGRTMIN();
    let others = first..=libc::SIGRTMAX();
    let others = others.map(move |number| (format!("SIGRTMIN+{}", number - first), number));
    named.into_iter().chain(others)
}

/// Everything that is listened to.
struct SignalStreams {
    end: End,
    meaningless: Vec<(String, Signal)>,
}

impl SignalStreams {
    fn open(hangup: Hangup, hangups: Sender<u32>) -> io::Result<(runtime::Runtime, Self)> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        let mut meaningless = Vec::new();
        for (name, number) in self::meaningless() {
            meaningless.push((name, signal(SignalKind::from_raw(number))?));
        }
        let end = End {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            means: hangup,
            hangups,
        };
        drop(entered);
        Ok((runtime, Self { end, meaningless }))
    }

    /// Logs each signal, and ends the program where it does not end by itself.
    async fn attend(self, count: &Sender<u32>, patience: &Mutex<Duration>) {
        let Self {
            mut end,
            meaningless,
        } = self;
        for (name, stream) in meaningless {
            tokio::spawn(ignore(name, stream));
        }
        end.asked().await;
        count.send_replace(1);
        let patience = *patience.lock().unwrap_or_else(PoisonError::into_inner);
        tokio::select! {
            () = end.asked() => {}
            () = sleep(patience) => emit(&Event::EndStuck { patience }),
        }
        count.send_replace(2);
        tokio::select! {
            () = end.asked() => {}
            () = sleep(GRACE) => {}
        }
        emit(&Event::EndedByForce {});
        Log::finish(LAST_LINES);
        process::exit(1);
    }
}

/// What asks for the end.
struct End {
    term: Signal,
    int: Signal,
    quit: Signal,
    hangup: Signal,
    means: Hangup,
    hangups: Sender<u32>,
}

impl End {
    async fn asked(&mut self) {
        loop {
            tokio::select! {
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
                _ = self.quit.recv() => return,
                _ = self.hangup.recv() => match self.means {
                    Hangup::Ends => return,
                    Hangup::Reloads => self.hangups.send_modify(|hangups| *hangups += 1),
                },
            }
        }
    }
}

async fn ignore(name: String, mut stream: Signal) {
    while stream.recv().await.is_some() {
        // This one comes with the error of each write to somebody who is gone, which is told where it happens.
        if name != "SIGPIPE" {
            let signal = name.clone();
            emit(&Event::SignalIgnored { signal });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use rustix::process::{Pid, Signal as Kind, kill_process};

    use super::*;

    const CHILD: &str = "POINTSMAN_TEST_OF_SIGNALS";
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The part of the program under test: every thread of its runtime waits for ever, as for a disk that hangs.
    #[allow(clippy::print_stdout, reason = "the test listens to it")]
    fn hang() {
        let mut signals = Signals::listen(Hangup::Reloads).unwrap();
        signals.be_patient_for(PATIENCE);
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..2 {
                let sender = sender.clone();
                tokio::spawn(async move {
                    sender.send(()).unwrap();
                    loop {
                        thread::park();
                    }
                });
            }
            tokio::task::block_in_place(|| receiver.iter().take(2).count());
            println!("it hangs");
            signals.asked().await;
            // What an orderly end waits for.
            tokio::spawn(async {}).await.unwrap();
        });
    }

    fn hanging() -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server::signals::tests::whoever_hangs_is_ended"])
            .arg("--nocapture")
            .env(CHILD, "yes")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("it hangs")));
        child
    }

    fn end(child: &Child) {
        kill_process(Pid::from_child(child), Kind::TERM).unwrap();
    }

    #[test]
    fn whoever_hangs_is_ended() {
        if std::env::var_os(CHILD).is_some() {
            return hang();
        }
        // By the first signal, after the patience for an orderly end.
        let mut patient = hanging();
        end(&patient);
        // By the third, at once.
        let mut hasty = hanging();
        let since = Instant::now();
        while hasty.try_wait().unwrap().is_none() && since.elapsed() < 2 * GRACE {
            end(&hasty);
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(hasty.wait().unwrap().code(), Some(1));
        assert_eq!(patient.wait().unwrap().code(), Some(1));
    }
}
