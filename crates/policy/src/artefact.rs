//! Loading what the compile child made: the one place of this crate with `unsafe`.

use wasmtime::component::Component;

/// Makes a component from an artefact that the compile child wrote.
///
/// # Errors
/// If the artefact is damaged or comes from another version or configuration of the engine.
#[allow(unsafe_code, reason = "see the safety comment")]
pub(crate) fn load(engine: &wasmtime::Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: an artefact is machine code, and loading a forged one would be running it. This one was read a moment ago
    // from the pipe of a child which this process started with the operator's own program and which made it with
    // `Engine::precompile_component`; it was never in a file or another place that others can write to. The engine
    // checks that version and settings are its own.
    unsafe { Component::deserialize(engine, artefact) }
}
