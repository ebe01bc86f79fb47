//! What the log says, and that it cannot hurt.
