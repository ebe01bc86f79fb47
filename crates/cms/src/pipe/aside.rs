//! A sink that a thread of its own writes to.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{BUFFER, WAITING};
use crate::error::CmsError;
use crate::sink::{Made, Sink, gather};

/// What the thread ends with.
type Outcome<W> = Result<(W, Made), CmsError>;

/// What the thread is given.
enum Part {
    Octets(Vec<u8>),
    /// The last octet was written: end the layers.
    End,
}

/// Writes to a sink on a thread, which ends with this.
pub(crate) struct Aside<W> {
    parts: Option<SyncSender<Part>>,
    thread: Option<JoinHandle<Option<Outcome<W>>>>,
    gathered: Vec<u8>,
}

impl<W: Send + 'static> Aside<W> {
    pub(crate) fn start(mut sink: Box<dyn Sink<W>>) -> Result<Self, CmsError> {
        let (parts, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("layer".to_owned());
        let thread = thread.spawn(move || {
            for part in waiting {
                match part {
                    Part::Octets(octets) => {
                        if let Err(error) = sink.put(&octets) {
                            return Some(Err(error));
                        }
                    }
                    Part::End => {
                        let mut made = Made::default();
                        return Some(sink.end(&mut made).map(|out| (out, made)));
                    }
                }
            }
            // Given up before its end.
            None
        });
        Ok(Self {
            parts: Some(parts),
            thread: Some(thread.map_err(|_| CmsError::Thread)?),
            gathered: Vec::with_capacity(BUFFER),
        })
    }

    fn hand_over(&mut self, part: Part) -> Result<(), CmsError> {
        let parts = self.parts.as_ref().ok_or(CmsError::Thread)?;
        match parts.send(part) {
            Ok(()) => Ok(()),
            // The thread has ended, and knows why.
            Err(_) => Err(self.outcome().err().unwrap_or(CmsError::Thread)),
        }
    }

    fn outcome(&mut self) -> Outcome<W> {
        self.parts = None;
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(Some(outcome))) => outcome,
            _ => Err(CmsError::Thread),
        }
    }
}

impl<W: Send + 'static> Sink<W> for Aside<W> {
    fn put(&mut self, mut octets: &[u8]) -> Result<(), CmsError> {
        while !octets.is_empty() {
            octets = gather(&mut self.gathered, BUFFER, octets);
            if self.gathered.len() == BUFFER {
                let full = std::mem::replace(&mut self.gathered, Vec::with_capacity(BUFFER));
                self.hand_over(Part::Octets(full))?;
            }
        }
        Ok(())
    }

    fn end(mut self: Box<Self>, made: &mut Made) -> Result<W, CmsError> {
        let rest = std::mem::take(&mut self.gathered);
        self.hand_over(Part::Octets(rest))?;
        self.hand_over(Part::End)?;
        let (out, below) = self.outcome()?;
        let above = std::mem::replace(made, below);
        made.signatures = above.signatures.or(made.signatures.take());
        made.deflated = above.deflated.or(made.deflated);
        Ok(out)
    }
}

impl<W> Drop for Aside<W> {
    fn drop(&mut self) {
        self.parts = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
