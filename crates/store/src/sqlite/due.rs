//! Which rows are due, in SQL: the same as by [`crate::due`].

use std::time::Duration;

/// The condition for rows of a table that can be sent to the partner `?1`: no session has claimed them, and they are
/// due at `?2`, which is now, or wait beyond `?3`, the [`latest`] end of a wait that begins now. Such a wait was
/// written while the clock was ahead: its end is unknown, so it counts as over.
pub(super) fn due(table: &str) -> String {
    format!(
        "{table}.partner = ?1 AND ({table}.not_before <= ?2 OR {table}.not_before > ?3) AND {table}.leased_to IS NULL"
    )
}

/// The latest end of a wait that begins `now` and lasts at most so long.
pub(super) fn latest(now: i64, longest: Duration) -> i64 {
    let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    now.saturating_add(longest)
}

#[cfg(test)]
mod tests;
