//! Contents that are being written: taken for one session, resumed, imported.

use std::io::{self, Read};
use std::path::PathBuf;

use super::digest::Sum;
use super::error::{SpoolError, at};
use super::files::{length, remove};
use super::layout::Spool;
use super::lock::Locked;
use super::whole::Whole;
use super::writer::BlobWriter;
use crate::content::{Content, ContentKey, Hold};
use crate::planted;
use crate::private::private_file;
use crate::sealed::Sealed;
use crate::state::Direction;
use crate::transfer::TransferId;
use crate::transition::reached;

/// Octets of a file to send that are copied at once.
const CHUNK: usize = 256 * 1024;

impl Spool {
    /// Takes the partial of a content for this session alone; makes one where there is none.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another session still has it, or has sealed it and its row does not say so yet.
    pub fn partial(&self, key: ContentKey) -> Result<Partial, SpoolError> {
        let path = self.partial_path(key);
        let mut options = private_file();
        options.read(true).write(true).create(true).truncate(false);
        let file = Locked::at(&path, &options)?;
        // This is checked under the lock: a session that sealed its content and waits for its row has renamed the file
        // already.
        if let Err(error) = self.hold(key) {
            if matches!(error, SpoolError::Busy(_)) {
                remove(&path)?;
            }
            return Err(error);
        }
        let spool = self.clone();
        Ok(Partial {
            spool,
            key,
            path,
            file,
        })
    }

    /// Copies `source` into the spool; it is a file to send once it is sealed.
    ///
    /// # Errors
    /// Reading `source` or writing the spool failed.
    pub fn import(&self, id: TransferId, source: &mut impl Read) -> Result<Whole, SpoolError> {
        let mut writer = self.partial(ContentKey::wire_to_send(id))?.resume(0)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = source.read(&mut buffer).map_err(|source| SpoolError::Io {
                path: "the file to send".into(),
                source,
            })?;
            let Some(octets) = buffer.get(..count).filter(|octets| !octets.is_empty()) else {
                break;
            };
            writer.append(octets)?;
        }
        writer.finish()
    }

    /// Takes a sealed content for this task alone, in this program and any other. None when it is not there.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] while another has it.
    pub fn hold(&self, key: ContentKey) -> Result<Option<Hold>, SpoolError> {
        let path = self.sealed_path(key);
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        let locked = Locked::new(file, &path)?;
        Ok(Some(Hold::new(key, locked)))
    }

    /// The same of the content that goes into the inbox: a plain one, once it is sealed. None when it has left.
    ///
    /// # Errors
    /// As for [`Spool::hold`]; [`SpoolError::NotOpened`] where the file is secured and its plain content is not sealed; or
    /// its sidecar cannot be looked at.
    pub fn hold_to_deliver(&self, id: TransferId) -> Result<Option<Hold>, SpoolError> {
        let content = match self.record(Direction::Inbound, id) {
            Ok(Some(record)) => match record.delivered_content() {
                Some(content) => Some(content),
                None => return Err(SpoolError::NotOpened(id)),
            },
            // An audit names a sidecar that is missing or damaged.
            Ok(None) | Err(SpoolError::Sidecar { .. }) => None,
            Err(error) => return Err(error),
        };
        let wire = ContentKey::wire_received(id);
        let content = match content {
            Some(content) => content,
            None if length(&self.sealed_path(wire.plain()))?.is_some() => Content::Plain,
            None => Content::Wire,
        };
        self.hold(wire.with(content))
    }

    /// The plain content of a received file that is sealed already, since a crash came before its row said so: it need
    /// not be made again, and must not be removed. None where the file is still to be opened.
    ///
    /// # Errors
    /// As for [`Spool::hold`]; or its sidecar cannot be read.
    pub fn opened(&self, id: TransferId) -> Result<Option<Sealed>, SpoolError> {
        let record = self.record(Direction::Inbound, id)?;
        let Some(measure) = record.as_ref().and_then(|record| record.plain()) else {
            return Ok(None);
        };
        let hold = self.hold(ContentKey::wire_received(id).plain())?;
        Ok(hold.map(|hold| Sealed::durable(measure.clone(), hold)))
    }
}

/// A partial that this session alone has open, and that is not changed yet.
#[derive(Debug)]
pub struct Partial {
    spool: Spool,
    key: ContentKey,
    path: PathBuf,
    file: Locked,
}

impl Partial {
    /// Removes it: the file came another way.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> Result<(), SpoolError> {
        remove(&self.path)
    }

    /// Resumes at `octets`; cuts off what is behind that. The digest of the beginning is taken once more; that of a
    /// long beginning while more is written, so that nothing waits for it before the end of the file.
    ///
    /// # Errors
    /// [`SpoolError::Short`] when it has fewer octets.
    pub fn resume(mut self, octets: u64) -> Result<BlobWriter, SpoolError> {
        let length = self.octets()?;
        if length < octets {
            return Err(SpoolError::Short {
                path: self.path,
                length,
                expected: octets,
            });
        }
        if !planted("partial-not-cut") {
            self.file.file().set_len(octets).map_err(at(&self.path))?;
        }
        reached("spool.partial.cut");
        let sum = Sum::of(self.file.file_mut(), octets).map_err(at(&self.path))?;
        Ok(BlobWriter {
            spool: self.spool,
            key: self.key,
            path: self.path,
            file: self.file,
            sum,
            octets,
        })
    }

    /// Octets it has.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn octets(&self) -> Result<u64, SpoolError> {
        let meta = self.file.file().metadata().map_err(at(&self.path))?;
        Ok(meta.len())
    }
}
