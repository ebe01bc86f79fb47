//! Which rows are due.

use std::time::Duration;

/// Which rows of that table the partner `?1` can be given: nobody holds them, and they are due at `?2`, which is now, or
/// they would wait beyond `?3`, the [`latest`] time that a wait begun now can last to. Such a wait was written down while the
/// clock was ahead: when it was to end nobody knows, so it is over.
pub(super) fn due(table: &str) -> String {
    format!(
        "{table}.partner = ?1 AND ({table}.not_before <= ?2 OR {table}.not_before > ?3) AND {table}.leased_to IS NULL"
    )
}

/// Until when what waits for so long at most can wait from `now` on.
pub(super) fn latest(now: i64, longest: Duration) -> i64 {
    let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    now.saturating_add(longest)
}
