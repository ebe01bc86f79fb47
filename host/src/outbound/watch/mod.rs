//! Watched folders: what is put into one is queued for its partner, once.
//!
//! ```text
//! <folder>/NAME               put there by somebody
//! <folder>/.taken/<id>.NAME   ours: the transfer it becomes is named, so a crash at any point repeats nothing
//! <folder>/refused/NAME       cannot be sent as it is; the log says why
//! ```
//! A file is taken when it is complete: it was renamed into the folder, or was unchanged for a while. The kernel
//! reports changes where it can (`kernel_events.rs`); the folder is also listed now and again, for changes that it does not
//! report, for instance on network file systems. Which user can change which name, and how each step reaches its file,
//! is in `rooms.rs`.

mod delayed;
mod folder_log;
mod growing;
mod kernel_events;
mod places;
mod rooms;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pointsman_folder::FolderError;
use pointsman_store::transition::reached;
use pointsman_store::{Direction, SpoolError, TransferId, planted};
use tokio::sync::watch::Receiver;
use tokio::task::spawn_blocking;

use self::delayed::DelayedFiles;
use self::folder_log::FolderLog;
use self::growing::GrowingFiles;
use self::kernel_events::FolderEvents;
pub use self::kernel_events::KernelEvents;
use self::places::Places;
use self::rooms::{Rooms, Taking};
use crate::config::{Partner, Plan, WatchedFolder};
use crate::events::Event;
use crate::outbound::enqueue::{self, OpenedFile, QueueError, SendAs};
use crate::station::Station;
use crate::station::drain::Drain;

/// How often a folder is listed when the kernel reports nothing.
const POLL: Duration = Duration::from_secs(2);

/// A watched folder of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderOfPartner {
    /// Its key, as `partners.NAME.watch[0]`.
    pub key: String,
    /// Whose files it has.
    pub partner: Arc<Partner>,
    /// What the plan says of it.
    pub watch: WatchedFolder,
}

impl FolderOfPartner {
    /// What its task is called.
    #[must_use]
    pub fn task(&self) -> String {
        let (folder, partner) = (self.watch.folder.display(), &self.partner.name);
        format!("watching {folder} of {partner}")
    }
}

/// Watches a folder until `ending` is set. A file that is being queued then is queued first.
pub async fn keep_watching(
    station: Arc<Station>,
    folder: FolderOfPartner,
    kernel: Arc<KernelEvents>,
    ending: Receiver<Drain>,
) {
    let FolderOfPartner {
        key,
        partner,
        watch,
    } = folder;
    let log = FolderLog::new(station.events.clone(), &watch.folder, &partner.name);
    let path = watch.folder.clone();
    let folder = Watched {
        station,
        key,
        profile: partner,
        path: path.clone(),
        watch,
        draining: ending,
        kernel: Arc::clone(&kernel),
        events: Arc::default(),
        apart: None,
        reported: None,
        growing: GrowingFiles::default(),
        delayed: DelayedFiles::default(),
        log,
    };
    folder.keep().await;
    kernel.release(&path);
}

/// The watched folders of a plan.
#[must_use]
pub fn folders(plan: &Plan) -> Vec<FolderOfPartner> {
    let watched = plan.watched();
    let folders = watched.map(|(key, partner, watch)| FolderOfPartner {
        key,
        partner: Arc::clone(partner),
        watch: watch.clone(),
    });
    folders.collect()
}

/// The transfers of files that were taken from watched folders and are not queued yet: the server that looks at the
/// folders next queues them. Also the reasons why folders cannot be looked at.
#[must_use]
pub fn to_be_queued(config: &Plan) -> (BTreeSet<TransferId>, Vec<FolderError>) {
    let (mut ids, mut unseen) = (BTreeSet::new(), Vec::new());
    for watch in config.partners.values().flat_map(|partner| &partner.watch) {
        match rooms::to_be_queued(&watch.folder) {
            Ok(found) => ids.extend(found),
            Err(error) => unseen.push(error),
        }
    }
    (ids, unseen)
}

/// What makes watched folders unusable, by their keys. A server runs without such a folder, since other users with
/// access to it could cause that. Creates and changes nothing.
#[must_use]
pub fn obstacles(config: &Plan) -> Vec<(String, String)> {
    let mut found = config.unusable_watched();
    for (key, _, watch) in config.watched() {
        let place = format!("{key}.folder");
        let is_found = found.iter().any(|(known, _)| *known == place);
        let error = rooms::look(&watch.folder).err().filter(|_| !is_found);
        found.extend(error.map(|error| (place, error.to_string())));
    }
    found
}

/// One watched folder.
struct Watched {
    station: Arc<Station>,
    /// In the configuration.
    key: String,
    profile: Arc<Partner>,
    watch: WatchedFolder,
    path: PathBuf,
    draining: Receiver<Drain>,
    kernel: Arc<KernelEvents>,
    events: Arc<FolderEvents>,
    /// The folders, once they are known to be apart from all folders that they must be apart from.
    apart: Option<Places>,
    /// The folder whose changes the kernel reports: another one may be at the path by now.
    reported: Option<(u64, u64)>,
    /// Files that are not complete yet: their size and times at the last look, and since when these are unchanged.
    growing: GrowingFiles,
    /// Files that were taken, and that policies do not want to be queued yet.
    delayed: DelayedFiles,
    log: FolderLog,
}

impl Watched {
    async fn keep(mut self) {
        let mut draining = self.draining.clone();
        while !self.is_over() {
            match self.look().await {
                Ok(()) => self.log.looked(),
                Err(error) => self.log.unusable(&error.to_string()),
            }
            tokio::select! {
                () = self.events.news.notified() => {}
                () = tokio::time::sleep(self.pace()) => {}
                _ = draining.wait_for(|drain| *drain != Drain::No) => {}
            }
        }
    }

    /// Whether no further file may be taken.
    fn is_over(&self) -> bool {
        *self.draining.borrow() != Drain::No
    }

    /// How long to wait until the next look, so that files that are not complete yet are taken in time.
    fn pace(&self) -> Duration {
        if self.growing.is_empty() {
            POLL
        } else {
            POLL.min(self.watch.quiet / 2)
        }
    }

    async fn look(&mut self) -> io::Result<()> {
        let rooms = self.open().await?;
        let taken = on_disk(&rooms, Rooms::taken).await??;
        self.delayed.retain(&taken);
        for (id, name) in taken {
            if self.is_over() {
                return Ok(());
            }
            let generation = self.station.policies.current().number();
            if let Some(why) = self.delayed.why_it_waits(id, generation) {
                self.log.trouble(why);
                continue;
            }
            self.queue(&rooms, id, &name).await?;
        }
        // Only a file that is there at this look counts as renamed into the folder: a later one of the same name may be
        // written slowly.
        let changes = self.events.changes();
        let pattern = self.watch.pattern.clone();
        let wanted = move |rooms: &Rooms| rooms.candidates(|name| pattern.matches(name));
        let seen = on_disk(&rooms, wanted).await??;
        for trouble in &seen.troubles {
            self.log.trouble(trouble);
        }
        self.growing.retain(|name| seen.files.contains_key(name));
        for (name, look) in seen.files {
            if self.is_over() {
                return Ok(());
            }
            tokio::task::consume_budget().await;
            let (rest, closed) = self.growing.rest(&name, look, &changes);
            let (arrived, quiet) = (changes.arrived.contains(&name), self.watch.quiet);
            if arrived || rest >= quiet {
                let unseen = self.watch.quiet_unseen;
                let closed = arrived || closed || rest >= unseen;
                self.take(&rooms, name, closed).await?;
            }
        }
        Ok(())
    }

    /// Opens the folder and our subfolders for one look, and has the kernel report changes.
    async fn open(&mut self) -> io::Result<Arc<Rooms>> {
        let of_path = self.stays_apart().await?.folder;
        let path = self.path.clone();
        let opened = spawn_blocking(move || Rooms::open(&path)).await;
        let (rooms, mended) = opened.map_err(io::Error::other)??;
        for room in mended {
            self.log.trouble(&format!(
                "{} could be read by others, and is private now",
                room.display()
            ));
        }
        let place = rooms.place()?;
        if of_path.is_some_and(|of_path| of_path != place) {
            return Err(io::Error::other(
                "another folder came in its place just now",
            ));
        }
        if let Err(other) = self.kernel.claim(&self.path, place) {
            return Err(io::Error::other(format!(
                "it is the folder that is watched as {} already, so nobody could say for whom its files are",
                other.display()
            )));
        }
        if self.reported != Some(place) || self.events.is_gone() {
            self.reported = self.listen().await.then_some(place);
        }
        Ok(Arc::new(rooms))
    }

    /// The folders at this path and at `keep_in`, if they may be used: links and mounts may change at any time.
    async fn stays_apart(&mut self) -> io::Result<Places> {
        let (station, key) = (Arc::clone(&self.station), self.key.clone());
        let (watch, before) = (self.watch.clone(), self.apart);
        let look = move || match Places::of(&watch)? {
            now if before == Some(now) => Ok((now, Vec::new())),
            now => match station.plan().stays_apart(&key) {
                Ok(unseen) => Ok((now, unseen)),
                Err(why) => Err(io::Error::other(why)),
            },
        };
        let looked: io::Result<_> = spawn_blocking(look).await.map_err(io::Error::other)?;
        let (now, unseen) = looked?;
        for folder in &unseen {
            self.log.trouble(folder);
        }
        // What could not be seen may be entangled with it: it is compared again at the next look.
        self.apart = unseen.is_empty().then_some(now);
        Ok(now)
    }

    /// Has the kernel report changes; where it does not, the regular looks are enough.
    async fn listen(&self) -> bool {
        let (kernel, path, events) = (
            Arc::clone(&self.kernel),
            self.path.clone(),
            Arc::clone(&self.events),
        );
        let listening = spawn_blocking(move || kernel.listen(&path, events)).await;
        let why = match listening {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(lost) => lost.to_string(),
        };
        self.log.trouble(&format!(
            "the system tells nothing of it, so it is looked at every other second: {why}"
        ));
        false
    }

    /// Takes a complete file, and queues it. `closed` says whether it counts as closed where the system does not say
    /// which program has it open.
    async fn take(&mut self, rooms: &Arc<Rooms>, name: String, closed: bool) -> io::Result<()> {
        let (id, wanted) = (TransferId::new(), name.clone());
        match on_disk(rooms, move |rooms| rooms.take(&wanted, id, closed)).await? {
            Taking::Taken => {
                self.growing.remove(&name);
                reached("watch.file.taken");
                self.queue(rooms, id, &name).await?;
            }
            Taking::Gone => {}
            Taking::NotNow(why) => self.log.trouble(&why),
            Taking::Unseen => self.log.trouble(&format!(
                "the system does not tell whether somebody has a file of it open for writing (it is another user's, and this program has not the capability CAP_LEASE; or it lies on a network file system), so one that was not seen to be closed is taken when nobody has written to it for {} s (`quiet_unseen`): have files renamed into the folder when they are whole, or give this program CAP_LEASE",
                self.watch.quiet_unseen.as_secs_f32()
            )),
            Taking::TooLong => {
                let refused = name.clone();
                let put = on_disk(rooms, move |rooms| rooms.refuse_untaken(&refused)).await?;
                self.emit_refused(&name, "its name is too long to be sent", put);
            }
        }
        Ok(())
    }

    /// Queues a file that was taken, unless it was queued before a crash; then puts the file away.
    async fn queue(&mut self, rooms: &Arc<Rooms>, id: TransferId, name: &str) -> io::Result<()> {
        // Before policies are asked: those that come into force meanwhile are asked at the next look.
        let generation = self.station.policies.current().number();
        let new_id = if planted("watched-under-a-new-id") {
            TransferId::new()
        } else {
            id
        };
        let outcome = match self.station.ledger.show(new_id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => self.enqueue(rooms, (id, new_id), name).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(()) => self.put_away(rooms, id, name).await,
            Err(QueueError::Folder(error)) if error.is_refused() => {
                let why = format!("it is not what it was when it was looked at: {error}");
                self.refuse(rooms, id, name, &why).await
            }
            // The numbers in it change from look to look.
            Err(QueueError::Spool(SpoolError::NoRoom { .. } | SpoolError::NoFilesLeft { .. })) => {
                self.log.trouble(&format!(
                    "{name} cannot be queued now, and is tried again: the disk of the spool has no free space for it beside `limits.reserve` and `limits.reserve_files`"
                ));
                Ok(())
            }
            Err(QueueError::PutOff { by, why }) => {
                let why = format!("{name} is not queued now, and asked about again: {by}: {why}");
                self.log.trouble(&why);
                self.delayed.note(id, generation, why);
                Ok(())
            }
            // Ours to mend; the file stays where it is and is tried again.
            Err(
                error @ (QueueError::Spool(_)
                | QueueError::Ledger(_)
                | QueueError::Folder(_)
                | QueueError::Source { .. }),
            ) => {
                self.log.trouble(&format!(
                    "{name} cannot be queued now, and is tried again: {error}"
                ));
                Ok(())
            }
            Err(error) => self.refuse(rooms, id, name, &error.to_string()).await,
        }
    }

    async fn refuse(
        &self,
        rooms: &Arc<Rooms>,
        id: TransferId,
        name: &str,
        why: &str,
    ) -> io::Result<()> {
        let refused = name.to_owned();
        let put = on_disk(rooms, move |rooms| rooms.refuse(id, &refused)).await?;
        self.emit_refused(name, why, put);
        Ok(())
    }

    fn emit_refused(&self, name: &str, why: &str, put: io::Result<()>) {
        match put {
            Ok(()) => self.log.put_aside(name, why),
            Err(error) => self.log.trouble(&format!(
                "{name} cannot be sent ({why}), nor put aside: {error}"
            )),
        }
    }

    /// Removes or keeps a file that is queued, since the spool has a copy of it.
    async fn put_away(&self, rooms: &Arc<Rooms>, id: TransferId, name: &str) -> io::Result<()> {
        reached("watch.file.queued");
        let (queued, keep_in) = (name.to_owned(), self.watch.keep_in.clone());
        let reserve = Arc::clone(&self.station.reserve);
        let put = on_disk(rooms, move |rooms| match keep_in {
            Some(folder) => {
                let room = |octets| reserve.has_room_at(&folder, octets).map_err(no_room);
                rooms.keep(id, &queued, &folder, room)
            }
            None => Ok(rooms.remove(id, &queued)?),
        });
        self.complain(name, put.await?);
        reached("watch.file.put-away");
        Ok(())
    }

    /// `ids` are the id in the name of the file and that of the transfer, which are equal.
    async fn enqueue(
        &self,
        rooms: &Arc<Rooms>,
        (lies, id): (TransferId, TransferId),
        name: &str,
    ) -> Result<(), QueueError> {
        let (opening, owned) = (Arc::clone(rooms), name.to_owned());
        let file = self.path.join(name).display().to_string();
        let opening = move || opening.open_taken(lies, &owned);
        let source = OpenedFile::opened(file.clone(), opening).await?;
        // What has content in the spool was secured before it had.
        let secured = match self.station.contents.record(Direction::Outbound, id).await {
            Ok(record) => record.is_some(),
            // A crash came before it was whole, and its row.
            Err(SpoolError::Sidecar { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !secured && let Err(source) = secure(rooms).await {
            // A second sync would prove nothing (see `Spool::place`), so the file is taken again after a while.
            self.station.contents.withdraw(id).await?;
            let owned = name.to_owned();
            let back = on_disk(rooms, move |rooms| rooms.put_back(lies, &owned)).await;
            self.complain(name, back.and_then(|put| put));
            tokio::time::sleep(POLL).await;
            let path = self.path.display().to_string();
            return Err(QueueError::Source { path, source });
        }
        let how = SendAs {
            name: Some(name.to_owned()),
            format: self.watch.format,
            layout: self.watch.records,
            pad: self.watch.pad,
            destination: self.watch.destination.clone(),
            originator: self.watch.originator.clone(),
            user: self.watch.user_data.clone(),
            labels: self.watch.labels.clone(),
            services: self.watch.services,
            watched_folder: Some(self.path.clone()),
            ..SendAs::default()
        };
        enqueue::enqueue_as(&self.station, &self.profile, id, source, &how).await?;
        self.station.events.emit(Event::Queued {
            transfer: id,
            partner: self.profile.name.clone(),
            file,
        });
        Ok(())
    }

    fn complain(&self, name: &str, put: io::Result<()>) {
        if let Err(error) = put {
            self.log
                .trouble(&format!("{name} cannot be put away: {error}"));
        }
    }
}

/// The error without its numbers, which change from look to look, so that it is logged once.
fn no_room(error: SpoolError) -> io::Error {
    match error {
        SpoolError::NoRoom { .. } | SpoolError::NoFilesLeft { .. } => io::Error::other(
            "the disk of `keep_in` has no free space for it beside `limits.reserve` and `limits.reserve_files`; it lies in `.taken` until then",
        ),
        other => io::Error::other(other),
    }
}

/// Runs a step in the folder on a thread that may block: users with access to the folder, or its disk, may delay it.
async fn on_disk<T: Send + 'static>(
    rooms: &Arc<Rooms>,
    step: impl FnOnce(&Rooms) -> T + Send + 'static,
) -> io::Result<T> {
    let rooms = Arc::clone(rooms);
    let done = spawn_blocking(move || step(&rooms)).await;
    done.map_err(io::Error::other)
}

async fn secure(rooms: &Arc<Rooms>) -> io::Result<()> {
    Ok(on_disk(rooms, Rooms::secure).await??)
}
