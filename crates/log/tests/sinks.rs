//! A sink that fails or is stuck for a while: nobody waits, and what is missing is counted where it is missing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pointsman_log::{Log, LogFilter, Severity, Style, emit, events, health};

events! {
    /// What this test tells.
    enum TestEvent of "test";

    /// nothing
    "TST-002" "counted" Info Every
    Counted {}
    says("one of many lines that are about a hundred octets long")
    remedy("–")
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Takes,
    Full,
    Stuck,
}

/// How the sink takes it, and what was written.
type Written = Mutex<(Mood, Vec<u8>)>;

#[derive(Clone)]
struct Sink(Arc<(Written, Condvar)>);

impl Sink {
    fn become_(&self, mood: Mood) {
        self.0.0.lock().unwrap().0 = mood;
        self.0.1.notify_all();
    }

    fn log(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().1.clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let state = self.0.0.lock().unwrap();
        let mut state = self
            .0
            .1
            .wait_while(state, |state| state.0 == Mood::Stuck)
            .unwrap();
        if state.0 == Mood::Full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // As a disk with little room does.
        let some = octets.len().div_ceil(2);
        state.1.extend_from_slice(&octets[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One log is a whole process's, so this is one test.
#[test]
fn what_a_sink_did_not_take_is_counted_and_nobody_waited_for_it() {
    let sink = Sink(Arc::new((
        Mutex::new((Mood::Takes, Vec::new())),
        Condvar::new(),
    )));
    Log::start(
        LogFilter::at(Severity::Info),
        Style::Text { colours: false },
        sink.clone(),
    )
    .unwrap();
    let mut told = 0;
    for mood in [Mood::Full, Mood::Stuck] {
        sink.become_(mood);
        let began = Instant::now();
        for _ in 0..60_000 {
            emit(&TestEvent::Counted {});
            told += 1;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "somebody waited");
        assert!(health().unwrap().failing.is_some());
        sink.become_(Mood::Takes);
        Log::finish(Duration::from_secs(30));
        assert_eq!(health().unwrap().failing, None);
    }
    let log = sink.log();
    let written = log.matches("event=\"counted\"").count();
    let lost: u64 = log
        .lines()
        .filter(|line| line.contains("event=\"log-lines-lost\""))
        .map(|line| line.split_once(" WARN ").unwrap().1)
        .map(|said| said.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert!(lost > 0 && written > 0);
    assert_eq!(written as u64 + lost, told);
    assert_eq!(lost, health().unwrap().lost);
    assert!(
        log.lines().all(|line| line.contains(" event=\"")),
        "every line is whole"
    );
}
