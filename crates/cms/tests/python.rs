//! Both ways with Python: `asn1crypto` makes and reads the structures, `cryptography` has the primitives, its zlib module
//! the compression. Skipped, and said so, where Python lacks the two; `POINTSMAN_CMS_PYTHON` names the interpreter, and
//! then nothing is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::process::Command;

use support::oracle;

const SCRIPT: &str = include_str!("python/cms.py");

/// `cryptography` has no OAEP with SHA-3, so not the last suite.
const SUITES: usize = 9;

/// The interpreter, if it has what is needed.
fn python() -> Option<String> {
    if let Ok(named) = std::env::var("POINTSMAN_CMS_PYTHON") {
        return Some(named);
    }
    let has = Command::new("python3")
        .args(["-c", "import asn1crypto, cryptography"])
        .output();
    let has = has.is_ok_and(|done| done.status.success());
    if !has {
        support::tools::skip_without(
            "python",
            "python3 has no asn1crypto and cryptography (pip install asn1crypto cryptography)",
        );
    }
    has.then(|| "python3".to_owned())
}

fn start(python: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]);
    command
}

#[test]
fn python_reads_what_we_write() {
    let Some(python) = python() else { return };
    let files = oracle::reads_ours(&|| start(&python), SUITES);
    println!("{files} files of ours were read by Python");
}

#[test]
fn we_read_what_python_writes() {
    let Some(python) = python() else { return };
    let files = oracle::writes_for_us(&|| start(&python), SUITES);
    println!("{files} files of Python's were read by us");
}
