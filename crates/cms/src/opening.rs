//! A file is decrypted, inflated and verified, in this order, as it passes.

use std::io::{self, Read};

use oftp::Security;

use crate::certificate::{Certificate, Identity};
use crate::compressed::CompressedReader;
use crate::enveloped::{EnvelopedReader, EnvelopedRules, Inside};
use crate::error::{CmsError, Layer};
use crate::found::Found;
use crate::limits::Limits;
use crate::pipe::Ahead;
use crate::signed::{SignedReader, SignedRules};
use crate::source::{Source, WireSource};
use crate::suite::{HashAlgorithm, Suite};

/// What the sender's SFID announced. It says which layers there are: fewer are refused, and what lies in the last of them
/// is the content, even if it looks like another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// SFIDSEC.
    pub security: Security,
    /// SFIDCOMP.
    pub compressed: bool,
    /// SFIDCIPH.
    pub suite: Suite,
}

/// What is taken, or not, beyond what RFC 5024 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTolerances {
    /// A signature may have another hash than the announced suite's, if it is this one or a stronger one.
    pub other_hash: Option<HashAlgorithm>,
    /// An unknown signer beside a good one is refused.
    pub refuse_unknown_signers: bool,
}

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// What its SFID said.
    pub announced: Announced,
    /// Our certificates and keys that may open it, each that is or was in use.
    pub own: Vec<Identity>,
    /// The originator's certificates that may have signed it.
    pub partner: Vec<Certificate>,
    /// How much it may be.
    pub limits: Limits,
    /// What is taken beyond the RFC.
    pub tolerances: FileTolerances,
    /// Whether decryption and inflating have threads of their own.
    pub overlap: bool,
}

impl Opening {
    /// Starts to open a file. Nothing is read yet.
    ///
    /// # Errors
    /// [`CmsError`], if a thread cannot be started, or the cryptographic library fails.
    pub fn read_from<R: Read + Send + 'static>(&self, file: R) -> Result<Opener, CmsError> {
        let Announced {
            security,
            compressed,
            suite,
        } = self.announced;
        let mut source: Box<dyn Source> = Box::new(WireSource::new(file, suite.hash())?);
        if security.is_encrypted() {
            source = Box::new(EnvelopedReader::new(source, self.enveloped_rules()));
            source = self.ahead(source)?;
        }
        if compressed {
            source = Box::new(CompressedReader::new(source, self.limits));
            source = self.ahead(source)?;
        }
        if security.is_signed() {
            source = Box::new(SignedReader::new(source, self.signed_rules()));
        }
        Ok(Opener {
            source: Some(source),
            largest: self.limits.largest,
            is_encrypted: security.is_encrypted(),
            content: 0,
            state: State::Reading,
        })
    }

    fn ahead(&self, source: Box<dyn Source>) -> Result<Box<dyn Source>, CmsError> {
        match self.overlap {
            true => Ok(Box::new(Ahead::start(source)?)),
            false => Ok(source),
        }
    }

    fn enveloped_rules(&self) -> EnvelopedRules {
        let announced = self.announced;
        EnvelopedRules {
            suite: Some(announced.suite),
            own: self.own.clone(),
            inside: match (announced.compressed, announced.security.is_signed()) {
                (true, _) => Inside::Compressed,
                (false, true) => Inside::Signed,
                (false, false) => Inside::Anything,
            },
        }
    }

    fn signed_rules(&self) -> SignedRules {
        SignedRules {
            suite: self.announced.suite,
            known: self.partner.clone(),
            other_hash: self.tolerances.other_hash,
            refuse_unknown: self.tolerances.refuse_unknown_signers,
        }
    }
}

enum State {
    Reading,
    Ended,
    Failed(CmsError),
}

/// The content of a file, read as it is opened. Octets come before it is known whether they are the sender's: they count
/// only when [`Self::finish`] has returned `Ok`.
pub struct Opener {
    source: Option<Box<dyn Source>>,
    largest: u64,
    is_encrypted: bool,
    content: u64,
    state: State,
}

impl Opener {
    /// What the file was, after its content was read to its end.
    ///
    /// # Errors
    /// [`CmsError`] that a read has failed with, or [`CmsError::NotReadToEnd`].
    pub fn finish(mut self) -> Result<Found, CmsError> {
        match self.state {
            State::Reading => return Err(CmsError::NotReadToEnd),
            State::Failed(error) => return Err(error),
            State::Ended => {}
        }
        let mut found = Found {
            content: self.content,
            ..Found::default()
        };
        if let Some(source) = self.source.take() {
            source.report(&mut found);
        }
        Ok(found)
    }

    fn pull(&mut self, room: &mut [u8]) -> Result<usize, CmsError> {
        let source = self.source.as_mut().ok_or(CmsError::Thread)?;
        let count = source.pull(room)?;
        self.content += count as u64;
        let limit = self.largest;
        match self.content > limit && !planted!(LargestNotLimited) {
            true => Err(CmsError::TooLarge { limit }),
            false => Ok(count),
        }
    }

    /// The error, as one in what was decrypted if it is.
    fn placed(&self, error: CmsError) -> CmsError {
        let is_inner = match &error {
            CmsError::Layer { layer, .. } => *layer != Layer::Enveloped,
            CmsError::TooLarge { .. } => true,
            _ => false,
        };
        match is_inner && self.is_encrypted && !planted!(InnerFailureReported) {
            true => CmsError::AfterDecryption(Box::new(error)),
            false => error,
        }
    }
}

impl Read for Opener {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Ended => return Ok(0),
            State::Failed(error) => return Err(error.to_io()),
            State::Reading if room.is_empty() => return Ok(0),
            State::Reading => {}
        }
        match self.pull(room) {
            Ok(count) => {
                if count == 0 {
                    self.state = State::Ended;
                }
                Ok(count)
            }
            Err(error) => {
                let error = self.placed(error);
                let told = error.to_io();
                // Threads end here, not when the caller drops this.
                self.source = None;
                self.state = State::Failed(error);
                Err(told)
            }
        }
    }
}
