//! Size and digest of a content.

/// Size and digest of a content, sealed or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Size in octets.
    pub octets: u64,
    /// BLAKE3 of the content, hexadecimal: fast enough to be taken of every octet that passes.
    pub digest: String,
}
