//! From octets to exchange buffers, and who is let in.

use crate::command::{Kind, MOST_BEHIND, Malformed};
use crate::stream::{self, Head};
use crate::{End, SessionReason};

use super::Session;
use super::abort::Abort;
use super::state::{Listening, SessionState};

impl Session {
    /// Finishes a buffer that was kept incomplete; gives back what follows it.
    pub(super) fn complete_kept<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        if self.receive_buffer.is_empty() {
            return rest;
        }
        let mut kept = self.receive_buffer.take();
        top_up(&mut kept, &mut rest, stream::HEADER + 1);
        let whole = self.admitted_length(&kept);
        if whole.is_some_and(|whole| top_up(&mut kept, &mut rest, whole)) {
            self.take_buffer(kept.get(stream::HEADER..).unwrap_or_default());
            kept.clear();
        }
        if !self.state.has_ended() && (self.state.is_in_a_file() || !kept.is_empty()) {
            self.receive_buffer.put_back(kept);
        }
        rest
    }

    /// The first buffer of `bytes` without its header, if it is complete, and what follows it.
    pub(super) fn next_buffer<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        if self.state.has_ended() {
            return None;
        }
        let whole = self.admitted_length(bytes)?;
        let (buffer, rest) = bytes.split_at_checked(whole)?;
        Some((buffer.get(stream::HEADER..)?, rest))
    }

    /// The length with header of the buffer that `bytes` begins with. None if it is not known yet,
    /// or if the buffer was refused.
    fn admitted_length(&mut self, bytes: &[u8]) -> Option<usize> {
        let abort = match stream::head(bytes) {
            Head::Incomplete => return None,
            Head::Announced { length } => match self.admit_length(length) {
                Ok(()) => return None,
                Err(abort) => abort,
            },
            Head::Buffer { length, code } => match self.admit(code, length) {
                Ok(()) => return Some(stream::HEADER + length),
                Err(abort) if self.drops_on(code) => {
                    self.drop_with(abort);
                    return None;
                }
                Err(abort) => abort,
            },
            Head::Empty => Abort::new(
                SessionReason::BufferSize,
                "an exchange buffer without a command",
            ),
            Head::Foreign(header) => {
                self.end_silently(End::NotOftp(header));
                return None;
            }
        };
        self.abort_with(abort);
        None
    }

    /// A buffer that is longer than any that could come now is refused by its header, before its command is waited for.
    fn admit_length(&self, length: usize) -> Result<(), Abort> {
        let expected = self.state.expects().iter().chain([&Kind::Esid]);
        let longest = expected.map(|kind| self.longest(*kind)).max();
        let longest = longest.unwrap_or_default();
        if length > longest {
            let text = format!("a buffer of {length} octets, and {longest} is the most");
            return Err(Abort {
                reason: SessionReason::BufferSize,
                text,
            });
        }
        Ok(())
    }

    /// Whether a command that does not belong is looked at all the same: the turn, given back.
    fn forgives(&self, kind: Kind) -> bool {
        kind == Kind::Cd
            && matches!(self.state, SessionState::Listening(Listening::IdleLiCd))
            && self.params.tolerances.returned_turn
    }

    /// Octets that a buffer of that command may have here.
    fn longest(&self, kind: Kind) -> usize {
        match &self.agreement {
            Some(agreed) if kind == Kind::Data => {
                agreed.buffer_size as usize + usize::from(self.params.tolerances.oversized_data)
            }
            _ if self.params.tolerances.octets_behind => kind.longest() + MOST_BEHIND,
            _ => kind.longest(),
        }
    }

    /// What does not belong is refused here, by its first octet, before its body is waited for.
    fn admit(&self, code: u8, length: usize) -> Result<(), Abort> {
        let level = self.level;
        let kind = Kind::from_code(code).filter(|kind| kind.exists_at(level));
        let kind = kind.ok_or_else(|| Malformed::unknown(code, level))?;
        let expected = self.state.expects();
        if kind != Kind::Esid && !expected.contains(&kind) && !self.forgives(kind) {
            return Err(Abort::unexpected(kind, self.state.name(), expected));
        }
        let longest = self.longest(kind);
        if length > longest {
            let text = format!("{kind} of {length} octets, and {longest} is the most");
            return Err(Abort {
                reason: SessionReason::BufferSize,
                text,
            });
        }
        Ok(())
    }
}

/// Moves octets until `kept` has `length` of them; whether it has.
fn top_up(kept: &mut Vec<u8>, rest: &mut &[u8], length: usize) -> bool {
    let missing = length.saturating_sub(kept.len()).min(rest.len());
    if let Some((octets, after)) = rest.split_at_checked(missing) {
        kept.extend_from_slice(octets);
        *rest = after;
    }
    kept.len() >= length
}
