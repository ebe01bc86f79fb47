//! The hash of a file as it is transmitted, where it is neither opened nor made here.

use std::io::{self, Write};

use openssl::hash::Hasher;

use crate::error::CmsError;
use crate::suite::Suite;

/// Takes a file as it is transmitted, for the hash that receipts carry (RFC 5024, 5.3.13): of a file without security
/// services whose receipt is to be signed, or of one that cannot be opened.
pub struct WireHasher(Hasher);

impl WireHasher {
    /// By that suite's hash.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn new(suite: Suite) -> Result<Self, CmsError> {
        Ok(Self(Hasher::new(suite.hash().digest())?))
    }

    /// The next octets of the file.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn add(&mut self, octets: &[u8]) -> Result<(), CmsError> {
        Ok(self.0.update(octets)?)
    }

    /// The hash of all of them.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn finish(mut self) -> Result<Vec<u8>, CmsError> {
        Ok(self.0.finish()?.to_vec())
    }
}

impl std::fmt::Debug for WireHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireHasher")
    }
}

impl Write for WireHasher {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.add(octets).map_err(|error| error.to_io())?;
        Ok(octets.len())
    }

    /// Does nothing.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_of_the_suite_however_the_file_is_cut() {
        for suite in Suite::all() {
            let file = b"a file of suite 00, or one that cannot be opened";
            let expected = openssl::hash::hash(suite.hash().digest(), file).unwrap();
            for step in [1, 7, file.len()] {
                let mut hasher = WireHasher::new(suite).unwrap();
                file.chunks(step).for_each(|part| hasher.add(part).unwrap());
                assert_eq!(hasher.finish().unwrap(), *expected, "{suite}");
            }
        }
    }
}
