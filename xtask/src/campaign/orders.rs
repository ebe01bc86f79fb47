//! What a campaign is asked to do.

/// Which campaign, and how long.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How often something goes wrong, at most.
    pub count: u64,
    /// Where the dice start.
    pub seed: u64,
    /// How many scenarios are played at once, where that can be.
    pub jobs: u64,
    /// The one thing to do, where there are several.
    pub only: Option<String>,
}
