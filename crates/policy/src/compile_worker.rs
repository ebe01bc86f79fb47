//! The limited child that compiles components, so that the serving process never does.
//!
//! It reads a component from standard input and writes the artefact to standard output. Exit status
//! 0: done; 65: the component does not compile, the reason is on standard error; anything else: the
//! child could not work, or hit its own limits.

use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::limits::CompileLimits;
use crate::wasm_config::wasm_config;

/// The usual name of the subcommand by which a program that serves is this child.
pub const COMMAND: &str = "compile-policy";
/// Exit status for a component that does not compile: "data error" of sysexits.
pub(crate) const DOES_NOT_COMPILE: u8 = 65;
/// Exit status for the child's own troubles: "system error" of sysexits.
const CANNOT_WORK: u8 = 71;

/// Runs as the child. `args` are the last two arguments of the program: its limits.
pub fn run(args: impl Iterator<Item = String>) -> ExitCode {
    match CompileLimits::of_args(args) {
        Some(limits) => run_within(limits),
        None => {
            // If standard error is gone too, nobody reads this.
            let _ = writeln!(std::io::stderr(), "seconds and MiB are expected");
            ExitCode::from(CANNOT_WORK)
        }
    }
}

fn run_within(limits: CompileLimits) -> ExitCode {
    let outcome = limit(limits)
        .map_err(|e| e.to_string())
        .and_then(|()| read_component())
        .map_err(|e| (CANNOT_WORK, e))
        .and_then(|component| compile(&component).map_err(|e| (DOES_NOT_COMPILE, e)))
        .and_then(|artefact| write_artefact(&artefact).map_err(|e| (CANNOT_WORK, e)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, complaint)) => {
            // If standard error is gone too, nobody reads this.
            let _ = writeln!(std::io::stderr(), "{complaint}");
            ExitCode::from(code)
        }
    }
}

fn limit(limits: CompileLimits) -> rustix::io::Result<()> {
    let both = |n: u64| Rlimit {
        current: Some(n),
        maximum: Some(n),
    };
    let seconds = limits.cpu.as_secs().max(1);
    // The second in between is SIGXCPU's, which says more than SIGKILL.
    setrlimit(
        Resource::Cpu,
        Rlimit {
            current: Some(seconds),
            maximum: Some(seconds + 1),
        },
    )?;
    setrlimit(Resource::As, both(limits.memory))?;
    setrlimit(Resource::Core, both(0))?;
    // Sessions come first. Not being allowed to step back is no reason to stop.
    let _ = rustix::process::nice(10);
    Ok(())
}

fn read_component() -> Result<Vec<u8>, String> {
    let mut component = Vec::new();
    std::io::stdin()
        .read_to_end(&mut component)
        .map_err(|e| format!("cannot read the component: {e}"))?;
    Ok(component)
}

fn compile(component: &[u8]) -> Result<Vec<u8>, String> {
    wasmtime::Engine::new(&wasm_config())
        .and_then(|engine| engine.precompile_component(component))
        .map_err(|e| format!("{e:#}"))
}

fn write_artefact(artefact: &[u8]) -> Result<(), String> {
    let mut out = std::io::stdout();
    out.write_all(artefact)
        .and_then(|()| out.flush())
        .map_err(|e| format!("cannot write the artefact: {e}"))
}
