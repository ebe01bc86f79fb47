//! Positions of records as a sidecar keeps them.

use oftp::{Position, Positions};
use serde::{Deserialize, Serialize};

use crate::measure::Measure;

/// Where some records of a file to send end, with a checksum that ties them to its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPositions {
    /// Octets of the local file, and records, that end there.
    points: Vec<(u64, u64)>,
    /// BLAKE3 of them and of the content's digest, hexadecimal.
    blake3: String,
}

impl KeptPositions {
    /// Those of the content with that seal.
    #[must_use]
    pub fn new(positions: &Positions, measure: &Measure) -> Self {
        let points = positions.points().iter();
        let points: Vec<_> = points.map(|end| (end.octets, end.records)).collect();
        let blake3 = checksum(&points, measure);
        Self { points, blake3 }
    }

    /// The positions. None where they are damaged, or belong to another content.
    pub(crate) fn of(&self, measure: &Measure) -> Option<Positions> {
        if checksum(&self.points, measure) != self.blake3 {
            return None;
        }
        let points = self.points.iter();
        let points = points.map(|&(octets, records)| Position { octets, records });
        Positions::from_points(points.collect())
    }
}

fn checksum(points: &[(u64, u64)], measure: &Measure) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(measure.digest.as_bytes());
    for (octets, records) in points {
        hasher.update(&octets.to_le_bytes());
        hasher.update(&records.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test may fail anywhere"
    )]

    use super::*;

    fn measure(digest: &str) -> Measure {
        Measure {
            octets: 4000,
            digest: digest.to_owned(),
        }
    }

    fn positions() -> Positions {
        let end = |octets, records| Position { octets, records };
        Positions::from_points(vec![end(800, 100), end(1600, 150), end(4000, 500)]).unwrap()
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was_and_through_its_text() {
        let kept = KeptPositions::new(&positions(), &measure("d1"));
        let text = serde_json::to_string(&kept).unwrap();
        let again: KeptPositions = serde_json::from_str(&text).unwrap();
        assert_eq!(again, kept);
        let found = again.of(&measure("d1")).unwrap();
        assert_eq!(found.points(), positions().points());
    }

    #[test]
    fn they_are_of_their_content_alone() {
        let kept = KeptPositions::new(&positions(), &measure("d1"));
        assert!(kept.of(&measure("d2")).is_none());
        let none = KeptPositions::new(&Positions::default(), &measure("d1"));
        assert!(none.of(&measure("d1")).unwrap().points().is_empty());
        assert!(none.of(&measure("")).is_none());
    }

    #[test]
    fn each_damage_of_any_of_them_is_noticed() {
        let kept = KeptPositions::new(&positions(), &measure("d1"));
        for at in 0..kept.points.len() {
            for bit in 0..64 {
                let mut octets = kept.clone();
                octets.points[at].0 ^= 1 << bit;
                assert!(octets.of(&measure("d1")).is_none(), "octets {at} {bit}");
                let mut records = kept.clone();
                records.points[at].1 ^= 1 << bit;
                assert!(records.of(&measure("d1")).is_none(), "records {at} {bit}");
            }
            let mut lost = kept.clone();
            lost.points.remove(at);
            assert!(lost.of(&measure("d1")).is_none(), "one is lost: {at}");
        }
        let mut swapped = kept.clone();
        swapped.points.swap(0, 1);
        assert!(swapped.of(&measure("d1")).is_none());
        let mut of_none = kept.clone();
        of_none.blake3.clear();
        assert!(of_none.of(&measure("d1")).is_none());
    }

    #[test]
    fn what_no_file_can_have_is_none_although_its_checksum_is_right() {
        // Each must lie behind the one before it, in octets and in records.
        for points in [vec![(1600, 150), (800, 100)], vec![(800, 100), (800, 200)]] {
            let blake3 = checksum(&points, &measure("d1"));
            let kept = KeptPositions { points, blake3 };
            assert!(kept.of(&measure("d1")).is_none(), "{kept:?}");
        }
    }
}
