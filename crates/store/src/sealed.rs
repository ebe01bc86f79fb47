//! The proof that a content is sealed.

use crate::content::{Content, ContentKey, Hold};
use crate::error::LedgerError;
use crate::measure::Measure;
use crate::transfer::TransferId;

/// A content of this measure is complete, synced, and has its sidecar. Only sealing makes one, and the verb by which a
/// row says that a file is here asks for it. So a row that comes before its content does not compile. The one way
/// around that is [`Sealed::unproven`], for tests; the lints of `host` refuse it.
///
/// ```compile_fail
/// use pointsman_store::{Hold, Measure, Sealed};
/// fn early(measure: Measure, hold: Hold) -> Sealed {
///     Sealed { measure, hold }
/// }
/// ```
#[derive(Debug)]
pub struct Sealed {
    measure: Measure,
    /// Nobody else may touch the content before its row says that it is there.
    hold: Hold,
}

impl Sealed {
    /// To be called when all of the content is durable.
    pub(crate) fn durable(measure: Measure, hold: Hold) -> Self {
        Self { measure, hold }
    }

    /// The way around the proof: for tests of a ledger without contents, and for a planted mistake
    /// (`host/clippy.toml` keeps all else from it).
    #[must_use]
    pub fn unproven(key: ContentKey, measure: Measure) -> Self {
        Self::durable(measure, Hold::new(key, ()))
    }

    /// Which content it is.
    #[must_use]
    pub fn key(&self) -> ContentKey {
        self.hold.key()
    }

    /// Its size and digest.
    #[must_use]
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Its transfer, if it is this content of it and has this measure.
    pub(crate) fn of(
        &self,
        content: Content,
        measure: &Measure,
    ) -> Result<TransferId, LedgerError> {
        let key = self.key();
        if key.content == content && self.measure == *measure {
            return Ok(key.id);
        }
        Err(LedgerError::OtherContent(key.id))
    }

    /// The content, for whoever handles it next.
    #[must_use]
    pub fn into_hold(self) -> Hold {
        self.hold
    }
}
