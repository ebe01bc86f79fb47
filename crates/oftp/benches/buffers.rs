//! Data exchange buffers against memcpy of as many octets, in the same run: what framing costs.
//!
//! `framing` and `unframing` are to reach half of `memcpy` (both in cache), `runs`, which looks for
//! runs where there are none, 5 GB/s. The last table says so at once: medians of many short rounds in
//! turn, so that a busy machine is busy for all of them.

#![allow(clippy::indexing_slicing, reason = "a benchmark may fail anywhere")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use oftp::buffer::{self, Unpacked};

/// DATA buffers, `D` included.
const SIZES: [usize; 4] = [2_048, 4_096, 32_768, 99_999];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    buffers(&mut criterion);
    criterion.final_summary();
    ratios();
}

fn buffers(criterion: &mut Criterion) {
    for size in SIZES {
        let mut group = criterion.benchmark_group("buffers");
        let file = octets(buffer::capacity(size - 1));
        let (mut room, mut data) = (vec![0; size - 1], Unpacked::default());
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(BenchmarkId::new("memcpy", size), |bench| {
            let mut copy = vec![0; file.len()];
            bench.iter(|| {
                copy.copy_from_slice(black_box(&file));
                black_box(&mut copy);
            });
        });
        group.bench_function(BenchmarkId::new("framing", size), |bench| {
            bench.iter(|| buffer::pack(black_box(&file), &mut room));
        });
        group.bench_function(BenchmarkId::new("unframing", size), |bench| {
            bench.iter(|| {
                data.clear();
                buffer::unpack(black_box(&room), false, &mut data)
            });
        });
        group.bench_function(BenchmarkId::new("runs", size), |bench| {
            bench.iter(|| buffer::pack_compressed(black_box(&file), &mut room));
        });
        group.finish();
    }
}

/// Prints each as a part of memcpy, and the search for runs in GB/s.
fn ratios() {
    println!("\n| octets | framing | unframing | with runs, GB/s |\n|---|---|---|---|");
    for size in SIZES {
        let file = octets(buffer::capacity(size - 1));
        let (mut copy, mut room) = (vec![0; file.len()], vec![0; size - 1]);
        let mut data = Unpacked::default();
        let mut rounds: Vec<[f64; 4]> = Vec::new();
        for _ in 0..200 {
            rounds.push([
                time(|| black_box(&mut copy[..]).copy_from_slice(black_box(&file))),
                time(|| _ = black_box(buffer::pack(black_box(&file), &mut room))),
                time(|| {
                    data.clear();
                    let read = buffer::unpack(black_box(&room), false, &mut data);
                    assert!(black_box(read).is_ok());
                }),
                time(|| _ = black_box(buffer::pack_compressed(black_box(&file), &mut room))),
            ]);
        }
        let middle = |of: &dyn Fn(&[f64; 4]) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (framing, unframing) = (middle(&|r| r[0] / r[1]), middle(&|r| r[0] / r[2]));
        let runs = file.len() as f64 / middle(&|r| r[3]) / 1e9;
        println!("| {size} | {framing:.2} | {unframing:.2} | {runs:.1} |");
    }
}

/// Seconds that one of many calls takes.
fn time(mut work: impl FnMut()) -> f64 {
    const CALLS: u32 = 500;
    let began = Instant::now();
    for _ in 0..CALLS {
        work();
    }
    began.elapsed().as_secs_f64() / f64::from(CALLS)
}

/// Octets without runs.
fn octets(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let octet = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(octet).collect()
}
