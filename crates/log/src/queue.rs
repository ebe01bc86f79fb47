//! Lines on their way to where they are written: bounded, and nobody waits for room.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Octets that wait at most. Beyond, lines are lost and counted.
const MOST: usize = 4 << 20;
/// After a loss, so much must have become free before lines are taken again: else each second line would be lost.
const AGAIN: usize = MOST / 2;
/// Octets that are written at once, about.
const BATCH: usize = 64 << 10;

/// Lines that nobody will read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub lines: u64,
    pub since: SystemTime,
}

#[derive(Default)]
pub(crate) struct LineQueue {
    state: Mutex<QueueState>,
    news: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct QueueState {
    lines: VecDeque<String>,
    /// Of the lines, and of what is being written.
    octets: usize,
    lost: Option<Lost>,
    lost_ever: u64,
    /// Since when a batch is being written.
    writing: Option<Instant>,
}

impl LineQueue {
    /// Puts a line into the queue; without room it is lost. `say` makes a line of what was lost before.
    pub(crate) fn push(&self, line: String, say: impl FnOnce(Lost) -> String) {
        let mut state = self.state();
        let most = if state.lost.is_some() { AGAIN } else { MOST };
        if state.octets + line.len() > most {
            let lost = state.lost.get_or_insert(Lost {
                lines: 0,
                since: SystemTime::now(),
            });
            lost.lines += 1;
            state.lost_ever += 1;
            return;
        }
        // Where the gap is.
        if let Some(lost) = state.lost.take() {
            state.add(say(lost));
        }
        state.add(line);
        drop(state);
        self.news.notify_one();
    }

    /// Waits at most so long for lines to write; what was lost is said when nothing else is left to say.
    pub(crate) fn take(&self, patience: Duration, say: impl FnOnce(Lost) -> String) -> Vec<u8> {
        let state = self.state();
        let (mut state, _) = self
            .news
            .wait_timeout_while(state, patience, |state| {
                state.lines.is_empty() && state.lost.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty()
            && let Some(lost) = state.lost.take()
        {
            state.add(say(lost));
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(line) = state.lines.pop_front()
        {
            batch.extend_from_slice(line.as_bytes());
        }
        state.writing = (!batch.is_empty()).then(Instant::now);
        batch
    }

    /// So much of what was taken is written.
    pub(crate) fn wrote(&self, octets: usize) {
        let mut state = self.state();
        state.octets = state.octets.saturating_sub(octets);
        state.writing = None;
        drop(state);
        self.written.notify_all();
    }

    /// Waits until everything is written, at most so long. Whether it is.
    pub(crate) fn drained(&self, patience: Duration) -> bool {
        let (state, late) = self
            .written
            .wait_timeout_while(self.state(), patience, |state| {
                !state.lines.is_empty() || state.writing.is_some() || state.lost.is_some()
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(state);
        !late.timed_out()
    }

    /// How many lines were lost since the start.
    pub(crate) fn lost_ever(&self) -> u64 {
        self.state().lost_ever
    }

    /// Whether lines are lost now, or those that are being written have waited for so long.
    pub(crate) fn is_stuck(&self, patience: Duration) -> bool {
        let state = self.state();
        let writing = state.writing;
        state.lost.is_some() || writing.is_some_and(|since| since.elapsed() >= patience)
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn add(&mut self, line: String) {
        self.octets += line.len();
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(lost: Lost) -> String {
        format!("{} were lost\n", lost.lines)
    }

    #[test]
    fn what_finds_no_room_is_counted_and_said_where_it_is_missing() {
        let queue = LineQueue::default();
        let line = "x".repeat(MOST / 4);
        for _ in 0..10 {
            queue.push(line.clone(), say);
        }
        assert!(queue.is_stuck(Duration::MAX));
        assert_eq!(queue.lost_ever(), 6);
        let mut read = Vec::new();
        for _ in 0..4 {
            let batch = queue.take(Duration::ZERO, say);
            queue.wrote(batch.len());
            read.extend(batch);
        }
        queue.push("works again\n".to_owned(), say);
        assert!(!queue.drained(Duration::ZERO));
        let batch = queue.take(Duration::ZERO, say);
        queue.wrote(batch.len());
        assert_eq!(batch, b"6 were lost\nworks again\n");
        assert!(!queue.is_stuck(Duration::ZERO));
        assert!(queue.drained(Duration::ZERO));
    }

    #[test]
    fn a_line_that_nobody_reads_is_seen_before_any_is_lost() {
        let queue = LineQueue::default();
        queue.push("waits\n".to_owned(), say);
        let batch = queue.take(Duration::ZERO, say);
        assert!(queue.is_stuck(Duration::ZERO));
        assert!(!queue.is_stuck(Duration::from_secs(3600)));
        queue.wrote(batch.len());
        assert!(!queue.is_stuck(Duration::ZERO));
    }

    #[test]
    fn what_was_lost_is_said_also_when_nothing_follows() {
        let queue = LineQueue::default();
        for _ in 0..2 {
            queue.push("x".repeat(MOST), say);
        }
        let first = queue.take(Duration::ZERO, say);
        queue.wrote(first.len());
        assert_eq!(queue.take(Duration::ZERO, say), b"1 were lost\n");
    }
}
