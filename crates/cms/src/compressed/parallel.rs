//! One zlib stream, made block by block on several threads.
//!
//! Each block is deflated by itself, with the 32 KiB before it as dictionary, and ends on an octet; the last one ends
//! the stream. What is made is one stream like any other, as every inflater takes it. Blocks go to the threads in turn,
//! and come back in the same order.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::adler;
use crate::error::{CmsError, Layer, Problem};
use crate::sink::gather;

/// Octets of a block.
const BLOCK: usize = 512 * 1024;
/// Octets before a block that it may refer to (RFC 1951, 2).
const WINDOW: usize = 32 * 1024;
/// The most threads of a stream.
const MOST_THREADS: usize = 16;

/// A block that is to be deflated.
struct Block {
    octets: Vec<u8>,
    before: Vec<u8>,
    is_last: bool,
}

/// A block that was.
struct Deflated {
    octets: Vec<u8>,
    sum: u32,
    length: u64,
}

struct Worker {
    blocks: Option<SyncSender<Block>>,
    results: Receiver<Result<Deflated, CmsError>>,
    thread: Option<JoinHandle<()>>,
    is_busy: bool,
}

/// Makes one zlib stream on several threads, which end with it.
pub(super) struct ParallelDeflate {
    workers: Vec<Worker>,
    /// The worker whose turn it is.
    turn: usize,
    gathered: Vec<u8>,
    before: Vec<u8>,
    sum: u32,
    has_begun: bool,
    level: u32,
}

impl ParallelDeflate {
    /// Of that level, 0 to 9, on so many threads, at most 16.
    pub(super) fn new(level: u32, threads: usize) -> Result<Self, CmsError> {
        let workers = (0..threads.clamp(1, MOST_THREADS)).map(|_| Worker::start(level));
        Ok(Self {
            workers: workers.collect::<Result<_, _>>()?,
            turn: 0,
            gathered: Vec::with_capacity(BLOCK),
            before: Vec::new(),
            sum: 1,
            has_begun: false,
            level,
        })
    }

    /// Takes octets, and gives what is made of earlier ones to `put`.
    pub(super) fn add(
        &mut self,
        mut octets: &[u8],
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        while !octets.is_empty() {
            if self.gathered.len() == BLOCK {
                self.submit(false, put)?;
            }
            octets = gather(&mut self.gathered, BLOCK, octets);
        }
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn end(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        self.submit(true, put)?;
        for _ in 0..self.workers.len() {
            self.collect(put)?;
            self.turn = (self.turn + 1) % self.workers.len();
        }
        put(&self.sum.to_be_bytes())
    }

    /// Hands the gathered block to the worker whose turn it is, after its last one was collected.
    fn submit(
        &mut self,
        is_last: bool,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        if !self.has_begun {
            self.has_begun = true;
            put(&zlib_header(self.level))?;
        }
        self.collect(put)?;
        let octets = std::mem::replace(&mut self.gathered, Vec::with_capacity(BLOCK));
        let tail = octets
            .get(octets.len().saturating_sub(WINDOW)..)
            .unwrap_or_default()
            .to_vec();
        let before = std::mem::replace(&mut self.before, tail);
        let block = Block {
            octets,
            before,
            is_last,
        };
        let worker = self.workers.get_mut(self.turn).ok_or(CmsError::Thread)?;
        let blocks = worker.blocks.as_ref().ok_or(CmsError::Thread)?;
        blocks.send(block).map_err(|_| CmsError::Thread)?;
        worker.is_busy = true;
        self.turn = (self.turn + 1) % self.workers.len();
        Ok(())
    }

    /// Writes what the worker has made whose turn it is.
    fn collect(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CmsError>,
    ) -> Result<(), CmsError> {
        let worker = self.workers.get_mut(self.turn).ok_or(CmsError::Thread)?;
        if !worker.is_busy {
            return Ok(());
        }
        worker.is_busy = false;
        let made = worker.results.recv().map_err(|_| CmsError::Thread)??;
        self.sum = adler::combine(self.sum, made.sum, made.length);
        put(&made.octets)
    }
}

impl Worker {
    fn start(level: u32) -> Result<Self, CmsError> {
        let (blocks, waiting) = sync_channel::<Block>(1);
        let (done, results) = sync_channel(1);
        let thread = std::thread::Builder::new().name("deflate".to_owned());
        let thread = thread.spawn(move || {
            let mut zlib = Compress::new(Compression::new(level.min(9)), false);
            for block in waiting {
                if done.send(deflate(&mut zlib, &block)).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            blocks: Some(blocks),
            results,
            thread: Some(thread.map_err(|_| CmsError::Thread)?),
            is_busy: false,
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without a sender its loop ends; what it still has made fits in the channel.
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The two octets before the stream, with the level as a hint (RFC 1950, 2.2).
fn zlib_header(level: u32) -> [u8; 2] {
    match level {
        0..=1 => [0x78, 0x01],
        2..=5 => [0x78, 0x5e],
        6 => [0x78, 0x9c],
        _ => [0x78, 0xda],
    }
}

fn deflate(zlib: &mut Compress, block: &Block) -> Result<Deflated, CmsError> {
    let wrong = |_| Layer::Compressed.error(Problem::Zlib);
    zlib.reset();
    if !block.before.is_empty() {
        zlib.set_dictionary(&block.before).map_err(wrong)?;
    }
    let flush = match block.is_last {
        true => FlushCompress::Finish,
        false => FlushCompress::Sync,
    };
    let mut octets = Vec::with_capacity(block.octets.len() / 2 + 1024);
    loop {
        let taken = usize::try_from(zlib.total_in()).unwrap_or(usize::MAX);
        let rest = block.octets.get(taken..).unwrap_or_default();
        let status = zlib.compress_vec(rest, &mut octets, flush).map_err(wrong)?;
        let has_taken_all = zlib.total_in() == block.octets.len() as u64;
        // A flush is complete when it leaves room.
        let is_flushed = !block.is_last && has_taken_all && octets.len() < octets.capacity();
        if status == Status::StreamEnd || is_flushed {
            break;
        }
        octets.reserve(octets.capacity() / 2 + 1024);
    }
    Ok(Deflated {
        sum: adler::adler32(&block.octets),
        length: block.octets.len() as u64,
        octets,
    })
}
