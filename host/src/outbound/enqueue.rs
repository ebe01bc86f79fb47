//! Files given to us to send: from a path of the operator's to the queue.

use std::cmp::Ordering;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::{ToSpan, Zoned};
use oftp::{
    Counts, DatasetName, FileHeader, FileKey, FileStamp, Format, InvalidField, Level, OdetteId,
    Positions, RecordLayout, RecordProblem, RecordReader, UserData,
};
use pointsman_folder::{FolderError, Look, Names};
use pointsman_store::{
    Direction, Ledger, LedgerError, NewFile, Seal, Sidecar, Spool, SpoolError, TransferId, Way,
    Whole,
};

use crate::config::UnknownStation;
use crate::config::{CANNOT_PAD, DatasetNames, Label, Partner, Plan};
use crate::contents::blocking::blocking;
use crate::contents::padding::Padded;
use crate::contents::records::{self, RecordError};
use crate::events::{Event, tell};
use crate::station::Station;

/// What a file is sent as.
#[derive(Clone, Debug)]
pub struct SendAs {
    /// Data set name; the file's name where none is given (RFC 5024, 5.3.3, SFIDDSN).
    pub name: Option<String>,
    /// Description, at most 999 octets of UTF-8 (SFIDDESC).
    pub description: String,
    /// Format, with the length of records (SFIDFMT, SFIDLRECL).
    pub format: Format,
    /// How records stand in the file; as the partner's profile says where nothing is given.
    pub layout: Option<RecordLayout>,
    /// Whether lines that are shorter than the records of format F are filled with blanks.
    pub pad: bool,
    /// 0 to 9, higher goes first; [`NewFile::PRIORITY`] where none is given.
    pub priority: Option<u8>,
    /// The station of the partner it is for; the partner's first where none is given (SFIDDEST).
    pub destination: Option<OdetteId>,
    /// The station of ours it is from; our first where none is given (SFIDORIG).
    pub originator: Option<OdetteId>,
    /// What stands in SFIDUSER.
    pub user: UserData,
    /// Its date and time, to the second, by the clock of its sender; now where none is given (SFIDDATE, SFIDTIME).
    pub stamp: Option<DateTime>,
    /// What is said of it for policies and people; at most [`Label::MOST`].
    pub labels: Vec<Label>,
}

impl Default for SendAs {
    fn default() -> Self {
        Self {
            name: None,
            description: String::new(),
            format: Format::Unstructured,
            layout: None,
            pad: false,
            priority: None,
            destination: None,
            originator: None,
            user: UserData::default(),
            stamp: None,
            labels: Vec::new(),
        }
    }
}

/// Why a file was not queued.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The file to send.
    #[error("{path}: {source}")]
    Source {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// What stands under the name of the file to send is none, or cannot be read.
    #[error("{0}")]
    Folder(FolderError),
    /// The name it is to be sent as.
    #[error(
        "{0}; rename the file, or where it is sent by hand give it a data set name: `send --as NAME`"
    )]
    Name(InvalidField),
    /// A station that the file cannot be for, or from.
    #[error(transparent)]
    Station(#[from] UnknownStation),
    /// The name it is to be sent as has characters that partners need not take (RFC 5024, 5.3).
    #[error(
        "`{name}` cannot be a data set name: those have A-Z 0-9 / - . & ( ) alone (RFC 5024, 5.3); rename the file, or where it is sent by hand give it another one with --as, such as {mapped}, or let `partners.{partner}.names` be `mapped`, or `as-is` where the partner takes other characters"
    )]
    Characters {
        /// The name.
        name: String,
        /// The nearest that can be sent.
        mapped: String,
        /// To whom.
        partner: String,
    },
    /// A date and time that cannot be had.
    #[error("the clock gives no date for this file: {0}")]
    Stamp(InvalidField),
    /// Its labels.
    #[error("the file is to have {0} labels, {most} are the most", most = Label::MOST)]
    Labels(usize),
    /// The description.
    #[error("the description has {0} octets, at most 999 can be sent")]
    Description(usize),
    /// Fixed records without a length, or records that could not be told apart.
    #[error("{0}")]
    Records(&'static str),
    /// A record that is not as announced.
    #[error("{path}: {problem}")]
    Record {
        /// The file.
        path: String,
        /// Which record, and what is wrong with it.
        problem: RecordProblem,
    },
    /// A file of format T with lines of another system (RFC 5024, 1.5.3).
    #[error(
        "{path}: line {line} ends in LF alone; lines of a text file (format T) end in CR LF: convert it, or send it unstructured (format U)"
    )]
    Line {
        /// The file.
        path: String,
        /// Which line, from 1 on.
        line: u64,
    },
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Copies a file into the spool and queues it for a partner. It may be removed afterwards.
///
/// # Errors
/// The file cannot be read, its name cannot be sent, or the store failed; nothing is queued then.
pub async fn enqueue(
    station: &Arc<Station>,
    profile: &Partner,
    path: &Path,
    how: &SendAs,
) -> Result<(TransferId, FileHeader), QueueError> {
    let owned = path.to_owned();
    let opening = move || pointsman_folder::open(&owned, Names::Caller);
    let source = Source::opened(path.display().to_string(), opening).await?;
    enqueue_as(station, profile, TransferId::new(), source, how).await
}

/// A file to send that was opened: a regular file, without waiting, and off the async threads.
#[derive(Debug)]
pub struct Source {
    /// Where it is, to be shown.
    path: String,
    file: File,
    /// As it was when it was opened.
    before: Look,
}

impl Source {
    /// Opens it in the given way.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub async fn opened(
        path: String,
        open: impl FnOnce() -> Result<(File, Look), FolderError> + Send + 'static,
    ) -> Result<Self, QueueError> {
        let opening = tokio::task::spawn_blocking(open).await;
        match opening {
            Ok(opened) => {
                let (file, before) = opened.map_err(QueueError::Folder)?;
                Ok(Self { path, file, before })
            }
            Err(lost) => Err(QueueError::Source {
                path,
                source: std::io::Error::other(lost),
            }),
        }
    }
}

/// The same under an id that was chosen before, which after a crash tells whether it was done.
///
/// # Errors
/// As for [`enqueue`].
pub async fn enqueue_as(
    station: &Arc<Station>,
    profile: &Partner,
    id: TransferId,
    source: Source,
    how: &SendAs,
) -> Result<(TransferId, FileHeader), QueueError> {
    let Source {
        path,
        file: source,
        before,
    } = source;
    let unreadable = |source| QueueError::Source {
        path: path.clone(),
        source,
    };
    let layout = layout(profile, how)?;
    let destination = profile.destination(how.destination.as_ref())?;
    let originator = station.plan().originator(how.originator.as_ref())?;
    let dataset = dataset_name(profile, Path::new(&path), how)?;
    if how.description.len() > 999 {
        return Err(QueueError::Description(how.description.len()));
    }
    if how.labels.len() > Label::MOST {
        return Err(QueueError::Labels(how.labels.len()));
    }
    let looked = source.try_clone().map_err(unreadable)?;
    let spool = station.spool.clone();
    let padded = padded_length(how, layout)?;
    let whole = blocking(move || {
        // A file may be said to be larger than any disk, and cost its owner nothing.
        spool.has_room_for(before.octets)?;
        // One octet more than there are, which tells whether that is so.
        let most = before.octets.saturating_add(1);
        let mut source = source.take(most);
        let whole = match padded {
            Some(length) => spool.import(id, &mut Padded::new(&mut source, length)),
            None => spool.import(id, &mut source),
        };
        if whole.is_err() {
            // Half a copy; where that cannot be removed, the next start does it.
            let _ = spool.discard_partial(id);
        }
        Ok((whole?, most - source.limit()))
    });
    let (whole, read) = whole.await?;
    let changed = Look::of_file(&looked).map_err(unreadable)? != before;
    if let Some(why) = is_not_all(changed, before.octets, read) {
        blocking(move || whole.discard()).await?;
        return Err(unreadable(std::io::Error::other(why)));
    }
    let (whole, found) = match layout {
        None => {
            let whole = match how.format {
                Format::Text => lines_or_discard(whole, &path).await?,
                _ => whole,
            };
            let found = Found::of_octets(whole.seal().octets);
            (whole, found)
        }
        Some(layout) => count_or_discard(whole, layout, how.format)
            .await
            .map_err(|problem| match problem {
                RecordError::Spool(error) => QueueError::Spool(error),
                RecordError::Record(problem) => QueueError::Record {
                    path: path.clone(),
                    problem,
                },
            })?,
    };
    let stamps = Stamps {
        from: how.stamp,
        ..Stamps::of(profile)
    };
    let key = FileKey {
        dataset,
        stamp: stamps.nth(1)?,
        originator,
        destination,
    };
    let Seal { octets, digest } = whole.seal().clone();
    let mut header = FileHeader::plain(key, found.counts.octets);
    header.format = match how.format {
        // Nobody said a length: the longest record is what the partner must be ready for.
        Format::Variable(0) => Format::Variable(found.longest),
        format => format,
    };
    header.user.clone_from(&how.user);
    header.description.clone_from(&how.description);
    let mut file = NewFile {
        id,
        partner: profile.name.clone(),
        header,
        octets,
        digest,
        layout,
        counts: found.counts,
        priority: how.priority.unwrap_or(NewFile::PRIORITY),
        labels: how
            .labels
            .iter()
            .map(|label| (label.name.clone(), label.value.clone()))
            .collect(),
    };
    let sidecar = Sidecar::outbound(&file);
    blocking(move || whole.keep(&sidecar)).await?;
    keep_positions(&station.spool, &file, &found.positions).await?;
    let mut counter = 1;
    loop {
        match station.ledger.enqueue(file.clone()).await {
            Ok(()) => return Ok((id, file.header)),
            // Two files of one name in one second differ in the counter (RFC 5024, 5.3.3, SFIDTIME).
            Err(LedgerError::IdentityTaken(_)) if counter < 9999 => {
                counter += 1;
                file.header.key.stamp = stamps.nth(counter)?;
                describe_anew(&station.spool, &file, &found.positions).await?;
            }
            Err(error) => return Err(not_queued(&station.spool, id, error).await),
        }
    }
}

/// Why what was read of a file may not be all of it. Some file systems do not know how large their files are, or learn
/// late what others wrote.
fn is_not_all(changed: bool, told: u64, read: u64) -> Option<String> {
    let what = match read.cmp(&told) {
        _ if changed => "it was written to while it was copied".to_owned(),
        Ordering::Equal => return None,
        Ordering::Less => format!("its size is {told} octets, and only {read} can be read"),
        Ordering::Greater => format!("its size is {told} octets, and more can be read"),
    };
    let advice = if changed {
        ""
    } else {
        "; where it is not being written to, its file system does not know its size: copy it to a disk, and send the copy"
    };
    Some(format!("{what}; nothing of it is queued{advice}"))
}

/// How the records of what is sent stand in the file; none where records do not count.
fn layout(profile: &Partner, how: &SendAs) -> Result<Option<RecordLayout>, QueueError> {
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
fn padded_length(how: &SendAs, layout: Option<RecordLayout>) -> Result<Option<u32>, QueueError> {
    match (how.pad, how.format, layout) {
        (false, _, _) => Ok(None),
        (true, Format::Fixed(length), Some(RecordLayout::Lines)) => Ok(Some(length)),
        (true, _, _) => Err(QueueError::Records(CANNOT_PAD)),
    }
}

/// What was found in a file when it was read.
#[derive(Debug)]
struct Found {
    /// The totals of the virtual file.
    counts: Counts,
    /// Octets of the longest record.
    longest: u32,
    /// Where some of its records end, where that cannot be reckoned.
    positions: Positions,
}

impl Found {
    /// A file without records.
    fn of_octets(octets: u64) -> Self {
        Self {
            counts: Counts { records: 0, octets },
            longest: 0,
            positions: Positions::default(),
        }
    }
}

/// Counts the records of what was imported; removes it where one is not as announced.
async fn count_or_discard(
    whole: Whole,
    layout: RecordLayout,
    format: Format,
) -> Result<(Whole, Found), RecordError> {
    let count = move || {
        let mut reader = RecordReader::new(layout, format).without_bare_line_feeds();
        let read = whole.blob().map_err(RecordError::from);
        match read.and_then(|blob| records::read_all(&blob, &mut reader)) {
            Ok(positions) => {
                let is_reckoned = layout.end_of(format, 0).is_some();
                let found = Found {
                    counts: reader.counts(),
                    longest: u32::try_from(reader.longest()).unwrap_or(u32::MAX),
                    positions: if is_reckoned {
                        Positions::default()
                    } else {
                        positions
                    },
                };
                Ok((whole, found))
            }
            Err(error) => {
                whole.discard()?;
                Err(error)
            }
        }
    };
    tokio::task::spawn_blocking(count)
        .await
        .unwrap_or_else(|lost| Err(crate::contents::blocking::lost_thread(&lost).into()))
}

/// Looks whether the lines of a text file end as they must; removes what was imported where one does not.
async fn lines_or_discard(whole: Whole, path: &str) -> Result<Whole, QueueError> {
    let looked = blocking(move || {
        let found = whole.blob().and_then(|blob| records::bare_line_feed(&blob));
        if matches!(found, Ok(None)) {
            return Ok(Ok(whole));
        }
        whole.discard()?;
        found.map(Err)
    });
    looked.await?.map_err(|line| QueueError::Line {
        path: path.to_owned(),
        line: line.unwrap_or_default(),
    })
}

/// Queues again what was sent, answered, parked or cancelled, under an identity of its own.
///
/// # Errors
/// The transfer is not one to send again, its content is gone, or the store failed; nothing is queued then.
pub async fn resend(
    ledger: &dyn Ledger,
    spool: &Spool,
    old: TransferId,
    config: &Plan,
) -> Result<(TransferId, FileHeader), QueueError> {
    let source = spool.clone();
    let record = blocking(move || source.record(Direction::Outbound, old))
        .await?
        .ok_or(LedgerError::NotFound(old))?;
    let positions = record.positions().unwrap_or_default();
    let Sidecar {
        partner,
        header,
        seal,
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
        return Err(LedgerError::NotFound(old).into());
    };
    let mut file = NewFile {
        id: TransferId::new(),
        partner,
        header,
        octets: seal.octets,
        digest: seal.digest,
        layout,
        counts,
        priority,
        labels,
    };
    let counted = Stamps {
        counted: true,
        from: None,
    };
    let stamps = config
        .partner(&file.partner)
        .map_or(counted, |profile| Stamps::of(&profile));
    file.header.key.stamp = stamps.nth(1)?;
    let (source, sidecar) = (spool.clone(), Sidecar::outbound(&file));
    blocking(move || source.send_again(old, &sidecar)).await?;
    keep_positions(spool, &file, &positions).await?;
    let mut counter = 1;
    loop {
        match ledger.resend(old, file.clone()).await {
            Ok(()) => return Ok((file.id, file.header)),
            Err(LedgerError::IdentityTaken(_)) if counter < 9999 => {
                counter += 1;
                file.header.key.stamp = stamps.nth(counter)?;
                describe_anew(spool, &file, &positions).await?;
            }
            Err(error) => return Err(not_queued(spool, file.id, error).await),
        }
    }
}

/// What was copied is not kept, unless its commit failed: whether that happened is for the next look.
async fn not_queued(spool: &Spool, id: TransferId, error: LedgerError) -> QueueError {
    if !matches!(error, LedgerError::Commit { .. }) {
        let spool = spool.clone();
        if let Err(error) = blocking(move || spool.withdraw(id)).await {
            tell(&Event::BlobLeft {
                transfer: id,
                reason: error.to_string(),
            });
        }
    }
    error.into()
}

/// The date and time of a file were taken by another: its sidecar must say the same as its row will.
async fn describe_anew(
    spool: &Spool,
    file: &NewFile,
    positions: &Positions,
) -> Result<(), QueueError> {
    let (described, sidecar) = (spool.clone(), Sidecar::outbound(file));
    blocking(move || described.describe(&sidecar)).await?;
    keep_positions(spool, file, positions).await
}

/// Keeps beside a file where some of its records end: a restart looks for its record from the nearest one on.
async fn keep_positions(
    spool: &Spool,
    file: &NewFile,
    positions: &Positions,
) -> Result<(), QueueError> {
    if positions.points().is_empty() {
        return Ok(());
    }
    let (spool, id, positions) = (spool.clone(), file.id, positions.clone());
    let seal = Seal {
        octets: file.octets,
        digest: file.digest.clone(),
    };
    let keeping = move || {
        spool.keep_positions(id, &seal, &positions);
        Ok(())
    };
    Ok(blocking(keeping).await?)
}

/// The data set name that a file is sent under, as far as this partner takes it.
fn dataset_name(profile: &Partner, path: &Path, how: &SendAs) -> Result<DatasetName, QueueError> {
    let own = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name = how.name.as_deref().unwrap_or(&own);
    let mapped = mapped(name);
    let name = match profile.names {
        DatasetNames::AsIs => return DatasetName::as_is(name).map_err(QueueError::Name),
        DatasetNames::Mapped => &mapped,
        DatasetNames::Strict if is_in_set(name) => name,
        DatasetNames::Strict => {
            // What is advised must do.
            DatasetName::new(&mapped).map_err(QueueError::Name)?;
            return Err(QueueError::Characters {
                name: name.to_owned(),
                mapped,
                partner: profile.name.clone(),
            });
        }
    };
    DatasetName::new(name).map_err(QueueError::Name)
}

/// Files by which partners exchange certificates are called so (Odette's guidelines for that, not RFC 5024), with a
/// character that RFC 5024, 5.3 does not have for names.
const CERTIFICATES: &str = "ODETTE_CERTIFICATE_";

/// Whether the name has only what RFC 5024, 5.3 has for names.
fn is_in_set(name: &str) -> bool {
    let rest = name.strip_prefix(CERTIFICATES).unwrap_or(name);
    rest.chars().all(is_of_names)
}

fn is_of_names(c: char) -> bool {
    matches!(c, '0'..='9' | 'A'..='Z' | '/' | '-' | '.' | '&' | '(' | ')')
}

/// The nearest name that has only what RFC 5024, 5.3 has.
fn mapped(name: &str) -> String {
    if is_in_set(name) {
        return name.to_owned();
    }
    name.chars()
        .map(|c| c.to_ascii_uppercase())
        .map(|c| if is_of_names(c) { c } else { '-' })
        .collect()
}

/// How files of one name are told apart that are queued within one second: by the counter of SFIDTIME, or for partners
/// of a level that has none (before 1.4, RFC 2204) by the second.
struct Stamps {
    counted: bool,
    /// The date and time of the first; now where none is given.
    from: Option<DateTime>,
}

impl Stamps {
    fn of(profile: &Partner) -> Self {
        Self {
            counted: profile.offer.level >= Level::V14,
            from: None,
        }
    }

    /// The n-th that can be had now, from 1 on.
    fn nth(&self, n: u16) -> Result<FileStamp, QueueError> {
        let (counter, later) = if self.counted { (n, 0) } else { (1, n - 1) };
        let from = self.from.unwrap_or_else(|| Zoned::now().datetime());
        let then = from.saturating_add(i64::from(later).seconds());
        let (date, time) = (then.strftime("%Y%m%d"), then.strftime("%H%M%S"));
        FileStamp::new(&date.to_string(), &format!("{time}{counter:04}")).map_err(QueueError::Stamp)
    }
}
