//! The hash of a file as it was transmitted, as receipts carry it.

use std::io::Read;
use std::sync::Arc;

use pointsman_cms::{HashAlgorithm, Suite, WireHasher};
use pointsman_store::contents::StoredContent;
use pointsman_store::{WireHash, WireHashAlgorithm};
use tokio::task::spawn_blocking;

use super::open_error::OpenError;
use super::opening::ContentReader;

/// A hash that was made by that suite; none where it is not as long as those.
#[must_use]
pub fn wire_hash(suite: Suite, octets: Vec<u8>) -> Option<WireHash> {
    let algorithm = match suite.hash() {
        HashAlgorithm::Sha1 => WireHashAlgorithm::Sha1,
        HashAlgorithm::Sha256 => WireHashAlgorithm::Sha256,
        HashAlgorithm::Sha512 => WireHashAlgorithm::Sha512,
        HashAlgorithm::Sha3_512 => WireHashAlgorithm::Sha3,
    };
    WireHash::new(algorithm, octets)
}

/// Reads a content as on the wire for its hash by that suite, on a thread that may wait.
///
/// # Errors
/// It cannot be read.
pub async fn hash_content(
    content: Arc<dyn StoredContent>,
    suite: Suite,
) -> Result<Option<WireHash>, OpenError> {
    let hashing = spawn_blocking(move || {
        let mut reader = ContentReader::new(content);
        let (mut hasher, mut piece) = (WireHasher::new(suite)?, vec![0; 128 << 10]);
        loop {
            let count = reader.read(&mut piece).map_err(OpenError::Read)?;
            match piece.get(..count) {
                Some(octets) if count > 0 => hasher.add(octets)?,
                _ => return Ok(hasher.finish()?),
            }
        }
    });
    let octets: Result<Vec<u8>, OpenError> = hashing.await.map_err(|_| OpenError::Thread)?;
    Ok(wire_hash(suite, octets?))
}
