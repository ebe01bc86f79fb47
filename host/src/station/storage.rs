//! The folders of the storage: opened, or looked at before a start.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pointsman_folder::{Folder, FolderError, PRIVATE_FOLDER};
use pointsman_store::{Access, OwnFiles, Spool, SqliteLedger, keep_private};

use super::error::StartError;
use crate::config::Plan;
use crate::config::files::{OURS, ledger_path, spool_path};
use crate::config::leads;

/// Opens the ledger of a configuration. Each of its steps is appended to the sidecars in `spool`.
///
/// # Errors
/// [`StartError::LedgerGone`], since an empty ledger would know none of the acknowledged files; or the ledger cannot be
/// used.
pub fn open_ledger(config: &Plan, spool: &Spool) -> Result<SqliteLedger, StartError> {
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

/// Checks whether [`Station::open`] could open the storage; creates and changes nothing.
///
/// # Errors
/// Returns the first obstacle for each key of the configuration.
pub fn look_storage(config: &Plan) -> Vec<(&'static str, StartError)> {
    let (state, inbox) = (&config.storage.state, &config.storage.inbox);
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
    let ledger = &config.storage.ledger;
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

fn look_store(config: &Plan) -> Result<(), StartError> {
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

/// For a folder that does not exist yet, the folder in which it will be created is checked.
fn is_one_disk(config: &Plan) -> Result<(), StartError> {
    let (state, inbox) = (&config.storage.state, &config.storage.inbox);
    let (spool, there) = (nearest(&spool_path(config))?, nearest(inbox)?);
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
        Some(spool) if is_there(inbox)? => match spool.cut_off(inbox)? {
            Some(inbox) => Err(apart(inbox)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The path, or the nearest folder above it that exists.
fn nearest(path: &Path) -> Result<PathBuf, StartError> {
    for above in path.ancestors() {
        if is_there(above)? {
            return Ok(above.to_owned());
        }
    }
    Ok(PathBuf::from("."))
}

/// Whether something is there.
///
/// # Errors
/// The operating system cannot say.
pub fn is_there(path: &Path) -> Result<bool, StartError> {
    leads::is_there(path).map_err(|source| StartError::Folder {
        path: path.to_owned(),
        source,
    })
}

/// Opens the state folder, which belongs to this program alone. Where the inbox or a folder for sent files is below it,
/// others may pass through it and not list it.
///
/// # Errors
/// As for [`keep_private`].
pub fn keep_state(config: &Plan) -> Result<Folder, FolderError> {
    let state = &config.storage.state;
    keep_private(state, may_others_pass(config, state), OwnFiles::Named(OURS))
}

/// The same for the folder of the ledger.
///
/// # Errors
/// As for [`keep_private`].
pub fn keep_ledger(config: &Plan) -> Result<Folder, FolderError> {
    let ledger = &config.storage.ledger;
    keep_private(
        ledger,
        may_others_pass(config, ledger),
        OwnFiles::Named(OURS),
    )
}

fn may_others_pass(config: &Plan, folder: &Path) -> u32 {
    let watched = config.partners.values().flat_map(|partner| &partner.watch);
    let kept = watched.filter_map(|watch| watch.keep_in.as_ref());
    let mut for_others = kept.chain([&config.storage.inbox]);
    match for_others.any(|other| other.starts_with(folder)) {
        true => PASSAGE,
        false => PRIVATE_FOLDER,
    }
}

/// Permissions with which others may pass through a folder and not list it.
const PASSAGE: u32 = 0o711;
