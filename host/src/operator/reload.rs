//! The configuration is read again: what came of it, and who does it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::check_remark::CheckRemark;
use super::error::OperatorError;

/// Reads the configuration again for the server in this process, which has all that follows a plan.
#[async_trait]
pub(crate) trait Reload: Send + Sync {
    /// Puts the configuration in force, if all of it can be. What came of it is logged.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    async fn reload(&self) -> Result<Reloaded, OperatorError>;
}

/// What a reload took up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    /// The keys whose values are others than before, and in force now.
    pub changed: Vec<String>,
    /// The keys that stay what they were until the server is started again.
    pub waiting: Vec<String>,
    /// What is wrong with it all the same, and what waits for partners that it has no more.
    pub remarks: Vec<CheckRemark>,
    /// The generation of policies that decides for new sessions.
    pub policy_generation: u64,
}
