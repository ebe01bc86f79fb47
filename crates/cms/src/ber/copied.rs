//! An element as it is rewritten: in definite lengths, and its strings of octets in one piece.

use super::{Elements, header, tag};
use crate::error::Problem;

/// What was rewritten so far.
#[derive(Debug, Default)]
pub(super) struct ElementCopy {
    pub(super) octets: Vec<u8>,
    /// The containers that are open: the tag of each, and where its content begins.
    open: Vec<(u8, usize)>,
}

impl ElementCopy {
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn open(&mut self, tag: u8) {
        self.open.push((tag, self.octets.len()));
    }

    /// Closes the innermost container, whose content may have `most` octets: its header goes before it.
    pub(super) fn close(&mut self, what: &'static str, most: usize) -> Result<(), Problem> {
        let Some((tag, start)) = self.open.pop() else {
            return Ok(());
        };
        let body = self.octets.split_off(start.min(self.octets.len()));
        if body.len() > most {
            return Err(Problem::TooBig(what));
        }
        let (tag, body) = match tag == tag::OCTET_STRING | tag::CONSTRUCTED {
            true => (tag::OCTET_STRING, in_one_piece(&body)?),
            false => (tag, body),
        };
        self.octets.extend(header(tag, body.len() as u64));
        self.octets.extend(body);
        Ok(())
    }
}

/// The octets of the segments of a string.
fn in_one_piece(segments: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut whole = Vec::with_capacity(segments.len());
    let mut segments = Elements::of(segments);
    while !segments.is_empty() {
        let segment = segments.next(tag::OCTET_STRING, "segment of a string")?;
        whole.extend_from_slice(segment.body);
    }
    Ok(whole)
}
