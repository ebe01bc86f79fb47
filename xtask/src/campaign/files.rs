//! Files of the campaigns themselves.

use std::fs::File;
use std::path::Path;

/// Syncs a folder, after which a rename into it is durable.
pub fn sync_folder(folder: &Path) -> Result<(), String> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at(folder))
}

/// Puts the path before an error.
pub fn at(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}
