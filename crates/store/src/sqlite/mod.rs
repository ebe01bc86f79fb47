//! The ledger in one SQLite file: an operator may look into it with any SQLite tool while we run.

mod audit;
mod connection;
mod contacts;
mod damage;
mod door;
mod due;
mod failed;
mod history;
mod inbound;
mod kept;
mod look;
mod outbound;
mod rebuild;
mod row;
mod schema;
mod state;
mod sums;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use oftp::{FileHeader, FileKey, FileStamp, Position, Response};
use rusqlite::Connection;

use self::connection::{Thread, Writer};
use self::failed::database;
use self::history::note_often;
pub use self::rebuild::{Left, Rebuilt, rebuild};
use crate::book::{Book, Books};
use crate::committing::Committing;
use crate::contact::{Backlog, Contact};
use crate::error::LedgerError;
use crate::finding::Finding;
use crate::ledger::{Filter, Ledger, Quota, Recovery};
use crate::note::Note;
use crate::offer::{Arrived, Here, Offer, Offered, Repeated, Standing};
use crate::persisted::{InDoubt, Persisted, Stored};
use crate::planted;
use crate::queue::{Acknowledgement, Files, Longest, Naming, Order, Waiting, Work};
use crate::seal::Seal;
use crate::sidecar::Entry;
use crate::spool::{Spool, behind};
use crate::state::{Direction, OutboundState, State};
use crate::transfer::{
    Details, NewFile, OpenQuestion, OutboundFile, Queued, TimelineEntry, Transfer, TransferId,
    Undelivered,
};
use crate::verdict::{Received, Verdict};

/// The [`Ledger`] in a SQLite file (WAL, `synchronous=FULL`). Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    writer: Writer,
    reader: Thread,
    /// Where the sidecars are that hear of every verb that a ledger made anew must know of.
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

    /// Looks whether there is, at `path`, what [`SqliteLedger::open`] can open, and opens, makes and changes nothing. Says
    /// whether there is one.
    ///
    /// # Errors
    /// It is no file, none that this user may change, no database, or a newer program wrote it.
    pub fn look(path: &Path) -> Result<bool, LedgerError> {
        door::look(path)
    }

    /// From now on every verb that a ledger made anew must know of is added to the sidecar in `spool`.
    #[must_use]
    pub fn with_sidecars(mut self, spool: Spool) -> Self {
        self.sidecars = Some(spool);
        self
    }

    /// Writes a sidecar for every row that has none: those of ledgers that are older than sidecars. Says how
    /// many were written.
    ///
    /// # Errors
    /// Ledger or spool failed.
    pub async fn describe(&self, spool: &Spool) -> Result<u64, LedgerError> {
        let mut written = 0;
        for book in self.books().await? {
            let (spool, id) = (spool.clone(), book.id);
            let Ok(direction) = book.state.map(State::direction) else {
                continue;
            };
            if spool.record(direction, id)?.is_some() {
                continue;
            }
            // Asked of the ledger just before it is written: a row that is on its way writes its own.
            let Some(record) = self.reader.run(move |db| audit::record(db, id)).await? else {
                continue;
            };
            spool.describe(&record.sidecar)?;
            for entry in &record.entries {
                spool.append(direction, id, entry)?;
            }
            written += 1;
        }
        Ok(written)
    }

    /// Told after the commit, and before whoever asked hears of it. A failure is no failure of the verb: that
    /// is done, and the sidecar without this line leads to a more careful row (see [`crate::Entry`]).
    async fn tell(&self, direction: Direction, id: TransferId, entry: Entry) {
        let Some(spool) = self.sidecars.clone() else {
            return;
        };
        let told = tokio::task::spawn_blocking(move || spool.append(direction, id, &entry)).await;
        match told {
            Ok(Ok(())) => {}
            Ok(Err(error)) => behind(id, &error),
            Err(lost) => behind(id, &lost),
        }
    }

    async fn tell_state(&self, id: TransferId, state: OutboundState, why: Option<&str>) {
        let entry = Entry::State(state, why.map(str::to_owned));
        self.tell(Direction::Outbound, id, entry).await;
    }
}

#[async_trait]
impl Books for SqliteLedger {
    /// Rows that are not what was written, and what SQLite finds in its pages; when it is `thorough`, each row is looked
    /// for in each index, too, which takes several times as long.
    async fn damage(&self, thorough: bool) -> Vec<Finding> {
        let look = move |db: &Connection| Ok(damage::damage(db, thorough));
        let found = self.reader.run(look).await;
        found.unwrap_or_else(|error| vec![damage::unreadable(&error)])
    }

    async fn books(&self) -> Result<Vec<Book>, LedgerError> {
        self.reader.run(audit::books).await
    }

    async fn book(&self, id: TransferId) -> Result<Option<Book>, LedgerError> {
        self.reader.run(move |db| audit::one(db, id)).await
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn offer_early(&self, offer: Offer) -> Result<(Offered, Committing), LedgerError> {
        // SFPA to a new file promises nothing: after a crash it is offered anew. That we have one does.
        let is_new = |offered: &Offered| matches!(offered, Offered::New(_) | Offered::Another(..));
        self.writer
            .ask("offer", move |db| inbound::offer(db, &offer), is_new)
            .await
    }

    async fn here(
        &self,
        partner: &str,
        header: &FileHeader,
        repeated: Repeated,
    ) -> Result<Option<Here>, LedgerError> {
        let (partner, header) = (partner.to_owned(), header.clone());
        self.reader
            .run(move |db| inbound::here(db, &partner, &header, repeated))
            .await
    }

    async fn standing(
        &self,
        id: TransferId,
        offer: Offer,
    ) -> Result<Option<Standing>, LedgerError> {
        self.reader
            .run(move |db| inbound::standing(db, id, &offer))
            .await
    }

    async fn checkpoint(&self, id: TransferId, at: Position) -> Result<(), LedgerError> {
        self.writer
            .run("checkpoint", move |db| inbound::checkpoint(db, id, at))
            .await
    }

    async fn begin(&self, id: TransferId, offer: Offer, from: Position) -> Result<(), LedgerError> {
        self.writer
            .run("begin", move |db| inbound::begin(db, id, &offer, from))
            .await
    }

    async fn received(
        &self,
        id: TransferId,
        received: Received,
    ) -> Result<Persisted<Stored>, LedgerError> {
        // Of a file that is delivered the sidecar hears when it is placed: one step less before EFPA.
        let stays = matches!(received.verdict, Verdict::Negative(_));
        let stored = self
            .writer
            .commit("received", move |db| inbound::received(db, id, &received))
            .await?;
        if stays {
            self.tell(Direction::Inbound, id, Entry::Received).await;
        }
        Ok(stored)
    }

    async fn received_again(
        &self,
        id: TransferId,
        seal: Seal,
    ) -> Result<Persisted<Stored>, LedgerError> {
        let is_same = self
            .writer
            .run("received_again", move |db| {
                inbound::received_again(db, id, &seal)
            })
            .await?;
        // That it is not the same is written down, too.
        if is_same {
            Ok(Persisted::committed(Stored(id)))
        } else {
            Err(LedgerError::OtherContent(id))
        }
    }

    async fn another(&self, id: TransferId, offer: Offer) -> Result<u32, LedgerError> {
        self.writer
            .run("another", move |db| inbound::another(db, id, &offer))
            .await
    }

    async fn confirmed(&self, id: TransferId) -> Result<(), LedgerError> {
        self.writer
            .run("confirmed", move |db| inbound::confirmed(db, id))
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
            .run(move |db| inbound::arrived(db, &partner, since, &beside, repeated))
            .await
    }

    async fn remark(
        &self,
        id: TransferId,
        event: &'static str,
        note: Note,
    ) -> Result<(), LedgerError> {
        self.writer
            .run("remark", move |db| note_often(db, id, None, event, &note))
            .await
    }

    async fn placing(&self, id: TransferId, path: &str) -> Result<(), LedgerError> {
        let chosen = path.to_owned();
        // The sidecar hears of it from `Spool::place`.
        self.writer
            .run("placing", move |db| inbound::placing(db, id, &chosen))
            .await
    }

    async fn delivered(&self, id: TransferId) -> Result<(), LedgerError> {
        self.writer
            .run("delivered", move |db| inbound::delivered(db, id))
            .await?;
        if planted("receipt-in-its-own-transaction") {
            let owe = move |db: &Connection| inbound::owe_positive(db, id, "delivered");
            self.writer.run("delivered", owe).await?;
        }
        Ok(())
    }

    async fn open_questions(&self, of_partner: u32) -> Result<Vec<OpenQuestion>, LedgerError> {
        self.reader
            .run(move |db| inbound::open_questions(db, of_partner))
            .await
    }

    async fn decided(
        &self,
        id: TransferId,
        verdict: Verdict,
        note: Note,
    ) -> Result<bool, LedgerError> {
        let decided = verdict.clone();
        let waited = self
            .writer
            .run("decided", move |db| {
                inbound::decided(db, id, &verdict, &note)
            })
            .await?;
        if waited {
            let entry = Entry::Decided(decided);
            self.tell(Direction::Inbound, id, entry).await;
        }
        Ok(waited)
    }

    async fn forwarded(&self, id: TransferId, response: Response) -> Result<(), LedgerError> {
        let owed = response.clone();
        let waited = self
            .writer
            .run("forwarded", move |db| inbound::forwarded(db, id, &owed))
            .await?;
        if waited {
            let entry = Entry::Forwarded(response);
            self.tell(Direction::Inbound, id, entry).await;
        }
        Ok(())
    }

    async fn response_taken(&self, id: TransferId) -> Result<(), LedgerError> {
        self.writer
            .run("response_taken", move |db| inbound::response_taken(db, id))
            .await?;
        self.tell(Direction::Inbound, id, Entry::Given).await;
        Ok(())
    }

    async fn response_closed(&self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.writer
            .run("response_closed", move |db| {
                inbound::response_closed(db, id, &why)
            })
            .await?;
        self.tell(Direction::Inbound, id, Entry::Given).await;
        Ok(())
    }

    async fn enqueue(&self, file: NewFile) -> Result<(), LedgerError> {
        let id = file.id;
        self.writer
            .run("enqueue", move |db| outbound::enqueue(db, &file))
            .await?;
        self.tell_state(id, OutboundState::Ready, None).await;
        Ok(())
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
            .run("claim", move |db| {
                for most in [outbound::LUCKLESS, u32::MAX] {
                    let waits = longest.receipt;
                    let owed = inbound::claim_response(db, &partner, &session, waits, most)?;
                    if owed.is_some() {
                        return Ok((owed, None));
                    }
                    let waits = longest.file;
                    let file = outbound::claim_file(db, &partner, &session, waits, &files, most)?;
                    if file.is_some() {
                        return Ok((None, file));
                    }
                }
                Ok((None, None))
            })
            .await?;
        Ok(match claimed {
            (Some(owed), _) => Some(Work::Response(Persisted::committed(Box::new(owed)))),
            (None, file) => file.map(|file| Work::File(Box::new(file))),
        })
    }

    async fn lessees(&self) -> Result<Vec<String>, LedgerError> {
        self.reader.run(outbound::lessees).await
    }

    async fn free(&self, lessees: Vec<String>) -> Result<u64, LedgerError> {
        self.writer
            .run("free", move |db| outbound::free(db, &lessees))
            .await
    }

    async fn stamp_to_the_second(&self, id: TransferId) -> Result<Option<FileStamp>, LedgerError> {
        let find = move |db: &Connection| outbound::second_for(db, id);
        let Some(stamp) = self.reader.run(find).await? else {
            return Ok(None);
        };
        // The sidecar first, and durable: a ledger made anew must not offer under the old stamp what went under the new.
        if let Some(spool) = self.sidecars.clone() {
            let entry = Entry::Stamped(stamp.clone());
            let write = move || spool.append_synced(Direction::Outbound, id, &entry);
            tokio::task::spawn_blocking(write)
                .await
                .map_err(|_| LedgerError::Closed)??;
        }
        let given = stamp.clone();
        self.writer
            .run("stamp_to_the_second", move |db| {
                outbound::stamp(db, id, &given)
            })
            .await?;
        Ok(Some(stamp))
    }

    async fn in_doubt(&self, id: TransferId) -> Result<Persisted<InDoubt>, LedgerError> {
        let doubted = self
            .writer
            .commit("in_doubt", move |db| outbound::in_doubt(db, id))
            .await?;
        self.tell(Direction::Outbound, id, Entry::InDoubt(true))
            .await;
        Ok(doubted)
    }

    async fn not_there(&self, id: TransferId) -> Result<(), LedgerError> {
        self.writer
            .run("not_there", move |db| outbound::not_there(db, id))
            .await?;
        self.tell(Direction::Outbound, id, Entry::InDoubt(false))
            .await;
        Ok(())
    }

    async fn unfinished(&self) -> Result<Vec<TransferId>, LedgerError> {
        self.reader.run(look::unfinished).await
    }

    async fn partners(&self) -> Result<Vec<String>, LedgerError> {
        self.reader.run(look::partners).await
    }

    async fn sent(&self, id: TransferId, note: &str) -> Result<(), LedgerError> {
        let note = note.to_owned();
        self.writer
            .run("sent", move |db| outbound::sent(db, id, &note))
            .await?;
        self.tell_state(id, OutboundState::Sent, None).await;
        Ok(())
    }

    async fn acknowledged_by(
        &self,
        partner: &str,
        response: &Response,
        by: Naming,
        note: &str,
    ) -> Result<Persisted<Acknowledgement>, LedgerError> {
        let (partner, answer, note) = (partner.to_owned(), response.clone(), note.to_owned());
        let meant = self
            .writer
            .commit("acknowledged", move |db| {
                outbound::acknowledged(db, &partner, &answer, by, &note)
            })
            .await?;
        if let Acknowledgement::Recorded(id) = *meant {
            let entry = Entry::Answered(response.clone());
            self.tell(Direction::Outbound, id, entry).await;
        }
        Ok(meant)
    }

    async fn put_back(
        &self,
        id: TransferId,
        when: SystemTime,
        why: &str,
    ) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.writer
            .run("put_back", move |db| outbound::put_back(db, id, when, &why))
            .await
    }

    async fn refused(
        &self,
        id: TransferId,
        when: SystemTime,
        why: &str,
    ) -> Result<(), LedgerError> {
        let why = why.to_owned();
        self.writer
            .run("refused", move |db| outbound::refused(db, id, when, &why))
            .await
    }

    async fn park(&self, id: TransferId, why: &str) -> Result<(), LedgerError> {
        let reason = why.to_owned();
        self.writer
            .run("park", move |db| outbound::park(db, id, &reason))
            .await?;
        self.tell_state(id, OutboundState::Parked, Some(why)).await;
        Ok(())
    }

    async fn order(&self, id: TransferId, order: Order, why: &str) -> Result<(), LedgerError> {
        let reason = why.to_owned();
        let state = self
            .writer
            .run("order", move |db| outbound::order(db, id, order, &reason))
            .await?;
        self.tell_state(id, state, Some(why)).await;
        Ok(())
    }

    async fn resend(&self, old: TransferId, file: NewFile) -> Result<(), LedgerError> {
        let id = file.id;
        self.writer
            .run("resend", move |db| outbound::resend(db, old, &file))
            .await?;
        self.tell_state(id, OutboundState::Ready, None).await;
        Ok(())
    }

    async fn queue(&self, partner: Option<&str>) -> Result<Vec<Queued>, LedgerError> {
        let partner = partner.map(str::to_owned);
        self.reader
            .run(move |db| outbound::queue(db, partner.as_deref()))
            .await
    }

    async fn waiting_for(
        &self,
        partners: Vec<(String, Longest)>,
        now: SystemTime,
    ) -> Result<BTreeMap<String, Waiting>, LedgerError> {
        self.reader
            .run(move |db| outbound::waiting_for(db, partners, now))
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
                .run(move |db| outbound::is_late(db, &partner, deadline, now))
                .await?
        };
        // Most of the time there is nothing to write.
        if !some {
            return Ok(Vec::new());
        }
        self.writer
            .run("overdue", move |db| {
                outbound::overdue(db, &partner, deadline, now)
            })
            .await
    }

    async fn recover(&self) -> Result<Recovery, LedgerError> {
        self.writer.run("recover", recover).await
    }

    async fn clock_put_back(&self) -> Result<(), LedgerError> {
        self.writer
            .run("clock_put_back", inbound::clock_put_back)
            .await
    }

    async fn undelivered(&self) -> Result<Vec<Undelivered>, LedgerError> {
        self.reader.run(inbound::undelivered).await
    }

    async fn outbound(&self, partner: &str, limit: u32) -> Result<Vec<OutboundFile>, LedgerError> {
        let partner = partner.to_owned();
        self.reader
            .run(move |db| outbound::waiting(db, &partner, limit))
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
        self.reader
            .run(move |db| Ok(audit::response(db, id)?.map(|(_, response)| response)))
            .await
    }

    async fn timeline(&self, id: TransferId) -> Result<Vec<TimelineEntry>, LedgerError> {
        self.reader.run(move |db| look::timeline(db, id)).await
    }

    async fn note_contacts(&self, contacts: Vec<Contact>) -> Result<(), LedgerError> {
        self.writer
            .run("note_contacts", move |db| contacts::note(db, &contacts))
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
            .run("kv_set", move |db| {
                kept::set(db, &policy, &key, &value, quota)
            })
            .await
    }
}

/// Mistakes to plant: what a start forgets.
const FORGETFUL: [(&str, &str); 3] = [
    (
        "doubt-forgotten",
        "UPDATE transfers SET in_doubt = 0 WHERE direction = 'out' AND state = 'ready'",
    ),
    (
        "owed-receipts-forgotten",
        "UPDATE receipts SET state = 'given' WHERE state = 'owed'",
    ),
    (
        "doubted-files-under-a-new-identity",
        "UPDATE transfers SET time = substr(time, 1, 6) || substr(abs(random()), 1, 4)
         WHERE direction = 'out' AND state = 'ready' AND in_doubt = 1",
    ),
];

fn recover(db: &Connection) -> Result<Recovery, LedgerError> {
    const VERB: &str = "recover";
    let count = |sql: &str| {
        db.query_row(sql, [], |row| row.get::<_, i64>(0))
            .map(|n| n as u64)
            .map_err(database(VERB))
    };
    for (mistake, sql) in FORGETFUL {
        if planted(mistake) {
            db.execute(sql, []).map_err(database(VERB))?;
        }
    }
    inbound::clock_put_back(db)?;
    Ok(Recovery {
        receiving: count(
            "SELECT count(*) FROM transfers WHERE direction = 'in' AND state = 'receiving'",
        )?,
        undelivered: count(
            "SELECT count(*) FROM transfers WHERE direction = 'in' AND state IN ('received', 'placing')",
        )?,
        owed: count("SELECT count(*) FROM receipts WHERE state = 'owed'")?,
        ready: count("SELECT count(*) FROM transfers WHERE direction = 'out' AND state = 'ready'")?,
    })
}
