//! A file that is signed, compressed and encrypted, between two stations over TLS: how fast it is secured, sent and
//! opened, beside each stage of that alone, and how much memory it takes.
//!
//! The stages alone are `pointsman wrap` and `open` with one service: each reads and writes a file, as the whole does.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::options::Options;
use super::served::{OURS, ServedStation, THEIRS, THEM, US, memory};
use crate::campaign::{CERTIFICATE, Dice, KEY, at};

/// The line of a process's status that has the most memory it had.
const PEAK: &str = "VmHWM:";

/// What a file has of services: a stage alone, or all of them.
struct Services {
    name: &'static str,
    security: &'static str,
    compressed: bool,
}

const ALL: Services = Services {
    name: "all three",
    security: "encrypted-and-signed",
    compressed: true,
};

const STAGES: [Services; 3] = [
    Services {
        name: "sign",
        security: "signed",
        compressed: false,
    },
    Services {
        name: "compress",
        security: "none",
        compressed: true,
    },
    Services {
        name: "encrypt",
        security: "encrypted",
        compressed: false,
    },
];

/// How long it may take until a file is delivered.
const PATIENCE: Duration = Duration::from_mins(30);

pub fn run(program: &Path, options: &Options) -> Result<(), String> {
    let folder = options.folder()?;
    let size = options.number("--megabytes", 1024)?.max(1) << 20;
    let pair = Pair::configure(program, folder.path())?;
    println!("{}: a file of {} MiB", program.display(), size >> 20);
    for round in 0..options.number("--rounds", 3)? {
        let file = pair.near.join(format!("LARGE{round}"));
        fill(&file, size, round).map_err(at(&file))?;
        pair.stages(&file, size)?;
        pair.transfer(&file, size)?;
        fs::remove_file(&file).map_err(at(&file))?;
    }
    Ok(())
}

/// Lines like those of CAD files: words that come again, and numbers that do not.
fn fill(path: &Path, size: u64, seed: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut dice, mut written, mut n) = (Dice::new(seed), 0, 0u64);
    while written < size {
        n += 1;
        let mut number = || dice.below(100_000);
        let (a, b, c) = (number(), number(), number());
        let line = format!("#{n}=CARTESIAN_POINT('',({a}.5,{b}.25,-{c}.));\r\n");
        let most = usize::try_from(size - written).unwrap_or(usize::MAX);
        let octets = line.as_bytes();
        let octets = octets.get(..most).unwrap_or(octets);
        file.write_all(octets)?;
        written += octets.len() as u64;
    }
    file.into_inner()?.sync_all()
}

/// Two stations that speak TLS and secure their files with one key.
struct Pair<'a> {
    program: &'a Path,
    near: PathBuf,
    far: PathBuf,
    station: ServedStation,
}

impl<'a> Pair<'a> {
    fn configure(program: &'a Path, folder: &Path) -> Result<Self, String> {
        let (near, far) = (folder.join("near"), folder.join("far"));
        for place in [&near, &far] {
            fs::create_dir_all(place).map_err(at(place))?;
            write(&place.join("own.key"), KEY)?;
            write(&place.join("own.pem"), CERTIFICATE)?;
        }
        let secured = "    keys: [{file: own.key, certificate: own.pem}]\n    certificates: [{file: own.pem}]\n    \
                       file_security:\n      send: {security: encrypted-and-signed, compress: true, signed_receipt: true}\n";
        let config = far.join("pointsman.yaml");
        let yaml = format!(
            "version: 1\nstation: {{ssid: {US}, password: {OURS}}}\nstorage: {{state: state, inbox: inbox}}\n\
             listeners:\n  - address: '127.0.0.1:0'\n    tls: {{certificate: own.pem, key: own.key}}\n\
             limits: {{receipt_wait: 1ms}}\npartners:\n  mueller:\n    ssid: {THEM}\n    password: {THEIRS}\n{secured}"
        );
        write(&config, yaml.as_bytes())?;
        let station = ServedStation::start(program, &config)?;
        let yaml = format!(
            "version: 1\nstation: {{ssid: {THEM}, password: {THEIRS}}}\nstorage: {{state: state, inbox: inbox}}\n\
             partners:\n  nordwerk:\n    ssid: {US}\n    password: {OURS}\n    address: '{}'\n    tls: true\n    \
             certificate: own.pem\n{secured}",
            station.address
        );
        write(&near.join("pointsman.yaml"), yaml.as_bytes())?;
        Ok(Self {
            program,
            near,
            far,
            station,
        })
    }

    /// Each stage alone, and all in one, both ways.
    fn stages(&self, file: &Path, size: u64) -> Result<(), String> {
        let (mut slowest_wrap, mut slowest_open) = (f64::MAX, f64::MAX);
        for stage in &STAGES {
            let (wrapped, opened) = self.there_and_back(file, size, stage)?;
            println!(
                "{:>10} alone: {wrapped:>6.0} MB/s made, {opened:>6.0} MB/s opened",
                stage.name
            );
            slowest_wrap = slowest_wrap.min(wrapped);
            slowest_open = slowest_open.min(opened);
        }
        let (wrapped, opened) = self.there_and_back(file, size, &ALL)?;
        println!(
            "{:>16}: {wrapped:>6.0} MB/s made, {opened:>6.0} MB/s opened: {:.2} and {:.2} of the slowest stage alone",
            ALL.name,
            wrapped / slowest_wrap,
            opened / slowest_open
        );
        Ok(())
    }

    /// MB a second of making and of opening a file by the command line.
    fn there_and_back(
        &self,
        file: &Path,
        size: u64,
        services: &Services,
    ) -> Result<(f64, f64), String> {
        let (wire, plain) = (self.near.join("wire"), self.near.join("plain"));
        let mut command = self.command("wrap", file, &wire, services);
        command.args(["--compress", &services.compressed.to_string()]);
        let made = timed(command, size)?;
        let mut command = self.command("open", &wire, &plain, services);
        if services.compressed {
            command.arg("--compressed");
        }
        let opened = timed(command, size)?;
        same_octets(file, &plain)?;
        for made in [&wire, &plain] {
            fs::remove_file(made).map_err(at(made))?;
        }
        Ok((made, opened))
    }

    fn command(&self, verb: &str, file: &Path, to: &Path, services: &Services) -> Command {
        let mut command = self.pointsman(verb);
        command
            .args(["--partner", "nordwerk", "--security", services.security])
            .arg("--to")
            .arg(to)
            .arg(file);
        command
    }

    fn pointsman(&self, verb: &str) -> Command {
        let mut command = Command::new(self.program);
        command
            .args([verb, "-c"])
            .arg(self.near.join("pointsman.yaml"))
            .env("RUST_LOG", "error")
            .stdout(Stdio::null());
        command
    }

    /// Queues the file, which secures it, sends it, and waits until it is opened and delivered.
    fn transfer(&self, file: &Path, size: u64) -> Result<(), String> {
        let began = Instant::now();
        let mut queue = self.pointsman("send");
        queue.args(["--to", "nordwerk", "--queue-only"]).arg(file);
        let queue_peak = peak_of(queue)?;
        let queued = began.elapsed();
        let mut send = self.pointsman("send");
        send.args(["--to", "nordwerk"]);
        let send_peak = peak_of(send)?;
        let sent = began.elapsed() - queued;
        let delivered = self.delivered()?;
        let opened = began.elapsed() - queued - sent;
        same_octets(file, &delivered)?;
        fs::remove_file(&delivered).map_err(at(&delivered))?;
        println!(
            "transferred: secured {:.0} MB/s, sent over TLS {:.0} MB/s, opened and delivered {:.0} MB/s, of the file's \
             octets; equal",
            rate(size, queued),
            rate(size, sent),
            rate(size, opened)
        );
        println!(
            "peak memory: securing {} MiB, sending {} MiB, receiving and opening {} MiB",
            queue_peak >> 10,
            send_peak >> 10,
            memory(self.station.child.id(), PEAK)? >> 10
        );
        Ok(())
    }

    /// The file in the inbox.
    fn delivered(&self) -> Result<PathBuf, String> {
        let inbox = self.far.join("inbox/mueller");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let first = fs::read_dir(&inbox).ok().and_then(|mut files| files.next());
            if let Some(Ok(file)) = first {
                return Ok(file.path());
            }
            sleep(Duration::from_millis(20));
        }
        Err(format!("{}: nothing is delivered", inbox.display()))
    }
}

fn write(path: &Path, octets: &[u8]) -> Result<(), String> {
    fs::write(path, octets).map_err(at(path))
}

/// MB of the file a second.
fn rate(size: u64, took: Duration) -> f64 {
    size as f64 / 1e6 / took.as_secs_f64()
}

fn timed(command: Command, size: u64) -> Result<f64, String> {
    let began = Instant::now();
    peak_of(command)?;
    Ok(rate(size, began.elapsed()))
}

/// Runs a command to its end: the most memory that it was seen to have, KiB.
fn peak_of(mut command: Command) -> Result<u64, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut peak = 0;
    loop {
        // What the kernel keeps as the peak is gone with the process: the last look may miss its last moments.
        peak = memory(child.id(), PEAK).unwrap_or(peak);
        if let Some(status) = ended(&mut child)? {
            return match status {
                0 => Ok(peak),
                other => Err(format!("{command:?} ended with status {other}")),
            };
        }
        sleep(Duration::from_millis(5));
    }
}

fn ended(child: &mut Child) -> Result<Option<i32>, String> {
    let status = child.try_wait().map_err(|error| error.to_string())?;
    Ok(status.map(|status| status.code().unwrap_or(-1)))
}

/// Compares two files of any size.
fn same_octets(one: &Path, other: &Path) -> Result<(), String> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(at(path))?;
        Ok::<_, String>(BufReader::with_capacity(1 << 20, file))
    };
    let (mut a, mut b) = (open(one)?, open(other)?);
    let (mut of_a, mut of_b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = a.read(&mut of_a).map_err(at(one))?;
        let (Some(of_a), Some(of_b)) = (of_a.get(..read), of_b.get_mut(..read)) else {
            return Err("more was read than there is room for".to_owned());
        };
        if read == 0 {
            return match b.read(&mut [0]).map_err(at(other))? {
                0 => Ok(()),
                _ => Err(format!("{} is longer", other.display())),
            };
        }
        b.read_exact(of_b).map_err(at(other))?;
        if of_a != of_b {
            return Err(format!("{} has other octets", other.display()));
        }
    }
}
