//! The station: what every session of this program shares.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use oftp::Position;
use pointsman_folder::{Folder, FolderError, PRIVATE_FOLDER};
use pointsman_policy::{
    Compile, Engine, EngineConfig, HostServices, LoadError, PolicySet, PolicySpec, ResourceLimits,
    types,
};
use pointsman_store::{
    Access, Kept, Ledger, LedgerError, Process, Quota, Spool, SpoolError, SqliteLedger, TransferId,
    is_full, keep_private,
};

use crate::config::{Config, Policy};
use crate::contacts::Contacts;
use crate::control::{LOCK, SOCKET};
use crate::delivery::Deliveries;
use crate::describe;
use crate::events::{Event, Events, tell};
use crate::guessing::Guesses;
use crate::holders::Holders;
use crate::intake::blocking;
use crate::monitor::LateChecks;
use crate::pace::Pace;
use crate::partials::Partials;
use crate::partners::Profile;
use crate::questions::Questions;
use crate::quota::Quotas;
use crate::roster::Roster;
use crate::seats::{CallerSeat, Limit, MostSessions, Seat, Sessions};
use crate::supervise::Tasks;
use crate::tls::{Clients, KnownCertificates};

/// What every session shares: configuration, ledger, spool, policies.
pub struct Station {
    /// The configuration.
    pub config: Config,
    /// The ledger of transfers.
    pub ledger: Arc<dyn Ledger>,
    /// The content of transfers.
    pub spool: Spool,
    /// The folder files are delivered into.
    pub inbox: PathBuf,
    /// The components that are asked.
    pub policies: PolicySet,
    /// Files on their way from the spool to the inbox.
    pub deliveries: Deliveries,
    /// Files that sessions have brought and commands are to take.
    pub questions: Arc<Questions>,
    /// What files under way take of their partners' quotas.
    pub quotas: Quotas,
    /// Broken files that are kept to go on from, by partner.
    pub partials: Partials,
    /// What is remembered of partners.
    pub contacts: Contacts,
    /// Files to send whose content takes long to be compared.
    pub late_checks: LateChecks,
    /// The sessions that have a file.
    pub holders: Holders,
    /// Where everything that happens is told.
    pub events: Events,
    /// What runs as long as the server does.
    pub tasks: Tasks,
    /// This program: what its sessions have is theirs for as long as it lives.
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
    /// Which partners the certificates of the profiles are known as.
    pub certificates: KnownCertificates,
    /// What calls of ours with TLS need.
    pub clients: Clients,
    names: AtomicU64,
}

/// Why the station cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A policy.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// The policy engine.
    #[error("the policy engine does not start: {0}")]
    Engine(String),
    /// A folder.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The spool knows files, and there is no ledger.
    #[error(
        "the ledger {0} is gone, and the spool has files: where it was moved, set `storage.ledger` to its folder; else run `pointsman store rebuild`, which makes the ledger anew from the spool"
    )]
    LedgerGone(PathBuf),
    /// The spool knows a file, and the ledger does not.
    #[error(
        "the ledger {ledger} is an older one: it does not know, or not all, of the file {id}, which the partner may have or have acknowledged. Run `pointsman store rebuild`, which makes it anew from the spool"
    )]
    LedgerBehind {
        /// Which ledger.
        ledger: PathBuf,
        /// The newest such file.
        id: TransferId,
    },
    /// What partners send would lie among what the server keeps, or what it keeps in place of each other.
    #[error("{key}: {why}")]
    Misplaced {
        /// The key of the folder.
        key: String,
        /// Why it cannot be there, and what to do.
        why: String,
    },
    /// Spool and inbox are apart.
    #[error(
        "storage.state ({state}) and {inbox}, of storage.inbox, lie on different file systems: a delivery must be one rename; put both on one"
    )]
    Apart {
        /// The one.
        state: PathBuf,
        /// The other.
        inbox: PathBuf,
    },
}

/// What is done about the inbox when a station is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbox {
    /// It is made if it is missing.
    Made,
    /// Nothing: nothing is delivered, and whose it is to be need not be known.
    AsItIs,
}

impl StartError {
    /// There is no room on a disk: with some, the start will do.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Spool(error) => error.is_full(),
            Self::Ledger(error) => error.is_full(),
            Self::Folder { source, .. } => is_full(source),
            _ => false,
        }
    }
}

impl Station {
    /// Opens everything that sessions need. `role` says what this program does, in a word; `its_inbox` whether it delivers.
    ///
    /// # Errors
    /// A policy that does not load, a folder or a ledger that cannot be used.
    pub async fn open(
        config: Config,
        role: &str,
        its_inbox: Inbox,
    ) -> Result<Arc<Self>, StartError> {
        if its_inbox == Inbox::Made
            && let Some((key, why)) = config.misplaced_storage().into_iter().next()
        {
            return Err(StartError::Misplaced { key, why });
        }
        let (state, inbox) = (
            config.storage.state.0.clone(),
            config.storage.inbox.0.clone(),
        );
        keep_state(&config)
            .and_then(|_| keep_ledger(&config))
            .and_then(|_| match its_inbox {
                Inbox::Made => config.delivery.access().inbox(&inbox).map(drop),
                Inbox::AsItIs => Access::look_inbox(&inbox),
            })
            .map_err(|error| StartError::Folder {
                path: error.path().to_owned(),
                source: error.into_io(),
            })?;
        let spool = Spool::open(&spool_path(&config))?
            .with_reserve(config.limits.reserve.0.0)
            .with_reserve_of_files(config.limits.reserve_files.0.0.into());
        if its_inbox == Inbox::Made || inbox.exists() {
            if !spool.shares_file_system(&inbox)? {
                return Err(StartError::Apart { state, inbox });
            }
            if let Some(inbox) = spool.cut_off(&inbox)? {
                return Err(StartError::Apart { state, inbox });
            }
        }
        // Before the ledger, which may want for it.
        let removed = spool.make_room(0)?;
        let process = spool.begin_process(role)?;
        let ledger = open_ledger(&config, &spool)?;
        begin_again(&ledger, &spool, removed, FULL).await;
        let policies = load_policies(&config).await?;
        let limits = config.limits.clone();
        Ok(Arc::new(Self {
            ledger: Arc::new(ledger),
            spool,
            inbox,
            policies,
            deliveries: Deliveries::default(),
            questions: Arc::default(),
            quotas: Quotas::default(),
            partials: Partials::new(limits.partials_per_partner.0.0 as usize),
            contacts: Contacts::default(),
            late_checks: LateChecks::default(),
            holders: Holders::default(),
            events: Events::default(),
            tasks: Tasks::default(),
            process,
            roster: Arc::default(),
            seats: Arc::default(),
            guesses: Guesses::new(limits.guesses.0.0, limits.lock_out.0.0),
            failures: Pace::new(limits.failures_per_second.0.0),
            refusals: Pace::new(limits.refusals_per_second.0.0),
            certificates: KnownCertificates::of(&config),
            clients: Clients::of(&config),
            names: AtomicU64::new(session_base()),
            config,
        }))
    }

    /// Makes room in the spool for so many octets, by partials that nobody is at work on. Nobody was told that they are
    /// kept; but what is kept of them should be told as it is.
    ///
    /// # Errors
    /// The spool cannot be looked at.
    pub async fn make_room(&self, octets: u64) -> Result<(), SpoolError> {
        let spool = self.spool.clone();
        let removed = blocking(move || spool.make_room(octets)).await?;
        begin_again(self.ledger.as_ref(), &self.spool, removed, FULL).await;
        Ok(())
    }

    /// Of the partials that a partner has too many of, the oldest begin again. One that a session still has is left to
    /// the end of that session.
    pub async fn bound_partials(&self, partner: &str) {
        let surplus = self.partials.surplus(partner);
        if surplus.is_empty() {
            return;
        }
        let spool = self.spool.clone();
        let discarded = blocking(move || {
            let discarded = surplus
                .into_iter()
                .map(|id| (id, spool.discard_partial(id)));
            Ok(discarded.collect::<Vec<_>>())
        });
        let mut removed = Vec::new();
        for (id, discarded) in discarded.await.unwrap_or_default() {
            match discarded {
                Ok(()) => removed.push(id),
                // It is whole by now, or made room for others.
                Err(error) if error.is_gone() => {}
                Err(_) => continue,
            }
            self.partials.forget(partner, id);
        }
        let why = "this partner has more broken files than limits.partials_per_partner: its sender begins again";
        begin_again(self.ledger.as_ref(), &self.spool, removed, why).await;
    }

    /// A name for a session that no other session ever had: they start at the clock and count up.
    pub fn session_id(&self) -> String {
        format!("S{:012X}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes a place for a session of the partner of that profile, whose caller had `caller`'s place.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn seat_for_session(&self, profile: &Profile, caller: &CallerSeat) -> Result<Seat, Limit> {
        let limits = &self.config.limits;
        let of_partner = profile
            .partner
            .sessions
            .unwrap_or(limits.sessions_per_partner);
        let most = MostSessions {
            all: limits.sessions.0.0 as usize,
            of_origin: limits.sessions_per_address.0.0 as usize,
            of_listener: caller.sessions_of_listener(),
            of_partner: of_partner.0.0 as usize,
        };
        self.seats
            .enter(&profile.name, caller.origin(), caller.listener(), &most)
    }
}

/// Why partials make way.
const FULL: &str = "the disk is full: its sender begins again";

/// Partials were removed: their rows say so. Where one cannot, `verify-store` will, and nothing is lost by it.
async fn begin_again(ledger: &dyn Ledger, spool: &Spool, removed: Vec<TransferId>, why: &str) {
    for id in removed {
        let error = say_removed(ledger, spool, id).await.err();
        let row = ledger.show(id).await.ok().flatten();
        tell(&Event::PartialRemoved {
            transfer: id,
            partner: row.map(|row| row.partner),
            reason: why.to_owned(),
            error: error.map(|error| error.to_string()),
        });
    }
}

/// A session that took the partial since it was removed has told the row itself how much of it is here.
async fn say_removed(
    ledger: &dyn Ledger,
    spool: &Spool,
    id: TransferId,
) -> Result<(), LedgerError> {
    let of_nobody = spool.clone();
    match blocking(move || of_nobody.partial(id)).await {
        Ok(partial) if partial.octets()? == 0 => {
            let said = ledger.checkpoint(id, Position::default()).await;
            partial.remove()?;
            said
        }
        Ok(_) | Err(SpoolError::Busy(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn session_base() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// Loads the policies a configuration names.
///
/// # Errors
/// Those that cannot be used, and why.
pub async fn load_policies(config: &Config) -> Result<PolicySet, StartError> {
    let engine = policy_engine(config)?;
    let specs = config
        .policies
        .0
        .iter()
        .map(|(name, policy)| spec(name, policy))
        .collect();
    Ok(PolicySet::load(&engine, specs).await?)
}

/// A policy engine that compiles in a child process of limited means, which is this program again.
///
/// # Errors
/// The engine does not start on this machine.
pub fn policy_engine(config: &Config) -> Result<Engine, StartError> {
    let program = std::env::current_exe().map_err(|error| StartError::Engine(error.to_string()))?;
    let compile = Compile::Child {
        program,
        args: vec![crate::COMPILE_POLICY.to_owned()],
    };
    Engine::new(EngineConfig {
        compile,
        memory: config.limits.policies_memory.0.0,
        ..EngineConfig::default()
    })
    .map_err(|error| StartError::Engine(format!("{error:#}")))
}

/// What the engine is told of a policy of the configuration.
#[must_use]
pub fn spec(name: &str, policy: &Policy) -> PolicySpec {
    let mut limits = ResourceLimits::default();
    if let Some(memory) = policy.limits.memory {
        limits.memory = memory.0.0;
    }
    if let Some(size) = policy.limits.component {
        limits.component = size.0.0;
    }
    if let Some(time) = policy.limits.time {
        limits.time = time.0.0;
    }
    if let Some(time) = policy.limits.compile_time {
        limits.compile.cpu = time.0.0;
    }
    if let Some(memory) = policy.limits.compile_memory {
        limits.compile.memory = memory.0.0;
    }
    PolicySpec {
        name: name.to_owned(),
        component: policy.component.0.0.clone(),
        hooks: policy.hooks.iter().map(|hook| hook.0).collect(),
        asked_about_strangers: policy.asked_about_strangers,
        settings: policy
            .settings
            .iter()
            .map(|(key, value)| (key.clone(), value.0.0.clone()))
            .collect(),
        limits,
        on_failure: policy
            .on_failure
            .iter()
            .map(|(hook, failure)| (hook.0, failure.0))
            .collect(),
    }
}

/// What a policy may reach of the station.
pub struct Services(pub Arc<Station>);

#[async_trait]
impl HostServices for Services {
    async fn list_outbound(&self, partner: &str, limit: u32) -> Vec<types::OutboundFile> {
        let files = self
            .0
            .ledger
            .outbound(partner, limit)
            .await
            .unwrap_or_else(|error| {
                self.0.events.tell(Event::ListOutboundFailed {
                    partner: partner.to_owned(),
                    reason: error.to_string(),
                });
                Vec::new()
            });
        files.iter().map(describe::outbound_file).collect()
    }

    async fn kv_get(&self, policy: &str, key: &str) -> Option<Vec<u8>> {
        self.0
            .ledger
            .kv_get(policy, key)
            .await
            .unwrap_or_else(|error| {
                self.0.events.tell(Event::KvGetFailed {
                    policy: policy.to_owned(),
                    key: key.to_owned(),
                    reason: error.to_string(),
                });
                None
            })
    }

    async fn kv_set(&self, policy: &str, key: &str, value: Vec<u8>) -> Result<(), String> {
        let station = &self.0;
        let octets = value.len() as u64;
        if octets > 0 {
            // Beside the reserve, as files are. What removes something needs no room.
            let ledger = station.config.storage.ledger();
            let room = station.spool.has_room_at(ledger, octets);
            room.map_err(|error| error.to_string())?;
        }
        let quota = Quota {
            policy: station.config.policies.kept(policy),
            all: station.config.limits.policies_kept.0.0,
        };
        let kept = station.ledger.kv_set(policy, key, value, quota).await;
        kept.map_err(|error| error.to_string())
    }
}

/// Opens the ledger of a configuration, whose every step the sidecars in `spool` hear of.
///
/// # Errors
/// [`StartError::LedgerGone`]: an empty one would know of no file that was acknowledged. Or it cannot be used.
pub fn open_ledger(config: &Config, spool: &Spool) -> Result<SqliteLedger, StartError> {
    let path = ledger_path(config);
    let there = path.try_exists().map_err(|source| StartError::Folder {
        path: path.clone(),
        source,
    })?;
    if !there && spool.is_used()? {
        return Err(StartError::LedgerGone(path));
    }
    Ok(SqliteLedger::open(&path)?.with_sidecars(spool.clone()))
}

/// Looks whether the storage can be opened as [`Station::open`] does, and makes and changes nothing.
///
/// # Errors
/// What keeps it from that, of each key of the configuration the first.
pub fn look_storage(config: &Config) -> Vec<(&'static str, StartError)> {
    let (state, inbox) = (&config.storage.state.0, &config.storage.inbox.0);
    let folder = |error: FolderError| StartError::Folder {
        path: error.path().to_owned(),
        source: error.into_io(),
    };
    let mut found = Vec::new();
    let mut see = |key, seen: Result<(), StartError>| match seen {
        Ok(()) => true,
        Err(error) => {
            found.push((key, error));
            false
        }
    };
    let is_ours = see("storage.state", look_private(state).map_err(folder));
    let ledger = config.storage.ledger();
    let is_ours =
        (ledger == state || see("storage.ledger", look_private(ledger).map_err(folder))) && is_ours;
    let is_inbox = see("storage.inbox", Access::look_inbox(inbox).map_err(folder));
    if is_ours {
        see("storage.state", look_store(config));
    }
    if is_ours && is_inbox {
        see("storage.inbox", is_one_disk(config));
    }
    found
}

fn look_private(path: &Path) -> Result<(), FolderError> {
    Folder::look_home(path).map(drop)
}

fn look_store(config: &Config) -> Result<(), StartError> {
    let spool = Spool::look(&spool_path(config))?;
    let ledger = ledger_path(config);
    if !SqliteLedger::look(&ledger)?
        && let Some(spool) = spool
        && spool.is_used()?
    {
        return Err(StartError::LedgerGone(ledger));
    }
    Ok(())
}

/// Of what is not there yet, the folder is asked in which it will be made.
fn is_one_disk(config: &Config) -> Result<(), StartError> {
    let (state, inbox) = (&config.storage.state.0, &config.storage.inbox.0);
    let (spool, there) = (nearest(&spool_path(config)), nearest(inbox));
    let apart = |inbox: PathBuf| StartError::Apart {
        state: state.clone(),
        inbox,
    };
    let device = |path: &Path| {
        let path = path.to_owned();
        path.metadata()
            .map(|meta| meta.dev())
            .map_err(|source| StartError::Folder { path, source })
    };
    if device(&spool)? != device(&there)? {
        return Err(apart(inbox.clone()));
    }
    match Spool::look(&spool_path(config))? {
        Some(spool) if inbox.exists() => match spool.cut_off(inbox)? {
            Some(inbox) => Err(apart(inbox)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The path, or of the folders above it the nearest that is there.
fn nearest(path: &Path) -> PathBuf {
    let mut there = path.ancestors();
    match there.find(|path| path.exists()) {
        Some(path) => path.to_owned(),
        None => PathBuf::from("."),
    }
}

/// Files of the state folder, which may be somebody's who keeps more in it than that.
const OURS: &[&str] = &[LOCK, SOCKET, LEDGER];

/// What SQLite makes beside a database.
const BESIDE_LEDGER: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The files that a server makes in the folders of state and ledger.
pub fn own_files(config: &Config) -> impl Iterator<Item = PathBuf> {
    let (state, ledger) = (&config.storage.state.0, config.storage.ledger());
    let of_ledger = BESIDE_LEDGER.map(|beside| ledger.join(format!("{LEDGER}{beside}")));
    let others = [LOCK, SOCKET].map(|name| state.join(name));
    others.into_iter().chain(of_ledger)
}

const LEDGER: &str = "ledger.db";

/// Opens the state folder, which is nobody else's. Where the inbox or a folder for what was sent lies below it, others
/// may pass it, and list nothing.
///
/// # Errors
/// As for [`keep_private`].
pub fn keep_state(config: &Config) -> Result<Folder, FolderError> {
    let state = &config.storage.state.0;
    keep_private(state, may_others_pass(config, state), Kept::Named(OURS))
}

/// The same of the ledger's folder.
///
/// # Errors
/// As for [`keep_private`].
pub fn keep_ledger(config: &Config) -> Result<Folder, FolderError> {
    let ledger = config.storage.ledger();
    keep_private(ledger, may_others_pass(config, ledger), Kept::Named(OURS))
}

fn may_others_pass(config: &Config, folder: &Path) -> u32 {
    let watched = config.partners.values().flat_map(|partner| &partner.watch);
    let kept = watched.filter_map(|watch| watch.keep_in.as_ref());
    let mut for_others = kept.chain([&config.storage.inbox]);
    match for_others.any(|other| other.0.starts_with(folder)) {
        true => PASSAGE,
        false => PRIVATE_FOLDER,
    }
}

/// Others may go through a folder and not see what is in it.
const PASSAGE: u32 = 0o711;

/// The spool folder of a configuration.
#[must_use]
pub fn spool_path(config: &Config) -> PathBuf {
    Path::join(&config.storage.state.0, "spool")
}

/// The ledger file of a configuration.
#[must_use]
pub fn ledger_path(config: &Config) -> PathBuf {
    config.storage.ledger().join(LEDGER)
}
