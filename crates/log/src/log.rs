//! The log of this process.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::OwnEvent;
use crate::event::{LogEvent, Severity};
use crate::filter::LogFilter;
use crate::line::{self, Style, moment};
use crate::queue::{LineQueue, Lost};
use crate::rates::Rates;
use crate::watchers;

/// How often the thread of the log looks at what was counted.
const LOOK: Duration = Duration::from_secs(1);

/// When a sink that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);

static LOG: OnceLock<Log> = OnceLock::new();

/// The log: what is written, how, and where lines wait for the thread that writes them.
pub struct Log {
    filter: LogFilter,
    style: Style,
    queue: LineQueue,
    rates: Mutex<Rates>,
    /// Why the last write failed, until one succeeds.
    failing: Mutex<Option<String>>,
}

/// How the log itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Lines that were lost since the start.
    pub lost: u64,
    /// Why lines cannot be written at the moment, if so.
    pub failing: Option<String>,
}

impl Log {
    /// Makes a log that of this process; none where there is one already.
    pub(crate) fn install(filter: LogFilter, style: Style) -> Option<&'static Self> {
        let log = Self {
            filter,
            style,
            queue: LineQueue::default(),
            rates: Mutex::default(),
            failing: Mutex::default(),
        };
        LOG.set(log).ok().and_then(|()| LOG.get())
    }

    /// How many lines of one event, partner and address are written in ten seconds; further ones are counted. Without
    /// this, 100.
    pub fn repeats(most: u32) {
        if let Some(log) = LOG.get() {
            log.rates().allow(most);
        }
    }

    /// Waits until what was told is written, for at most so long: nobody waits for ever for a sink that is stuck.
    pub fn finish(patience: Duration) {
        if let Some(log) = LOG.get() {
            let counted = log.rates().rest();
            counted.iter().for_each(|repeated| log.write(repeated));
            log.queue.drained(patience);
        }
    }

    pub(crate) fn current() -> Option<&'static Self> {
        LOG.get()
    }

    pub(crate) fn passes(&self, part: &str, level: Severity) -> bool {
        self.filter.passes(part, level)
    }

    pub(crate) fn emit(&self, event: &dyn LogEvent) -> bool {
        let facts = event.facts();
        if !self.passes(facts.part, facts.level) {
            return true;
        }
        let written = self.rates().admit(event, Instant::now());
        if written {
            self.write(event);
        }
        written
    }

    fn write(&self, event: &dyn LogEvent) {
        self.push(line::write(event, self.style));
    }

    /// What a library says goes by the level that it chose.
    pub(crate) fn emit_at(&self, level: Severity, event: &dyn LogEvent) {
        if self.rates().admit(event, Instant::now()) {
            self.push(line::written(level, event, self.style));
        }
    }

    fn push(&self, line: String) {
        self.queue.push(line, |lost| self.say_lost(lost));
    }

    /// The thread of the log: writes to `sink` as long as the process lives.
    pub(crate) fn write_on(&self, mut sink: impl Write) {
        let mut looked = Instant::now();
        loop {
            let batch = self.queue.take(LOOK, |lost| self.say_lost(lost));
            if !batch.is_empty() {
                self.write_all(&mut sink, &batch);
                self.queue.wrote(batch.len());
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                let counted = self.rates().over(looked);
                counted.iter().for_each(|repeated| self.write(repeated));
            }
        }
    }

    /// Writes until it is written, however long the sink does not take it: meanwhile the queue loses lines, and counts.
    fn write_all(&self, sink: &mut impl Write, mut rest: &[u8]) {
        while !rest.is_empty() {
            match sink.write(rest) {
                Ok(count) if count > 0 => {
                    self.works();
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed(&error);
                    std::thread::sleep(AGAIN);
                }
                Ok(_) => std::thread::sleep(AGAIN),
            }
        }
    }

    fn works(&self) {
        *self.failing() = None;
    }

    fn failed(&self, error: &io::Error) {
        *self.failing() = Some(error.to_string());
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failing(&self) -> MutexGuard<'_, Option<String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_lost(&self, lost: Lost) -> String {
        let event = OwnEvent::Lost {
            lost: lost.lines,
            since: moment(lost.since),
        };
        watchers::show(&event);
        line::write(&event, self.style)
    }
}

/// Tells the log of an event, at once and without fail.
pub fn emit(event: &dyn LogEvent) {
    emit_or_count(event);
}

/// Tells the log of an event. False where it repeats itself so often that it is only counted: what is to be said once is
/// told again later then.
pub fn emit_or_count(event: &dyn LogEvent) -> bool {
    watchers::show(event);
    LOG.get().is_none_or(|log| log.emit(event))
}

/// How long a write may take until its reader counts as stuck.
const STUCK: Duration = Duration::from_secs(2);

/// How the log does; none where it was not started.
#[must_use]
pub fn health() -> Option<Health> {
    let log = LOG.get()?;
    let stuck = || {
        log.queue
            .is_stuck(STUCK)
            .then(|| "nobody reads it".to_owned())
    };
    Some(Health {
        lost: log.queue.lost_ever(),
        failing: log.failing().clone().or_else(stuck),
    })
}
