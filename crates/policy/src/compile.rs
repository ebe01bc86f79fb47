//! From the octets of a component to its machine code.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::component::Component;

use crate::artefact;
use crate::compile_worker::DOES_NOT_COMPILE;
use crate::engine::{Compile, Engine};
use crate::error::ComponentFault;
use crate::limits::CompileLimits;

/// Wall-clock time for a child, as a multiple of its processor time: sessions have precedence over it, and the machine
/// may be busy.
const WAITING: u32 = 12;
/// Machine code is a few times larger than its component, of which there is a limit too.
const ARTEFACT_LIMIT: u64 = 512 << 20;
/// What of a child's complaint is kept.
const COMPLAINT_LIMIT: u64 = 4 << 10;

pub(crate) async fn compile(
    engine: &Engine,
    component: &[u8],
    limits: CompileLimits,
) -> Result<Component, ComponentFault> {
    match engine.compile() {
        Compile::InProcess => in_process(engine, component).await,
        Compile::Child { program, args } => {
            let patience = limits.cpu.saturating_mul(WAITING);
            let compiling = in_child(program, args, component, limits);
            let artefact = tokio::time::timeout(patience, compiling)
                .await
                .map_err(|_| took_too_long(patience))??;
            let wasm = engine.wasm().clone();
            blocking(move || artefact::load(&wasm, &artefact))
                .await?
                .map_err(|e| ComponentFault::Compiler(format!("its artefact does not load: {e:#}")))
        }
    }
}

async fn in_process(engine: &Engine, component: &[u8]) -> Result<Component, ComponentFault> {
    let wasm = engine.wasm().clone();
    let component = component.to_vec();
    blocking(move || Component::from_binary(&wasm, &component))
        .await?
        .map_err(|e| ComponentFault::Compile(format!("{e:#}")))
}

/// Passes a component to the child and returns the artefact. The child is killed if this future is dropped.
async fn in_child(
    program: &Path,
    args: &[String],
    component: &[u8],
    limits: CompileLimits,
) -> Result<Vec<u8>, ComponentFault> {
    let failed = |what: &str, e: std::io::Error| {
        ComponentFault::Compiler(format!("{what} {}: {e}", program.display()))
    };
    let mut child = compiler(program, args, limits)
        .spawn()
        .map_err(|e| failed("cannot start", e))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());

    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that ends early closes its end; its exit status says why.
            let _ = stdin.write_all(component).await;
        }
    };
    let ((), artefact, complaint) = tokio::join!(
        feed,
        read_bounded(stdout, ARTEFACT_LIMIT),
        read_bounded(stderr, COMPLAINT_LIMIT),
    );
    let ended = child.wait().await;
    let status = ended.map_err(|e| failed("cannot wait for", e))?;
    let complaint = complaint.map_err(|e| failed("cannot read from", e))?;
    if status.success() {
        return artefact.map_err(|e| failed("cannot read from", e));
    }
    let complaint = String::from_utf8_lossy(&complaint);
    Err(complained(status, complaint.trim(), limits))
}

/// The child, with pipes and nothing of this process's environment.
fn compiler(program: &Path, args: &[String], limits: CompileLimits) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .args(limits.args())
        .env_clear()
        // Each thread, and each heap of one, takes address space of the child's limit.
        .env("RAYON_NUM_THREADS", "4")
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn read_bounded(
    pipe: Option<impl tokio::io::AsyncRead + Unpin>,
    limit: u64,
) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit).read_to_end(&mut octets).await?;
    }
    Ok(octets)
}

/// One exit status means that the component does not compile; any other, that the child itself failed.
fn complained(status: ExitStatus, complaint: &str, limits: CompileLimits) -> ComponentFault {
    if status.code() == Some(DOES_NOT_COMPILE.into()) {
        return ComponentFault::Compile(complaint.to_owned());
    }
    let complaint = if complaint.is_empty() {
        "nothing"
    } else {
        complaint
    };
    let ended_by = |signals: &[Signal]| {
        let raw = status.signal();
        signals.iter().any(|signal| raw == Some(signal.as_raw()))
    };
    let why = match () {
        () if ended_by(&[Signal::XCPU, Signal::KILL]) => format!(
            ", at its limit of processor time: `limits.compile_time` of the policy is {} s",
            limits.cpu.as_secs()
        ),
        () if ended_by(&[Signal::ABORT, Signal::SEGV, Signal::BUS]) || no_memory(complaint) => {
            format!(
                ", probably at its limit of memory: `limits.compile_memory` of the policy is {} MiB",
                limits.memory >> 20
            )
        }
        () => String::new(),
    };
    ComponentFault::Compiler(format!(
        "the child ended with {status}{why}; it said: {complaint}"
    ))
}

/// The words of the standard library and the system for it.
fn no_memory(complaint: &str) -> bool {
    ["out of memory", "Cannot allocate memory"]
        .iter()
        .any(|words| complaint.contains(words))
}

fn took_too_long(patience: Duration) -> ComponentFault {
    ComponentFault::Compiler(format!(
        "the child was not done after {} s; is the machine very busy?",
        patience.as_secs()
    ))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ComponentFault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| ComponentFault::Compiler(e.to_string()))
}
