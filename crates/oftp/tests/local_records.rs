//! Files of records as local files, both ways: what was received is found again when it is sent.

#![cfg(test)]

use oftp::{
    Counts, FileData, Format, Position, RecordLayout, RecordProblem, RecordReader, RecordWriter,
};

const LAYOUTS: [RecordLayout; 3] = [
    RecordLayout::Raw,
    RecordLayout::Lines,
    RecordLayout::LengthPrefixed,
];

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z >> 32) as u32
    }
}

/// Everything a reader finds, looked at in windows of that size and taken in steps of that size.
fn read(
    layout: RecordLayout,
    format: Format,
    local: &[u8],
    window: usize,
    step: usize,
) -> Result<(Vec<Vec<u8>>, Counts), RecordProblem> {
    let mut reader = RecordReader::new(layout, format);
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < local.len() {
        let end = (at + window).min(local.len());
        let piece = reader.peek(&local[at..end], end == local.len())?;
        assert!(
            !piece.needs_more(),
            "nothing found in {window} octets at {at}"
        );
        let used = piece.length.min(step);
        record.extend_from_slice(&local[at + piece.from..at + piece.from + used]);
        at += reader.advance(&piece, used);
        if used == piece.length && piece.ends {
            records.push(std::mem::take(&mut record));
        }
    }
    assert!(record.is_empty(), "a record was begun and not ended");
    Ok((records, reader.counts()))
}

/// What a writer makes of records that arrive in pieces of that size.
fn write(layout: RecordLayout, format: Format, records: &[Vec<u8>], piece: usize) -> Vec<u8> {
    let mut writer = RecordWriter::new(layout, format, Position::default());
    let stream: Vec<u8> = records.concat();
    let ends: Vec<usize> = records
        .iter()
        .scan(0, |end, record| {
            *end += record.len();
            Some(*end)
        })
        .collect();
    let mut local = Vec::new();
    let mut from = 0;
    let mut ended = 0;
    while from < stream.len() || ended < ends.len() {
        let to = (from + piece).min(stream.len());
        let here = ends[ended..].iter().take_while(|end| **end <= to).count();
        let record_ends = ends[ended..ended + here]
            .iter()
            .map(|end| end - from)
            .collect();
        let octets = stream[from..to].to_vec();
        local.extend(writer.write(FileData {
            octets,
            record_ends,
        }));
        (from, ended) = (to, ended + here);
    }
    assert_eq!(writer.problem(), None);
    assert_eq!(writer.boundary().octets, local.len() as u64);
    assert_eq!(writer.boundary().records, records.len() as u64);
    local
}

#[test]
fn records_come_back_whatever_the_layout_and_the_pieces() {
    let seed = std::env::var("SEED").map_or(5024, |seed| seed.parse().expect("a number"));
    println!("SEED={seed}");
    let mut random = Random(seed);
    let mut cases = 0;
    for _ in 0..2_000 {
        let length = [1, 2, 63, 64, 80, 300][random.next() as usize % 6];
        let format = if random.next().is_multiple_of(2) {
            Format::Fixed(length)
        } else {
            Format::Variable(length)
        };
        let records: Vec<Vec<u8>> = (0..random.next() % 20)
            .map(|_| {
                let octets = match format {
                    Format::Fixed(length) => length,
                    _ => random.next() % (length + 1),
                };
                // Neither CR nor LF: a line cannot hold them.
                (0..octets)
                    .map(|_| b' ' + (random.next() % 90) as u8)
                    .collect()
            })
            .collect();
        let piece = 1 + random.next() as usize % 100;
        let (window, step) = (
            3 + random.next() as usize % 100,
            1 + random.next() as usize % 100,
        );
        for layout in LAYOUTS.into_iter().filter(|layout| layout.suits(format)) {
            let local = write(layout, format, &records, piece);
            let (found, counts) = read(layout, format, &local, window, step).expect("sound");
            assert_eq!(found, records, "{layout} {format:?}");
            let octets = records.concat().len() as u64;
            assert_eq!(
                counts,
                Counts {
                    records: records.len() as u64,
                    octets
                }
            );
            cases += 1;
        }
    }
    println!("{cases} files of records, written and found again");
}

#[test]
fn layouts_look_as_they_are_described() {
    let records = [b"ABC".to_vec(), b"".to_vec(), b"D".to_vec()];
    let variable = Format::Variable(3);
    assert_eq!(
        write(RecordLayout::Lines, variable, &records, 9),
        b"ABC\r\n\r\nD\r\n"
    );
    assert_eq!(
        write(RecordLayout::LengthPrefixed, variable, &records, 9),
        b"\0\x03ABC\0\0\0\x01D"
    );
    let fixed = [b"ABC".to_vec(), b"DEF".to_vec()];
    assert_eq!(
        write(RecordLayout::Raw, Format::Fixed(3), &fixed, 2),
        b"ABCDEF"
    );
}

#[test]
fn the_last_line_may_lack_its_end() {
    let (records, counts) = read(
        RecordLayout::Lines,
        Format::Variable(0),
        b"ABC\r\nDE",
        64,
        64,
    )
    .expect("sound");
    assert_eq!(records, [b"ABC".to_vec(), b"DE".to_vec()]);
    assert_eq!(
        counts,
        Counts {
            records: 2,
            octets: 5
        }
    );
}

#[test]
fn records_of_another_length_are_named() {
    let problem = |layout, format, local: &[u8]| {
        read(layout, format, local, 64, 64)
            .expect_err("a problem")
            .to_string()
    };
    assert_eq!(
        problem(RecordLayout::Lines, Format::Fixed(3), b"ABC\r\nDE\r\n"),
        "record 2 has 2 octets, and exactly 3 were announced"
    );
    assert_eq!(
        problem(RecordLayout::Lines, Format::Variable(2), b"AB\r\nCDE\r\n"),
        "record 2 has 3 octets, and at most 2 are possible"
    );
    assert_eq!(
        problem(RecordLayout::Lines, Format::Variable(2), b"AB\nCD\n"),
        "record 1 has 6 octets, and at most 2 are possible; lines must end in CR LF, and here they end in LF alone"
    );
    assert_eq!(
        problem(RecordLayout::Raw, Format::Fixed(3), b"ABCDE"),
        "record 2 is cut off: 3 octets were to come, and the file ends"
    );
    assert_eq!(
        problem(
            RecordLayout::LengthPrefixed,
            Format::Variable(0),
            b"\0\x01A\0"
        ),
        "record 2 is cut off: the file ends within its length"
    );
}

#[test]
fn a_received_record_that_is_too_long_is_named_and_not_written() {
    let mut writer = RecordWriter::new(
        RecordLayout::Lines,
        Format::Variable(2),
        Position::default(),
    );
    let data = FileData {
        octets: b"ABCDE".to_vec(),
        record_ends: vec![2, 5],
    };
    assert_eq!(writer.write(data), b"AB\r\n");
    let problem = writer.problem().map(ToString::to_string);
    assert_eq!(
        problem.as_deref(),
        Some("record 2 has 3 octets, and at most 2 are possible")
    );
    assert_eq!(
        writer.boundary(),
        Position {
            octets: 4,
            records: 1
        }
    );
    assert_eq!(
        writer.write(FileData {
            octets: b"F".to_vec(),
            record_ends: vec![1]
        }),
        b""
    );
}

#[test]
fn a_length_of_two_octets_ends_at_65535() {
    let mut writer = RecordWriter::new(
        RecordLayout::LengthPrefixed,
        Format::Variable(99_999),
        Position::default(),
    );
    let octets = vec![b'A'; 65_536];
    writer.write(FileData {
        octets,
        record_ends: vec![65_536],
    });
    let problem = writer.problem().expect("too long").to_string();
    assert_eq!(
        problem,
        "record 1 has 65536 octets, and at most 65535 are possible"
    );
}

#[test]
fn positions_count_both_ways() {
    let fixed = Format::Fixed(80);
    let end = RecordLayout::Lines.end_of(fixed, 3).expect("fixed");
    assert_eq!(
        end,
        Position {
            octets: 246,
            records: 3
        }
    );
    assert_eq!(RecordLayout::Lines.virtual_octets(end), 240);
    assert_eq!(RecordLayout::Lines.end_of(Format::Variable(80), 3), None);
    assert!(!RecordLayout::Raw.suits(Format::Variable(80)));
}

#[test]
fn a_received_record_that_is_too_short_is_no_place_to_go_on_from() {
    for layout in LAYOUTS {
        let mut writer = RecordWriter::new(layout, Format::Fixed(3), Position::default());
        writer.write(FileData {
            octets: b"ABCDE".to_vec(),
            record_ends: vec![3, 5],
        });
        let whole = layout.end_of(Format::Fixed(3), 1).expect("fixed");
        assert_eq!(writer.boundary(), whole, "{layout}");
        let problem = writer.problem().map(ToString::to_string);
        let expected = "record 2 has 2 octets, and exactly 3 were announced";
        assert_eq!(problem.as_deref(), Some(expected));
    }
}

#[test]
fn fixed_records_beyond_two_octets_of_length_do_not_suit() {
    assert!(RecordLayout::LengthPrefixed.suits(Format::Fixed(65_535)));
    assert!(!RecordLayout::LengthPrefixed.suits(Format::Fixed(65_536)));
    assert!(RecordLayout::Lines.suits(Format::Fixed(99_999)));
}

#[test]
fn the_longest_record_is_what_is_to_be_announced() {
    let mut reader = RecordReader::new(RecordLayout::Lines, Format::Variable(0));
    let mut rest = b"AB\r\nABCDE\r\n\r\nABC".as_slice();
    while !rest.is_empty() {
        let piece = reader.peek(rest, true).expect("sound");
        let used = piece.length;
        rest = &rest[reader.advance(&piece, used)..];
    }
    assert_eq!(reader.longest(), 5);
    let endless = vec![b'A'; 100_000];
    let reader = RecordReader::new(RecordLayout::Lines, Format::Variable(0));
    assert!(
        reader.peek(&endless, true).is_err(),
        "SFIDLRECL cannot say it"
    );
}

#[test]
fn lines_of_a_text_get_their_ends_back_once() {
    let mut writer = RecordWriter::new(RecordLayout::Lines, Format::Text, Position::default());
    let mut local = Vec::new();
    for (octets, record_ends) in [
        (b"ONETWO\r".as_slice(), vec![3]),
        (b"\nTHREE".as_slice(), vec![1, 6]),
    ] {
        let octets = octets.to_vec();
        local.extend(writer.write(FileData {
            octets,
            record_ends,
        }));
    }
    assert_eq!(local, b"ONE\r\nTWO\r\nTHREE\r\n");
    assert_eq!(writer.boundary(), Position::default());
}
