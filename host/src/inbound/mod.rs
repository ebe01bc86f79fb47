//! What happens to a file after its last octet: delivery, the command that takes it, its receipt.

pub(crate) mod delivery;
pub(crate) mod hand_over;
pub(crate) mod receipts;
