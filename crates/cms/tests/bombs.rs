//! Files that want more than they have: refused at once, with little memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::io::{Cursor, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pointsman_cms::{CmsError, Opening};
use support::tree::{Node, SIGNED_DATA};
use support::{Services, opening, status, suite, wrap, wrap_definite, wrapping};

/// Opens a file as it passes, and says what became of it, how long it took, and the highest memory of this process.
fn refused(name: &str, opening: &Opening, file: impl Read + Send + 'static) -> CmsError {
    let began = Instant::now();
    let mut opener = opening.read_from(file).unwrap();
    let octets = std::io::copy(&mut opener, &mut std::io::sink());
    let error = opener.finish().expect_err(name);
    let (took, peak) = (began.elapsed(), status("VmHWM") >> 20);
    println!("{name}: {error} after {took:?} and {octets:?}; peak {peak} MiB");
    assert!(took < Duration::from_secs(20), "{name} took {took:?}");
    error
}

/// A beginning, and then the same octets for ever, or nearly.
fn endless(beginning: Vec<u8>, again: &'static [u8]) -> impl Read + Send + 'static {
    let size = 1 << 40;
    Cursor::new(beginning).chain(Repeated { again, at: 0 }.take(size))
}

struct Repeated {
    again: &'static [u8],
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        for octet in room.iter_mut() {
            *octet = self.again[self.at];
            self.at = (self.at + 1) % self.again.len();
        }
        Ok(room.len())
    }
}

fn signed_beginning() -> Vec<u8> {
    let oid = [&[6, SIGNED_DATA.len() as u8][..], SIGNED_DATA].concat();
    [&[0x30, 0x80][..], &oid, &[0xa0, 0x80, 0x30, 0x80, 2, 1, 1]].concat()
}

/// Up to where the content's string begins.
fn content_beginning() -> Vec<u8> {
    let sha256 = [
        0x31, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1,
    ];
    let data = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    [
        signed_beginning().as_slice(),
        &sha256,
        &[0x30, 0x80],
        &data,
        &[0xa0, 0x80, 0x24, 0x80],
    ]
    .concat()
}

/// Octets that a bomb may take at most beside what any file takes.
const EXTRA: u64 = 8 << 20;

/// Tests of one program share its memory.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The memory that this process has now; its highest is counted from here on.
fn resident_from_now_on() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    status("VmHWM")
}

/// 64 MiB of zeros, secured so.
fn wrapped_zeros(services: &str) -> Vec<u8> {
    let wrapping = wrapping(suite(4), Services::of(services));
    let mut wrapper = wrapping.write_to(Vec::new()).unwrap();
    let zeros = [0; 64 << 10];
    for _ in 0..1024 {
        wrapper.write_all(&zeros).unwrap();
    }
    wrapper.finish().unwrap().0
}

#[test]
fn bombs_are_refused_with_little_memory() {
    // The bombs themselves, made before anything is measured, and in pieces, so that they take no memory either.
    let ratio = wrapped_zeros("ze");
    let in_each_other = wrap(&wrapping(suite(4), Services::of("z")), &wrapped_zeros("z")).0;
    let _alone = alone();
    // What any file takes is no bomb's.
    let usual = wrap(&wrapping(suite(4), Services::of("sze")), b"x").0;
    support::open(&opening(suite(4), Services::of("sze")), &usual).unwrap();
    let before = resident_from_now_on();
    let signed = opening(suite(4), Services::of("s"));
    let mut named = Vec::new();
    let mut look = |name: &str, opening: &Opening, file: Box<dyn Read + Send>| {
        let error = refused(name, opening, file);
        named.push(format!("{:?}", error.problem()));
    };
    for first in [0x30, 0x24, 0xa0, 0x31] {
        let deep: &'static [u8] = Box::leak(vec![first, 0x80].into_boxed_slice());
        look(
            "containers in each other",
            &signed,
            Box::new(endless(Vec::new(), deep)),
        );
        look(
            "the same as a list of digests",
            &signed,
            Box::new(endless(signed_beginning(), deep)),
        );
    }
    look(
        "segments in each other",
        &signed,
        Box::new(endless(content_beginning(), &[0x24, 0x80])),
    );
    look(
        "empty segments",
        &signed,
        Box::new(endless(content_beginning(), &[4, 0])),
    );
    look(
        "empty segments in segments",
        &signed,
        Box::new(endless(content_beginning(), &[0x24, 0x80, 0, 0])),
    );
    let huge = [
        signed_beginning().as_slice(),
        &[0x31, 0x88, 0x7f, 255, 255, 255, 255, 255, 255, 255],
    ]
    .concat();
    look(
        "a list of 2^63 octets",
        &signed,
        Box::new(endless(huge, &[0])),
    );
    let huge = [
        signed_beginning().as_slice(),
        &[0x31, 0x88, 255, 255, 255, 255, 255, 255, 255, 255],
    ]
    .concat();
    look(
        "a list of 2^64 octets",
        &signed,
        Box::new(endless(huge, &[0])),
    );
    let digests = [signed_beginning().as_slice(), &[0x31, 0x80]].concat();
    look(
        "digests for ever",
        &signed,
        Box::new(endless(digests, &[0x30, 2, 6, 0])),
    );
    look(
        "a ratio of 1000, encrypted",
        &opening(suite(4), Services::of("ze")),
        Box::new(Cursor::new(ratio)),
    );
    recipients(&mut look);
    certificates(&mut look);
    let twice = opening(suite(4), Services::of("z"));
    let (content, _) = support::open(&twice, &in_each_other).unwrap();
    println!(
        "a bomb in a compressed file is content of {} octets: nobody inflates it",
        content.len()
    );
    let peak = status("VmHWM");
    println!(
        "peak {} KiB, {} KiB before the first bomb",
        peak >> 10,
        before >> 10
    );
    assert!(
        peak.saturating_sub(before) <= EXTRA,
        "they took {} KiB more than the {} KiB before",
        peak.saturating_sub(before) >> 10,
        before >> 10
    );
    assert!(
        named.iter().all(|problem| problem.starts_with("Some")),
        "{named:?}"
    );
}

type Look<'a> = &'a mut dyn FnMut(&str, &Opening, Box<dyn Read + Send>);

fn recipients(look: Look<'_>) {
    let mut file = Node::parse(&wrap_definite(&wrapping(suite(4), Services::of("e")), b"x").0);
    let oid = file.at(&[0]).der();
    let version = file.at(&[1, 0, 0]).der();
    let one: &'static [u8] = Box::leak(file.at(&[1, 0, 1, 0]).der().into_boxed_slice());
    let envelope = [&[0x30, 0x80][..], &oid, &[0xa0, 0x80, 0x30, 0x80], &version].concat();
    let for_ever = [&envelope[..], &[0x31, 0x80]].concat();
    let most = [&envelope[..], &[0x31, 0x84, 0x7f, 255, 255, 255]].concat();
    for (name, beginning) in [
        ("recipients for ever", for_ever),
        ("recipients of 2^31 octets", most),
    ] {
        look(
            name,
            &opening(suite(4), Services::of("e")),
            Box::new(endless(beginning, one)),
        );
    }
}

fn certificates(look: Look<'_>) {
    let file = wrap(&wrapping(suite(4), Services::of("s")), b"x").0;
    // Up to the end of the content; then certificates for ever.
    let end = file.windows(6).position(|six| six == [0; 6]).unwrap() + 6;
    let beginning = [&file[..end], &[0xa0, 0x80]].concat();
    look(
        "certificates for ever",
        &opening(suite(4), Services::of("s")),
        Box::new(endless(beginning, &[0x30, 1, 0])),
    );
}

#[test]
fn a_file_of_the_largest_size_is_stopped_there() {
    let _alone = alone();
    let file = wrapped_zeros("sz");
    let mut small = opening(suite(4), Services::of("sz"));
    small.limits.ratio = 2000;
    small.limits.largest = 1 << 20;
    let mut opener = small.read_from(Cursor::new(file)).unwrap();
    let mut content = Vec::new();
    opener.read_to_end(&mut content).unwrap_err();
    assert!(content.len() <= 2 << 20, "{} octets came", content.len());
    assert!(matches!(
        opener.finish(),
        Err(CmsError::TooLarge { limit: 1_048_576 })
    ));
}
