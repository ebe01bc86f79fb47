//! Data exchange buffers against memcpy of as many octets, in the same run: what framing costs.
//!
//! `framing` and `unframing` are to reach half of `memcpy` (both in cache), `runs`, which looks for
//! runs where there are none, 5 GB/s. The first two do not everywhere: medians of one run, on two
//! shared cores with AVX2, as parts of memcpy:
//!
//! | octets | 2,048 | 4,096 | 32,768 | 99,999 |
//! |---|---|---|---|---|
//! | framing | 0.51 | 0.54 | 0.45 | 0.49 |
//! | unframing | 0.31 | 0.40 | 0.32 | 0.41 |
//!
//! memcpy moves wider vectors than the 16 octets of a build for every x86-64. Choosing wider ones at
//! run time, by a crate that keeps `unsafe` out of ours, brought framing to 0.43, 0.56, 0.56 and 0.75
//! (one run, busier), and unframing nothing, probably since it appends to a `Vec`: into octets that
//! are already there it reached 0.55 and more in a trial of its own, but clearing them first cost more
//! than that won. No dependency for half of it.

use criterion::{BenchmarkId, Criterion, Throughput};
use oftp::{FileData, buffer};

/// DATA buffers, `D` included.
const SIZES: [usize; 4] = [2_048, 4_096, 32_768, 99_999];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    buffers(&mut criterion);
    criterion.final_summary();
}

fn buffers(criterion: &mut Criterion) {
    for size in SIZES {
        let mut group = criterion.benchmark_group("buffers");
        let file = octets(buffer::capacity(size - 1));
        let (mut room, mut data) = (vec![0; size - 1], FileData::default());
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(BenchmarkId::new("memcpy", size), |bench| {
            let mut copy = vec![0; file.len()];
            bench.iter(|| {
                copy.copy_from_slice(std::hint::black_box(&file));
                std::hint::black_box(&mut copy);
            });
        });
        group.bench_function(BenchmarkId::new("framing", size), |bench| {
            bench.iter(|| buffer::pack(std::hint::black_box(&file), &mut room));
        });
        group.bench_function(BenchmarkId::new("unframing", size), |bench| {
            bench.iter(|| {
                data.octets.clear();
                data.record_ends.clear();
                buffer::unpack(std::hint::black_box(&room), false, &mut data)
            });
        });
        group.bench_function(BenchmarkId::new("runs", size), |bench| {
            bench.iter(|| buffer::pack_compressed(std::hint::black_box(&file), &mut room));
        });
        group.finish();
    }
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
