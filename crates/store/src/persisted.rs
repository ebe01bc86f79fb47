//! The proof that something is written down.

use std::ops::Deref;

use crate::transfer::TransferId;

/// The result of a verb, after its transaction was committed. Only the ledger makes one, so a function that takes one
/// cannot be called before the commit.
///
/// ```compile_fail
/// use pointsman_store::{Persisted, Stored, TransferId};
/// let stored = Stored(TransferId::new());
/// let proof = Persisted(stored);
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Persisted<T>(T);

impl<T> Persisted<T> {
    /// To be called after the commit alone.
    pub(crate) fn committed(value: T) -> Self {
        Self(value)
    }

    /// The same proof, of something that follows from the value.
    pub(crate) fn map<U>(self, follows: impl FnOnce(T) -> U) -> Persisted<U> {
        Persisted(follows(self.0))
    }

    /// The value; the proof is spent.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Persisted<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// This received file is sealed, and its row says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored(pub TransferId);

/// The ledger says that the EFID of this file may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InDoubt(pub TransferId);
