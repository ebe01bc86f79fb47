//! The data exchange buffer: subrecords and their headers (RFC 5024, 7).
//!
//! A subrecord is a header octet and up to 63 octets of the file. Nearly all are full, so both ways
//! move full ones in strides of fixed size and leave the rest to slow, plain code.

use crate::{FileData, SessionReason, command::Malformed};

const END_OF_RECORD: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const COUNT: u8 = 0x3F;

/// Octets of the file in a full subrecord.
const FULL: usize = 63;
/// The same with its header.
const STRIDE: usize = 64;
/// Full subrecords that are recognised at once when reading.
const GROUP: usize = 4 * STRIDE;

/// What [`pack`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed {
    /// Octets of the file that found room.
    pub taken: usize,
    /// Where the last header stands in the output, if one was written.
    pub last_header: Option<usize>,
}

/// How many octets of a file fit uncompressed into `room` octets of subrecords.
pub fn capacity(room: usize) -> usize {
    room / STRIDE * FULL + (room % STRIDE).saturating_sub(1)
}

/// Appends as much of `octets` as fits into `room`, as subrecords without compression.
pub fn pack(octets: &[u8], room: usize, out: &mut Vec<u8>) -> Packed {
    let begin = out.len();
    let (full, _) = octets.as_chunks::<FULL>();
    let strides = full.len().min(room / STRIDE);
    out.resize(begin + strides * STRIDE, FULL as u8);
    let (frames, _) = out
        .get_mut(begin..)
        .unwrap_or_default()
        .as_chunks_mut::<STRIDE>();
    for (frame, subrecord) in frames.iter_mut().zip(full) {
        frame[1..].copy_from_slice(subrecord);
    }
    let rest = octets.get(strides * FULL..).unwrap_or_default();
    let short = rest.len().min((room - strides * STRIDE).saturating_sub(1));
    let mut last_header = out.len().checked_sub(STRIDE).filter(|_| strides > 0);
    if short > 0 {
        last_header = Some(out.len());
        out.push(short as u8);
        out.extend_from_slice(rest.get(..short).unwrap_or_default());
    }
    Packed {
        taken: strides * FULL + short,
        last_header,
    }
}

/// As [`pack`], with runs of one octet compressed (RFC 5024, 7.2).
pub fn pack_compressed(octets: &[u8], room: usize, out: &mut Vec<u8>) -> Packed {
    let begin = out.len();
    let mut packed = Packed::default();
    loop {
        let left = room - (out.len() - begin);
        let rest = octets.get(packed.taken..).unwrap_or_default();
        if left < 2 || rest.is_empty() {
            return packed;
        }
        let literal = literal_length(rest);
        if literal > 0 {
            let more = pack(rest.get(..literal).unwrap_or_default(), left, out);
            packed.taken += more.taken;
            packed.last_header = more.last_header.or(packed.last_header);
            continue;
        }
        let octet = rest.first().copied().unwrap_or_default();
        let run = rest
            .iter()
            .take(FULL)
            .take_while(|&&other| other == octet)
            .count();
        packed.last_header = Some(out.len());
        out.extend_from_slice(&[COMPRESSED | run as u8, octet]);
        packed.taken += run;
    }
}

/// Appends a subrecord of no octets that ends a record: one octet.
pub fn pack_empty_end(out: &mut Vec<u8>) {
    out.push(END_OF_RECORD);
}

/// Makes the subrecord of that header the last of its record.
pub fn mark_end(header: &mut u8) {
    *header |= END_OF_RECORD;
}

/// Appends what the subrecords of a data exchange buffer represent, `D` not included.
///
/// Yields at most 31.5 octets for each of the payload's if `compression` was agreed, else fewer
/// than the payload has; and at most one record end for each.
///
/// # Errors
/// [`Malformed`] (06) for a subrecord that reaches beyond the buffer, and for a compressed one
/// where compression was not agreed. What stood before it has been appended.
pub fn unpack(payload: &[u8], compression: bool, into: &mut FileData) -> Result<(), Malformed> {
    let mut rest = unpack_full(payload, &mut into.octets);
    while let Some((&header, after)) = rest.split_first() {
        let count = usize::from(header & COUNT);
        rest = if header & COMPRESSED == 0 {
            let (subrecord, after) = after.split_at_checked(count).ok_or_else(cut_off)?;
            into.octets.extend_from_slice(subrecord);
            after
        } else if compression {
            let (&octet, after) = after.split_first().ok_or_else(cut_off)?;
            into.octets.resize(into.octets.len() + count, octet);
            after
        } else {
            return Err(invalid(
                "a compressed subrecord, though compression was not agreed",
            ));
        };
        if header & END_OF_RECORD != 0 {
            into.record_ends.push(into.octets.len());
        }
        if usize::from(header) == FULL {
            rest = unpack_full(rest, &mut into.octets);
        }
    }
    Ok(())
}

/// Takes full subrecords that end no record, four at a time; gives back what follows them.
fn unpack_full<'a>(payload: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (groups, _) = payload.as_chunks::<GROUP>();
    let full = groups.iter().take_while(|group| is_full(group)).count();
    out.reserve(full * 4 * FULL);
    for group in groups.iter().take(full) {
        let (frames, _) = group.as_chunks::<STRIDE>();
        for frame in frames {
            out.extend_from_slice(&frame[1..]);
        }
    }
    payload.get(full * GROUP..).unwrap_or_default()
}

fn is_full(group: &[u8; GROUP]) -> bool {
    const HEADER: u8 = FULL as u8;
    group[0] == HEADER
        && group[STRIDE] == HEADER
        && group[2 * STRIDE] == HEADER
        && group[3 * STRIDE] == HEADER
}

fn cut_off() -> Malformed {
    invalid("a subrecord reaches beyond the buffer")
}

fn invalid(problem: &str) -> Malformed {
    Malformed {
        reason: SessionReason::InvalidData,
        problem: format!("DATA: {problem}"),
    }
}

/// Shorter runs cost as much compressed as not, once the subrecord they split is counted.
const SHORTEST_RUN: usize = 4;

/// How many octets come before the first run that is worth compressing.
fn literal_length(octets: &[u8]) -> usize {
    octets
        .windows(SHORTEST_RUN)
        .position(|window| window.iter().all(|octet| Some(octet) == window.first()))
        .unwrap_or(octets.len())
}
