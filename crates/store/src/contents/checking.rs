//! Checks that a file is sent as it was queued: where a disk has damaged it, the partner would get a wrong file under a
//! right name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::StoredContent;
use super::records::PositionsCheck;
use super::thread::of_the_spool;
use crate::spool::{Digest, SpoolError};
use crate::transfer::TransferId;

/// Octets read at once.
const CHUNK: usize = 256 * 1024;

/// How long EFID waits for the content to be read from its start, since partners give up after a while.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What was found in a file that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFound {
    /// Its BLAKE3 digest, in hexadecimal digits.
    pub digest: String,
    /// The sender resumed behind a position that is not the end of that record.
    pub positions_are_wrong: bool,
}

/// Finds out what goes out.
#[derive(Debug)]
pub enum ContentCheck {
    /// The file is sent from its first octet, and its octets are digested as they are sent.
    Along(Box<Digest>),
    /// The file is resumed where it broke off, and its beginning is read from the first octet at the same time.
    Beside(oneshot::Receiver<Result<ContentFound, SpoolError>>),
}

/// Checks that take longer than a partner waits. They continue without a session, and the next session in which the
/// file is resumed has the answer.
#[derive(Debug, Default)]
pub struct LateChecks(Mutex<HashMap<TransferId, ContentCheck>>);

impl LateChecks {
    /// Begins the check of a file that is sent from this octet, which was found by these positions.
    pub fn begin(
        &self,
        id: TransferId,
        content: &Arc<dyn StoredContent>,
        from: u64,
        positions: Option<PositionsCheck>,
    ) -> ContentCheck {
        let late = self.take(id);
        late.filter(|_| from > 0)
            .unwrap_or_else(|| ContentCheck::of(content, from, positions))
    }

    /// Keeps a check that has not ended, for the next session.
    pub fn keep(&self, id: TransferId, check: ContentCheck) {
        self.checks().insert(id, check);
    }

    fn take(&self, id: TransferId) -> Option<ContentCheck> {
        self.checks().remove(&id)
    }

    fn checks(&self) -> MutexGuard<'_, HashMap<TransferId, ContentCheck>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ContentCheck {
    fn default() -> Self {
        Self::Along(Box::default())
    }
}

impl ContentCheck {
    /// The check of a file that is sent from this octet.
    fn of(content: &Arc<dyn StoredContent>, from: u64, positions: Option<PositionsCheck>) -> Self {
        if from == 0 {
            return Self::default();
        }
        let (found, finding) = oneshot::channel();
        let content = Arc::clone(content);
        let reading = move || read_whole(content.as_ref(), positions, found);
        tokio::task::spawn_blocking(reading);
        Self::Beside(finding)
    }

    /// Adds octets of the file that are being sent.
    pub fn sent(&mut self, octets: &[u8]) {
        if let Self::Along(digest) = self {
            digest.update(octets);
        }
    }

    /// The result; none where the check takes longer than [`PATIENCE`].
    pub async fn content(
        &mut self,
        patience: Duration,
    ) -> Result<Option<ContentFound>, SpoolError> {
        match self {
            Self::Along(digest) => Ok(Some(ContentFound {
                digest: digest.digits(),
                positions_are_wrong: false,
            })),
            Self::Beside(finding) => match tokio::time::timeout(patience, finding).await {
                Ok(Ok(content)) => Ok(Some(content?)),
                Ok(Err(_)) => Err(of_the_spool("the reading thread was lost")),
                Err(_) => Ok(None),
            },
        }
    }
}

/// Reads a file from its first octet, and stops when nobody awaits the result any more.
fn read_whole(
    content: &dyn StoredContent,
    positions: Option<PositionsCheck>,
    found: oneshot::Sender<Result<ContentFound, SpoolError>>,
) {
    if let Some(answer) = look_through(content, positions, || !found.is_closed()).transpose() {
        let _ = found.send(answer);
    }
}

fn look_through(
    content: &dyn StoredContent,
    mut positions: Option<PositionsCheck>,
    is_wanted: impl Fn() -> bool,
) -> Result<Option<ContentFound>, SpoolError> {
    let (mut digest, mut at, size) = (Digest::default(), 0, content.octets()?);
    let mut chunk = vec![0; CHUNK];
    while at < size {
        if !is_wanted() {
            return Ok(None);
        }
        let count = content.read_now(at, &mut chunk)?;
        let octets = chunk.get(..count).unwrap_or_default();
        let last = count == 0 || at + count as u64 >= size;
        let done = match &mut positions {
            Some(check) => check.look(octets, last),
            None => count,
        };
        digest.update(octets.get(..done).unwrap_or_default());
        at += done as u64;
        if count == 0 {
            break;
        }
    }
    Ok(Some(ContentFound {
        digest: digest.digits(),
        positions_are_wrong: positions.is_some_and(|check| !check.agrees()),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

    use std::io::Cursor;

    use super::*;
    use crate::contents::WholeContent;
    use crate::spool::Spool;
    use oftp::{Format, Position, Positions, RecordLayout, RecordReader};

    fn of_content(octets: &[u8]) -> ContentFound {
        let mut digest = Digest::default();
        digest.update(octets);
        ContentFound {
            digest: digest.digits(),
            positions_are_wrong: false,
        }
    }

    #[tokio::test]
    async fn what_is_late_for_one_session_is_known_to_the_next() {
        let (late, id) = (LateChecks::default(), TransferId::new());
        let (found, finding) = oneshot::channel();
        let mut check = ContentCheck::Beside(finding);
        let content = check.content(Duration::from_millis(1)).await.unwrap();
        assert_eq!(content, None, "nobody has read it yet");
        late.keep(id, check);
        let expected = of_content(b"all of it");
        assert!(!found.is_closed(), "the reading continues");
        found.send(Ok(expected.clone())).unwrap();
        assert!(late.take(TransferId::new()).is_none());
        let mut check = late.take(id).unwrap();
        assert_eq!(check.content(PATIENCE).await.unwrap(), Some(expected));
        assert!(late.take(id).is_none(), "an answer is for one session");
    }

    #[tokio::test]
    async fn a_position_that_is_no_end_of_that_record_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        // The last line lacks its end, and the file ends where a chunk does.
        let mut local = b"RECORD\r\n".repeat(CHUNK / 4 - 1);
        local.extend_from_slice(b"THE LAST");
        let whole = spool.import(TransferId::new(), &mut Cursor::new(&local));
        let content = WholeContent::open(&whole.unwrap()).await.unwrap();
        let end = |octets, records| Position { octets, records };
        let records = local.len() as u64 / 8;
        for (point, is_right) in [
            (end(4000, 500), true),
            (end(local.len() as u64, records), true),
            (end(4000, 501), false),
            (end(4000, 499), false),
            (end(4001, 500), false),
            (end(3999, 500), false),
            (end(local.len() as u64 + 8, records + 1), false),
        ] {
            let points = vec![end(800, 100), point];
            let positions = Positions::from_points(points).unwrap();
            let reader = RecordReader::new(RecordLayout::Lines, Format::Variable(80));
            let check = PositionsCheck::new(reader, &positions);
            let found = look_through(content.as_ref(), Some(check), || true);
            let expected = ContentFound {
                positions_are_wrong: !is_right,
                ..of_content(&local)
            };
            assert_eq!(found.unwrap(), Some(expected), "{point:?}");
        }
    }

    async fn kept(folder: &tempfile::TempDir, octets: &[u8]) -> Arc<dyn StoredContent> {
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let whole = spool.import(TransferId::new(), &mut Cursor::new(octets));
        WholeContent::open(&whole.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn what_goes_out_from_its_first_octet_is_looked_at_as_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let content = kept(&folder, b"all of it").await;
        let (late, id) = (LateChecks::default(), TransferId::new());
        let mut check = late.begin(id, &content, 0, None);
        for piece in [&b"all"[..], b"", b" of it"] {
            check.sent(piece);
        }
        let found = check.content(Duration::ZERO).await.unwrap();
        assert_eq!(found, Some(of_content(b"all of it")));
        // What was sent counts, not what lies there.
        let mut check = late.begin(id, &content, 0, None);
        check.sent(b"something else");
        let found = check.content(Duration::ZERO).await.unwrap();
        assert_eq!(found, Some(of_content(b"something else")));
    }

    #[tokio::test]
    async fn what_is_resumed_is_read_from_its_first_octet_beside_that() {
        let folder = tempfile::tempdir().unwrap();
        for size in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let octets: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let content = kept(&folder, &octets).await;
            let late = LateChecks::default();
            let mut check = late.begin(TransferId::new(), &content, 1, None);
            check.sent(b"what is sent is not looked at");
            let found = check.content(PATIENCE).await.unwrap();
            assert_eq!(found, Some(of_content(&octets)), "{size}");
        }
    }

    #[tokio::test]
    async fn a_check_that_was_kept_is_for_a_file_that_is_resumed_and_not_for_one_sent_from_its_start()
     {
        let folder = tempfile::tempdir().unwrap();
        let content = kept(&folder, b"all of it").await;
        let (late, id) = (LateChecks::default(), TransferId::new());
        for (from, is_kept) in [(4, true), (0, false)] {
            let (_found, finding) = oneshot::channel();
            late.keep(id, ContentCheck::Beside(finding));
            let mut check = late.begin(id, &content, from, None);
            check.sent(b"all of it");
            let found = check.content(Duration::from_millis(20)).await.unwrap();
            assert_eq!(found.is_none(), is_kept, "from {from}");
            assert!(late.take(id).is_none(), "it is nobody else's");
        }
    }

    #[tokio::test]
    async fn a_check_that_nobody_wants_stops_and_one_whose_thread_was_lost_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let content = kept(&folder, &vec![7; 2 * CHUNK]).await;
        let stopped = look_through(content.as_ref(), None, || false).unwrap();
        assert_eq!(stopped, None);
        let (found, finding) = oneshot::channel();
        drop(found);
        let mut check = ContentCheck::Beside(finding);
        let lost = check.content(PATIENCE).await.unwrap_err();
        assert!(lost.to_string().contains("thread"), "{lost}");
    }
}
