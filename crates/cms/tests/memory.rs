//! Memory is bounded by a constant: the same for 64 MiB and for 512 MiB. One test, so that nothing else is measured.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pointsman_cms::{Compress, MOST_MEMORY, Opening, Wrapping};
use support::{Services, opening, status, suite, text, wrapping};

/// A pipe from the writer to the reader, of a few buffers.
struct Into(SyncSender<Vec<u8>>);
struct From(Receiver<Vec<u8>>, Vec<u8>);

impl Write for Into {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0
            .send(octets.to_vec())
            .map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for From {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default();
        }
        let count = room.len().min(self.1.len());
        room[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

/// Makes a file and opens it at the same time; nothing of it is kept.
fn through(wrapping: Wrapping, opening: &Opening, piece: &'static [u8], pieces: usize) {
    let (sender, receiver) = sync_channel(2);
    let writer = std::thread::spawn(move || {
        let mut wrapper = wrapping.write_to(Into(sender)).unwrap();
        for _ in 0..pieces {
            wrapper.write_all(piece).unwrap();
        }
        wrapper.finish().unwrap().1
    });
    let mut opener = opening.read_from(From(receiver, Vec::new())).unwrap();
    let octets = std::io::copy(&mut opener, &mut std::io::sink()).unwrap();
    let found = opener.finish().unwrap();
    let wrapped = writer.join().unwrap();
    assert_eq!(octets, (piece.len() * pieces) as u64);
    assert_eq!(
        (found.wire.octets, found.wire.hash),
        (wrapped.octets, wrapped.hash)
    );
}

#[test]
fn a_large_file_has_no_more_memory_than_a_small_one() {
    let piece: &'static [u8] = Box::leak(text(1 << 20).into_boxed_slice());
    let services = Services::of("sze");
    let wrapping = |threads| Wrapping {
        overlap: true,
        compress: Some(Compress { level: 1, threads }),
        ..wrapping(suite(4), services)
    };
    let mut opening = opening(suite(4), services);
    opening.overlap = true;
    // Keys are made, and the libraries have what they keep.
    through(wrapping(1), &opening, b"x", 1);
    let before = status("VmRSS");
    through(wrapping(1), &opening, piece, 64);
    let small = status("VmHWM");
    through(wrapping(1), &opening, piece, 512);
    let large = status("VmHWM");
    println!(
        "before {} KiB, peak for 64 MiB {} KiB, for 512 MiB {} KiB",
        before >> 10,
        small >> 10,
        large >> 10
    );
    // Both directions at once, and the pipe between them.
    let most = 2 * MOST_MEMORY as u64 + (2 << 20);
    assert!(large - before <= most, "{} octets more", large - before);
    assert!(
        large - small <= 4 << 20,
        "{} octets more than for 64 MiB",
        large - small
    );
    through(wrapping(4), &opening, piece, 64);
    let parallel = status("VmHWM");
    println!("with four threads that deflate {} KiB", parallel >> 10);
    assert!(
        parallel - large <= 12 << 20,
        "{} octets for four threads",
        parallel - large
    );
}
