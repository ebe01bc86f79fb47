//! A source that a thread of its own reads ahead.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{BUFFER, WAITING};
use crate::error::CmsError;
use crate::found::Found;
use crate::source::{Source, hand_out};

/// Octets, or how the source ended.
type Part = Result<Vec<u8>, CmsError>;

/// Reads a source on a thread, which ends with the source or with this.
pub(crate) struct Ahead {
    parts: Option<Receiver<Part>>,
    thread: Option<JoinHandle<Box<dyn Source>>>,
    current: Vec<u8>,
    at: usize,
    is_done: bool,
}

impl Ahead {
    pub(crate) fn start(source: Box<dyn Source>) -> Result<Self, CmsError> {
        let (sender, parts) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("layer".to_owned());
        let thread = thread.spawn(move || read_all(source, &sender));
        Ok(Self {
            parts: Some(parts),
            thread: Some(thread.map_err(|_| CmsError::Thread)?),
            current: Vec::new(),
            at: 0,
            is_done: false,
        })
    }
}

/// Reads to the end, to an error, or until nobody wants more; gives the source back for its report.
fn read_all(mut source: Box<dyn Source>, parts: &SyncSender<Part>) -> Box<dyn Source> {
    loop {
        let mut buffer = vec![0; BUFFER];
        let outcome = fill(&mut *source, &mut buffer);
        let (filled, last) = match outcome {
            Ok(filled) => (filled, None),
            Err((filled, error)) => (filled, Some(Err(error))),
        };
        let is_end = filled < BUFFER;
        buffer.truncate(filled);
        if filled > 0 && parts.send(Ok(buffer)).is_err() {
            return source;
        }
        if let Some(error) = last {
            let _ = parts.send(error);
            return source;
        }
        if is_end {
            let _ = parts.send(Ok(Vec::new()));
            return source;
        }
    }
}

/// Fills the buffer as far as the source goes; an error comes with what was read before it.
fn fill(source: &mut dyn Source, buffer: &mut [u8]) -> Result<usize, (usize, CmsError)> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.pull(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) => return Err((filled, error)),
        }
    }
    Ok(filled)
}

impl Source for Ahead {
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        if self.at == self.current.len() && !self.is_done {
            let parts = self.parts.as_ref().ok_or(CmsError::Thread)?;
            self.current = parts.recv().map_err(|_| CmsError::Thread)??;
            self.at = 0;
            self.is_done = self.current.is_empty();
        }
        let there = self.current.get(self.at..).unwrap_or_default();
        let count = hand_out(there, room);
        self.at += count;
        Ok(count)
    }

    fn report(mut self: Box<Self>, found: &mut Found) {
        self.parts = None;
        if let Some(Ok(source)) = self.thread.take().map(JoinHandle::join) {
            source.report(found);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver its next buffer is its last.
        self.parts = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
