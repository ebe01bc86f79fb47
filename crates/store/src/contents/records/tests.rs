//! Contents of records are read through in chunks; what is found is the same wherever a chunk ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;

/// A content in memory that gives no more octets at once than that, and may get shorter on the way.
#[derive(Debug)]
struct Memory {
    octets: Vec<u8>,
    size: u64,
    at_once: usize,
    reads: AtomicUsize,
}

#[async_trait]
impl StoredContent for Memory {
    fn octets(&self) -> Result<u64, SpoolError> {
        Ok(self.size)
    }

    async fn read_at(&self, position: u64, octets: usize) -> Result<Vec<u8>, SpoolError> {
        let mut buffer = vec![0; octets];
        let count = self.read_now(position, &mut buffer)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    fn read_now(&self, position: u64, buffer: &mut [u8]) -> Result<usize, SpoolError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let from = usize::try_from(position).unwrap().min(self.octets.len());
        let count = buffer.len().min(self.octets.len() - from).min(self.at_once);
        buffer[..count].copy_from_slice(&self.octets[from..from + count]);
        Ok(count)
    }
}

fn content(octets: &[u8], at_once: usize) -> Arc<Memory> {
    Arc::new(Memory {
        octets: octets.to_vec(),
        size: octets.len() as u64,
        at_once,
        reads: AtomicUsize::new(0),
    })
}

fn end(octets: u64, records: u64) -> Position {
    Position { octets, records }
}

/// Lines of every length up to that, and where each of them ends.
fn lines(longest: usize, count: usize) -> (Vec<u8>, Vec<Position>) {
    let (mut octets, mut ends) = (Vec::new(), Vec::new());
    for line in 0..count {
        octets.extend(std::iter::repeat_n(b'x', line * 7 % (longest + 1)));
        octets.extend(b"\r\n");
        ends.push(end(octets.len() as u64, line as u64 + 1));
    }
    (octets, ends)
}

const VARIABLE: Format = Format::Variable(80);

#[tokio::test]
async fn lines_are_counted_the_same_however_they_are_read() {
    let (octets, ends) = lines(80, 500);
    let of_records: u64 = (0..500).map(|line| line * 7 % 81).sum();
    for at_once in [200, 255, 256, 1000, CHUNK] {
        let found = count(content(&octets, at_once), RecordLayout::Lines, VARIABLE).await;
        let found = found.unwrap();
        assert_eq!(found.counts.records, 500, "{at_once}");
        assert_eq!(found.longest, 80);
        // On the wire a record has no line end.
        assert_eq!(found.counts.octets, of_records, "{at_once}");
        for point in found.positions.points() {
            assert!(ends.contains(point), "{point:?} is the end of a record");
        }
    }
}

#[tokio::test]
async fn a_content_without_records_has_no_longest_and_no_positions() {
    let found = count(content(b"", 9), RecordLayout::Lines, VARIABLE)
        .await
        .unwrap();
    assert_eq!(
        (found.counts.records, found.counts.octets, found.longest),
        (0, 0, 0)
    );
    assert!(found.positions.points().is_empty());
    let none = RecordsFound::none(7);
    assert_eq!((none.counts.records, none.counts.octets), (0, 7));
    assert!(none.positions.points().is_empty());
}

#[tokio::test]
async fn a_record_that_is_too_long_is_named_and_not_counted() {
    let long = [&b"short\r\n"[..], &[b'x'; 81], b"\r\n"].concat();
    let failed = count(content(&long, 1000), RecordLayout::Lines, VARIABLE).await;
    assert!(matches!(failed, Err(RecordError::Record(_))), "{failed:?}");
    let fits = [&b"short\r\n"[..], &[b'x'; 80], b"\r\n"].concat();
    let found = count(content(&fits, 1000), RecordLayout::Lines, VARIABLE).await;
    assert_eq!(found.unwrap().counts.records, 2);
}

#[tokio::test]
async fn the_end_of_a_record_is_found_from_the_nearest_position_before_it() {
    let (octets, ends) = lines(80, 3000);
    let reader = || RecordReader::new(RecordLayout::Lines, VARIABLE);
    let points = vec![ends[999], ends[1999]];
    let known = Positions::from_points(points).unwrap();
    for records in [1, 999, 1000, 1001, 1999, 2000, 2001, 3000] {
        let meant = ends[records - 1];
        for positions in [Positions::default(), known.clone()] {
            let memory = content(&octets, CHUNK);
            let found = find(memory, reader(), positions, records as u64)
                .await
                .unwrap();
            assert_eq!(found.0.position(), meant, "record {records}");
        }
    }
    // From near by few octets are read; from the start all of them.
    let (near, far) = (content(&octets, 400), content(&octets, 400));
    find(Arc::clone(&near) as _, reader(), known, 2001)
        .await
        .unwrap();
    find(Arc::clone(&far) as _, reader(), Positions::default(), 2001)
        .await
        .unwrap();
    let reads = |memory: &Memory| memory.reads.load(Ordering::Relaxed);
    assert!(
        reads(&near) * 10 < reads(&far),
        "{} {}",
        reads(&near),
        reads(&far)
    );
}

#[tokio::test]
async fn positions_that_lead_nowhere_are_left_and_the_file_is_read_from_its_start() {
    let (octets, ends) = lines(80, 100);
    let reader = RecordReader::new(RecordLayout::Lines, VARIABLE);
    let behind_the_end = Positions::from_points(vec![end(1_000_000, 90)]).unwrap();
    let (found, check) = find(content(&octets, CHUNK), reader, behind_the_end, 95)
        .await
        .unwrap();
    assert_eq!(found.position(), ends[94]);
    assert!(check.is_none(), "there is nothing to compare with");
}

#[tokio::test]
async fn positions_are_compared_with_the_file_whatever_is_shown_of_it_at_once() {
    let (octets, ends) = lines(80, 300);
    let right = vec![ends[9], ends[99], ends[299]];
    let shifted = vec![ends[9], end(ends[99].octets + 1, 100), ends[299]];
    let renumbered = vec![ends[9], end(ends[99].octets, 101), ends[299]];
    let too_many = vec![ends[9], end(ends[299].octets + 9, 301)];
    for (points, agrees) in [
        (right, true),
        (Vec::new(), true),
        (shifted, false),
        (renumbered, false),
        (too_many, false),
    ] {
        let positions = Positions::from_points(points.clone()).unwrap();
        for shown in [300, 1000, octets.len()] {
            let reader = RecordReader::new(RecordLayout::Lines, VARIABLE);
            let mut check = PositionsCheck::new(reader, &positions);
            let mut at = 0;
            while at < octets.len() {
                let to = octets.len().min(at + shown);
                let done = check.look(&octets[at..to], to == octets.len());
                assert!(done > 0 && done <= to - at);
                at += done;
            }
            assert_eq!(check.agrees(), agrees, "{points:?} by {shown}");
        }
    }
}

#[tokio::test]
async fn a_line_feed_alone_is_found_in_its_line_wherever_a_read_ends() {
    for (text, line) in [
        (&b"a\r\nb\r\nc"[..], None),
        (b"", None),
        (b"\r\n\r\n", None),
        (b"\n", Some(1)),
        (b"a\r\nb\nc\r\n", Some(2)),
        (b"a\r\r\n\n", Some(2)),
        (b"a\r\nb\r\nc\n", Some(3)),
        (b"a\rb\n", Some(1)),
    ] {
        for at_once in 1..=text.len().max(1) {
            let found = bare_line_feed(content(text, at_once)).await.unwrap();
            assert_eq!(found, line, "{text:?} by {at_once}");
        }
    }
}

#[tokio::test]
async fn a_file_that_gets_shorter_while_it_is_read_is_no_file_that_ends() {
    let mut memory = Arc::try_unwrap(content(b"a\r\nb\r\n", 3)).unwrap();
    memory.size = 9;
    let memory: Arc<dyn StoredContent> = Arc::new(memory);
    let failed = bare_line_feed(Arc::clone(&memory)).await.unwrap_err();
    assert!(failed.to_string().contains("got shorter"), "{failed}");
    let failed = count(memory, RecordLayout::Lines, VARIABLE)
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("got shorter"), "{failed}");
}
