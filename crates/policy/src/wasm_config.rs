//! The settings of the WebAssembly engine.

/// The engine's settings. The compile child must use the same ones, or its artefacts could not be loaded.
pub(crate) fn wasm_config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    // The same event gives the same answer on every machine.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config
}
