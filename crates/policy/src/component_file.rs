//! The file of a component. It is read without waiting for other programs, and replaced in one step; both on a thread
//! that may block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pointsman_folder::{FileStat, Names, Why, open};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Why there is no component.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The system reports an error, or it is no regular file.
    Failed(io::Error),
    /// It has more octets than it may.
    TooBig,
}

/// Reads a component of at most `most` octets, of the file that the caller of a command named.
///
/// # Errors
/// It cannot be read, is no regular file, or is too big.
pub async fn read_component(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = file.to_owned();
    let read = move || pointsman_folder::read(&file, most, Names::Caller);
    Ok(blocking(move || Ok(read()?)).await?.0)
}

/// Reads the configured component. Returns the facts of its file from before the reading, so that the next look notices
/// a change in between.
pub(crate) async fn read(file: &Path, most: u64) -> Result<(Vec<u8>, FileStat), Unread> {
    let file = file.to_owned();
    let read = blocking(move || Ok(pointsman_folder::read(&file, most, Names::Operator))).await;
    read.map_err(Unread::Failed)?
        .map_err(|error| match error.why() {
            Why::TooBig(_) => Unread::TooBig,
            // The caller names the path.
            why => Unread::Failed(io::Error::other(why.to_string())),
        })
}

/// The facts of the file at this path; none where it cannot be read.
pub(crate) async fn look(place: &Path) -> Option<FileStat> {
    let place = place.to_owned();
    let looked = blocking(move || Ok(look_now(&place))).await;
    looked.ok().flatten()
}

/// A component that is in its place.
#[derive(Debug)]
pub(crate) struct Installed {
    /// What its file looks like.
    pub(crate) look: FileStat,
    /// Why its folder could not be synced, if so: the file is there, and a power cut may undo that.
    pub(crate) unsynced: Option<io::Error>,
}

/// Replaces a component file: the new one is written beside it and exchanged with it, so that no reader ever gets half
/// of it, and it is durable. `known` are the facts of the file as it was last seen. None where another program has put
/// another file there in the meantime: that one stays.
///
/// # Errors
/// It could not be put there: the one before is.
pub(crate) async fn install(
    place: &Path,
    component: &[u8],
    known: Option<FileStat>,
) -> io::Result<Option<Installed>> {
    let (place, component) = (place.to_owned(), component.to_vec());
    blocking(move || install_now(&place, &component, known, sync_folder)).await
}

fn install_now(
    place: &Path,
    component: &[u8],
    known: Option<FileStat>,
    sync: fn(&Path) -> io::Result<()>,
) -> io::Result<Option<Installed>> {
    let beside = beside(place);
    // What lies here was left by a crash: changes of one policy come one after the other.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let installed = write_beside(&beside, place, component)
        .and_then(|ours| put_in_place(&beside, place, ours, known))
        .map(|look| {
            look.map(|look| Installed {
                look,
                unsynced: sync(folder_of(place)).err(),
            })
        });
    // What it displaced, if anything, or what found no place. The complaint is the one above.
    let _ = fs::remove_file(&beside);
    installed
}

fn write_beside(beside: &Path, place: &Path, component: &[u8]) -> io::Result<FileStat> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(beside)?;
    if let Ok(old) = fs::metadata(place) {
        let mode = old.permissions().mode() & 0o777;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.write_all(component)?;
    file.sync_all()?;
    FileStat::of_file(&file)
}

/// A copy that an operator made while ours was written is newer than ours. The two names are exchanged, so that the
/// file that ours displaces can be recognized and put back.
fn put_in_place(
    beside: &Path,
    place: &Path,
    ours: FileStat,
    known: Option<FileStat>,
) -> io::Result<Option<FileStat>> {
    if exchange(beside, place).is_ok() {
        let displaced = look_now(beside);
        if !holds_the_same(displaced, known) {
            return put_back(beside, place, displaced, ours).map(|()| None);
        }
    } else if holds_the_same(look_now(place), known) {
        // Nothing is there, or this file system exchanges no names (NFS).
        fs::rename(beside, place)?;
    } else {
        return Ok(None);
    }
    let there = look_now(place);
    Ok(there.filter(|_| holds_the_same(there, Some(ours))))
}

/// A name alone lies in the folder where we are.
fn folder_of(place: &Path) -> &Path {
    let above = place.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or(Path::new("."))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Exchanges the names until the file that comes out is the one that was put there last: any other is newer still.
fn put_back(
    beside: &Path,
    place: &Path,
    newer: Option<FileStat>,
    ours: FileStat,
) -> io::Result<()> {
    let (mut last, mut newest) = (Some(ours), newer);
    loop {
        exchange(beside, place)?;
        let out = look_now(beside);
        if holds_the_same(out, last) {
            return Ok(());
        }
        (last, newest) = (newest, out);
    }
}

fn exchange(one: &Path, other: &Path) -> rustix::io::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

fn look_now(place: &Path) -> Option<FileStat> {
    Some(open(place, Names::Operator).ok()?.1)
}

/// Whether two files have the same content: an exchange of names changes the facts of a file, and not its content.
fn holds_the_same(one: Option<FileStat>, other: Option<FileStat>) -> bool {
    one.map(|look| look.content()) == other.map(|look| look.content())
}

/// Another name in the same folder that no other policy has: `.route.wasm.new`.
fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.new"))
}

/// Work on a disk that may be slow, or gone.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|lost| Err(io::Error::other(lost)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// As `mv` does, and `cp` into another name before it.
    fn copied_in(folder: &Path, place: &Path, content: &str) {
        let copy = folder.join("copy");
        fs::write(&copy, content).unwrap();
        fs::rename(copy, place).unwrap();
    }

    /// Returns what is there afterwards, if it is ours.
    fn put(place: &Path, component: &[u8], known: Option<FileStat>) -> Option<FileStat> {
        let installed = install_now(place, component, known, sync_folder).unwrap();
        installed.map(|installed| installed.look)
    }

    #[test]
    fn what_is_in_place_and_may_not_last_is_told_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("route.wasm");
        fs::write(&place, "old").unwrap();
        let fails = |_: &Path| Err(io::Error::other("the disk is gone"));
        let installed = install_now(&place, b"swapped", look_now(&place), fails);
        let installed = installed.unwrap().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "swapped");
        assert_eq!(Some(installed.look), look_now(&place));
        let why = installed.unsynced.unwrap().to_string();
        assert_eq!(why, "the disk is gone");
    }

    #[test]
    fn what_was_seen_makes_room_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("route.wasm");
        let mut known = None;
        for component in ["first, where nothing was", "second"] {
            known = put(&place, component.as_bytes(), known);
            assert_eq!(known, look_now(&place), "{component}");
            assert_eq!(fs::read_to_string(&place).unwrap(), component);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_copy_that_was_written_into_the_same_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("route.wasm");
        fs::write(&place, "old").unwrap();
        let known = look_now(&place);
        fs::write(&place, "by hand").unwrap();
        assert_eq!(put(&place, b"swapped", known), None);
        assert_eq!(fs::read_to_string(&place).unwrap(), "by hand");
    }

    /// A swap that knows the first file replaces only that one: whenever the copies are made, the last of them stays.
    #[test]
    fn copies_made_while_a_swap_writes_its_file_stay() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("route.wasm");
        let mut gave_way = 0;
        for round in 0..100 {
            fs::write(&place, format!("known {round}")).unwrap();
            let known = look_now(&place);
            thread::scope(|scope| {
                scope.spawn(|| {
                    for n in 0..round % 40 + 1 {
                        copied_in(folder.path(), &place, &format!("copy {round} {n}"));
                    }
                });
                let ours = put(&place, b"swapped", known);
                gave_way += usize::from(ours.is_none());
            });
            let last = format!("copy {round} {}", round % 40);
            assert_eq!(fs::read_to_string(&place).unwrap(), last);
        }
        assert!(gave_way > 0, "no copy came before the swap was in place");
    }
}
