//! Octets on their way out, DATA buffers being filled among them.
//!
//! DATA is framed where it will be sent from. The buffer being filled is always last and is held
//! back until it is full, or the file ends, so that small records share it.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::buffer;
use crate::command::{Command, Kind};
use crate::{Level, stream};

/// So many octets wait at most before a new DATA buffer is begun.
const ENOUGH: usize = 256 * 1024;
/// Larger buffers that come back are not kept.
const LARGEST_SPARE: usize = 512 * 1024;
/// Octets before the subrecords of a DATA buffer: stream header and `D`.
const BEFORE_SUBRECORDS: usize = stream::HEADER + 1;

#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    /// Where the DATA buffer being filled begins.
    open: Option<usize>,
    /// Where the header of the last subrecord of the open file stands.
    last_header: Option<usize>,
    spare: Spare,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.octets.len() >= ENOUGH
    }

    /// Adds a command; DATA before it is complete.
    pub(super) fn command(&mut self, command: &Command, level: Level) {
        self.close_data();
        self.last_header = None;
        let begin = self.octets.len();
        self.octets.extend_from_slice(&[0; stream::HEADER]);
        command.encode(level, &mut self.octets);
        self.write_header(begin);
    }

    /// Takes all that is complete.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let ready = self.open.unwrap_or(self.octets.len());
        if ready == 0 {
            return None;
        }
        let mut kept = self.spare(0);
        kept.extend_from_slice(self.octets.get(ready..).unwrap_or_default());
        self.octets.truncate(ready);
        self.open = self.open.map(|_| 0);
        self.last_header = self
            .last_header
            .and_then(|header| header.checked_sub(ready));
        Some(std::mem::replace(&mut self.octets, kept))
    }

    pub(super) fn clear(&mut self) {
        self.octets = Vec::new();
        self.open = None;
        self.last_header = None;
    }

    pub(super) fn begin_file(&mut self) {
        self.last_header = None;
    }

    /// How many octets of a file there is room for, uncompressed.
    pub(super) fn data_room(&self, size: usize, credit: u16) -> usize {
        let waiting = self.octets.len();
        let until_enough = ENOUGH
            .saturating_sub(waiting)
            .div_ceil(size + stream::HEADER);
        let buffers = until_enough.min(usize::from(credit));
        let open = if self.open.is_some() {
            buffer::capacity(self.room(size))
        } else {
            0
        };
        open + buffers * buffer::capacity(size.saturating_sub(1))
    }

    pub(super) fn data_is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn open_data(&mut self) {
        self.open = Some(self.octets.len());
        self.octets.extend_from_slice(&[0; stream::HEADER]);
        self.octets.push(Kind::Data.code());
    }

    /// Fills the open DATA buffer; gives back how many octets found room. Closes it once full.
    pub(super) fn pack(&mut self, octets: &[u8], size: usize, compression: bool) -> usize {
        let room = self.room(size);
        let packed = if compression {
            buffer::pack_compressed(octets, room, &mut self.octets)
        } else {
            buffer::pack(octets, room, &mut self.octets)
        };
        self.last_header = packed.last_header.or(self.last_header);
        self.close_if_full(size);
        packed.taken
    }

    /// An empty subrecord that ends a record, in the open DATA buffer.
    pub(super) fn pack_empty_end(&mut self, size: usize) {
        self.last_header = Some(self.octets.len());
        buffer::pack_empty_end(&mut self.octets);
        self.close_if_full(size);
    }

    /// Makes the last subrecord the end of its record, if it has not left yet.
    pub(super) fn mark_end_of_record(&mut self) -> bool {
        let header = self.last_header.and_then(|at| self.octets.get_mut(at));
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
            self.octets.truncate(begin);
        }
    }

    /// An empty buffer, used before if possible.
    pub(super) fn spare(&mut self, capacity: usize) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.spare.0);
        buffer.reserve(capacity);
        buffer
    }

    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if (self.spare.0.capacity()..=LARGEST_SPARE).contains(&buffer.capacity()) {
            buffer.clear();
            self.spare.0 = buffer;
        }
    }

    /// Room for subrecords in the open DATA buffer of at most `size` octets.
    fn room(&self, size: usize) -> usize {
        let begin = self.open.unwrap_or(self.octets.len());
        (begin + stream::HEADER + size)
            .saturating_sub(self.octets.len().max(begin + BEFORE_SUBRECORDS))
    }

    /// A header and no octet would be wasted: below two octets of room a buffer is full.
    fn close_if_full(&mut self, size: usize) {
        if self.room(size) < 2 {
            self.close_data();
        }
    }

    fn write_header(&mut self, begin: usize) {
        let length = self.octets.len().saturating_sub(begin + stream::HEADER);
        if let Some(header) = self.octets.get_mut(begin..begin + stream::HEADER) {
            header.copy_from_slice(&stream::header(length));
        }
    }
}

/// Octets may hold a password: only how many there are is shown.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Outbox({} octets, filling from {:?})",
            self.octets.len(),
            self.open
        )
    }
}

/// A used buffer, empty. It is nothing a session can be told apart by.
#[derive(Default)]
struct Spare(Vec<u8>);

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Spare {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spare {}

impl Hash for Spare {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
