//! Files arrive whole, however they are made and wherever the connection is cut.
//!
//! Two real sessions with stations around them that have what their disks have. Sessions are cut at
//! every octet, in both directions, and taken up again in a new one; and files of every size that
//! matters go through every combination of what can be agreed upon.

#![cfg(test)]

mod station;

use std::rc::Rc;

use oftp::*;

use station::{File, Station};

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
