//! Octets that are filled in from the front.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::slice::SliceIndex;

/// Octets that are filled in from the front. What is behind stays as it was, so that a buffer used
/// again need not be cleared again: clearing would cost half as much as framing.
#[derive(Clone, Default)]
pub(crate) struct WriteBuffer {
    octets: Vec<u8>,
    filled: usize,
}

impl WriteBuffer {
    /// Writes over what is in `buffer`.
    pub(crate) fn reusing(buffer: Vec<u8>) -> Self {
        let (octets, filled) = (buffer, 0);
        Self { octets, filled }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub(crate) fn get_mut<I: SliceIndex<[u8]>>(&mut self, at: I) -> Option<&mut I::Output> {
        self.octets.get_mut(at)
    }

    /// So many octets to be written to; [`fill`](Self::fill) says how many were.
    pub(crate) fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.filled + length;
        if self.octets.len() < end {
            self.octets.resize(end, 0);
        }
        self.octets.get_mut(self.filled..end).unwrap_or_default()
    }

    /// So many octets of the room were written.
    pub(crate) fn fill(&mut self, written: usize) {
        self.filled = (self.filled + written).min(self.octets.len());
    }

    pub(crate) fn write(&mut self, octets: &[u8]) {
        copy_short(octets, self.room(octets.len()));
        self.fill(octets.len());
    }

    pub(crate) fn repeat(&mut self, octet: u8, count: usize) {
        self.room(count).fill(octet);
        self.fill(count);
    }

    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.octets.truncate(self.filled);
        write(&mut self.octets);
        self.filled = self.octets.len();
    }

    /// Forgets what is behind the first `length` octets.
    pub(crate) fn cut(&mut self, length: usize) {
        self.filled = self.filled.min(length);
    }

    pub(crate) fn into_octets(mut self) -> Vec<u8> {
        self.octets.truncate(self.filled);
        self.octets
    }
}

/// Copies octets, as many as there is room for. Up to 64 of them go in two halves that overlap, which is quicker
/// than asking for their number.
#[inline]
pub(crate) fn copy_short(from: &[u8], to: &mut [u8]) {
    let count = from.len().min(to.len());
    let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) else {
        return;
    };
    if count > 64 || !(copy_ends::<32>(from, to) || copy_ends::<16>(from, to)) {
        to.copy_from_slice(from);
    }
}

/// Copies the first and the last `N` octets, if there are so many.
#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut::<N>() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut::<N>() {
        *to = *last;
    }
    from.len() <= 2 * N
}

/// Octets may hold a password or a file: only how many there are is shown.
impl fmt::Debug for WriteBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteBuffer({} octets)", self.filled)
    }
}

impl PartialEq for WriteBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }
}

impl Eq for WriteBuffer {}

impl Hash for WriteBuffer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets().hash(state);
    }
}
