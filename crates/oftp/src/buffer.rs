//! The data exchange buffer: subrecords and their headers (RFC 5024, 7).
//!
//! A subrecord is a header octet and up to 63 octets of the file. Nearly all are full, so both ways
//! move full ones in strides of fixed size and leave the rest to slow, plain code.

use fearless_simd::{Level as Width, Simd, dispatch};

use crate::write_buffer::{WriteBuffer, copy_short};
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
/// Octets of the file in them.
const FULLS: usize = 4 * FULL;

/// What [`pack`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed {
    /// Octets of the file that found room.
    pub taken: usize,
    /// Octets of the room that were written.
    pub written: usize,
    /// Where in the room the last header stands, if one was written.
    pub last_header: Option<usize>,
}

/// How many octets of a file fit uncompressed into `room` octets of subrecords.
pub fn capacity(room: usize) -> usize {
    room / STRIDE * FULL + (room % STRIDE).saturating_sub(1)
}

/// Writes as much of `octets` as fits into `room`, as subrecords without compression.
pub fn pack(octets: &[u8], room: &mut [u8]) -> Packed {
    let (full, short) = octets.as_chunks::<FULL>();
    let (frames, last) = room.as_chunks_mut::<STRIDE>();
    let width = Width::new();
    dispatch!(width, simd => frame(simd, full, frames));
    let strides = full.len().min(frames.len());
    let (taken, written) = (strides * FULL, strides * STRIDE);
    let short = full.get(strides).map_or(short, <[u8; FULL]>::as_slice);
    let last = frames
        .get_mut(strides)
        .map_or(last, <[u8; STRIDE]>::as_mut_slice);
    let count = pack_short(short, last);
    if count > 0 {
        return Packed {
            taken: taken + count,
            written: written + 1 + count,
            last_header: Some(written),
        };
    }
    Packed {
        taken,
        written,
        last_header: written.checked_sub(STRIDE),
    }
}

/// Writes full subrecords, as many as there is room for. Compiled once for each set of vectors, of which `dispatch!`
/// takes the widest that the processor has.
#[inline(always)]
fn frame<S: Simd>(_: S, full: &[[u8; FULL]], frames: &mut [[u8; STRIDE]]) {
    for (frame, subrecord) in frames.iter_mut().zip(full) {
        frame[0] = FULL as u8;
        frame[1..].copy_from_slice(subrecord);
    }
}

/// Writes one subrecord of fewer octets than a full one; gives back how many.
fn pack_short(octets: &[u8], room: &mut [u8]) -> usize {
    let Some((header, room)) = room.split_first_mut() else {
        return 0;
    };
    let count = octets.len().min(room.len());
    if let (Some(to), Some(from)) = (room.get_mut(..count), octets.get(..count))
        && count > 0
    {
        *header = count as u8;
        copy_short(from, to);
    }
    count
}

/// As [`pack`], with runs of one octet compressed (RFC 5024, 7.2).
pub fn pack_compressed(octets: &[u8], room: &mut [u8]) -> Packed {
    let mut packed = Packed::default();
    loop {
        let rest = octets.get(packed.taken..).unwrap_or_default();
        let left = room.get_mut(packed.written..).unwrap_or_default();
        let literal = literal_length(rest, capacity(left.len()));
        let more = match (rest.first(), left) {
            (None, _) | (_, [] | [_]) => return packed,
            (_, left) if literal > 0 => pack(rest.get(..literal).unwrap_or_default(), left),
            (Some(&octet), [header, value, ..]) => {
                let run = rest
                    .iter()
                    .take(FULL)
                    .take_while(|&&other| other == octet)
                    .count();
                (*header, *value) = (COMPRESSED | run as u8, octet);
                Packed {
                    taken: run,
                    written: 2,
                    last_header: Some(0),
                }
            }
        };
        packed.last_header = more.last_header.map(|header| packed.written + header);
        packed.taken += more.taken;
        packed.written += more.written;
    }
}

/// Makes the subrecord of that header the last of its record.
pub fn mark_end(header: &mut u8) {
    *header |= END_OF_RECORD;
}

/// The header of a subrecord of no octets that ends a record.
pub const EMPTY_END: u8 = END_OF_RECORD;

/// What the subrecords of data exchange buffers represent, one after the other.
///
/// Made of a buffer that was used before, or [cleared](Self::clear), it writes over what was there
/// without clearing it first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Unpacked {
    page: WriteBuffer,
    record_ends: Vec<usize>,
}

impl Unpacked {
    /// Nothing yet, to be written over `buffer`.
    pub fn reusing(buffer: Vec<u8>) -> Self {
        Self {
            page: WriteBuffer::reusing(buffer),
            record_ends: Vec::new(),
        }
    }

    /// Octets of the file.
    pub fn octets(&self) -> &[u8] {
        self.page.octets()
    }

    /// Where records end, as in [`FileData::record_ends`].
    pub fn record_ends(&self) -> &[usize] {
        &self.record_ends
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.page.cut(0);
        self.record_ends.clear();
    }

    /// The same as a value of its own.
    pub fn into_data(self) -> FileData {
        FileData {
            octets: self.page.into_octets(),
            record_ends: self.record_ends,
        }
    }

    /// A record ends here.
    pub(crate) fn end_record(&mut self) {
        self.record_ends.push(self.page.len());
    }
}

/// Subrecords of a data exchange buffer that hold no octet of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hollow {
    /// Those that say nothing at all.
    pub subrecords: usize,
    /// Those that end a record.
    pub ends: usize,
}

/// Appends what the subrecords of a data exchange buffer represent, `D` not included; says how many of them are hollow.
///
/// Yields at most 31.5 octets for each of the payload's if `compression` was agreed, else fewer
/// than the payload has; and at most one record end for each.
///
/// # Errors
/// [`Malformed`] (06) for a subrecord that reaches beyond the buffer, and for a compressed one
/// where compression was not agreed. What stood before it has been appended.
pub fn unpack(payload: &[u8], compression: bool, into: &mut Unpacked) -> Result<Hollow, Malformed> {
    let mut hollow = Hollow::default();
    let mut rest = unpack_full(payload, &mut into.page);
    while let Some((&header, after)) = rest.split_first() {
        let count = usize::from(header & COUNT);
        rest = if header & COMPRESSED == 0 {
            let (subrecord, after) = after.split_at_checked(count).ok_or_else(cut_off)?;
            into.page.write(subrecord);
            after
        } else if compression {
            let (&octet, after) = after.split_first().ok_or_else(cut_off)?;
            into.page.repeat(octet, count);
            after
        } else {
            return Err(invalid(
                "a compressed subrecord, though compression was not agreed",
            ));
        };
        let ends = header & END_OF_RECORD != 0;
        if ends {
            into.end_record();
        }
        if count == 0 {
            hollow.ends += usize::from(ends);
            hollow.subrecords += usize::from(!ends);
        }
        if usize::from(header) == FULL {
            rest = unpack_full(rest, &mut into.page);
        }
    }
    Ok(hollow)
}

/// Takes full subrecords that end no record; gives back what follows them.
fn unpack_full<'a>(payload: &'a [u8], into: &mut WriteBuffer) -> &'a [u8] {
    if payload.first() != Some(&(FULL as u8)) {
        return payload;
    }
    let room = into.room(payload.len() / STRIDE * FULL);
    let width = Width::new();
    let taken = dispatch!(width, simd => unframe(simd, payload, room));
    into.fill(taken * FULL);
    payload.get(taken * STRIDE..).unwrap_or_default()
}

/// Moves full subrecords as long as there are such, four at a time, in the widest vectors of the
/// processor; says how many.
#[inline(always)]
fn unframe<S: Simd>(_: S, payload: &[u8], room: &mut [u8]) -> usize {
    let (groups, _) = payload.as_chunks::<GROUP>();
    let (fours, _) = room.as_chunks_mut::<FULLS>();
    let mut taken = 0;
    for (group, octets) in groups.iter().zip(fours) {
        if !is_full(group) {
            break;
        }
        octets[..63].copy_from_slice(&group[1..64]);
        octets[63..126].copy_from_slice(&group[65..128]);
        octets[126..189].copy_from_slice(&group[129..192]);
        octets[189..].copy_from_slice(&group[193..]);
        taken += 4;
    }
    let (frames, _) = payload
        .get(taken * STRIDE..)
        .unwrap_or_default()
        .as_chunks::<STRIDE>();
    let (ones, _) = room
        .get_mut(taken * FULL..)
        .unwrap_or_default()
        .as_chunks_mut::<FULL>();
    for (frame, octets) in frames.iter().zip(ones) {
        if frame[0] != FULL as u8 {
            break;
        }
        octets.copy_from_slice(&frame[1..]);
        taken += 1;
    }
    taken
}

#[inline(always)]
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
    Malformed::new(SessionReason::InvalidData, format!("DATA: {problem}"))
}

/// Shorter runs cost as much compressed as not, once the subrecord they split is counted.
const SHORTEST_RUN: usize = 4;

/// Octets searched for runs at once.
const BLOCK: usize = 64;
/// The same and what a run that begins in the last of them needs to be seen.
const BLOCK_AND_RUN: usize = BLOCK + SHORTEST_RUN - 1;

/// How many octets come before the first run that is worth compressing. Searches until there are
/// `limit` of them, or somewhat more.
fn literal_length(octets: &[u8], limit: usize) -> usize {
    let mut clear = 0;
    while clear < limit {
        let rest = octets.get(clear..).unwrap_or_default();
        let block = match rest.split_first_chunk::<BLOCK_AND_RUN>() {
            Some((block, _)) if !has_run(block) => BLOCK,
            Some((block, _)) => return clear + first_run(block).unwrap_or(BLOCK),
            None => return clear + first_run(rest).unwrap_or(rest.len()),
        };
        clear += block;
    }
    clear
}

/// Whether a run begins in the block; written so that whole vectors are compared.
fn has_run(block: &[u8; BLOCK_AND_RUN]) -> bool {
    let differences = |from: usize| {
        let (here, next) = (block.iter().skip(from), block.iter().skip(from + 1));
        here.zip(next).take(BLOCK).map(|(here, next)| here ^ next)
    };
    let triples = differences(0).zip(differences(1)).zip(differences(2));
    triples.fold(false, |seen, ((a, b), c)| seen | (a | b | c == 0))
}

/// Where the first run begins.
fn first_run(octets: &[u8]) -> Option<usize> {
    let pairs = octets.iter().zip(octets.iter().skip(1));
    let mut length = 1;
    let end = pairs.map(|(here, next)| here == next).position(|same| {
        length = if same { length + 1 } else { 1 };
        length == SHORTEST_RUN
    });
    end.map(|end| end + 2 - SHORTEST_RUN)
}
