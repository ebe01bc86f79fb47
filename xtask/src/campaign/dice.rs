//! Chance that can be repeated.

/// Numbers that look random (SplitMix64): the same again for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From that seed on.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// Octets that look like nothing.
pub fn octets(dice: &mut Dice, count: u64) -> Vec<u8> {
    (0..count.div_ceil(8))
        .flat_map(|_| dice.below(u64::MAX).to_le_bytes())
        .take(count as usize)
        .collect()
}
