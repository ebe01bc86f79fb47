//! Where a layer reads from: the layer around it, or the file.

use std::io::{ErrorKind, Read};

use openssl::hash::Hasher;

use crate::error::CmsError;
use crate::found::{Found, WireFound};
use crate::suite::HashAlgorithm;

/// A stream of octets that knows at its end what it was.
pub(crate) trait Source: Send {
    /// The next octets, at least one; none at the end, and an error also where all octets came and something is wrong.
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError>;

    /// Adds what was found, this layer and those around it. Complete only after [`Self::pull`] has come to the end.
    fn report(self: Box<Self>, found: &mut Found);
}

/// Hands out as many octets as there are and as fit into the room: how many.
pub(crate) fn hand_out(there: &[u8], room: &mut [u8]) -> usize {
    let count = there.len().min(room.len());
    for (to, from) in room.iter_mut().zip(there) {
        *to = *from;
    }
    count
}

/// The file as it was transmitted: counted and hashed.
pub(crate) struct WireSource<R> {
    file: R,
    hasher: Hasher,
    octets: u64,
    hash: Vec<u8>,
    done: bool,
}

impl<R: Read> WireSource<R> {
    pub(crate) fn new(file: R, hash: HashAlgorithm) -> Result<Self, CmsError> {
        Ok(Self {
            file,
            hasher: Hasher::new(hash.digest())?,
            octets: 0,
            hash: Vec::new(),
            done: false,
        })
    }
}

impl<R: Read + Send> Source for WireSource<R> {
    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        if self.done || room.is_empty() {
            return Ok(0);
        }
        let count = loop {
            match self.file.read(room) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CmsError::Read(error)),
            }
        };
        self.hasher.update(room.get(..count).unwrap_or_default())?;
        self.octets += count as u64;
        if count == 0 {
            self.done = true;
            self.hash = self.hasher.finish()?.to_vec();
        }
        Ok(count)
    }

    fn report(self: Box<Self>, found: &mut Found) {
        found.wire = WireFound {
            octets: self.octets,
            hash: self.hash,
        };
    }
}
