//! What the server does for a policy. Every call is bounded; an event may make 1000 of them.

use crate::bindings::oftp::policy::host;
use crate::records::{Level, OutboundFile};

/// Write a line to the server's log. The macros `debug!`, `info!`, `warn!` and `error!` are shorter.
pub fn log(level: Level, message: &str) {
    host::log(level, message);
}

/// A setting of this policy, as deployed; none if it is not set.
pub fn setting(key: &str) -> Option<String> {
    host::setting(key)
}

/// A setting that must be there.
///
/// # Errors
/// A text that names the missing setting, to be given on with `?`.
pub fn required_setting(key: &str) -> Result<String, String> {
    setting(key).ok_or_else(|| format!("the setting `{key}` is missing"))
}

/// All settings of this policy, sorted by key.
pub fn settings() -> Vec<(String, String)> {
    host::settings()
}

/// Files waiting for a partner (name of its profile) in the order they go: higher priority first, then the oldest; at
/// most `limit` and 1000.
pub fn list_outbound(partner: &str, limit: u32) -> Vec<OutboundFile> {
    host::list_outbound(partner, limit)
}

/// What this policy has kept with the session.
pub fn session_get(key: &str) -> Option<Vec<u8>> {
    host::session_get(key)
}

/// Keep a value until the session ends; an empty one removes the key.
///
/// # Errors
/// If key (256 octets) or value (64 KiB) are too long, the session holds too much (256 KiB; each value counts 128 octets
/// more), or all sessions together do.
pub fn session_set(key: &str, value: &[u8]) -> Result<(), String> {
    host::session_set(key, value)
}

/// What this policy has kept for good.
pub fn kv_get(key: &str) -> Option<Vec<u8>> {
    host::kv_get(key)
}

/// Keep a value for good; an empty one removes the key.
///
/// # Errors
/// If key (256 octets) or value (64 KiB) are too long, a quota is used up, or the server's store cannot keep it.
pub fn kv_set(key: &str, value: &[u8]) -> Result<(), String> {
    host::kv_set(key, value)
}

/// The event's time, milliseconds since 1970-01-01T00:00:00Z. It stands while a hook runs.
pub fn now() -> u64 {
    host::now()
}
