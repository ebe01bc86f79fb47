//! Octets on their way out, DATA buffers being filled among them.
//!
//! DATA is framed where it will be sent from. The buffer being filled is always last and is held
//! back until it is full, or the file ends, so that small records share it.

use std::fmt;

use crate::buffer;
use crate::command::{Command, Kind};
use crate::write_buffer::WriteBuffer;
use crate::{Level, stream};

use super::spare::Spare;

/// So many octets wait at most before a new DATA buffer is begun.
const ENOUGH: usize = 256 * 1024;

/// What waits to be sent.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct TransmitBuffer {
    framed: WriteBuffer,
    /// Where the DATA buffer being filled begins.
    open: Option<usize>,
    /// Where the header of the last subrecord of the open file stands.
    last_header: Option<usize>,
}

impl TransmitBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.framed.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.framed.len() >= ENOUGH
    }

    /// Adds a command; DATA before it is complete.
    pub(super) fn command(&mut self, command: &Command, level: Level) {
        self.close_data();
        self.last_header = None;
        let begin = self.framed.len();
        self.framed.append(|octets| {
            octets.extend_from_slice(&[0; stream::HEADER]);
            command.encode(level, octets);
        });
        self.write_header(begin);
    }

    /// Takes all that is complete; what is not moves into the spare buffer.
    pub(super) fn take(&mut self, spare: &mut Spare) -> Option<Vec<u8>> {
        let ready = self.open.unwrap_or(self.framed.len());
        if ready == 0 {
            return None;
        }
        let mut next = WriteBuffer::reusing(spare.take());
        next.write(self.framed.octets().get(ready..).unwrap_or_default());
        self.open = self.open.map(|_| 0);
        self.last_header = self
            .last_header
            .and_then(|header| header.checked_sub(ready));
        let mut ready_octets = std::mem::replace(&mut self.framed, next);
        ready_octets.cut(ready);
        Some(ready_octets.into_octets())
    }

    /// Releases the memory, too.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many octets of a file there is room for, uncompressed.
    pub(super) fn data_room(&self, size: usize, credit: u16) -> usize {
        let until_enough = ENOUGH
            .saturating_sub(self.framed.len())
            .div_ceil(size + stream::HEADER);
        let buffers = until_enough.min(usize::from(credit));
        let open = self.open.map_or(0, |_| buffer::capacity(self.room(size)));
        open + buffers * buffer::capacity(size.saturating_sub(1))
    }

    pub(super) fn data_is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Begins a DATA buffer.
    pub(super) fn open_data(&mut self) {
        self.open = Some(self.framed.len());
        self.framed.write(&[0; stream::HEADER]);
        self.framed.write(&[Kind::Data.code()]);
    }

    /// Fills the open DATA buffer; gives back how many octets found room. Closes it once full.
    pub(super) fn pack(&mut self, octets: &[u8], size: usize, compression: bool) -> usize {
        let begin = self.framed.len();
        let room = self.framed.room(self.room(size));
        let packed = if compression {
            buffer::pack_compressed(octets, room)
        } else {
            buffer::pack(octets, room)
        };
        self.framed.fill(packed.written);
        self.last_header = packed
            .last_header
            .map(|header| begin + header)
            .or(self.last_header);
        self.close_if_full(size);
        packed.taken
    }

    /// An empty subrecord that ends a record, in the open DATA buffer.
    pub(super) fn pack_empty_end(&mut self, size: usize) {
        self.last_header = Some(self.framed.len());
        self.framed.write(&[buffer::EMPTY_END]);
        self.close_if_full(size);
    }

    /// Makes the last subrecord the end of its record, if it has not left yet.
    pub(super) fn mark_end_of_record(&mut self) -> bool {
        let header = self.last_header.and_then(|at| self.framed.get_mut(at));
        header.map(buffer::mark_end).is_some()
    }

    /// Completes the open DATA buffer.
    pub(super) fn close_data(&mut self) {
        if let Some(begin) = self.open.take() {
            self.write_header(begin);
        }
    }

    /// Forgets the open DATA buffer.
    pub(super) fn drop_open(&mut self) {
        if let Some(begin) = self.open.take() {
            self.framed.cut(begin);
        }
    }

    /// Room for subrecords in the open DATA buffer of at most `size` octets.
    fn room(&self, size: usize) -> usize {
        let begin = self.open.unwrap_or(self.framed.len());
        (begin + stream::HEADER + size).saturating_sub(self.framed.len())
    }

    /// Below two octets of room, for a header and an octet, a buffer is full.
    fn close_if_full(&mut self, size: usize) {
        if self.room(size) < 2 {
            self.close_data();
        }
    }

    fn write_header(&mut self, begin: usize) {
        let length = self.framed.len().saturating_sub(begin + stream::HEADER);
        if let Some(header) = self.framed.get_mut(begin..begin + stream::HEADER) {
            header.copy_from_slice(&stream::header(length));
        }
    }
}

/// Octets may hold a password: only how many there are is shown.
impl fmt::Debug for TransmitBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TransmitBuffer({} octets, filling from {:?})",
            self.framed.len(),
            self.open
        )
    }
}
