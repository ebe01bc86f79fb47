//! Both ways with a program that shares nothing with us: it reads, or writes, all files of a folder in one run.

use std::path::Path;
use std::process::Command;

use pointsman_cms::Suite;

use super::{Services, folder_with_keys, open, opening, text, wrap, wrap_definite, wrapping};

/// How the program is started, in the folder with the files; `read` or `write` and their number are added.
pub type Start<'a> = &'a dyn Fn() -> Command;

/// Every suite of these, every combination of services, sizes around blocks of the cipher.
fn cases(suites: usize) -> Vec<(Suite, Services, usize)> {
    let mut cases = Vec::new();
    for suite in Suite::all().take(suites) {
        for services in Services::all() {
            for size in [0, 1, 15, 16, 17, 70_000] {
                cases.push((suite, services, size));
            }
        }
    }
    cases
}

fn name(suite: Suite, services: Services, size: usize) -> String {
    format!("{}.{}.{size}", suite.number().number(), services.letters())
}

/// A folder with the keys of both sides and the contents.
fn folder(cases: &[(Suite, Services, usize)]) -> tempfile::TempDir {
    let folder = folder_with_keys();
    for (suite, services, size) in cases {
        let path = folder
            .path()
            .join(format!("{}.plain", name(*suite, *services, *size)));
        std::fs::write(path, text(*size)).unwrap();
    }
    folder
}

fn run(start: Start<'_>, folder: &Path, what: &str, files: usize) {
    let mut command = start();
    let done = command
        .current_dir(folder)
        .arg(what)
        .arg(files.to_string())
        .output()
        .unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{what}: {out}{error}");
}

/// The program reads what we write; how many files.
pub fn reads_ours(start: Start<'_>, suites: usize) -> usize {
    let cases = cases(suites);
    let folder = folder(&cases);
    for (index, (suite, services, size)) in cases.iter().enumerate() {
        let wrapping = wrapping(*suite, *services);
        let file = match index % 2 {
            0 => wrap(&wrapping, &text(*size)).0,
            _ => wrap_definite(&wrapping, &text(*size)).0,
        };
        let path = folder
            .path()
            .join(format!("{}.cms", name(*suite, *services, *size)));
        std::fs::write(path, file).unwrap();
    }
    run(start, folder.path(), "read", cases.len());
    cases.len()
}

/// We read what the program writes; how many files.
pub fn writes_for_us(start: Start<'_>, suites: usize) -> usize {
    let cases = cases(suites);
    let folder = folder(&cases);
    run(start, folder.path(), "write", cases.len());
    for (suite, services, size) in &cases {
        let name = name(*suite, *services, *size);
        let file = std::fs::read(folder.path().join(format!("{name}.cms"))).unwrap();
        let opened = open(&opening(*suite, *services), &file)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(opened.0 == text(*size), "{name}");
    }
    cases.len()
}
