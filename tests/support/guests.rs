//! The policies that tests are afraid of.

#[path = "../../xtask/src/guests/build.rs"]
mod build;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One that misbehaves when its settings ask for it.
pub fn misbehaving() -> Vec<u8> {
    std::fs::read(&built()[0]).unwrap()
}

/// One that traps at its start.
pub fn trapping() -> Vec<u8> {
    std::fs::read(&built()[1]).unwrap()
}

/// One that answers what its settings say, and logs what it is told.
pub fn terms() -> Vec<u8> {
    std::fs::read(&built()[2]).unwrap()
}

/// One that exports `accept-file` and nothing else.
pub fn one_hook() -> Vec<u8> {
    std::fs::read(&built()[4]).unwrap()
}

/// All of them, built once.
pub fn built() -> &'static [PathBuf] {
    static BUILT: OnceLock<Vec<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let guests = repository.join("target/guests");
        build::build(repository, build::FOR_TESTS, &guests.join("build"), &guests).unwrap()
    })
}
