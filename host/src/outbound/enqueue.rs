//! Files given to us to send: from a path of the operator's to the queue.

use std::path::Path;
use std::sync::Arc;

use oftp::{CipherSuite, Counts, FileHeader, FileKey, Format, Positions, RecordLayout};
use pointsman_cms::Wrapping;
use pointsman_store::contents::{self, Contents, RecordsFound, WholeContent};
use pointsman_store::{
    Direction, Ledger, LedgerError, Measure, NewFile, Note, Record, Sidecar, TransferId, Way,
    WireHash,
};

use super::deciding::{self, Terms};
use super::identity::{Stamps, dataset_name};
use super::queue_facts::ToQueue;
use super::securing::{self, Securing};
pub use super::send_as::{QueueError, SendAs};
pub use super::source::OpenedFile;
use super::source::{Copied, CopyAs, SecureAs};
use crate::config::{CANNOT_PAD, Label, Partner, Plan};
use crate::events::{Event, emit};
use crate::security::virtual_file::{VirtualPurpose, VirtualShape};
use crate::security::wrapping::{Secured, hash_of_plain};
use crate::station::Station;
use crate::station::in_force::InForce;

/// Octets of a description at most (RFC 5024, 5.3.3, SFIDDESCL).
const DESCRIPTION: usize = 999;

/// Copies a file into the spool and queues it for a partner. It may be removed afterwards.
///
/// # Errors
/// The file cannot be read, its name cannot be sent, policies do not want it, or the store failed; nothing is queued then.
pub async fn enqueue(
    station: &Arc<Station>,
    profile: &Partner,
    path: &Path,
    how: &SendAs,
) -> Result<(TransferId, FileHeader), QueueError> {
    let file = OpenedFile::at(path).await?;
    enqueue_as(station, profile, TransferId::new(), file, how).await
}

/// The same under an id that was chosen before, which after a crash tells whether it was done.
///
/// # Errors
/// As for [`enqueue`].
pub async fn enqueue_as(
    station: &Arc<Station>,
    profile: &Partner,
    id: TransferId,
    file: OpenedFile,
    how: &SendAs,
) -> Result<(TransferId, FileHeader), QueueError> {
    let path = file.path.clone();
    let pinned = station.pin();
    let stamps = Stamps::beginning(profile, how.stamp);
    let mut sending = Announced::new(&pinned, profile, Path::new(&path), how, &stamps)?;
    let asked = sending.to_queue(id, profile, file.octets(), how);
    let terms = deciding::terms(station, &pinned, asked).await?;
    securing::suite_is_used(how, &terms.services)?;
    sending.decided(terms, profile, &pinned)?;
    let contents = station.contents.as_ref();
    let copied = file.copy_to(contents, id, sending.copied(how)).await?;
    let (whole, found) = sending.read_or_discard(copied, &path, how).await?;
    let file = sending.file(id, profile, &found, whole.measure(), how);
    whole.seal(&Sidecar::outbound(&file)).await?;
    keep_positions(contents, &file, &found.records.positions).await;
    let queue = Queue {
        ledger: station.ledger.as_ref(),
        contents,
        stamps,
        old: None,
    };
    queue.add(file, &found.records.positions).await
}

/// What was found in a file when it was copied.
struct FileFound {
    records: RecordsFound,
    /// Of a file that is secured, or whose receipt is to be signed.
    wire_hash: Option<WireHash>,
}

impl From<Secured> for FileFound {
    fn from(secured: Secured) -> Self {
        Self {
            records: RecordsFound {
                counts: secured.content.counts,
                longest: secured.content.longest,
                positions: Positions::default(),
            },
            wire_hash: Some(secured.hash),
        }
    }
}

/// What is known of a file before it is read: all that can be refused without reading it was.
struct Announced {
    /// Its identity, as long as no other file has it.
    key: FileKey,
    /// How its records stand in it; none where records do not count.
    layout: Option<RecordLayout>,
    /// To which length its lines are filled with blanks; none where they are not to be.
    padded: Option<u32>,
    labels: Vec<(String, String)>,
    /// What it is secured with; none where it has no service, and before that is decided.
    securing: Option<Securing>,
    /// What policies decided about it.
    note: Note,
}

impl Announced {
    fn new(
        config: &InForce,
        profile: &Partner,
        path: &Path,
        how: &SendAs,
        stamps: &Stamps,
    ) -> Result<Self, QueueError> {
        let layout = layout(profile, how)?;
        let destination = profile.destination(how.destination.as_ref())?;
        let originator = config.originator(how.originator.as_ref())?;
        let dataset = dataset_name(profile, path, how)?;
        if how.description.len() > DESCRIPTION {
            return Err(QueueError::Description(how.description.len()));
        }
        if how.labels.len() > Label::MOST {
            return Err(QueueError::Labels(how.labels.len()));
        }
        let labels = how.labels.iter();
        Ok(Self {
            key: FileKey {
                dataset,
                stamp: stamps.nth(1)?,
                originator,
                destination,
            },
            layout,
            padded: padded_length(how, layout)?,
            labels: labels
                .map(|label| (label.name.clone(), label.value.clone()))
                .collect(),
            securing: None,
            note: Note::default(),
        })
    }

    /// What policies are asked about.
    fn to_queue<'a>(
        &'a self,
        id: TransferId,
        profile: &'a Partner,
        octets: u64,
        how: &'a SendAs,
    ) -> ToQueue<'a> {
        ToQueue {
            id,
            profile,
            key: &self.key,
            format: how.format,
            description: &how.description,
            user: &how.user,
            octets,
            watched_folder: how.watched_folder.as_deref(),
            labels: self.labels.clone(),
            demanded: &how.services,
        }
    }

    /// Goes by what was decided, where there are keys for that and the partner's level has it.
    fn decided(
        &mut self,
        terms: Terms,
        profile: &Partner,
        config: &InForce,
    ) -> Result<(), QueueError> {
        let securing = Securing::of(profile, terms.services, config.keyring());
        self.securing = securing.map_err(|error| terms.blamed(error))?;
        self.labels = terms.labels;
        self.note = terms.note;
        Ok(())
    }

    /// What secures it on its way into the spool.
    fn wrapping(&self) -> Option<&Wrapping> {
        self.securing.as_ref()?.wrapping.as_ref()
    }

    fn shape(&self, how: &SendAs, purpose: VirtualPurpose) -> VirtualShape {
        VirtualShape {
            format: how.format,
            layout: self.layout,
            purpose,
        }
    }

    fn copied(&self, how: &SendAs) -> CopyAs {
        let is_measured = self.securing.as_ref().is_some_and(Securing::is_measured);
        CopyAs {
            padded: self.padded,
            secure: self.wrapping().map(|wrapping| SecureAs {
                wrapping: wrapping.clone(),
                shape: self.shape(how, VirtualPurpose::Securing),
                is_measured,
            }),
        }
    }

    /// What was imported, and what was found in it; discards it where it is not as announced.
    async fn read_or_discard(
        &self,
        copied: Copied,
        path: &str,
        how: &SendAs,
    ) -> Result<(Box<dyn WholeContent>, FileFound), QueueError> {
        let whole = copied.whole;
        let found = match copied.secured {
            Some(secured) => Ok(secured.into()),
            None => self.read(whole.as_ref(), path, how).await,
        };
        match found {
            Ok(found) => Ok((whole, found)),
            Err(error) => {
                whole.discard().await?;
                Err(error)
            }
        }
    }

    /// Reads what was imported as it is, as far as its format says anything of it, and for its hash.
    async fn read(
        &self,
        whole: &dyn WholeContent,
        path: &str,
        how: &SendAs,
    ) -> Result<FileFound, QueueError> {
        let records = read(whole, path, self.layout, how.format).await?;
        let Some(securing) = &self.securing else {
            let wire_hash = None;
            return Ok(FileFound { records, wire_hash });
        };
        let shape = self.shape(how, VirtualPurpose::Hashing);
        let (content, suite) = (whole.open().await?, securing.services.suite);
        let hash = hash_of_plain(content, shape, suite).await;
        let hash = hash.map_err(|error| QueueError::of_wrapping(path, error))?;
        Ok(FileFound {
            records,
            wire_hash: Some(hash),
        })
    }

    fn file(
        self,
        id: TransferId,
        profile: &Partner,
        found: &FileFound,
        measure: &Measure,
        how: &SendAs,
    ) -> NewFile {
        let FileFound { records, wire_hash } = found;
        let mut header = FileHeader::plain(self.key, records.counts.octets);
        header.format = match how.format {
            // Nobody said a length: the longest record is what the partner must be ready for.
            Format::Variable(0) => Format::Variable(records.longest),
            format => format,
        };
        let (mut layout, mut counts) = (self.layout, records.counts);
        if let Some(securing) = &self.securing {
            securing.announce(&mut header, measure.octets);
        }
        if header.is_secured() {
            // It goes as one stream of octets, whatever is in it (RFC 5024, 5.3.3, SFIDREST).
            layout = None;
            counts = Counts {
                records: 0,
                octets: measure.octets,
            };
        }
        header.user.clone_from(&how.user);
        header.description.clone_from(&how.description);
        // Without a suite nobody knows which hash it is.
        let wire_hash = wire_hash.clone();
        let wire_hash = wire_hash.filter(|_| header.cipher != CipherSuite::NONE);
        NewFile {
            id,
            partner: profile.name.clone(),
            header,
            octets: measure.octets,
            digest: measure.digest.clone(),
            layout,
            counts,
            wire_hash,
            priority: how.priority.unwrap_or(NewFile::PRIORITY),
            labels: self.labels,
            note: self.note,
        }
    }
}

/// How the records of what is sent stand in the file; none where records do not count.
///
/// # Errors
/// Records of that format cannot stand so.
pub fn layout(profile: &Partner, how: &SendAs) -> Result<Option<RecordLayout>, QueueError> {
    let Some(usual) = profile.record_layout(how.format) else {
        return Ok(None);
    };
    let layout = how.layout.unwrap_or(usual);
    if how.format == Format::Fixed(0) {
        return Err(QueueError::Records("fixed records need a length"));
    }
    if !layout.suits(how.format) {
        return Err(QueueError::Records(match layout {
            RecordLayout::Raw => {
                "variable records cannot be told apart in a raw file; keep them as lines or length-prefixed"
            }
            _ => {
                "records of more than 65,535 octets cannot be kept length-prefixed; keep them raw or as lines"
            }
        }));
    }
    Ok(Some(layout))
}

/// To which length lines are filled with blanks; none where they are not to be.
pub(super) fn padded_length(
    how: &SendAs,
    layout: Option<RecordLayout>,
) -> Result<Option<u32>, QueueError> {
    match (how.pad, how.format, layout) {
        (false, _, _) => Ok(None),
        (true, Format::Fixed(length), Some(RecordLayout::Lines)) => Ok(Some(length)),
        (true, _, _) => Err(QueueError::Records(CANNOT_PAD)),
    }
}

async fn read(
    whole: &dyn WholeContent,
    path: &str,
    layout: Option<RecordLayout>,
    format: Format,
) -> Result<RecordsFound, QueueError> {
    if let Some(layout) = layout {
        let counted = contents::count(whole.open().await?, layout, format).await;
        return counted.map_err(|error| QueueError::of_records(path, error));
    }
    if format == Format::Text
        && let Some(line) = contents::bare_line_feed(whole.open().await?).await?
    {
        let path = path.to_owned();
        return Err(QueueError::Line { path, line });
    }
    Ok(RecordsFound::none(whole.measure().octets))
}

/// Queues again what was sent, answered, parked or cancelled, under an identity of its own.
///
/// # Errors
/// The transfer is not one to send again, its content is gone, or the store failed; nothing is queued then.
pub async fn resend(
    ledger: &dyn Ledger,
    contents: &dyn Contents,
    old: TransferId,
    config: &Plan,
) -> Result<(TransferId, FileHeader), QueueError> {
    let record = contents.record(Direction::Outbound, old).await?;
    let record = record.ok_or(LedgerError::NotFound(old))?;
    let positions = record.positions().unwrap_or_default();
    let mut file = copy_of(record).ok_or(LedgerError::NotFound(old))?;
    if let Some(profile) = config.partner(&file.partner) {
        securing::can_be_announced(&file.header, &profile)?;
    }
    let counted = Stamps {
        counted: true,
        from: None,
    };
    let stamps = config
        .partner(&file.partner)
        .map_or(counted, |profile| Stamps::of(&profile));
    file.header.key.stamp = stamps.nth(1)?;
    contents.send_again(old, &Sidecar::outbound(&file)).await?;
    keep_positions(contents, &file, &positions).await;
    let queue = Queue {
        ledger,
        contents,
        stamps,
        old: Some(old),
    };
    queue.add(file, &positions).await
}

/// The same file under another id; none where it is none to send.
fn copy_of(record: Record) -> Option<NewFile> {
    let Sidecar {
        partner,
        header,
        measure,
        wire_hash,
        way,
        labels,
        ..
    } = record.sidecar;
    let Way::Outbound {
        priority,
        layout,
        counts,
    } = way
    else {
        return None;
    };
    Some(NewFile {
        id: TransferId::new(),
        partner,
        header,
        octets: measure.octets,
        digest: measure.digest,
        layout,
        counts,
        wire_hash,
        priority,
        labels,
        note: Note::default(),
    })
}

/// Where a file is queued.
struct Queue<'a> {
    ledger: &'a dyn Ledger,
    contents: &'a dyn Contents,
    stamps: Stamps,
    /// The transfer that is sent again, if it is one.
    old: Option<TransferId>,
}

impl Queue<'_> {
    /// Adds a sealed file under the first date and time that no other file of its name has: two of one name in one second
    /// differ in the counter (RFC 5024, 5.3.3, SFIDTIME).
    async fn add(
        &self,
        mut file: NewFile,
        positions: &Positions,
    ) -> Result<(TransferId, FileHeader), QueueError> {
        let mut counter = 1;
        loop {
            let added = match self.old {
                None => self.ledger.enqueue(file.clone()).await,
                Some(old) => self.ledger.resend(old, file.clone()).await,
            };
            match added {
                Ok(()) => return Ok((file.id, file.header)),
                Err(LedgerError::IdentityTaken(_)) if counter < 9999 => {
                    counter += 1;
                    file.header.key.stamp = self.stamps.nth(counter)?;
                    // The sidecar must say the same as the row will.
                    self.contents.describe(&Sidecar::outbound(&file)).await?;
                    keep_positions(self.contents, &file, positions).await;
                }
                Err(error) => return Err(self.withdraw(file.id, error).await),
            }
        }
    }

    /// What was copied is not kept, unless its commit failed: whether that happened is for the next look.
    async fn withdraw(&self, id: TransferId, error: LedgerError) -> QueueError {
        if !matches!(error, LedgerError::Commit { .. })
            && let Err(error) = self.contents.withdraw(id).await
        {
            emit(&Event::CopyLeft {
                transfer: id,
                reason: error.to_string(),
            });
        }
        error.into()
    }
}

/// Keeps beside a file where some of its records end: a restart looks for its record from the nearest one on.
async fn keep_positions(contents: &dyn Contents, file: &NewFile, positions: &Positions) {
    let measure = Measure {
        octets: file.octets,
        digest: file.digest.clone(),
    };
    contents.keep_positions(file.id, &measure, positions).await;
}
