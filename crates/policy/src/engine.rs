//! The WebAssembly engine, its clock, and what every instance is linked with.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker};

use crate::bindings;
use crate::guest_context::GuestContext;
use crate::memory::Memory;
use crate::wasm_config::wasm_config;

/// How the engine works. [`Default`] is right for tests and tools; a server compiles in a child.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where components are compiled.
    pub compile: Compile,
    /// How often a running guest yields to others; also the granularity of `limits.time`.
    pub tick: Duration,
    /// Octets that all instances together may hold.
    pub memory: u64,
}

/// Where components are compiled.
#[derive(Debug, Clone)]
pub enum Compile {
    /// On a blocking thread of this process.
    InProcess,
    /// In a child process of limited memory and processor time (see [`crate::compile_worker`]), so that a component
    /// that is expensive to compile cannot harm the server.
    Child {
        /// The program, usually this very one.
        program: PathBuf,
        /// Its first arguments, with which it calls [`crate::compile_worker::run`]; that gets the arguments behind
        /// them.
        args: Vec<String>,
    },
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("policies cannot run on this machine: {0}")]
pub struct EngineError(String);

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            compile: Compile::InProcess,
            tick: Duration::from_millis(5),
            memory: 512 << 20,
        }
    }
}

/// The engine all policies of a process share. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
}

struct Parts {
    wasm: wasmtime::Engine,
    linker: Linker<GuestContext>,
    memory: Arc<Memory>,
    config: EngineConfig,
}

impl Engine {
    /// Sets up the engine and starts its ticking thread, which ends with the last clone.
    ///
    /// # Errors
    /// The machine cannot run it (its processor is not supported, or no thread can be started).
    pub fn new(config: EngineConfig) -> Result<Engine, EngineError> {
        Engine::set_up(config).map_err(|e| EngineError(format!("{e:#}")))
    }

    fn set_up(config: EngineConfig) -> Result<Engine, wasmtime::Error> {
        let wasm = wasmtime::Engine::new(&wasm_config())?;
        let mut linker = Linker::new(&wasm);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        bindings::Policy::add_to_linker::<_, HasSelf<_>>(&mut linker, |context| context)?;
        start_ticking(&wasm, config.tick)?;
        Ok(Engine {
            parts: Arc::new(Parts {
                wasm,
                linker,
                memory: Memory::new(config.memory),
                config,
            }),
        })
    }

    /// From now on all instances together hold so many octets at most ([`EngineConfig::memory`]).
    pub fn limit_memory(&self, octets: u64) {
        self.parts.memory.change_limit(octets);
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.parts.wasm
    }

    pub(crate) fn linker(&self) -> &Linker<GuestContext> {
        &self.parts.linker
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.parts.memory
    }

    pub(crate) fn compile(&self) -> &Compile {
        &self.parts.config.compile
    }

    /// A time in ticks, rounded up; at least one.
    pub(crate) fn ticks(&self, time: Duration) -> u32 {
        let tick = self.parts.config.tick.as_nanos().max(1);
        u32::try_from(time.as_nanos().div_ceil(tick).max(1)).unwrap_or(u32::MAX)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.parts.config)
            .finish_non_exhaustive()
    }
}

fn start_ticking(wasm: &wasmtime::Engine, tick: Duration) -> Result<(), wasmtime::Error> {
    let weak = wasm.weak();
    thread::Builder::new()
        .name("policy-ticks".to_owned())
        .spawn(move || {
            while let Some(wasm) = weak.upgrade() {
                wasm.increment_epoch();
                drop(wasm);
                thread::sleep(tick);
            }
        })?;
    Ok(())
}
