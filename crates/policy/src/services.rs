//! What policies may reach beyond their session.

use async_trait::async_trait;

use crate::bindings::types::OutboundFile;

/// What the server does for policies.
#[async_trait]
pub trait HostServices: Send + Sync {
    /// Files waiting for this partner (name of its profile), by priority and then the oldest first, at most `limit`.
    async fn list_outbound(&self, partner: &str, limit: u32) -> Vec<OutboundFile>;

    /// What `policy` has kept under `key`.
    async fn kv_get(&self, policy: &str, key: &str) -> Option<Vec<u8>>;

    /// Keeps `value` under `key` for `policy`, durably. An empty value removes the key.
    ///
    /// # Errors
    /// A text for the policy, if it cannot be kept.
    async fn kv_set(&self, policy: &str, key: &str, value: Vec<u8>) -> Result<(), String>;
}
