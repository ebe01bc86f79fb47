//! A component's file: read without waiting for anybody, replaced in one step. All of it on a thread that may block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use pointsman_folder::{Look, Names, Why, open};

/// Why there is no component.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The system says so, or it is no regular file.
    Failed(io::Error),
    /// It has more octets than it may.
    TooBig,
}

/// Read a component of at most `most` octets, of the file that the caller of a command named.
///
/// # Errors
/// It cannot be read, is no regular file, or is too big.
pub async fn read_component(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = file.to_owned();
    let read = move || pointsman_folder::read(&file, most, Names::Caller);
    Ok(blocking(move || Ok(read()?)).await?.0)
}

/// The configured component, and what its file looked like before it was read: a change while reading shows at the
/// next look.
pub(crate) async fn read(file: &Path, most: u64) -> Result<(Vec<u8>, Look), Unread> {
    let file = file.to_owned();
    let read = blocking(move || Ok(pointsman_folder::read(&file, most, Names::Operator))).await;
    read.map_err(Unread::Failed)?
        .map_err(|error| match error.why() {
            Why::TooBig(_) => Unread::TooBig,
            // The path is told beside it.
            why => Unread::Failed(io::Error::other(why.to_string())),
        })
}

/// What the file at this place looks like; none where none can be read.
pub(crate) async fn look(place: &Path) -> Option<Look> {
    let place = place.to_owned();
    let opened = blocking(move || Ok(open(&place, Names::Operator)?.1)).await;
    opened.ok()
}

/// Put a component in the place of another: written beside it and renamed, so that nobody ever reads half of it, and
/// durable. Gives what the file looks like afterwards; none where somebody else was quick to put another there.
pub(crate) async fn install(place: &Path, component: &[u8]) -> io::Result<Option<Look>> {
    let (place, component) = (place.to_owned(), component.to_vec());
    blocking(move || install_now(&place, &component)).await
}

fn install_now(place: &Path, component: &[u8]) -> io::Result<Option<Look>> {
    let beside = beside(place);
    // What lies here was left by a crash: changes of one policy come one after the other.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let installed = write_beside(&beside, place, component);
    if installed.is_err() {
        // The complaint is the one above.
        let _ = fs::remove_file(&beside);
    }
    installed
}

fn write_beside(beside: &Path, place: &Path, component: &[u8]) -> io::Result<Option<Look>> {
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
    fs::rename(beside, place)?;
    // A name alone lies in the folder where we are.
    let above = place.parent().filter(|above| !above.as_os_str().is_empty());
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    let ours = file.metadata()?.ino();
    let there = open(place, Names::Operator)?.1;
    Ok((there.place.1 == ours).then_some(there))
}

/// Another name in the same folder, no other policy's: `.route.wasm.new`.
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
