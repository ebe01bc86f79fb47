//! Whether what we send is what was queued: a disk forgets, and the partner would get a wrong file with a right name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointsman_store::{Blob, Digest, SpoolError, TransferId};
use tokio::sync::oneshot;

/// Octets read at once.
const CHUNK: usize = 256 * 1024;

/// How long the end of a file waits for its content to be read from the start; partners give up after a while.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Finds the digest of what goes out.
#[derive(Debug)]
pub(super) enum Check {
    /// It goes out from its first octet on, and is looked at as it goes.
    Along(Box<Digest>),
    /// It goes on where it broke off, and is read from its first octet beside that.
    Beside(oneshot::Receiver<Result<Digest, SpoolError>>),
}

/// Checks that take longer than a partner waits. They go on without a session, and the next one in which the file goes
/// on has the answer.
#[derive(Debug, Default)]
pub struct LateChecks(Mutex<HashMap<TransferId, Check>>);

impl LateChecks {
    /// The check of a file that is sent from that octet on.
    pub(super) fn begin(&self, id: TransferId, blob: &Arc<Blob>, from: u64) -> Check {
        let late = self.take(id);
        late.filter(|_| from > 0)
            .unwrap_or_else(|| Check::of(blob, from))
    }

    pub(super) fn keep(&self, id: TransferId, check: Check) {
        let mut late = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        late.insert(id, check);
    }

    fn take(&self, id: TransferId) -> Option<Check> {
        let mut late = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        late.remove(&id)
    }
}

impl Default for Check {
    fn default() -> Self {
        Self::Along(Box::default())
    }
}

impl Check {
    /// Of a file that is sent from that octet on.
    fn of(blob: &Arc<Blob>, from: u64) -> Self {
        if from == 0 {
            return Self::default();
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

    /// The digest of the content; none where to find it takes longer than that.
    pub(super) async fn digits(
        &mut self,
        patience: Duration,
    ) -> Result<Option<String>, SpoolError> {
        match self {
            Self::Along(digest) => Ok(Some(digest.digits())),
            Self::Beside(finding) => match tokio::time::timeout(patience, finding).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_late_for_one_session_is_known_to_the_next() {
        let (late, id) = (LateChecks::default(), TransferId::new());
        let (found, finding) = oneshot::channel();
        let mut check = Check::Beside(finding);
        let digits = check.digits(Duration::from_millis(1)).await.unwrap();
        assert_eq!(digits, None, "nobody has read it yet");
        late.keep(id, check);
        let mut digest = Digest::default();
        digest.update(b"all of it");
        let expected = digest.digits();
        assert!(!found.is_closed(), "the reading goes on");
        found.send(Ok(digest)).unwrap();
        assert!(late.take(TransferId::new()).is_none());
        let mut check = late.take(id).unwrap();
        assert_eq!(check.digits(PATIENCE).await.unwrap(), Some(expected));
        assert!(late.take(id).is_none(), "an answer is for one session");
    }
}
