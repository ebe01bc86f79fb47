//! Data exchange buffers (RFC 5024, 7). Read: any octets as subrecords give at most what they can
//! stand for. Written and read: any octets, in buffers of any size, compressed or not, records
//! ended anywhere, come back as they were.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oftp::SessionReason;
use oftp::buffer::{self, Unpacked};

fuzz_target!(|input: &[u8]| {
    let [choice, size, records, octets @ ..] = input else {
        return;
    };
    read(octets, choice % 2 == 1);
    let file = grown(octets, usize::from(choice >> 4));
    write_and_read(
        &file,
        2 + usize::from(*size),
        usize::from(*records),
        choice % 2 == 1,
    );
});

fn read(payload: &[u8], compression: bool) {
    let mut data = Unpacked::default();
    let outcome = buffer::unpack(payload, compression, &mut data);
    if let Err(malformed) = outcome {
        assert_eq!(malformed.reason, SessionReason::InvalidData);
    }
    let most = if compression {
        63 * payload.len() / 2
    } else {
        payload.len()
    };
    assert!(
        data.octets().len() <= most,
        "{} of {}",
        data.octets().len(),
        payload.len()
    );
    assert!(data.record_ends().len() <= payload.len());
    assert!(data.record_ends().is_sorted());
    assert!(
        data.record_ends()
            .last()
            .is_none_or(|&end| end <= data.octets().len())
    );
}

/// Longer files out of short inputs, for the strides.
fn grown(octets: &[u8], doublings: usize) -> Vec<u8> {
    let mut file = octets.to_vec();
    for _ in 0..doublings.min(4) {
        file.extend_from_within(..);
    }
    file
}

/// Records of `record` octets each, or one record if that is 0, in buffers of `size` octets.
fn write_and_read(file: &[u8], size: usize, record: usize, compression: bool) {
    let record = if record == 0 {
        file.len().max(1)
    } else {
        record
    };
    let (mut room, mut read, mut ends) = (vec![0; size], Unpacked::default(), Vec::new());
    for piece in file.chunks(record) {
        let mut rest = piece;
        while !rest.is_empty() {
            let packed = if compression {
                buffer::pack_compressed(rest, &mut room)
            } else {
                buffer::pack(rest, &mut room)
            };
            assert!(packed.taken > 0 && packed.written <= size);
            let full = packed.written + 1 >= size || packed.taken == rest.len();
            assert!(full, "{packed:?} of {} in {size}", rest.len());
            rest = &rest[packed.taken..];
            let last = packed.last_header.expect("something was taken");
            if rest.is_empty() {
                buffer::mark_end(&mut room[last]);
            }
            buffer::unpack(&room[..packed.written], compression, &mut read).expect("our own");
        }
        ends.push(ends.last().copied().unwrap_or(0) + piece.len());
    }
    assert_eq!(read.octets(), file);
    assert_eq!(read.record_ends(), ends);
}
