//! Where paths of the configuration lead, and what is there. An error of the disk is not taken for absence: then nobody
//! can say that two folders are apart.

use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

/// Where a path leads once links and `..` are followed, including links to paths that do not exist yet.
pub(super) struct FollowedPath {
    /// Its end; where it cannot be followed, the rest of the path as it is written.
    pub(super) end: PathBuf,
    /// Why it cannot be followed to its end, and what to do.
    pub(super) unseen: Option<String>,
}

/// As many links as the kernel follows.
const LINKS: usize = 40;

/// Follows a path.
pub(super) fn leads_to(path: &Path) -> FollowedPath {
    let (mut links, mut unseen) = (LINKS, None);
    let end = follow(path, &mut links, &mut unseen);
    let unseen = unseen.map(|why| {
        format!(
            "nobody can say where {} leads, so it is not known to be apart from other folders: {why}",
            path.display()
        )
    });
    FollowedPath { end, unseen }
}

/// Follows at most so many links, since they may lead to each other. `unseen` becomes the first error.
fn follow(path: &Path, links: &mut usize, unseen: &mut Option<String>) -> PathBuf {
    let mut led = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                led.pop();
            }
            part => led.push(part),
        }
        match led.canonicalize() {
            Ok(there) => led = there,
            Err(error) if !is_absence(&error) => {
                unseen.get_or_insert_with(|| cannot_look(&led, &error));
            }
            // A link that leads to nothing, or nothing.
            Err(_) if *links > 0 => match led.read_link() {
                Ok(target) => {
                    *links -= 1;
                    led.pop();
                    led = follow(&led.join(target), links, unseen);
                }
                Err(error) if is_absence(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                }
                Err(error) => {
                    unseen.get_or_insert_with(|| cannot_look(&led, &error));
                }
            },
            Err(_) => {}
        }
    }
    led
}

/// Whether something is there; links are followed.
///
/// # Errors
/// The operating system cannot say.
pub(crate) fn is_there(path: &Path) -> io::Result<bool> {
    Ok(look(path)?.is_some())
}

/// What is there, if anything is; links are followed.
///
/// # Errors
/// The operating system cannot say.
pub(crate) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match path.metadata() {
        Ok(there) => Ok(Some(there)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error says that nothing is there, be it since links lead to each other.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
        || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Says that a path cannot be looked at, why, and what to do.
pub(super) fn cannot_look(path: &Path, error: &io::Error) -> String {
    let what_to_do = match error.kind() {
        io::ErrorKind::PermissionDenied => "let this user enter the folders on the way (chmod +x)",
        io::ErrorKind::InvalidFilename => "choose a shorter path",
        _ => "look at the disk",
    };
    format!(
        "{} cannot be looked at: {error}; {what_to_do}",
        path.display()
    )
}
