//! The station: what every session of this program shares.

pub(crate) mod contact_keeper;
pub(crate) mod contacts;
pub(crate) mod damaged;
pub(crate) mod drain;
pub(crate) mod error;
pub(crate) mod guessing;
pub(crate) mod hashing;
pub(crate) mod holders;
pub(crate) mod in_force;
pub(crate) mod leases;
mod mutex;
pub(crate) mod openings;
pub(crate) mod pace;
pub(crate) mod partials;
pub(crate) mod partner_tasks;
pub(crate) mod policies;
pub(crate) mod questions;
pub(crate) mod quota;
pub(crate) mod roster;
pub(crate) mod seats;
pub(crate) mod services;
pub(crate) mod size_limit;
pub(crate) mod storage;
pub(crate) mod supervise;
pub(crate) mod waiting;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use oftp::Position;
use pointsman_log::Log;
use pointsman_policy::{PolicySet, PreparedChain};
use pointsman_store::contents::{Contents, LateChecks};
use pointsman_store::{
    Access, ContentKey, Ledger, LedgerError, Process, Programs, Reserve, Spool, SpoolError,
    TransferId,
};
use tokio::sync::watch;

use self::contacts::Contacts;
use self::damaged::Damaged;
use self::error::StartError;
use self::guessing::Guesses;
use self::holders::Holders;
use self::in_force::{InForce, Pinned};
use self::openings::Openings;
use self::pace::Pace;
use self::partials::Partials;
use self::partner_tasks::PartnerTasks;
use self::policies::load_policies;
use self::questions::Questions;
use self::quota::Quotas;
use self::roster::Roster;
use self::seats::{CallerSeat, MostSessions, Seat, Sessions};
use self::storage::{is_there, keep_ledger, keep_state, open_ledger};
use self::supervise::Tasks;
use crate::config::files::spool_path;
use crate::config::{Partner, Plan};
use crate::events::{Event, Events, Limit, emit};

/// What all sessions share: configuration, ledger, spool, policies.
pub struct Station {
    /// The plan in force. It is locked while it changes, together with the generation of policies.
    in_force: watch::Sender<Arc<InForce>>,
    /// The ledger of transfers.
    pub ledger: Arc<dyn Ledger>,
    /// The content of transfers.
    pub contents: Arc<dyn Contents>,
    /// What is left free of the disks of spool and ledger.
    pub reserve: Arc<Reserve>,
    /// The folder files are delivered into.
    pub inbox: PathBuf,
    /// The components that are asked.
    pub policies: PolicySet,
    /// Files on their way from the spool to the inbox.
    pub deliveries: Arc<PartnerTasks>,
    /// Secured files that are being opened.
    pub openings: Arc<Openings>,
    /// Received files that wait, and whose content is damaged.
    pub damaged: Damaged,
    /// Files that sessions have brought and commands are to take.
    pub questions: Arc<Questions>,
    /// What files that are being received take of their partners' quotas.
    pub quotas: Quotas,
    /// Broken files that are kept to be resumed, by partner.
    pub partials: Partials,
    /// What is remembered of partners.
    pub contacts: Contacts,
    /// Files to send whose content takes long to check.
    pub late_checks: LateChecks,
    /// The sessions that have a file.
    pub holders: Holders,
    /// Where everything that happens is told.
    pub events: Events,
    /// What runs as long as the server does.
    pub tasks: Tasks,
    /// The programs that use the same storage.
    pub programs: Programs,
    /// This program's entry among them: the claims of its sessions hold while it runs.
    pub process: Process,
    /// The sessions that run, as they are shown.
    pub roster: Arc<Roster>,
    /// The sessions of callers that have identified themselves.
    pub seats: Arc<Sessions>,
    /// Who gave wrong passwords.
    pub guesses: Guesses,
    /// Sessions that ended in an error, by partner.
    pub failures: Pace,
    /// Files that were refused, by partner.
    pub refusals: Pace,
    names: AtomicU64,
}

/// How the inbox is treated when a station is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbox {
    /// It is made if it is missing.
    Made,
    /// It is left as it is: nothing is delivered, and the group of its files need not be known.
    AsItIs,
}

impl Station {
    /// Opens everything that sessions need, by a plan whose files were read. `role` is a word for what this program does;
    /// `its_inbox` says whether it delivers.
    ///
    /// # Errors
    /// A policy cannot be loaded, or a folder or the ledger cannot be used.
    pub async fn open(
        in_force: InForce,
        role: &str,
        its_inbox: Inbox,
    ) -> Result<Arc<Self>, StartError> {
        keep_folders(&in_force, its_inbox)?;
        let reserve = Reserve::new(in_force.limits.reserve, in_force.limits.reserve_files);
        let spool = open_spool(&in_force, its_inbox)?.with_reserve(Arc::clone(&reserve));
        // Before the ledger, which may want for it.
        let removed = spool.make_room(0)?;
        let programs = spool.programs();
        let process = programs.begin(role)?;
        let ledger = open_ledger(&in_force, &spool)?;
        note_removed(&ledger, &spool, removed, FULL).await;
        let policies = load_policies(&in_force).await?;
        let limits = in_force.limits.clone();
        Ok(Arc::new(Self {
            ledger: Arc::new(ledger),
            contents: Arc::new(spool),
            reserve,
            inbox: in_force.storage.inbox.clone(),
            policies,
            deliveries: Arc::default(),
            openings: Arc::default(),
            damaged: Damaged::default(),
            questions: Arc::default(),
            quotas: Quotas::default(),
            partials: Partials::new(limits.partials_per_partner),
            contacts: Contacts::default(),
            late_checks: LateChecks::default(),
            holders: Holders::default(),
            events: Events::default(),
            tasks: Tasks::default(),
            programs,
            process,
            roster: Arc::default(),
            seats: Arc::default(),
            guesses: Guesses::new(limits.guesses, limits.lock_out),
            failures: Pace::new(limits.failures_per_second),
            refusals: Pace::new(limits.refusals_per_second),
            names: AtomicU64::new(session_base()),
            in_force: watch::Sender::new(Arc::new(in_force)),
        }))
    }

    /// The plan in force now. A task that must see the same plan throughout, such as a session, pins it instead.
    #[must_use]
    pub fn plan(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.borrow())
    }

    /// Notifies of each plan that is put in force.
    #[must_use]
    pub fn plans(&self) -> watch::Receiver<Arc<InForce>> {
        self.in_force.subscribe()
    }

    /// The plan and the policies in force now, for one session. The two belong together.
    #[must_use]
    pub fn pin(&self) -> Pinned {
        let in_force = self.in_force.borrow();
        Pinned {
            policies: self.policies.current(),
            in_force: Arc::clone(&in_force),
        }
    }

    /// Puts a plan and its policies in force at once. Returns the number of the generation.
    pub fn put_in_force(&self, next: InForce, policies: PreparedChain) -> u64 {
        let limits = next.limits.clone();
        self.guesses.limit(limits.guesses, limits.lock_out);
        self.failures.limit(limits.failures_per_second);
        self.refusals.limit(limits.refusals_per_second);
        self.partials.limit(limits.partials_per_partner);
        self.reserve.change(limits.reserve, limits.reserve_files);
        self.policies.engine().limit_memory(limits.policies_memory);
        Log::repeats(limits.log_repeats);
        let mut generation = 0;
        self.in_force.send_modify(|in_force| {
            generation = self.policies.deploy(policies);
            *in_force = Arc::new(next);
        });
        self.openings.retry();
        generation
    }

    /// Frees space in the spool for so many octets by removing partials that no session uses. No partner was promised
    /// that they are kept; their rows are corrected.
    ///
    /// # Errors
    /// The spool cannot be listed.
    pub async fn make_room(&self, octets: u64) -> Result<(), SpoolError> {
        let (ledger, contents) = (self.ledger.as_ref(), self.contents.as_ref());
        let removed = contents.make_room(octets).await?;
        note_removed(ledger, contents, removed, FULL).await;
        Ok(())
    }

    /// That so many octets fit into the spool beside its reserve, once what may be removed has made room.
    ///
    /// # Errors
    /// They do not fit, or the free space is not known.
    pub async fn room_for(&self, octets: u64) -> Result<(), SpoolError> {
        match self.contents.has_room_for(octets).await {
            Err(error) if error.is_full() => {
                self.make_room(octets).await?;
                self.contents.has_room_for(octets).await
            }
            measured => measured,
        }
    }

    /// Removes the oldest partials of a partner that has too many; their files start over. A partial that a session
    /// still uses is left until that session ends.
    pub async fn bound_partials(&self, partner: &str) {
        let surplus = self.partials.surplus(partner);
        let contents = self.contents.as_ref();
        let mut removed = Vec::new();
        for id in surplus {
            match contents.discard_partial(id).await {
                Ok(()) => removed.push(id),
                // It is whole by now, or made room for others.
                Err(error) if error.is_gone() => {}
                Err(_) => continue,
            }
            self.partials.forget(partner, id);
        }
        let why = "this partner has more broken files than limits.partials_per_partner: its sender starts over";
        note_removed(self.ledger.as_ref(), contents, removed, why).await;
    }

    /// A name that no other session has ever had: the names count up from the time of the start.
    pub fn session_id(&self) -> String {
        format!("S{:012X}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes a place for a session of this partner, whose caller had the place of `caller`.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn seat_for_session(
        &self,
        plan: &Plan,
        partner: &Partner,
        caller: &CallerSeat,
    ) -> Result<Seat, Limit> {
        let limits = &plan.limits;
        let most = MostSessions {
            all: limits.sessions,
            of_origin: limits.sessions_per_address,
            of_listener: caller.sessions_of_listener(),
            of_partner: partner.sessions,
        };
        self.seats
            .enter(&partner.name, caller.origin(), caller.listener(), &most)
    }
}

/// Why partials are removed.
const FULL: &str = "the disk is full: its sender starts over";

/// Notes removed partials in their rows. Where a row cannot be written, `verify-store` reports it, and nothing is lost.
async fn note_removed(
    ledger: &dyn Ledger,
    contents: &dyn Contents,
    removed: Vec<TransferId>,
    why: &str,
) {
    for id in removed {
        let error = say_removed(ledger, contents, id).await.err();
        let row = ledger.show(id).await.ok().flatten();
        emit(&Event::PartialRemoved {
            transfer: id,
            partner: row.map(|row| row.partner),
            reason: why.to_owned(),
            error: error.map(|error| error.to_string()),
        });
    }
}

/// A session that has opened the partial since its removal has itself noted in the row how much of it is here.
async fn say_removed(
    ledger: &dyn Ledger,
    contents: &dyn Contents,
    id: TransferId,
) -> Result<(), LedgerError> {
    let partial = match contents.partial(ContentKey::wire_received(id)).await {
        Ok(partial) => partial,
        Err(SpoolError::Busy(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if partial.octets().await? > 0 {
        return Ok(());
    }
    let written = ledger.checkpoint(id, Position::default()).await;
    partial.remove().await?;
    written
}

/// Makes the folders of the storage private where they are not, and makes those that are missing.
fn keep_folders(config: &Plan, its_inbox: Inbox) -> Result<(), StartError> {
    if its_inbox == Inbox::Made
        && let Some((key, why)) = config.misplaced_storage().into_iter().next()
    {
        return Err(StartError::Misplaced { key, why });
    }
    let inbox = &config.storage.inbox;
    keep_state(config)
        .and_then(|_| keep_ledger(config))
        .and_then(|_| match its_inbox {
            Inbox::Made => config.delivery.access.inbox(inbox).map(drop),
            Inbox::AsItIs => Access::look_inbox(inbox),
        })
        .map_err(|error| StartError::Folder {
            path: error.path().to_owned(),
            source: error.into_io(),
        })
}

/// Opens the spool, from which a delivery is one rename into the inbox.
fn open_spool(config: &Plan, its_inbox: Inbox) -> Result<Spool, StartError> {
    let spool = Spool::open(&spool_path(config))?;
    let (state, inbox) = (&config.storage.state, &config.storage.inbox);
    if its_inbox == Inbox::Made || is_there(inbox)? {
        let apart = match spool.shares_file_system(inbox)? {
            true => spool.cut_off(inbox)?,
            false => Some(inbox.clone()),
        };
        if let Some(inbox) = apart {
            let state = state.clone();
            return Err(StartError::Apart { state, inbox });
        }
    }
    Ok(spool)
}

fn session_base() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}
