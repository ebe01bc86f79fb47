//! How far the server has come with its shutdown.

/// How far the server is with closing down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Not at all.
    No,
    /// Sessions end at their next turn.
    AtNextTurn,
    /// Sessions end.
    Now,
}
