//! The verbs: everything that may happen to a transfer, each one transaction.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use oftp::{FileHeader, FileKey, FileStamp, Position, Response};

use crate::committing::Committing;
use crate::contact::{Backlog, Contact};
use crate::content::Content;
use crate::content_keys::ContentKeys;
use crate::error::LedgerError;
use crate::measure::Measure;
use crate::note::Note;
use crate::offer::{Arrived, KnownFile, Offer, Offered, Repeated, Standing};
use crate::persisted::{InDoubt, Persisted, Stored};
use crate::planted;
use crate::queue::{Acknowledgement, Files, Longest, Naming, Order, Waiting, Work};
use crate::request::{Filter, Quota, Recovery};
use crate::row::Row;
use crate::sealed::Sealed;
use crate::transfer::{
    CONTENT_REMOVED, Details, NewFile, OpenQuestion, OutboundFile, Queued, TimelineEntry, Transfer,
    TransferId, Undelivered, Unopened,
};
use crate::verb::{self, Effect, Verb};
use crate::verdict::{NotOpened, Opened, Received, Verdict};

/// The ledger of transfers. Every method but [`Ledger::offer_early`] and [`Ledger::remark_early`] returns after its
/// transaction is durable, not before.
#[async_trait]
pub trait Ledger: ContentKeys + Send + Sync {
    /// Reads the row of a transfer, applies the verb to it, and stores it. Then the verb's entry is appended to the
    /// sidecar.
    ///
    /// # Errors
    /// There is no such row, or the verb does not lead on from where it is.
    async fn apply(
        &self,
        id: TransferId,
        verb: Box<dyn Verb>,
    ) -> Result<Persisted<Effect>, LedgerError>;

    /// A partner offers a file: it gets a new row, is a known partial, or is a file that is here already. A known row
    /// is left as it is, since another session may be using it; the session that then holds its partial calls `begin`.
    async fn offer(&self, offer: Offer) -> Result<Offered, LedgerError> {
        let (offered, committing) = self.offer_early(offer).await?;
        committing.done().await?;
        Ok(offered)
    }

    /// The same, where the row of a new file may still be on its way to the disk: it must be there before the blob
    /// is sealed.
    async fn offer_early(&self, offer: Offer) -> Result<(Offered, Committing), LedgerError>;

    /// The file that is here under the identity of an offered file, before anything is decided about the offer. None
    /// where the offer is to be treated as new: no file of its identity is here, or the one that is here does not block
    /// it. Changes nothing.
    async fn known(
        &self,
        partner: &str,
        header: &FileHeader,
        repeated: Repeated,
    ) -> Result<Option<KnownFile>, LedgerError>;

    /// What the row of a partial says, seen from this offer; none where there is no row yet. Only the session that
    /// holds the lock of the partial may call this: without the lock another session may add to the partial.
    async fn standing(&self, id: TransferId, offer: Offer)
    -> Result<Option<Standing>, LedgerError>;

    /// A known partial is resumed at `from` under this offer (before the partial is cut, and before SFPA).
    async fn begin(&self, id: TransferId, offer: Offer, from: Position) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::Begin { offer, from }))
            .await
            .map(drop)
    }

    /// Notes how much of the partial is durable and may be offered for restart; in a file of records, up to the end of
    /// a record.
    async fn checkpoint(&self, id: TransferId, at: Position) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::Checkpoint { at }))
            .await
            .map(drop)
    }

    /// The content is sealed (before EFPA): Receiving → Received, with the place it goes to at last; with a negative verdict
    /// Receiving → Rejected, and the NERP is owed. A secured file is sealed as it is on the wire and has no verdict:
    /// Receiving → Opening.
    ///
    /// # Errors
    /// [`LedgerError::OtherContent`]: what is sealed, or was received before, is another content.
    async fn received(
        &self,
        sealed: &Sealed,
        received: Received,
    ) -> Result<Persisted<Stored>, LedgerError> {
        let id = sealed.of(Content::Wire, &received.measure)?;
        let done = self.apply(id, Box::new(verb::Receive(received))).await?;
        Ok(done.map(|_| Stored(id)))
    }

    /// A secured file is opened, and its plain content sealed: Opening → Received, or with a negative verdict Opening →
    /// Rejected, and the NERP is owed.
    ///
    /// # Errors
    /// [`LedgerError::OtherContent`]: what is sealed is another content, or the one as on the wire.
    async fn opened(&self, sealed: &Sealed, opened: Opened) -> Result<(), LedgerError> {
        let id = sealed.of(Content::Plain, &opened.plain)?;
        self.apply(id, Box::new(verb::Open(opened))).await.map(drop)
    }

    /// A secured file cannot or must not be opened: Opening → Rejected, and the NERP is owed.
    async fn not_opened(&self, id: TransferId, why: NotOpened) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::RefuseToOpen(why)))
            .await
            .map(drop)
    }

    /// The same file came once more, because its sender never received our EFPA. The row stays as it is, if this is its
    /// content.
    ///
    /// # Errors
    /// [`LedgerError::OtherContent`]: the identity is used for something else.
    async fn received_again(
        &self,
        id: TransferId,
        measure: Measure,
    ) -> Result<Persisted<Stored>, LedgerError> {
        let done = self
            .apply(id, Box::new(verb::ReceivedAgain { measure }))
            .await?;
        // That it is not the same is written down, too.
        match *done {
            Effect::Differs => Err(LedgerError::OtherContent(id)),
            Effect::Changed | Effect::Repeated => Ok(done.map(|_| Stored(id))),
        }
    }

    /// The partner sent something after our EFPA, so it has the EFPA: if it offers the file again, that is a duplicate.
    async fn confirmed(&self, id: TransferId) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::Confirmed)).await.map(drop)
    }

    /// A copy that was received to be compared is another file of the same identity: → Receiving, under the id of the
    /// copy (before that is sealed). The file that it was compared with stays as it is. Returns its edition.
    async fn another(&self, id: TransferId, offer: Offer) -> Result<u32, LedgerError>;

    /// Counts what else a partner sent since `since`. A received file counts from when it was complete, one that is
    /// being received from when it was begun, with its announced size. An earlier file whose identity this one may have
    /// counts too.
    async fn arrived(
        &self,
        partner: &str,
        since: SystemTime,
        beside: &FileKey,
        repeated: Repeated,
    ) -> Result<Arrived, LedgerError>;

    /// Adds a line to the history of a transfer and changes nothing else. Lines that a partner can cause again and
    /// again are kept some fifty times.
    async fn remark(
        &self,
        id: TransferId,
        event: &'static str,
        note: Note,
    ) -> Result<(), LedgerError> {
        self.remark_early(id, event, note).await?.done().await
    }

    /// The same, where the line may still be on its way to the disk: a crash may lose it.
    async fn remark_early(
        &self,
        id: TransferId,
        event: &'static str,
        note: Note,
    ) -> Result<Committing, LedgerError>;

    /// Whether the verdict of a rejected file said that its contents are not kept: then one that is still there is to be
    /// removed.
    ///
    /// # Errors
    /// The ledger cannot be read.
    async fn is_content_removed(&self, id: TransferId) -> Result<bool, LedgerError> {
        let history = self.timeline(id).await?;
        Ok(history.iter().any(|line| line.event == CONTENT_REMOVED))
    }

    /// The visible path is chosen (before the rename): Received → Placing.
    async fn placing(&self, id: TransferId, path: &str) -> Result<(), LedgerError> {
        let path = path.to_owned();
        self.apply(id, Box::new(verb::Placing { path }))
            .await
            .map(drop)
    }

    /// The file is in its folder: Placing → Delivered, and the receipt is owed in the same transaction.
    async fn delivered(&self, id: TransferId) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::Delivered)).await?;
        if planted("receipt-in-its-own-transaction") {
            self.apply(id, Box::new(verb::Delivered)).await?;
        }
        Ok(())
    }

    /// Delivered files whose receipt waits for a question that is due: at most so many of each partner, the oldest
    /// first.
    async fn open_questions(&self, of_partner: u32) -> Result<Vec<OpenQuestion>, LedgerError>;

    /// The receipt of a delivered file is decided after all: it is owed now, or the question waits again. False where
    /// it did not wait any more: then nothing is changed.
    async fn decided(
        &self,
        id: TransferId,
        verdict: Verdict,
        note: Note,
    ) -> Result<bool, LedgerError> {
        let decided = verb::DecideReceipt { verdict, note };
        let done = self.apply(id, Box::new(decided)).await?;
        Ok(*done == Effect::Changed)
    }

    /// The receipt of a delivered file that waited for it was made by somebody else, and is forwarded as it is, with
    /// its hash and its signature.
    async fn forwarded(&self, id: TransferId, response: Response) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::Forwarded { response }))
            .await
            .map(drop)
    }

    /// The partner confirmed our receipt (after RTR): owed → given.
    async fn response_taken(&self, id: TransferId) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::ResponseTaken))
            .await
            .map(drop)
    }

    /// Our receipt is a NERP, which is not supported at the partner's level: it is not tried again, and the history of
    /// its file says why.
    async fn response_closed(&self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.apply(id, Box::new(verb::ResponseClosed { why }))
            .await
            .map(drop)
    }

    /// A file to send, its blob sealed: → Ready.
    async fn enqueue(&self, file: NewFile) -> Result<(), LedgerError>;

    /// Gives a session the next receipt or file for a partner, in the order of `Precedence` (`precedence.rs`). It stays
    /// with that session until it is put back, or until the session is over ([`Ledger::free`]). Items that back off for
    /// at most `longest` continue to wait.
    async fn claim(
        &self,
        partner: &str,
        session: &str,
        longest: Longest,
        files: Files,
    ) -> Result<Option<Work>, LedgerError>;

    /// The sessions that have claimed a file or a receipt.
    async fn lessees(&self) -> Result<Vec<String>, LedgerError>;

    /// These sessions are over: releases what they have claimed, which is due now. Returns how many items that were. It
    /// may be repeated.
    async fn free(&self, lessees: Vec<String>) -> Result<u64, LedgerError>;

    /// Which of these partners have a file or a receipt that is due and that nobody holds.
    async fn waiting_for(
        &self,
        partners: Vec<(String, Longest)>,
        now: SystemTime,
    ) -> Result<BTreeMap<String, Waiting>, LedgerError>;

    /// Files of the partner that were sent so long ago and have no receipt: Sent → Overdue. Returns them. For files
    /// that were sent while the clock was ahead, the time starts over.
    async fn overdue(
        &self,
        partner: &str,
        deadline: Duration,
        now: SystemTime,
    ) -> Result<Vec<TransferId>, LedgerError>;

    /// Times of the agreed level have no counter (RFC 2204): where another file to this partner has had the same
    /// second, the file gets a second of its own, first in its sidecar and then in its row (before SFID). Returns the
    /// new stamp; none where nothing had to be changed, or where the partner may have the file under the old stamp.
    async fn stamp_to_the_second(&self, id: TransferId) -> Result<Option<FileStamp>, LedgerError>;

    /// Every octet was handed over and EFID is about to leave: from now on SFNA 13 means "delivered".
    async fn in_doubt(&self, id: TransferId) -> Result<Persisted<InDoubt>, LedgerError> {
        let done = self.apply(id, Box::new(verb::Doubt)).await?;
        Ok(done.map(|_| InDoubt(id)))
    }

    /// The partner answered that it does not have the file (SFPA, EFNA), so a later SFNA 13 would be about another
    /// file. It stays known that an EFID was sent: a receipt for the file still counts.
    async fn not_there(&self, id: TransferId) -> Result<(), LedgerError> {
        self.apply(id, Box::new(verb::NotThere)).await.map(drop)
    }

    /// EFPA came: → Sent, from any state that an operator's order led to in the meantime.
    async fn sent(&self, id: TransferId, note: &str) -> Result<(), LedgerError> {
        let note = note.to_owned();
        self.apply(id, Box::new(verb::Sent { note }))
            .await
            .map(drop)
    }

    /// A receipt came (before RTR): → Acknowledged or Rejected, also for a file that an operator parked or cancelled in
    /// the meantime. A repeated receipt changes nothing; one that contradicts the first is noted in the history.
    async fn acknowledged(
        &self,
        partner: &str,
        response: &Response,
        note: &str,
    ) -> Result<Persisted<Acknowledgement>, LedgerError> {
        let by = Naming::Exact;
        self.acknowledged_by(partner, response, by, note).await
    }

    /// The same for a receipt that need not name the file exactly.
    async fn acknowledged_by(
        &self,
        partner: &str,
        response: &Response,
        by: Naming,
        note: &str,
    ) -> Result<Persisted<Acknowledgement>, LedgerError>;

    /// The file to send that a receipt answers; none where it answers none. Changes nothing.
    async fn answered_by(
        &self,
        partner: &str,
        response: &Response,
        by: Naming,
    ) -> Result<Option<Row>, LedgerError>;

    /// The file or the receipt goes back to the queue, and is not tried before `when`.
    async fn put_back(
        &self,
        id: TransferId,
        when: SystemTime,
        why: &str,
    ) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.apply(id, Box::new(verb::PutBack { when, why }))
            .await
            .map(drop)
    }

    /// The partner refused the file for now: it goes back to the queue and is not offered before `when`.
    async fn refused(
        &self,
        id: TransferId,
        when: SystemTime,
        why: &str,
    ) -> Result<(), LedgerError> {
        let why = why.to_owned();
        let put_off = verb::PutOff(verb::PutBack { when, why });
        self.apply(id, Box::new(put_off)).await.map(drop)
    }

    /// The file will not be sent until an operator says so: → Parked.
    async fn park(&self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.apply(id, Box::new(verb::Park { why })).await.map(drop)
    }

    /// Carries out an operator's order about a queued file. A file that a session is sending is left as it is.
    async fn order(&self, id: TransferId, order: Order, why: &str) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.apply(id, Box::new(verb::Ordered { order, why }))
            .await
            .map(drop)
    }

    /// Queues a file that was sent, answered, parked or cancelled once more, as `file`: under a new id and a new
    /// identity, with its sealed blob in the spool already. The old row stays as it is.
    async fn resend(&self, old: TransferId, file: NewFile) -> Result<(), LedgerError>;

    /// Files that are not sent yet, in the order in which they will be sent; those of one partner where one is named.
    async fn queue(&self, partner: Option<&str>) -> Result<Vec<Queued>, LedgerError>;

    /// At the start: does what [`Ledger::clock_put_back`] does, and returns what waits. It may be repeated.
    async fn recover(&self) -> Result<Recovery, LedgerError>;

    /// The clock shows an earlier time than before: questions that were put off while it was ahead are due.
    async fn clock_put_back(&self) -> Result<(), LedgerError>;

    /// Received files of which a crash may have left a content in the spool that should not be there: files that are
    /// being received, and files of which the newest lines of all histories say that the content is to be removed.
    async fn unfinished(&self) -> Result<Vec<TransferId>, LedgerError>;

    /// The partners that have rows, by the names they had in the configuration.
    async fn partners(&self) -> Result<Vec<String>, LedgerError>;

    /// Secured files that are received and not opened yet, oldest first: at most so many of those that come after this one.
    /// So all of them are looked at, however many wait, and few are in memory at a time.
    async fn unopened_after(
        &self,
        after: Option<TransferId>,
        most: u32,
    ) -> Result<Vec<Unopened>, LedgerError>;

    /// Files received but not in their folder yet, in the same way; those that are to be opened first are left out.
    async fn undelivered_after(
        &self,
        after: Option<TransferId>,
        most: u32,
    ) -> Result<Vec<Undelivered>, LedgerError>;

    /// Files waiting for a partner, in the order they go: by priority, then the oldest.
    async fn outbound(&self, partner: &str, limit: u32) -> Result<Vec<OutboundFile>, LedgerError>;

    /// All that the ledger has of one transfer; none where it has no row.
    async fn show(&self, id: TransferId) -> Result<Option<Transfer>, LedgerError>;

    /// The newest rows first.
    async fn list(&self, limit: u32) -> Result<Vec<Transfer>, LedgerError> {
        self.find(Filter::default(), limit).await
    }

    /// The newest rows that the filter lets through.
    async fn find(&self, filter: Filter, limit: u32) -> Result<Vec<Transfer>, LedgerError>;

    /// One row, with its receipt, as verbs see it.
    async fn row(&self, id: TransferId) -> Result<Option<Row>, LedgerError>;

    /// Everything else that a row says.
    async fn details(&self, id: TransferId) -> Result<Option<Details>, LedgerError>;

    /// The transfers whose ids begin or end with `part` (of lower case), so many of them at most.
    async fn resembling(&self, part: &str, limit: u32) -> Result<Vec<TransferId>, LedgerError>;

    /// What stays where it is until an operator acts: files that are held or parked, whose receipt is overdue, was not taken, or whose
    /// receipt is the operator's to decide, and received files that are not in their folder yet. The oldest first.
    async fn unsettled(&self, limit: u32) -> Result<Vec<Transfer>, LedgerError>;

    /// The receipt of a transfer: of ours for a received file, the partner's for a sent one.
    async fn receipt(&self, id: TransferId) -> Result<Option<Response>, LedgerError>;

    /// What happened to a transfer, oldest first.
    async fn timeline(&self, id: TransferId) -> Result<Vec<TimelineEntry>, LedgerError>;

    /// Keeps contacts with partners: the last of each kind.
    async fn note_contacts(&self, contacts: Vec<Contact>) -> Result<(), LedgerError>;

    /// What is remembered of partners.
    async fn contacts(&self) -> Result<Vec<Contact>, LedgerError>;

    /// What waits, by partner; a partner for which nothing waits may be missing. No file of a partner in `longest`
    /// backs off longer than that: a longer wait was written while the clock was ahead, and counts as over.
    async fn backlog(
        &self,
        longest: BTreeMap<String, Duration>,
    ) -> Result<BTreeMap<String, Backlog>, LedgerError>;

    /// A value a policy keeps beyond sessions.
    async fn kv_get(&self, policy: &str, key: &str) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Keeps a value for a policy, within its quota; an empty one removes it.
    ///
    /// # Errors
    /// [`LedgerError::PolicyKeepsTooMuch`], [`LedgerError::PoliciesKeepTooMuch`]: the old value is still kept.
    async fn kv_set(
        &self,
        policy: &str,
        key: &str,
        value: Vec<u8>,
        quota: Quota,
    ) -> Result<(), LedgerError>;
}
