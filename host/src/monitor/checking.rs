//! Whether what we send is what was queued: a disk forgets, and the partner would get a wrong file with a right name.

use std::sync::Arc;
use std::time::Duration;

use pointsman_store::{Blob, Digest, SpoolError};
use tokio::sync::oneshot;

/// Octets read at once.
const CHUNK: usize = 256 * 1024;

/// How long the end of a file waits for its content to be read from the start; partners give up after a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// Finds the digest of what goes out.
#[derive(Debug)]
pub(super) enum Check {
    /// It goes out from its first octet on, and is looked at as it goes.
    Along(Box<Digest>),
    /// It goes on where it broke off, and is read from its first octet beside that.
    Beside(oneshot::Receiver<Result<Digest, SpoolError>>),
}

impl Check {
    /// Of a file that is sent from that octet on.
    pub(super) fn of(blob: &Arc<Blob>, from: u64) -> Self {
        if from == 0 {
            return Self::Along(Box::default());
        }
        let (found, finding) = oneshot::channel();
        let blob = Arc::clone(blob);
        tokio::task::spawn_blocking(move || read_whole(&blob, found));
        Self::Beside(finding)
    }

    /// These octets of the file were taken to be sent.
    pub(super) fn sent(&mut self, octets: &[u8]) {
        if let Self::Along(digest) = self {
            digest.update(octets);
        }
    }

    /// The digest of the content; none where to find it takes too long.
    pub(super) async fn digits(&mut self) -> Result<Option<String>, SpoolError> {
        match self {
            Self::Along(digest) => Ok(Some(digest.digits())),
            Self::Beside(finding) => match tokio::time::timeout(PATIENCE, finding).await {
                Ok(Ok(digest)) => Ok(Some(digest?.digits())),
                Ok(Err(_)) => Err(SpoolError::Io {
                    path: "the spool".into(),
                    source: std::io::Error::other("the reading thread was lost"),
                }),
                Err(_) => Ok(None),
            },
        }
    }
}

/// Stops when nobody wants to know any more.
fn read_whole(blob: &Blob, found: oneshot::Sender<Result<Digest, SpoolError>>) {
    let (mut digest, mut at) = (Digest::default(), 0);
    let mut chunk = vec![0; CHUNK];
    while !found.is_closed() {
        let read = match blob.read_at(at, &mut chunk) {
            Ok(0) => Ok(digest),
            Ok(count) => {
                digest.update(chunk.get(..count).unwrap_or_default());
                at += count as u64;
                continue;
            }
            Err(error) => Err(error),
        };
        let _ = found.send(read);
        return;
    }
}
