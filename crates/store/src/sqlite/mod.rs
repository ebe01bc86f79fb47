//! The ledger in one SQLite file. An operator may read it with any SQLite tool while the server runs.

mod audit;
mod connection;
mod contacts;
mod content_keys;
mod damage;
mod describe;
mod door;
mod due;
mod failed;
mod history;
mod identity;
mod kept;
mod keys_table;
mod look;
mod questions;
#[cfg(test)]
mod random_rows;
mod rebuild;
mod recovery;
mod row;
mod rows;
mod schema;
mod stamps;
mod sums;
mod verbs;
mod waiting;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use oftp::{FileHeader, FileKey, FileStamp, Response};
use rusqlite::Connection;

use self::connection::{Thread, Writer};
pub use self::rebuild::{Left, Rebuilt, rebuild};
use self::verbs::SidecarLine;
use crate::committing::Committing;
use crate::contact::{Backlog, Contact};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::note::Note;
use crate::offer::{Arrived, KnownFile, Offer, Offered, Repeated, Standing};
use crate::persisted::Persisted;
use crate::queue::{Acknowledgement, Files, Longest, Naming, Waiting, Work};
use crate::request::{Filter, Quota, Recovery};
use crate::row::Row;
use crate::sidecar::Entry;
use crate::spool::{Spool, behind};
use crate::state::Direction;
use crate::transfer::{
    Details, NewFile, OpenQuestion, OutboundFile, Queued, TimelineEntry, Transfer, TransferId,
    Undelivered, Unopened,
};
use crate::transition::VerbName;
use crate::verb::{self, Acknowledged, Effect, Stamp, Verb};

/// The [`Ledger`] in a SQLite file (WAL, `synchronous=FULL`). Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    writer: Writer,
    reader: Thread,
    /// Where the sidecars are, to which every verb that a rebuilt ledger must know is appended.
    sidecars: Option<Spool>,
}

impl SqliteLedger {
    /// Opens the ledger at `path`; makes it where there is none, and migrates an older one.
    ///
    /// # Errors
    /// The file cannot be opened or written, or a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let writer = Writer::open(path)?;
        let reader = Thread::reader(path)?;
        Ok(Self {
            writer,
            reader,
            sidecars: None,
        })
    }

    /// Checks whether [`SqliteLedger::open`] would succeed at `path`; opens, creates and changes nothing. Returns
    /// whether there is a ledger.
    ///
    /// # Errors
    /// It is not a file, this user may not change it, it is not a database, or a newer program wrote it.
    pub fn look(path: &Path) -> Result<bool, LedgerError> {
        door::look(path)
    }

    /// From now on every verb that a rebuilt ledger must know is appended to the transfer's sidecar in `spool`.
    #[must_use]
    pub fn with_sidecars(mut self, spool: Spool) -> Self {
        self.sidecars = Some(spool);
        self
    }

    /// Runs a verb, and appends its line to the sidecar after the commit and before the caller returns. A failed append
    /// does not fail the verb: that is done, and the sidecar without this line leads to a more careful row (see
    /// [`crate::Entry`]).
    async fn run<T, F>(&self, name: VerbName, verb: F) -> Result<Persisted<T>, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<(T, Option<SidecarLine>), LedgerError> + Send + 'static,
    {
        let (done, told) = self.writer.run(name, verb).await?;
        if let Some((direction, id, entry)) = told {
            self.append_to_sidecar(direction, id, entry).await;
        }
        Ok(Persisted::committed(done))
    }

    /// Durable on return.
    async fn append_before(
        &self,
        direction: Direction,
        id: TransferId,
        entry: Entry,
    ) -> Result<(), LedgerError> {
        let Some(spool) = self.sidecars.clone() else {
            return Ok(());
        };
        let write = move || spool.append_synced(direction, id, &entry);
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|_| LedgerError::Closed)??;
        Ok(())
    }

    async fn append_to_sidecar(&self, direction: Direction, id: TransferId, entry: Entry) {
        let Some(spool) = self.sidecars.clone() else {
            return;
        };
        let append = move || match entry.is_synced() {
            true => spool.append_synced(direction, id, &entry).map(drop),
            false => spool.append(direction, id, &entry),
        };
        match tokio::task::spawn_blocking(append).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => behind(id, &error),
            Err(lost) => behind(id, &lost),
        }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn apply(
        &self,
        id: TransferId,
        verb: Box<dyn Verb>,
    ) -> Result<Persisted<Effect>, LedgerError> {
        if let Some((direction, entry)) = verb.entry_before() {
            self.append_before(direction, id, entry).await?;
        }
        self.run(verb.name(), move |db| verbs::apply(db, id, &*verb))
            .await
    }

    async fn offer_early(&self, offer: Offer) -> Result<(Offered, Committing), LedgerError> {
        // SFPA to a new file promises nothing: after a crash the file is offered again. An answer that the file is here
        // is a promise.
        let is_new = |offered: &Offered| matches!(offered, Offered::New(_) | Offered::Another(..));
        self.writer
            .ask(VerbName::Offer, move |db| verbs::offer(db, &offer), is_new)
            .await
    }

    async fn known(
        &self,
        partner: &str,
        header: &FileHeader,
        repeated: Repeated,
    ) -> Result<Option<KnownFile>, LedgerError> {
        let (partner, header) = (partner.to_owned(), header.clone());
        let look = move |db: &Connection| {
            let newest = identity::newest(db, &partner, &header.key)?;
            Ok(newest.and_then(|row| verb::known(row, &header, repeated)))
        };
        self.reader.run(look).await
    }

    async fn standing(
        &self,
        id: TransferId,
        offer: Offer,
    ) -> Result<Option<Standing>, LedgerError> {
        let row = self.row(id).await?;
        Ok(row.and_then(|row| verb::standing(&row, &offer)))
    }

    async fn another(&self, id: TransferId, offer: Offer) -> Result<u32, LedgerError> {
        self.writer
            .run(VerbName::Another, move |db| verbs::another(db, id, &offer))
            .await
    }

    async fn arrived(
        &self,
        partner: &str,
        since: SystemTime,
        beside: &FileKey,
        repeated: Repeated,
    ) -> Result<Arrived, LedgerError> {
        let (partner, beside) = (partner.to_owned(), beside.clone());
        self.reader
            .run(move |db| identity::arrived(db, &partner, since, &beside, repeated))
            .await
    }

    async fn remark_early(
        &self,
        id: TransferId,
        event: &'static str,
        note: Note,
    ) -> Result<Committing, LedgerError> {
        let remark = move |db: &Connection| history::note_often(db, id, None, event, &note);
        let asking = self.writer.ask(VerbName::Remark, remark, |()| true);
        asking.await.map(|((), committing)| committing)
    }

    async fn open_questions(&self, of_partner: u32) -> Result<Vec<OpenQuestion>, LedgerError> {
        self.reader
            .run(move |db| questions::open_questions(db, of_partner))
            .await
    }

    async fn enqueue(&self, file: NewFile) -> Result<(), LedgerError> {
        let queued = move |db: &Connection| verbs::enqueue(db, &file);
        self.run(VerbName::Enqueue, queued).await.map(drop)
    }

    async fn claim(
        &self,
        partner: &str,
        session: &str,
        longest: Longest,
        files: Files,
    ) -> Result<Option<Work>, LedgerError> {
        let (partner, session) = (partner.to_owned(), session.to_owned());
        let claimed = self
            .writer
            .run(VerbName::Claim, move |db| {
                verbs::claim(db, &partner, &session, longest, &files)
            })
            .await?;
        Ok(match claimed {
            (Some(owed), _) => Some(Work::Response(Persisted::committed(Box::new(owed)))),
            (None, file) => file.map(|file| Work::File(Box::new(file))),
        })
    }

    async fn lessees(&self) -> Result<Vec<String>, LedgerError> {
        self.reader.run(waiting::lessees).await
    }

    async fn free(&self, lessees: Vec<String>) -> Result<u64, LedgerError> {
        self.writer
            .run(VerbName::Free, move |db| verbs::free(db, &lessees))
            .await
    }

    async fn stamp_to_the_second(&self, id: TransferId) -> Result<Option<FileStamp>, LedgerError> {
        let find = move |db: &Connection| stamps::second_for(db, id);
        let Some(stamp) = self.reader.run(find).await? else {
            return Ok(None);
        };
        let given = stamp.clone();
        self.apply(id, Box::new(Stamp { stamp: given })).await?;
        Ok(Some(stamp))
    }

    async fn unfinished(&self) -> Result<Vec<TransferId>, LedgerError> {
        self.reader.run(look::unfinished).await
    }

    async fn partners(&self) -> Result<Vec<String>, LedgerError> {
        self.reader.run(look::partners).await
    }

    async fn acknowledged_by(
        &self,
        partner: &str,
        response: &Response,
        by: Naming,
        note: &str,
    ) -> Result<Persisted<Acknowledgement>, LedgerError> {
        let partner = partner.to_owned();
        let verb = Acknowledged {
            response: response.clone(),
            note: note.to_owned(),
        };
        self.run(VerbName::Acknowledged, move |db| {
            verbs::acknowledged(db, &partner, by, &verb)
        })
        .await
    }

    async fn answered_by(
        &self,
        partner: &str,
        response: &Response,
        by: Naming,
    ) -> Result<Option<Row>, LedgerError> {
        let (partner, response) = (partner.to_owned(), response.clone());
        let find = move |db: &Connection| verbs::answered_by(db, &partner, &response, by);
        self.reader.run(find).await
    }

    async fn resend(&self, old: TransferId, file: NewFile) -> Result<(), LedgerError> {
        let queued = move |db: &Connection| verbs::resend(db, old, &file);
        self.run(VerbName::Resend, queued).await.map(drop)
    }

    async fn queue(&self, partner: Option<&str>) -> Result<Vec<Queued>, LedgerError> {
        let partner = partner.map(str::to_owned);
        self.reader
            .run(move |db| waiting::queue(db, partner.as_deref()))
            .await
    }

    async fn waiting_for(
        &self,
        partners: Vec<(String, Longest)>,
        now: SystemTime,
    ) -> Result<BTreeMap<String, Waiting>, LedgerError> {
        self.reader
            .run(move |db| waiting::waiting_for(db, partners, now))
            .await
    }

    async fn overdue(
        &self,
        partner: &str,
        deadline: Duration,
        now: SystemTime,
    ) -> Result<Vec<TransferId>, LedgerError> {
        let partner = partner.to_owned();
        let some = {
            let partner = partner.clone();
            self.reader
                .run(move |db| waiting::is_late(db, &partner, deadline, now))
                .await?
        };
        // Most of the time there is nothing to write.
        if !some {
            return Ok(Vec::new());
        }
        self.writer
            .run(VerbName::Overdue, move |db| {
                verbs::overdue(db, &partner, deadline, now)
            })
            .await
    }

    async fn recover(&self) -> Result<Recovery, LedgerError> {
        self.writer.run(VerbName::Recover, recovery::recover).await
    }

    async fn clock_put_back(&self) -> Result<(), LedgerError> {
        self.writer
            .run(VerbName::ClockPutBack, verbs::clock_put_back)
            .await
    }

    async fn unopened_after(
        &self,
        after: Option<TransferId>,
        most: u32,
    ) -> Result<Vec<Unopened>, LedgerError> {
        self.reader
            .run(move |db| questions::unopened_after(db, after, most))
            .await
    }

    async fn undelivered_after(
        &self,
        after: Option<TransferId>,
        most: u32,
    ) -> Result<Vec<Undelivered>, LedgerError> {
        self.reader
            .run(move |db| questions::undelivered_after(db, after, most))
            .await
    }

    async fn outbound(&self, partner: &str, limit: u32) -> Result<Vec<OutboundFile>, LedgerError> {
        let partner = partner.to_owned();
        self.reader
            .run(move |db| waiting::waiting(db, &partner, limit))
            .await
    }

    async fn show(&self, id: TransferId) -> Result<Option<Transfer>, LedgerError> {
        self.reader.run(move |db| look::show(db, id)).await
    }

    async fn find(&self, filter: Filter, limit: u32) -> Result<Vec<Transfer>, LedgerError> {
        self.reader
            .run(move |db| look::find(db, &filter, limit))
            .await
    }

    async fn row(&self, id: TransferId) -> Result<Option<Row>, LedgerError> {
        self.reader.run(move |db| rows::load(db, id, "row")).await
    }

    async fn details(&self, id: TransferId) -> Result<Option<Details>, LedgerError> {
        self.reader.run(move |db| look::details(db, id)).await
    }

    async fn resembling(&self, part: &str, limit: u32) -> Result<Vec<TransferId>, LedgerError> {
        let part = part.to_owned();
        self.reader
            .run(move |db| look::resembling(db, &part, limit))
            .await
    }

    async fn unsettled(&self, limit: u32) -> Result<Vec<Transfer>, LedgerError> {
        self.reader.run(move |db| look::unsettled(db, limit)).await
    }

    async fn receipt(&self, id: TransferId) -> Result<Option<Response>, LedgerError> {
        let receipt = self.row(id).await?.and_then(|row| row.receipt);
        Ok(receipt.map(|receipt| receipt.response))
    }

    async fn timeline(&self, id: TransferId) -> Result<Vec<TimelineEntry>, LedgerError> {
        self.reader.run(move |db| look::timeline(db, id)).await
    }

    async fn note_contacts(&self, contacts: Vec<Contact>) -> Result<(), LedgerError> {
        self.writer
            .run(VerbName::NoteContacts, move |db| {
                contacts::note(db, &contacts)
            })
            .await
    }

    async fn contacts(&self) -> Result<Vec<Contact>, LedgerError> {
        self.reader.run(contacts::all).await
    }

    async fn backlog(
        &self,
        longest: BTreeMap<String, Duration>,
    ) -> Result<BTreeMap<String, Backlog>, LedgerError> {
        let look = move |db: &Connection| contacts::backlog(db, &longest);
        self.reader.run(look).await
    }

    async fn kv_get(&self, policy: &str, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let (policy, key) = (policy.to_owned(), key.to_owned());
        self.reader
            .run(move |db| kept::get(db, &policy, &key))
            .await
    }

    async fn kv_set(
        &self,
        policy: &str,
        key: &str,
        value: Vec<u8>,
        quota: Quota,
    ) -> Result<(), LedgerError> {
        let (policy, key) = (policy.to_owned(), key.to_owned());
        self.writer
            .run(VerbName::KvSet, move |db| {
                kept::set(db, &policy, &key, &value, quota)
            })
            .await
    }
}
