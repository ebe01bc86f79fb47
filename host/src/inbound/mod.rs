//! What happens to a file after its last octet: it is opened, where it is secured; delivery, the command that takes it, its
//! receipt.

mod asking;
pub(crate) mod delivery;
pub(crate) mod hand_over;
pub(crate) mod keys_gone;
pub(crate) mod opened;
pub(crate) mod opening;
pub(crate) mod receipts;
pub(crate) mod rejected;
pub(crate) mod secured_file;
pub(crate) mod target;
