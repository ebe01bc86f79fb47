//! What a file is sent as, and why it cannot be.

use std::path::PathBuf;

use jiff::civil::DateTime;
use oftp::{Format, InvalidField, Level, OdetteId, RecordLayout, RecordProblem, UserData};
use pointsman_folder::FolderError;
#[cfg(doc)]
use pointsman_store::NewFile;
use pointsman_store::contents::RecordError;
use pointsman_store::{LedgerError, SpoolError};

use crate::config::{Label, UnknownStation, WantedServices};
use crate::security::error::KeyringError;
use crate::security::virtual_file::VirtualError;
use crate::security::wrapping::WrappingError;

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
    /// What it is secured with, where that is not as the partner's profile says.
    pub services: WantedServices,
    /// The watched folder that it lies in, if it lies in one.
    pub watched_folder: Option<PathBuf>,
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
            services: WantedServices::default(),
            watched_folder: None,
        }
    }
}

/// Why a file was not queued.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The file to send.
    #[error("{path}: {source}")]
    Source {
        path: String,
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
        /// The name that was given, or that of the file.
        name: String,
        /// The nearest that can be sent.
        mapped: String,
        /// To whom.
        partner: String,
    },
    /// A date and time that cannot be had.
    #[error("the clock gives no date for this file: {0}")]
    Stamp(InvalidField),
    /// It would have more labels than are kept.
    #[error("the file is to have {0} labels, {most} are the most", most = Label::MOST)]
    Labels(usize),
    /// SFIDDESC would be too long (RFC 5024, 5.3.3).
    #[error("the description has {0} octets, at most 999 can be sent")]
    Description(usize),
    /// Fixed records without a length, or records that could not be told apart.
    #[error("{0}")]
    Records(&'static str),
    /// A record that is not as announced.
    #[error("{path}: {problem}")]
    Record {
        path: String,
        /// Which record, and what is wrong with it.
        problem: RecordProblem,
    },
    /// A file of format T with lines of another system (RFC 5024, 1.5.3).
    #[error(
        "{path}: line {line} ends in LF alone; lines of a text file (format T) end in CR LF: convert it, or send it unstructured (format U)"
    )]
    Line {
        path: String,
        /// Which line, from 1 on.
        line: u64,
    },
    /// A service is asked of a partner whose level has none.
    #[error(
        "it is to be {what}, and with `{partner}` level {level} is agreed: file security needs level 2.0 (`partners.{partner}.session.version`); or send it plain"
    )]
    Level {
        /// The services.
        what: String,
        /// To whom.
        partner: String,
        /// The level.
        level: Level,
    },
    /// There is no key, or no certificate, for a service.
    #[error("it cannot be secured: {0}")]
    Key(#[from] KeyringError),
    /// A signed receipt is asked for, and could not be checked.
    #[error(
        "a signed receipt is asked for, and there is no certificate that is valid now to check it with: add the one that the partner signs receipts with to `partners.{0}.certificates`, or send without a signed receipt"
    )]
    NoReceiptCertificate(String),
    /// The cryptographic library, a thread or a key failed.
    #[error("{path}: {why}")]
    NotSecured {
        path: String,
        /// What failed.
        why: String,
    },
    /// A record is longer than a secured file can have.
    #[error(
        "{path}: {why}; a secured file of format V has a length of two octets before each record (RFC 5024, 6.5): send it plain, or as format U"
    )]
    RecordHeader {
        path: String,
        /// Which limit.
        why: String,
    },
    /// A policy does not want it to be sent.
    #[error("{by}: it is not queued: {why}")]
    Refused {
        /// Which policy.
        by: String,
        /// Its reason.
        why: String,
    },
    /// A policy wants it to wait, or could not decide.
    #[error("{by}: it is not queued now: {why}")]
    PutOff {
        /// Which policy.
        by: String,
        /// Its reason, or how it failed.
        why: String,
    },
    /// What a policy wants cannot be done.
    #[error("{by}: {why}")]
    NotAsDecided {
        /// Which policy.
        by: String,
        /// What cannot be done.
        why: Box<QueueError>,
    },
    /// Its cipher suite is not agreed with the partner.
    #[error(
        "it is to have cipher suite {suite:02}, and those that are agreed with `{partner}` are {agreed}: add it to `partners.{partner}.file_security.suites`, or choose one of these"
    )]
    Suite {
        /// The number.
        suite: u8,
        /// To whom.
        partner: String,
        /// Those that are agreed, with commas between.
        agreed: String,
    },
    /// A cipher suite is named, and nothing is signed or encrypted by it.
    #[error(
        "cipher suite {suite:02} is asked for, and the file would go {services}, which has none: add `--security` or `--signed-receipt`, or leave `--suite` out"
    )]
    SuiteForNothing {
        /// The number.
        suite: u8,
        /// The services of the file.
        services: String,
    },
    /// Its content cannot be copied to the spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// It cannot be entered in the ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl QueueError {
    /// Of a file that is secured on its way into the spool.
    pub(super) fn of_wrapping(path: &str, error: WrappingError) -> Self {
        let path = path.to_owned();
        match error {
            WrappingError::File(VirtualError::Io(source)) => Self::Source { path, source },
            WrappingError::File(VirtualError::Record(problem)) => Self::Record { path, problem },
            WrappingError::File(VirtualError::Line(line)) => Self::Line { path, line },
            WrappingError::File(VirtualError::Header(error)) => {
                let why = error.to_string();
                Self::RecordHeader { path, why }
            }
            error => {
                let why = error.to_string();
                Self::NotSecured { path, why }
            }
        }
    }

    /// Of a file of records.
    pub(super) fn of_records(path: &str, error: RecordError) -> Self {
        match error {
            RecordError::Spool(error) => Self::Spool(error),
            RecordError::Record(problem) => Self::Record {
                path: path.to_owned(),
                problem,
            },
        }
    }
}
