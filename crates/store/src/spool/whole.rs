//! Contents that have all their octets, and how they are sealed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pointsman_log::emit;

use super::blob::Blob;
use super::error::{SpoolError, at};
use super::files::{remove, sync_folder};
use super::layout::Spool;
use super::lock::Locked;
use super::names::{INCOMING, folder_of};
use crate::content::{ContentKey, Hold};
use crate::events::StoreEvent;
use crate::flush::Entered;
use crate::measure::Measure;
use crate::planted;
use crate::sealed::Sealed;
use crate::sidecar::{Entry, Sidecar};
use crate::state::Direction;
use crate::transition::reached;

/// A content that has all its octets, some of which may not be written yet, and of which no partner knows: it can still
/// be sealed or discarded.
#[derive(Debug)]
pub struct Whole {
    pub(super) spool: Spool,
    pub(super) key: ContentKey,
    pub(super) path: PathBuf,
    pub(super) file: Locked,
    pub(super) measure: Measure,
    /// The last octets, which are still to be written.
    pub(super) rest: Vec<u8>,
}

impl Whole {
    /// Its size and digest, which are known before it is sealed.
    #[must_use]
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Its octets, to be read, as far as they are written: the last 64 KiB may be missing until it is sealed.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn blob(&self) -> Result<Blob, SpoolError> {
        Blob::open(&self.path)
    }

    /// Gives a content as on the wire its name for good, with its sidecar beside it: in `sealed` where it was received, in
    /// `outgoing` where it is to be sent. Durable on return. The hold that is returned is to be kept until the row says that
    /// the content is there.
    ///
    /// The names come first, so that one flush of the file system's log does for all that is synced then: the
    /// octets, the sidecar, and both folders for every session that waits. A crash between this and the row leaves a
    /// sealed content, whole or not, while its row still says `receiving`: the next start removes that content.
    ///
    /// # Errors
    /// As for `BlobWriter::sync`.
    pub fn seal(mut self, sidecar: &Sidecar) -> Result<Sealed, SpoolError> {
        let mut renamed = false;
        let made = self.make_durable(sidecar, &mut renamed);
        let measure = self.measure.clone();
        let hold = self.or_clear_away(made, renamed)?;
        Ok(Sealed::durable(measure, hold))
    }

    /// Gives a plain content its name for good, beside the content as on the wire, and then a line in the sidecar of that.
    /// Durable on return. It counts from its line on: a crash before leaves what the next start removes.
    ///
    /// # Errors
    /// As for [`Whole::seal`]; or there is no sidecar.
    pub fn seal_plain(mut self) -> Result<Sealed, SpoolError> {
        let mut renamed = false;
        let made = self.make_plain_durable(&mut renamed);
        let measure = self.measure.clone();
        let hold = self.or_clear_away(made, renamed)?;
        Ok(Sealed::durable(measure, hold))
    }

    /// Removes the content.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.forget_begun(self.key)?;
        remove(&self.path)
    }

    /// Removes what is left of a content that could not be sealed. Files that cannot be removed now are removed by the
    /// next start.
    fn or_clear_away(
        self,
        made: Result<(), SpoolError>,
        renamed: bool,
    ) -> Result<Hold, SpoolError> {
        if made.is_err()
            && let Err(error) = self.clear_away(renamed)
        {
            emit(&StoreEvent::UnsealedLeft {
                transfer: self.key.id,
                reason: error.to_string(),
            });
        }
        made.map(|()| Hold::new(self.key, self.file))
    }

    /// The sidecar is removed first: alone it would mean that the file is delivered.
    fn clear_away(&self, renamed: bool) -> Result<(), SpoolError> {
        self.spool.forget_begun(self.key)?;
        match renamed {
            true => remove(&self.spool.sealed_path(self.key)),
            false => remove(&self.path),
        }
    }

    /// Makes it durable: its last octets are written, and the sidecar under its name; the content is renamed beside it;
    /// it is synced, then the sidecar, and then both folders. While the content still has its name in `incoming`, its
    /// sidecar counts for nothing.
    fn make_durable(&mut self, sidecar: &Sidecar, renamed: &mut bool) -> Result<(), SpoolError> {
        self.write_rest()?;
        let spool = self.spool.clone();
        let described = spool.begin_sidecar(sidecar)?;
        // For the next start to compare. It need not be durable.
        spool.list(sidecar.direction(), sidecar.id);
        if planted("sealed-folders-not-synced") {
            return self.forget_folders(&described, renamed);
        }
        let folders = self.folders();
        let changed = folders.each_ref().map(|folder| spool.folders.enter(folder));
        self.rename()?;
        *renamed = true;
        self.sync_octets()?;
        if !planted("sidecar-not-synced") {
            sync_sidecar(&described)?;
        }
        reached("spool.sidecar.synced");
        sync_folders(&changed, &folders)?;
        reached("spool.blob.sealed");
        Ok(())
    }

    /// The planted mistake: no folder is synced.
    fn forget_folders(
        &self,
        described: &(PathBuf, File),
        renamed: &mut bool,
    ) -> Result<(), SpoolError> {
        self.file.file().sync_all().map_err(at(&self.path))?;
        sync_sidecar(described)?;
        self.rename()?;
        *renamed = true;
        Ok(())
    }

    /// The line is written last, when the content is durable: a line whose content is in neither folder would mean that
    /// the file is delivered.
    fn make_plain_durable(&mut self, renamed: &mut bool) -> Result<(), SpoolError> {
        self.write_rest()?;
        let spool = self.spool.clone();
        let folders = self.folders();
        let changed = folders.each_ref().map(|folder| spool.folders.enter(folder));
        self.rename()?;
        *renamed = true;
        self.sync_octets()?;
        sync_folders(&changed, &folders)?;
        let entry = Entry::Plain(self.measure.clone());
        let ContentKey { direction, id, .. } = self.key;
        if spool.append_synced(direction, id, &entry)? {
            return Ok(());
        }
        let none = io::Error::from(io::ErrorKind::NotFound);
        Err(at(&spool.sidecar_path(direction, id))(none))
    }

    fn write_rest(&mut self) -> Result<(), SpoolError> {
        self.spool.note_written(self.rest.len())?;
        let written = self.file.file_mut().write_all(&self.rest);
        written.map_err(at(&self.path))
    }

    fn rename(&self) -> Result<(), SpoolError> {
        let sealed = self.spool.sealed_path(self.key);
        std::fs::rename(&self.path, &sealed).map_err(at(&sealed))?;
        reached("spool.blob.renamed");
        Ok(())
    }

    fn sync_octets(&self) -> Result<(), SpoolError> {
        let imported = self.key.direction == Direction::Outbound && planted("import-not-synced");
        if !imported && !planted("blob-not-synced") {
            let sealed = self.spool.sealed_path(self.key);
            self.file.file().sync_all().map_err(at(&sealed))?;
        }
        reached("spool.blob.synced");
        Ok(())
    }

    /// The two folders in which names change: the one it goes to, and the one it was in.
    fn folders(&self) -> [PathBuf; 2] {
        [folder_of(self.key.direction), INCOMING].map(|part| self.spool.root.join(part))
    }
}

fn sync_sidecar((path, file): &(PathBuf, File)) -> Result<(), SpoolError> {
    file.sync_all().map_err(at(path))
}

fn sync_folders(changed: &[Entered<'_>; 2], folders: &[PathBuf; 2]) -> Result<(), SpoolError> {
    for (changed, folder) in changed.iter().zip(folders) {
        let folder: &Path = folder;
        let synced = changed.sync(|| sync_folder(folder));
        synced.map_err(at(folder))?;
        reached("spool.folder.synced");
    }
    Ok(())
}
