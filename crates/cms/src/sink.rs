//! Where a layer writes to: the layer around it, or the file.

use std::io::Write;

use openssl::hash::Hasher;

use crate::error::CmsError;
use crate::suite::HashAlgorithm;

/// A stream of octets that is ended, and gives back what it ends in.
pub(crate) trait Sink<W>: Send {
    /// Takes octets.
    fn put(&mut self, octets: &[u8]) -> Result<(), CmsError>;

    /// Writes what stands after the last octet, and ends the layers around this one.
    fn end(self: Box<Self>, made: &mut Made) -> Result<W, CmsError>;
}

/// Adds as many octets to those gathered as fit into that many: the octets that are left.
pub(crate) fn gather<'a>(gathered: &mut Vec<u8>, most: usize, octets: &'a [u8]) -> &'a [u8] {
    let fits = most.saturating_sub(gathered.len());
    let (now, later) = octets.split_at_checked(fits).unwrap_or((octets, &[]));
    gathered.extend_from_slice(now);
    later
}

/// The form of lengths, of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthForm {
    /// The content's length need not be known.
    Indefinite,
    /// The content has that many octets.
    Definite(u64),
}

impl LengthForm {
    /// That a content of that many octets is the one that was announced.
    pub(crate) fn check(self, octets: u64) -> Result<(), CmsError> {
        match self {
            Self::Definite(length) if length != octets => {
                Err(CmsError::NotAsMeasured("its size is another"))
            }
            _ => Ok(()),
        }
    }
}

/// What layers add up while they are written.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// The content's hash and its signatures.
    pub(crate) signatures: Option<(Vec<u8>, Vec<u8>)>,
    /// Octets of the zlib stream.
    pub(crate) deflated: Option<u64>,
    /// Octets of the file.
    pub(crate) wire: u64,
    /// The hash of the file.
    pub(crate) hash: Vec<u8>,
}

/// The file as it will be transmitted: counted and hashed.
pub(crate) struct Out<W> {
    file: W,
    hasher: Hasher,
    octets: u64,
}

impl<W: Write> Out<W> {
    pub(crate) fn new(file: W, hash: HashAlgorithm) -> Result<Self, CmsError> {
        Ok(Self {
            file,
            hasher: Hasher::new(hash.digest())?,
            octets: 0,
        })
    }
}

impl<W: Write + Send> Sink<W> for Out<W> {
    fn put(&mut self, octets: &[u8]) -> Result<(), CmsError> {
        self.hasher.update(octets)?;
        self.octets += octets.len() as u64;
        self.file.write_all(octets).map_err(CmsError::Write)
    }

    fn end(mut self: Box<Self>, made: &mut Made) -> Result<W, CmsError> {
        self.file.flush().map_err(CmsError::Write)?;
        made.wire = self.octets;
        made.hash = self.hasher.finish()?.to_vec();
        Ok(self.file)
    }
}
