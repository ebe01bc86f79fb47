//! One transfer under audit: its row compared with its files.

mod without_row;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::audit_fit::{difference, wrong_receipt};
use crate::book::{Book, Read};
use crate::content::{Content, ContentKey};
use crate::finding::{Finding, Weight};
use crate::measure::Measure;
use crate::replay::beyond;
use crate::row::{Course, Inbound};
use crate::spool::{Pieces, Spool, SpoolError, file_below_spool, partial_below_spool};
use crate::state::{Direction, InboundState, OutboundState};
use crate::transfer::TransferId;

/// What an audit looks at.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The spool of the ledger that is looked at.
    pub spool: Spool,
    /// The folder files are delivered into.
    pub inbox: PathBuf,
    /// Whether contents are read and compared with their digests, not by their sizes alone, and the ledger's indexes
    /// are compared with its tables.
    pub digests: bool,
    /// Files of watched folders that the server will queue under these ids. Their contents may be in the spool already,
    /// without a row.
    pub to_be_queued: BTreeSet<TransferId>,
}

/// One transfer: its row and its files.
pub(crate) struct Case<'a> {
    audit: &'a Audit,
    id: TransferId,
    book: Option<Read>,
    pieces: Pieces,
    /// Which way it goes, as its row says.
    direction: Direction,
    /// What its sidecar says of its plain content, or its row.
    plain: Option<Measure>,
    /// The content that goes into the inbox.
    delivers: Content,
    pub(crate) read: bool,
    pub(crate) findings: Vec<Finding>,
}

const REBUILD: &str = "the ledger is older than the spool, or was lost: stop the server and run `pointsman store rebuild`";
const BACKUP: &str = "put the content back from a backup, or ask the partner to send the file again under a new date and time";
const RESEND: &str = "cancel it (`pointsman queue cancel`) and queue the file again";
const DESCRIBE: &str =
    "remove it and run `pointsman store describe`, which writes it from the ledger";
const OPEN_AGAIN: &str = "stop the server, remove the .jsonl and the .plain of this file, run `pointsman store describe`, and start the server: it opens the file again from its content as on the wire";
const EVIDENCE: &str = "nothing is lost that was to be delivered or sent: the file has another content; but octets that were synced are damaged, so look at the disk";
const REPORT: &str = "this must not be: keep a copy of ledger and spool, and report it";

impl<'a> Case<'a> {
    pub(crate) fn open(
        audit: &'a Audit,
        id: TransferId,
        book: Option<Read>,
    ) -> Result<Self, SpoolError> {
        let row = book.as_ref().and_then(|book| book.as_ref().ok());
        let direction = row.map_or(Direction::Inbound, |book| book.row.state().direction());
        let record = audit.spool.record(direction, id).ok();
        let plain = record.flatten().and_then(|record| record.plain().cloned());
        let of_row = || row.and_then(|book| book.row.inbound()?.plain.clone());
        let plain = plain.or_else(of_row);
        Ok(Self {
            audit,
            id,
            pieces: audit.spool.pieces(id)?,
            delivers: match plain {
                Some(_) => Content::Plain,
                None => Content::Wire,
            },
            plain,
            direction,
            book,
            read: false,
            findings: Vec::new(),
        })
    }

    pub(crate) fn judge(&mut self) -> Result<(), SpoolError> {
        match self.book.clone() {
            None => self.without_row(),
            Some(Ok(book)) => self.with_row(&book),
            Some(Err(word)) => {
                let (file, what) = ("ledger.db transfers", format!("`{word}` is no state"));
                self.wrong("state", file.to_owned(), what, REPORT);
                Ok(())
            }
        }
    }

    fn with_row(&mut self, book: &Book) -> Result<(), SpoolError> {
        match &book.row.course {
            Course::Inbound(file) => self.received(file, book)?,
            Course::Outbound(file) => self.sent(file.state, book)?,
        }
        self.receipt_fits(book);
        Ok(())
    }

    fn received(&mut self, file: &Inbound, book: &Book) -> Result<(), SpoolError> {
        match file.state {
            InboundState::Receiving => {
                self.receiving(file);
                return Ok(());
            }
            InboundState::Opening => self.opening(book)?,
            InboundState::Received => self.must_have_to_deliver(book)?,
            InboundState::Placing => self.placing(file, book)?,
            InboundState::Delivered => self.delivered(file, book)?,
            InboundState::Rejected => self.rejected(file, book)?,
        }
        self.beside(book)?;
        self.sidecar_fits(book);
        Ok(())
    }

    fn receiving(&mut self, file: &Inbound) {
        let said = self.audit.spool.is_received(self.id).unwrap_or(false);
        // A row is committed before its line in the sidecar, so a line without its row belongs to a newer ledger.
        if self.pieces.wire.sealed.is_some() {
            if said {
                let what = "the partner may have its EFPA, and the row does not know that the file is here";
                self.wrong("row-behind", self.blob("sealed"), what, REBUILD);
            } else {
                let what = "the file is all here, and a crash came before its row said so";
                let remedy = "nothing: the next start discards it, and the partner sends it again";
                self.note("sealed-uncommitted", self.blob("sealed"), what, remedy);
            }
            return;
        }
        let here = self.pieces.wire.incoming.unwrap_or(0);
        if here < file.position.octets {
            let what = format!(
                "it has {here} octets, its checkpoint says {}",
                file.position.octets
            );
            let remedy = "nothing can be lost by it: the partner sends the file again from there; but octets that were synced are gone, so look at the disk";
            self.wrong("partial-short", self.blob("incoming"), what, remedy);
        }
        if self.pieces.inbound_sidecar {
            if said {
                let what = "its sidecar says that the file was received, and the row does not: the ledger is an older one";
                self.wrong("row-behind", self.sidecar("sealed"), what, REBUILD);
                return;
            }
            let what = "a sidecar of a blob that never got its name";
            let remedy = "nothing: the next start removes it";
            self.note("sidecar-early", self.sidecar("sealed"), what, remedy);
        }
    }

    /// What is opened again from the content as on the wire needs that alone. A plain content that is sealed already is not
    /// made again.
    fn opening(&mut self, book: &Book) -> Result<(), SpoolError> {
        match self.delivers {
            Content::Wire => self.must_have_to_deliver(book),
            Content::Plain => self.must_have(Content::Plain, book, OPEN_AGAIN),
        }
    }

    fn placing(&mut self, file: &Inbound, book: &Book) -> Result<(), SpoolError> {
        if self.to_deliver().is_some() {
            return self.must_have_to_deliver(book);
        }
        self.delivered_path(file, book)
    }

    fn delivered(&mut self, file: &Inbound, book: &Book) -> Result<(), SpoolError> {
        if self.to_deliver().is_some() {
            let what = "delivered, and its content is still in the spool";
            let remedy =
                "compare it with the delivered file; if they are the same, remove the blob";
            let blob = self.content_file(self.delivers);
            self.wrong("delivered-still-sealed", blob, what, remedy);
        }
        self.delivered_path(file, book)
    }

    /// Where the NERP was decided before EFPA, the content stays in the spool; where it was decided later, the file was
    /// delivered before.
    fn rejected(&mut self, file: &Inbound, book: &Book) -> Result<(), SpoolError> {
        match (&file.path, self.to_deliver()) {
            (Some(_), None) => self.delivered_path(file, book),
            (None, None) if book.content_removed => Ok(()),
            _ => self.must_have_to_deliver(book),
        }
    }

    /// Octets of the content that goes into the inbox, if it is in the spool.
    fn to_deliver(&self) -> Option<u64> {
        self.pieces.of(self.delivers).sealed
    }

    fn must_have_to_deliver(&mut self, book: &Book) -> Result<(), SpoolError> {
        self.must_have(self.delivers, book, BACKUP)
    }

    /// Readers take delivered files away, so a missing one is no fault.
    fn delivered_path(&mut self, file: &Inbound, book: &Book) -> Result<(), SpoolError> {
        let Some(path) = &file.path else {
            let what = "delivered, and nobody knows where to: the ledger was rebuilt";
            self.note("path-unknown", "ledger".to_owned(), what, "nothing");
            return Ok(());
        };
        let octets = self.expected(self.delivers, book).octets;
        match self.audit.inbox.join(path).symlink_metadata() {
            Ok(meta) if meta.len() == octets => {}
            Ok(meta) => {
                let what = format!("it has {} octets, {octets} were delivered", meta.len());
                let remedy = "nothing, if its reader changed it or another file took its name";
                self.note("delivered-changed", shown_in_inbox(path), what, remedy);
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                let what = "delivered, and not there any more";
                let remedy = "nothing, if its reader took it";
                self.note("delivered-taken", shown_in_inbox(path), what, remedy);
            }
            Err(error) => {
                let what = format!("delivered, and cannot be looked at: {error}");
                let remedy = "look at the disk of the inbox, and whether this user may go there";
                self.note("delivered-unseen", shown_in_inbox(path), what, remedy);
            }
        }
        Ok(())
    }

    fn sent(&mut self, state: OutboundState, book: &Book) -> Result<(), SpoolError> {
        use OutboundState::{
            Acknowledged, Cancelled, Held, Overdue, Parked, Ready, Rejected, Sent,
        };
        let here = self.pieces.wire.outgoing;
        match state {
            Ready | Held => self.must_have(Content::Wire, book, RESEND)?,
            Sent | Overdue => {
                let remedy = "nothing as long as the partner gives its receipt; it cannot be sent again from here";
                self.must_have(Content::Wire, book, remedy)?;
            }
            // The content is kept, but nothing is lost if somebody removed it: the transfer has ended, or was given up.
            Acknowledged | Rejected | Parked | Cancelled if here.is_none() => {
                let what = "its content was removed: it cannot be sent again from here";
                self.note("outgoing-removed", self.blob("outgoing"), what, "nothing");
            }
            Acknowledged | Rejected | Parked | Cancelled => {
                self.must_have(Content::Wire, book, RESEND)?;
            }
        }
        self.beside(book)?;
        self.sidecar_fits(book);
        Ok(())
    }

    fn must_have(
        &mut self,
        content: Content,
        book: &Book,
        remedy: &'static str,
    ) -> Result<(), SpoolError> {
        if self.pieces.of(content).sealed(self.direction).is_none() {
            let file = self.content_file(content);
            let what = format!("`{}`, and its content is not there", book.row.state());
            self.wrong("content-missing", file, what, remedy);
            return Ok(());
        }
        self.must_fit(content, book, remedy)
    }

    /// A content that is there is what was sealed.
    fn must_fit(
        &mut self,
        content: Content,
        book: &Book,
        remedy: &'static str,
    ) -> Result<(), SpoolError> {
        let Some(octets) = self.pieces.of(content).sealed(self.direction) else {
            return Ok(());
        };
        let file = self.content_file(content);
        let (measure, says) = (self.expected(content, book), says(content));
        if octets != measure.octets {
            let what = format!("it has {octets} octets, {says} {}", measure.octets);
            self.wrong("content-size", file, what, remedy);
            return Ok(());
        }
        if !self.audit.digests {
            return Ok(());
        }
        self.read = true;
        let key = ContentKey::wire(self.direction, self.id).with(content);
        match self.audit.spool.digest(key) {
            Ok(digest) if digest == measure.digest => {}
            Ok(digest) => {
                let what = format!("blake3 {digest}, {says} {}", measure.digest);
                self.wrong("content-digest", file, what, remedy);
            }
            // Delivered between the look and the read: the next look knows.
            Err(SpoolError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            }
            Err(error) => {
                let what = format!("it cannot be read: {error}");
                self.wrong("content-unreadable", file, what, remedy);
            }
        }
        Ok(())
    }

    /// Of a file with two contents, the one that its state does not need. It may be missing, but what is there must be
    /// what was sealed. A plain content counts once its line is in the sidecar.
    fn beside(&mut self, book: &Book) -> Result<(), SpoolError> {
        let plain = self.pieces.plain;
        let is_uncounted = self.plain.is_none() && plain.sealed(self.direction).is_some();
        let key = ContentKey::wire(self.direction, self.id).plain();
        let partial = (plain.incoming).map(|_| format!("spool/{}", partial_below_spool(key)));
        let uncounted = is_uncounted.then(|| self.content_file(Content::Plain));
        for file in partial.into_iter().chain(uncounted) {
            let what = "its plain content is half made: it is being opened, or that was broken off";
            let remedy = "nothing: what is left of it is removed where room is needed, and by the next start, and it is made again";
            self.note("plain-unfinished", file, what, remedy);
        }
        match (self.direction, self.delivers) {
            (Direction::Inbound, Content::Plain) => self.must_fit(Content::Wire, book, EVIDENCE),
            (Direction::Outbound, Content::Plain) => self.must_fit(Content::Plain, book, EVIDENCE),
            (_, Content::Wire) => Ok(()),
        }
    }

    /// The size and digest that a content should have: by the row for the content on the wire, by the sidecar for the
    /// plain one.
    fn expected(&self, content: Content, book: &Book) -> Measure {
        let plain = self.plain.clone().filter(|_| content == Content::Plain);
        plain.unwrap_or_else(|| Measure {
            octets: book.row.measure.octets,
            digest: book.row.measure.digest.clone(),
        })
    }

    fn content_file(&self, content: Content) -> String {
        let key = ContentKey::wire(self.direction, self.id).with(content);
        format!("spool/{}", file_below_spool(key))
    }

    fn sidecar_fits(&mut self, book: &Book) {
        let direction = self.direction;
        let part = match direction {
            Direction::Inbound => "sealed",
            Direction::Outbound => "outgoing",
        };
        match self.audit.spool.record(direction, self.id) {
            Ok(Some(record)) => {
                if let Some(what) = difference(&record, &book.row) {
                    self.wrong("sidecar-differs", self.sidecar(part), what, REPORT);
                } else if let Some(beyond) = beyond(&record, &book.row) {
                    let what = format!(
                        "it says that {beyond}, and the row does not: the ledger is an older one"
                    );
                    self.wrong("row-behind", self.sidecar(part), what, REBUILD);
                }
                if direction == Direction::Outbound && record.state().is_none() {
                    let what =
                        "it does not say that the file was queued: a rebuilt ledger would park it";
                    self.note("sidecar-without-state", self.sidecar(part), what, DESCRIBE);
                }
                if record.has_damaged_positions() {
                    let what = "its positions of records are damaged: a restart reads the file from its start";
                    self.wrong("positions-damaged", self.sidecar(part), what, DESCRIBE);
                }
            }
            Ok(None) => {
                let what = "there is no sidecar: a rebuilt ledger would not know this file";
                let remedy = "run `pointsman store describe`, which writes it from the ledger";
                self.wrong("row-without-sidecar", self.sidecar(part), what, remedy);
            }
            Err(error) => {
                let (file, what) = (self.sidecar(part), error.to_string());
                self.wrong("sidecar-unreadable", file, what, DESCRIBE);
            }
        }
    }

    fn receipt_fits(&mut self, book: &Book) {
        if let Some(what) = wrong_receipt(book) {
            self.wrong("receipt", "ledger.db receipts".to_owned(), what, REPORT);
        }
    }

    fn blob(&self, part: &str) -> String {
        format!("spool/{part}/{}", self.id)
    }

    fn sidecar(&self, part: &str) -> String {
        format!("spool/{part}/{}.jsonl", self.id)
    }

    fn wrong(
        &mut self,
        kind: &'static str,
        file: String,
        what: impl Into<String>,
        remedy: &'static str,
    ) {
        self.find(Weight::Discrepancy, kind, file, what.into(), remedy);
    }

    fn note(
        &mut self,
        kind: &'static str,
        file: String,
        what: impl Into<String>,
        remedy: &'static str,
    ) {
        self.find(Weight::Note, kind, file, what.into(), remedy);
    }

    fn find(
        &mut self,
        weight: Weight,
        kind: &'static str,
        file: String,
        what: String,
        remedy: &'static str,
    ) {
        self.findings.push(Finding {
            id: Some(self.id),
            weight,
            kind,
            file,
            what,
            remedy,
        });
    }
}

/// The source of a content's size and digest, for messages.
fn says(content: Content) -> &'static str {
    match content {
        Content::Wire => "its row says",
        Content::Plain => "its sidecar says",
    }
}

fn shown_in_inbox(path: &str) -> String {
    Path::new("inbox").join(path).display().to_string()
}
