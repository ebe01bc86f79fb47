//! What a file needs to know of its content to have definite lengths.

/// The lengths of a content's layers.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Octets of the content.
    pub(crate) content: u64,
    /// Octets of the zlib stream.
    pub(crate) deflated: Option<u64>,
    /// Octets that are encrypted.
    pub(crate) to_encrypt: u64,
    /// Octets of the file.
    pub(crate) octets: u64,
    /// The content's hash and its signatures, if they went into the zlib stream.
    pub(crate) signatures: Option<(Vec<u8>, Vec<u8>)>,
}

impl Measured {
    /// Octets of the file, exactly: for SFIDFSIZ.
    pub fn octets(&self) -> u64 {
        self.octets
    }
}
