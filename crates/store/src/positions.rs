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
