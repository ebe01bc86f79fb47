//! A secured file is opened as it passes: from its content as on the wire to its plain one, in memory that does not grow
//! with it, and on threads that may wait.

use std::io::{self, Read};
use std::sync::Arc;

use oftp::{Counts, Format, RecordLayout};
use pointsman_cms::{Found, Opener, Opening};
use pointsman_store::SpoolError;
use pointsman_store::contents::{Intake, PartialContent, StoredContent, WholeContent};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::open_error::OpenError;
use super::plain_records::{PlainFile, PlainWriter};
use super::receipt_text::ReceiptText;

/// Octets of the plain content that are passed on at once.
const PIECE: usize = 128 << 10;

/// Pieces that wait to be written while the next one is opened.
const AHEAD: usize = 2;

/// Octets of the plain content between two looks at what is written, and is to be made durable by and by.
const SYNCED: u64 = 4 << 20;

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct OpeningTerms {
    /// What its SFID announced, our keys and the partner's certificates, and how much it may be.
    pub opening: Opening,
    /// Its format by its SFID.
    pub format: Format,
    /// How its records are kept; none where records do not count.
    pub layout: Option<RecordLayout>,
}

/// What a file was that is opened.
#[derive(Clone, Debug)]
pub struct OpenedContent {
    /// Its layers, signers and keys, and its hash as it was transmitted.
    pub found: Found,
    /// Records and octets of the plain virtual file.
    pub counts: Counts,
}

/// Opens a content as on the wire into a plain one, which is written from its start, whatever is there of it. Nothing of
/// it counts before it is sealed; where it cannot be opened, or `stop` says so, nothing is left of it.
///
/// # Errors
/// [`OpenError`]: the file is not what was announced, or something failed here.
pub async fn open(
    wire: Arc<dyn StoredContent>,
    terms: &OpeningTerms,
    plain: Box<dyn PartialContent>,
    stop: &CancellationToken,
) -> Result<(Box<dyn WholeContent>, OpenedContent), OpenError> {
    let mut intake = Intake::new(plain.resume(0).await?);
    let passed = pass(wire, terms, Some(&mut intake), stop).await;
    let made = intake.octets();
    match passed {
        Ok(opened) => match intake.finish().await {
            Ok(whole) => Ok((whole, opened)),
            Err(error) => Err(OpenError::from(error).having_made(made)),
        },
        Err(error) => {
            // Where it cannot be removed the log says so, and the next opening writes over it.
            let _ = intake.discard().await;
            Err(error.having_made(made))
        }
    }
}

/// Opens a content as on the wire once more and keeps nothing of it: to find out again what it was.
///
/// # Errors
/// As for [`open`].
pub async fn look(
    wire: Arc<dyn StoredContent>,
    terms: &OpeningTerms,
    stop: &CancellationToken,
) -> Result<OpenedContent, OpenError> {
    pass(wire, terms, None, stop).await
}

/// One thread opens, this task has the octets written. The thread ends when nobody takes them any more.
async fn pass(
    wire: Arc<dyn StoredContent>,
    terms: &OpeningTerms,
    to: Option<&mut Intake>,
    stop: &CancellationToken,
) -> Result<OpenedContent, OpenError> {
    let (pieces, mut coming) = channel(AHEAD);
    let terms = terms.clone();
    let opening = spawn_blocking(move || {
        open_pieces(ContentReader::new(wire), &terms, |octets| {
            let passed = pieces.blocking_send(octets);
            passed.map_err(|_| OpenError::Stopped)
        })
    });
    let written = take_pieces(&mut coming, to, stop).await;
    drop(coming);
    let opened = opening.await.map_err(|_| OpenError::Thread)?;
    // That nobody takes its octets is no reason of its own.
    written.and(opened)
}

async fn take_pieces(
    coming: &mut Receiver<Vec<u8>>,
    mut to: Option<&mut Intake>,
    stop: &CancellationToken,
) -> Result<(), OpenError> {
    let mut looked_at = 0;
    loop {
        let piece = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(OpenError::Stopped),
            piece = coming.recv() => piece,
        };
        let (Some(piece), to) = (piece, to.as_deref_mut()) else {
            return Ok(());
        };
        let Some(intake) = to else { continue };
        intake.write(piece).await?;
        if intake.octets() - looked_at >= SYNCED {
            looked_at = intake.octets();
            intake.catch_up(oftp::Position::default()).await?;
        }
    }
}

/// On a thread that may wait: opens a content and passes its octets to `take`, arranged as they are kept. They count where
/// all of it is opened.
///
/// # Errors
/// [`OpenError`]: the content is not what was announced; or `take` fails, by its error.
pub fn open_pieces(
    wire: impl Read + Send + 'static,
    terms: &OpeningTerms,
    mut take: impl FnMut(Vec<u8>) -> Result<(), OpenError>,
) -> Result<OpenedContent, OpenError> {
    let mut opener = terms.opening.read_from(wire)?;
    let mut plain = PlainWriter::new(terms.format, terms.layout);
    let mut receipt = ReceiptText::default();
    let mut pass_on = |octets: Vec<u8>| match octets.is_empty() {
        true => Ok(()),
        false => take(octets),
    };
    while let Some(piece) = next_piece(&mut opener) {
        receipt.add(&piece);
        pass_on(plain.write(piece)?)?;
    }
    // What went wrong while it was read is told here.
    let found = opener.finish()?;
    let PlainFile { last, counts } = plain.finish()?;
    if found.signed.is_some() && receipt.is_one() {
        return Err(OpenError::ReceiptText);
    }
    pass_on(last)?;
    Ok(OpenedContent { found, counts })
}

/// A piece of the content; none at its end, and where it cannot be read on.
fn next_piece(opener: &mut Opener) -> Option<Vec<u8>> {
    let mut piece = vec![0; PIECE];
    let mut filled = 0;
    while let Some(room) = piece.get_mut(filled..).filter(|room| !room.is_empty()) {
        match opener.read(room) {
            Ok(0) | Err(_) => break,
            Ok(count) => filled += count,
        }
    }
    piece.truncate(filled);
    (filled > 0).then_some(piece)
}

/// A stored content as a stream, for threads that may wait.
#[derive(Debug)]
pub struct ContentReader {
    content: Arc<dyn StoredContent>,
    position: u64,
}

impl ContentReader {
    /// From its start.
    #[must_use]
    pub fn new(content: Arc<dyn StoredContent>) -> Self {
        Self {
            content,
            position: 0,
        }
    }
}

impl Read for ContentReader {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_now(self.position, room);
        let count = read.map_err(|error| match error {
            SpoolError::Io { source, path } => {
                io::Error::new(source.kind(), format!("{}: {source}", path.display()))
            }
            error => io::Error::other(error),
        })?;
        self.position += count as u64;
        Ok(count)
    }
}
