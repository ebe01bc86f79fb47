//! A file is signed, compressed and encrypted on its way into the spool (RFC 5024, 6.1): what is queued does not depend
//! on keys that change, and is sent octet for octet the same each time.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_cms::{CmsError, Measured, Suite, WireHasher, Wrapped, Wrapper, Wrapping};
use pointsman_store::WireHash;
use pointsman_store::contents::StoredContent;
use tokio::task::spawn_blocking;

use super::opening::ContentReader;
use super::virtual_file::{VirtualError, VirtualFile, VirtualFound, VirtualShape};
use super::wire_hash::wire_hash;

/// Why a file is not secured.
#[derive(Debug, thiserror::Error)]
pub enum WrappingError {
    /// It is not the virtual file that it is said to be, or cannot be read.
    #[error(transparent)]
    File(#[from] VirtualError),
    /// A key, a thread or the cryptographic library failed.
    #[error("it cannot be secured: {0}")]
    Cms(#[from] CmsError),
    /// The reading ended before the file did.
    #[error("it was not read to its end")]
    NotAtItsEnd,
}

/// What became of a file that was secured.
#[derive(Clone, Debug)]
pub struct Secured {
    /// What it was before.
    pub content: VirtualFound,
    /// Its hash as it is transmitted, as its receipt must carry it.
    pub hash: WireHash,
}

/// A source that gives out the secured file of another source. It blocks, and has a constant of memory.
pub struct WrappingReader<R: Read> {
    file: Option<VirtualFile<R, Wrapper<Outlet>>>,
    outlet: Outlet,
    /// Octets of the secured file that were not read yet, and how many of them were.
    ready: Vec<u8>,
    given: usize,
    suite: Suite,
    outcome: WrappingOutcome,
}

/// What [`WrappingReader`] ends with, for whoever does not have it any more.
#[derive(Clone, Debug, Default)]
pub struct WrappingOutcome(Arc<Mutex<Option<Result<Secured, WrappingError>>>>);

impl WrappingOutcome {
    /// What became of the file.
    ///
    /// # Errors
    /// [`WrappingError`]: what was read of it is no file.
    pub fn take(&self) -> Result<Secured, WrappingError> {
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take().unwrap_or(Err(WrappingError::NotAtItsEnd))
    }

    fn put(&self, result: Result<Secured, WrappingError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }
}

/// Where the last layer writes to. Copies share what waits to be read.
#[derive(Clone, Debug, Default)]
struct Outlet(Arc<Mutex<Vec<u8>>>);

impl Write for Outlet {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet {
    /// What waits to be read; the empty buffer is used from now on.
    fn exchange(&self, buffer: &mut Vec<u8>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.clear();
        std::mem::swap(&mut *waiting, buffer);
    }
}

impl<R: Read> WrappingReader<R> {
    /// Reads a local file from its start, and secures it; with definite lengths if it was measured.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn new(
        source: R,
        shape: VirtualShape,
        wrapping: &Wrapping,
        measured: Option<Measured>,
    ) -> Result<(Self, WrappingOutcome), WrappingError> {
        let (outlet, outcome) = (Outlet::default(), WrappingOutcome::default());
        let wrapper = match measured {
            None => wrapping.write_to(outlet.clone())?,
            Some(measured) => wrapping.write_definite_to(outlet.clone(), measured)?,
        };
        let reader = Self {
            file: Some(VirtualFile::new(source, shape, wrapper)),
            outlet,
            ready: Vec::new(),
            given: 0,
            suite: wrapping.suite,
            outcome: outcome.clone(),
        };
        Ok((reader, outcome))
    }

    /// Secures more of the file. False at its end.
    fn step(&mut self) -> Result<bool, WrappingError> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        if file.step()? {
            return Ok(true);
        }
        let Some(file) = self.file.take() else {
            return Ok(false);
        };
        let (wrapper, content) = file.finish()?;
        let (_, wrapped) = wrapper.finish()?;
        self.outcome.put(secured(content, wrapped, self.suite));
        Ok(true)
    }
}

impl<R: Read> Read for WrappingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            let has_more = match self.step() {
                Ok(has_more) => has_more,
                Err(error) => {
                    let told = io::Error::other(error.to_string());
                    self.file = None;
                    self.outcome.put(Err(error));
                    return Err(told);
                }
            };
            self.outlet.exchange(&mut self.ready);
            self.given = 0;
            if !has_more && self.ready.is_empty() {
                return Ok(0);
            }
        }
        let mut rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

fn secured(
    content: VirtualFound,
    wrapped: Wrapped,
    suite: Suite,
) -> Result<Secured, WrappingError> {
    let hash = of_suite(suite, wrapped.hash)?;
    Ok(Secured { content, hash })
}

fn of_suite(suite: Suite, octets: Vec<u8>) -> Result<WireHash, WrappingError> {
    let hash = wire_hash(suite, octets);
    Ok(hash.ok_or(CmsError::NotAsMeasured("its hash has another length"))?)
}

/// Measures a file, for one that is secured with definite lengths. `begin` gives the file from its start: it is read once,
/// and once more where it is compressed.
///
/// # Errors
/// The file cannot be read, is not as announced, or a key cannot be used.
pub fn measure<R: Read>(
    mut begin: impl FnMut() -> io::Result<R>,
    shape: VirtualShape,
    wrapping: &Wrapping,
) -> Result<Measured, WrappingError> {
    let source = begin().map_err(VirtualError::Io)?;
    let (_, found) = VirtualFile::new(source, shape, io::sink()).pass()?;
    let mut measurer = wrapping.measure(found.written)?;
    if measurer.needs_content() {
        let source = begin().map_err(VirtualError::Io)?;
        VirtualFile::new(source, shape, &mut measurer).pass()?;
    }
    Ok(measurer.finish()?)
}

/// The hash that a receipt carries of a file that is not secured (RFC 5024, 5.3.13): of the octets of its virtual file,
/// without line ends or lengths that stand between records here.
///
/// # Errors
/// The file cannot be read, or its records are not as announced.
pub async fn hash_of_plain(
    content: Arc<dyn StoredContent>,
    shape: VirtualShape,
    suite: Suite,
) -> Result<WireHash, WrappingError> {
    let reader = ContentReader::new(content);
    let hashing = spawn_blocking(move || hash_of(reader, shape, suite));
    hashing.await.unwrap_or(Err(WrappingError::NotAtItsEnd))
}

fn hash_of(
    source: impl Read,
    shape: VirtualShape,
    suite: Suite,
) -> Result<WireHash, WrappingError> {
    let hasher = WireHasher::new(suite)?;
    let (hasher, _) = VirtualFile::new(source, shape, hasher).pass()?;
    of_suite(suite, hasher.finish()?)
}
