//! SECD, Security Change Direction: 1 octet at level 2.0 only (RFC 5024, 5.3.16).

use super::field::Layout;

/// Nothing follows the command octet.
pub(super) fn encode(_: &mut Layout<'_>) {}
