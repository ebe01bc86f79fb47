//! The files of the repository, without what is built.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "pointsman-demo"];

/// The repository's files.
pub struct Tree {
    root: PathBuf,
    /// Paths below the root, sorted, `/` between folders.
    files: Vec<String>,
}

impl Tree {
    /// Looks at every folder below `root`.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort();
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// The files whose names end so.
    pub fn named(&self, end: &str) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .map(String::as_str)
            .filter(move |path| path.ends_with(end))
    }

    /// Whether there is such a file or folder, by its path below the root.
    pub fn holds(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// What a file says.
    pub fn text(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path))
            .map_err(|error| format!("cannot read {path}: {error}"))
    }
}

fn walk(root: &Path, below: &str, files: &mut Vec<String>) -> Result<(), String> {
    let folder = root.join(below);
    let cannot = |error: std::io::Error| format!("cannot look into {}: {error}", folder.display());
    for entry in fs::read_dir(&folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let kind = entry.file_type().map_err(cannot)?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
impl Tree {
    /// A repository of these files, in a folder that goes with the first value.
    pub fn planted(files: &[(&str, &str)]) -> (tempfile::TempDir, Self) {
        let folder = tempfile::TempDir::new().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tree = Self::read(folder.path()).unwrap();
        (folder, tree)
    }
}
