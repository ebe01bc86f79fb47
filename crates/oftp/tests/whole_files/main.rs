//! Files arrive whole, however they are made and wherever the connection is cut.
//!
//! Two real sessions with stations around them that have what their disks have. Sessions are cut at
//! every octet, in both directions, and taken up again in a new one; and files of every size that
//! matters go through every combination of what can be agreed upon.

#![cfg(test)]

mod station;

use std::rc::Rc;

use oftp::*;

use station::{Dice, File, Station};

const LEVELS: [Level; 4] = [Level::V12, Level::V13, Level::V14, Level::V20];
const FORMATS: [Format; 4] = [
    Format::Unstructured,
    Format::Text,
    Format::Fixed(80),
    Format::Variable(300),
];

/// A session to be recorded, cut and resumed.
#[derive(Debug, Clone, Copy)]
struct Scene {
    level: Level,
    format: Format,
    compression: bool,
    restart: bool,
    /// Octets of the files of the caller and of the called.
    files: [usize; 2],
    credit: u16,
}

/// Sixteen: each format at each level, the rest taken in turn.
fn scenes() -> impl Iterator<Item = Scene> {
    (0..16).map(|n| Scene {
        level: LEVELS[n % 4],
        format: FORMATS[(n / 4 + n) % 4],
        compression: n % 3 == 1,
        restart: n % 8 != 5,
        files: [[5000, 0], [0, 5000], [2700, 2300], [1024, 4096]][n / 4],
        credit: [1, 2, 3, 999][(n + n / 4) % 4],
    })
}

impl Scene {
    fn stations(&self) -> [Station; 2] {
        [0, 1].map(|side| {
            let files = (self.files[side] > 0).then(|| self.file(side)).into_iter();
            Station::new(files.collect(), self.params(side))
        })
    }

    fn file(&self, side: usize) -> Rc<File> {
        let name = ["OURS", "THEIRS"][side];
        Rc::new(File::new(name, self.format, self.files[side]))
    }

    fn params(&self, side: usize) -> Params {
        let code = OdetteId::new(["O0013US", "O0013THEM"][side]).unwrap();
        Params {
            level: self.level,
            buffer_size: 256,
            compression: self.compression,
            restart: self.restart,
            credit: self.credit,
            tolerances: Tolerances::STRICT,
            ..Params::new(code, Password::new("PW").unwrap())
        }
    }
}

#[test]
fn a_session_cut_at_any_octet_is_resumed() {
    cut_all(scenes());
}

#[test]
#[ignore = "takes minutes: three times the files, nine times the work"]
fn a_longer_session_cut_at_any_octet_is_resumed() {
    cut_all(scenes().map(|scene| Scene {
        files: scene.files.map(|octets| octets * 3),
        ..scene
    }));
}

fn cut_all(scenes: impl Iterator<Item = Scene>) {
    let (mut cuts, mut sessions) = (0, 0);
    for scene in scenes {
        let of_scene: usize = [0, 1].map(|to| cut_everywhere(&scene, to)).iter().sum();
        println!("{of_scene:6} cuts: {scene:?}");
        (cuts, sessions) = (cuts + of_scene, sessions + 1);
    }
    println!("{cuts} cuts of {sessions} sessions");
    assert!(sessions >= 12 && cuts >= 80_000);
}

/// Lets octets arrive at one end one by one; after each, the connection is cut. Gives back how often.
fn cut_everywhere(scene: &Scene, to: usize) -> usize {
    let mut stations = scene.stations();
    begin(&mut stations);
    let mut wires = [Vec::new(), Vec::new()];
    let mut cuts = 0;
    loop {
        for at in [0, 1] {
            wires[1 - at].extend(stations[at].says());
        }
        let from = 1 - to;
        let there = std::mem::take(&mut wires[from]);
        stations[from].hears(&there);
        if wires[to].is_empty() {
            if there.is_empty() {
                break;
            }
            continue;
        }
        let octets = std::mem::take(&mut wires[to]);
        for octet in octets {
            resume(scene, stations.clone());
            stations[to].hears(&[octet]);
            cuts += 1;
        }
    }
    assert!(stations.iter().all(Station::is_done), "{scene:?}");
    cuts
}

/// Both ends lose the connection and have what is on their disks; in a new session all is done.
fn resume(scene: &Scene, mut stations: [Station; 2]) {
    for station in &mut stations {
        station.loses_connection();
    }
    begin(&mut stations);
    run(&mut stations);
    for (side, station) in stations.iter().enumerate() {
        assert!(station.is_done(), "{scene:?}");
        if scene.files[1 - side] > 0 {
            station.expect_received(&scene.file(1 - side));
        }
        let repeated = station.repeated();
        let most = if scene.restart {
            scene.file(1 - side).unit()
        } else {
            usize::MAX
        };
        assert!(repeated < most, "{repeated} octets came twice: {scene:?}");
    }
}

#[test]
fn every_combination_carries_every_size() {
    const BUFFER: usize = 2048;
    let full = buffer::capacity(BUFFER - 1);
    let edges = [BUFFER - 1, BUFFER, BUFFER + 1, full - 1, full, full + 1];
    let small = [0, 1, 62, 63, 64, 1023, 1024, 1025];
    let sizes = small.into_iter().chain(edges).chain([10 << 20]);
    let mut runs = 0;
    for octets in sizes {
        for level in LEVELS {
            for format in FORMATS {
                for [compression, restart] in
                    [[false, false], [false, true], [true, false], [true, true]]
                {
                    let scene = Scene {
                        level,
                        format,
                        compression,
                        restart,
                        files: [octets, 0],
                        credit: 7,
                    };
                    carry(&scene, BUFFER as u32);
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} combinations");
    assert_eq!(runs, 4 * 4 * 4 * 15);
}

/// The same with monitors that decide by dice, files both ways, ends that offer different things, and octets that
/// arrive in pieces. `SEED` repeats a run.
#[test]
fn every_combination_with_random_monitors() {
    let seed = std::env::var("SEED").map_or(5024, |seed| seed.parse().expect("a number"));
    println!("SEED={seed}");
    let mut dice = Dice(seed);
    let sizes = [
        0,
        1,
        62,
        63,
        64,
        1023,
        1024,
        1025,
        2047,
        2048,
        2049,
        1983,
        1984,
        1985,
        10 << 20,
    ];
    let mut runs = 0;
    for octets in sizes {
        for level in LEVELS {
            for format in FORMATS {
                for choice in 0..4 {
                    let scene = Scene {
                        level,
                        format,
                        compression: choice & 1 == 1,
                        restart: choice & 2 == 2,
                        files: [octets, sizes[dice.below(sizes.len() - 1)]],
                        credit: 1 + dice.below(20) as u16,
                    };
                    carry_moodily(&scene, &mut dice);
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} combinations with random monitors");
    assert_eq!(runs, 4 * 4 * 4 * 15);
}

fn carry_moodily(scene: &Scene, dice: &mut Dice) {
    // One end speaks the level, the other that or a higher one; buffers and credit are the lower of two.
    let high = dice.below(2);
    let mut stations = [0, 1].map(|side| {
        let params = Params {
            level: if side == high {
                Level::V20
            } else {
                scene.level
            },
            buffer_size: 128 + dice.below(5000) as u32,
            credit: if side == high { 999 } else { scene.credit },
            compression: scene.compression || (side == high && dice.below(2) == 0),
            restart: scene.restart || (side == high && dice.below(2) == 0),
            ..scene.params(side)
        };
        let mut station = Station::new(vec![scene.file(side)], params);
        station.is_moody(Dice(dice.below(usize::MAX) as u64 | 1));
        station
    });
    if scene.restart {
        for side in [0, 1] {
            let file = scene.file(1 - side);
            stations[side].holds(&file, dice.below(file.units() + 1));
        }
    }
    let mut sessions = 0;
    while !stations.iter().all(Station::is_done) {
        sessions += 1;
        assert!(sessions < 20, "it does not come to its end: {scene:?}");
        begin(&mut stations);
        run_in_pieces(&mut stations, dice);
        stations.iter_mut().for_each(Station::loses_connection);
    }
    for side in [0, 1] {
        stations[side].expect_received(&scene.file(1 - side));
    }
}

/// As [`run`], with octets that arrive in pieces of any size.
fn run_in_pieces(stations: &mut [Station; 2], dice: &mut Dice) {
    let mut wires = [Vec::new(), Vec::new()];
    loop {
        for side in [0, 1] {
            wires[side].extend(stations[side].says());
        }
        if wires.iter().all(Vec::is_empty) {
            return;
        }
        for side in [0, 1] {
            let piece = wires[side].len().min(1 + dice.below(100_000));
            let octets: Vec<u8> = wires[side].drain(..piece).collect();
            stations[1 - side].hears(&octets);
        }
    }
}

/// One file through one session; resumed from its middle if there is restart.
fn carry(scene: &Scene, buffer_size: u32) {
    let file = scene.file(0);
    let params = |side| Params {
        buffer_size,
        ..scene.params(side)
    };
    let sender = Station::new(vec![file.clone()], params(0));
    let receiver = Station::new(vec![], params(1));
    let mut stations = [sender, receiver];
    if scene.restart {
        let half = file.units() / 2;
        stations[1].holds(&file, half);
    }
    begin(&mut stations);
    run(&mut stations);
    assert!(stations.iter().all(Station::is_done), "{scene:?}");
    stations[1].expect_received(&file);
    if scene.restart {
        let (half, restarts) = (file.units() / 2, stations[1].restarts());
        assert_eq!(restarts, [half], "{scene:?}");
    }
}

fn begin(stations: &mut [Station; 2]) {
    let [caller, called] = stations;
    caller.calls();
    called.is_called();
}

fn run(stations: &mut [Station; 2]) {
    loop {
        let said = [stations[0].says(), stations[1].says()];
        if said.iter().all(Vec::is_empty) {
            return;
        }
        stations[1].hears(&said[0]);
        stations[0].hears(&said[1]);
    }
}
