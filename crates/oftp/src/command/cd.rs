//! CD, Change Direction: 1 octet at every level (RFC 5024, 5.3.12).

use super::field::Layout;

/// Nothing follows the command octet.
pub(super) fn encode(_: &mut Layout<'_>) {}
