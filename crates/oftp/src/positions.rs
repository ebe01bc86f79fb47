//! Where records of a local file end, noted while it is read once: so that a restart (RFC 5024, 5.3.3, SFIDREST), which
//! counts records, need not look for its record from the start of the file.

use crate::Position;

/// Positions of some records of a local file, spread over all of it. They take the same room whatever the size of the
/// file: the longer it is, the further they are apart.
///
/// ```
/// use oftp::{Position, PositionsFinder};
///
/// let mut finder = PositionsFinder::default();
/// for records in 1..=100_000 {
///     finder.record_ended(Position { octets: records * 82, records });
/// }
/// let positions = finder.found();
/// let near = positions.before(90_000);
/// assert_eq!(near.octets, near.records * 82);
/// assert!(near.records <= 90_000 && near.records > 70_000);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(Vec<Position>);

impl Positions {
    /// The most that are noted of one file.
    pub const MOST: usize = 1024;

    /// Those that were noted before. None where each is not behind the one before it, in octets and in records: then
    /// they are of no file.
    pub fn from_points(points: Vec<Position>) -> Option<Self> {
        let mut before = Position::default();
        for point in &points {
            if point.octets <= before.octets || point.records <= before.records {
                return None;
            }
            before = *point;
        }
        Some(Self(points))
    }

    /// All of them, in the order of the file.
    pub fn points(&self) -> &[Position] {
        &self.0
    }

    /// The last one that is not behind so many records; the start of the file where there is none.
    pub fn before(&self, records: u64) -> Position {
        let behind = self.0.partition_point(|point| point.records <= records);
        let last = behind.checked_sub(1).and_then(|last| self.0.get(last));
        last.copied().unwrap_or_default()
    }
}

/// Notes positions of a file that is read from its start.
#[derive(Debug, Clone)]
pub struct PositionsFinder {
    points: Vec<Position>,
    /// Octets of the local file that two of them are apart, at least.
    apart: u64,
}

impl PositionsFinder {
    /// How far they are apart in a file that is small enough, in octets: read in no time.
    pub const NEAREST: u64 = 1 << 20;

    /// A record ends there. To be told of each, in the order of the file.
    pub fn record_ended(&mut self, end: Position) {
        if !is_apart(self.points.last(), &end, self.apart) {
            return;
        }
        self.points.push(end);
        if self.points.len() > Positions::MOST {
            self.thin_out();
        }
    }

    /// What was noted.
    pub fn found(self) -> Positions {
        Positions(self.points)
    }

    /// Keeps every other one.
    fn thin_out(&mut self) {
        self.apart = self.apart.saturating_mul(2);
        let apart = self.apart;
        let mut kept = None;
        self.points.retain(|point| {
            let stays = is_apart(kept.as_ref(), point, apart);
            if stays {
                kept = Some(*point);
            }
            stays
        });
    }
}

impl Default for PositionsFinder {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            apart: Self::NEAREST,
        }
    }
}

fn is_apart(before: Option<&Position>, point: &Position, apart: u64) -> bool {
    let before = before.map_or(0, |before| before.octets);
    point.octets.saturating_sub(before) >= apart
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]
mod tests {
    use super::*;

    /// A file of records of that many octets.
    fn file(records: u64, length: u64) -> Positions {
        let mut finder = PositionsFinder::default();
        for records in 1..=records {
            finder.record_ended(Position {
                octets: records * length,
                records,
            });
        }
        finder.found()
    }

    #[test]
    fn however_long_the_file_is_there_are_as_many_at_most_and_the_gaps_are_even() {
        for (records, length) in [(5_000, 1_000), (30_000, 50_000), (300_000, 90_000)] {
            let size = records * length;
            let positions = file(records, length);
            let points = positions.points();
            assert!(points.len() <= Positions::MOST, "{} points", points.len());
            let wide = (2 * size / Positions::MOST as u64).max(PositionsFinder::NEAREST) + length;
            let mut before = 0;
            for point in points {
                assert_eq!(point.octets, point.records * length);
                assert!(point.octets - before <= wide, "{before}, {point:?}");
                before = point.octets;
            }
            assert!(size - before <= wide, "{before} of {size}");
        }
    }

    #[test]
    fn the_one_before_a_record_is_at_it_or_ahead_of_it_and_the_next_is_behind() {
        let positions = file(50_000, 100);
        let points = positions.points();
        assert_eq!(points.len(), 4);
        assert_eq!(positions.before(0), Position::default());
        assert_eq!(positions.before(points[0].records - 1), Position::default());
        assert_eq!(positions.before(points[0].records), points[0]);
        assert_eq!(positions.before(points[1].records - 1), points[0]);
        assert_eq!(positions.before(u64::MAX), points[3]);
        assert_eq!(Positions::default().before(7), Position::default());
    }

    #[test]
    fn what_does_not_rise_is_of_no_file() {
        let points = file(50_000, 100).points().to_vec();
        assert!(Positions::from_points(points.clone()).is_some());
        for change in [
            |points: &mut Vec<Position>| points[1].octets = points[0].octets,
            |points: &mut Vec<Position>| points[1].records = points[0].records,
            |points: &mut Vec<Position>| points.swap(1, 2),
            |points: &mut Vec<Position>| points[0].octets = 0,
        ] {
            let mut changed = points.clone();
            change(&mut changed);
            assert_eq!(Positions::from_points(changed), None);
        }
    }
}
