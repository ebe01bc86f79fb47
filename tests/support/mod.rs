//! A server to talk to from outside: the real program, on real sockets and a real disk, in a folder of its own.
#![allow(dead_code, reason = "each test uses its part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy does not see that this module is for tests alone"
)]

pub mod guests;
pub mod patience;
pub mod peer;
#[path = "../../crates/cms/tests/support/tools.rs"]
pub mod tools;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

pub use patience::{PATIENCE, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The program under test.
pub const POINTSMAN: &str = env!("CARGO_BIN_EXE_pointsman");

/// Our station's code in every test.
pub const US: &str = "O0013000001NORDWERK";
/// The partner's.
pub const THEM: &str = "O0013000007MUELLER";
/// The password we send.
pub const OURS: &str = "OURPASS";
/// The password the partner sends.
pub const THEIRS: &str = "THEIRS";

/// A folder with a configuration, ready for a server to be started in it.
pub struct Setup {
    pub folder: TempDir,
}

impl Setup {
    /// A station with one plain listener and one partner; `more` is added to its YAML.
    pub fn plain(more: &str) -> Self {
        Self::with_listeners("  - address: 127.0.0.1:0\n", "", more)
    }

    /// A station with these listeners; `partner` is added to the partner, `more` at the end.
    pub fn with_listeners(listeners: &str, partner: &str, more: &str) -> Self {
        let setup = Self {
            folder: TempDir::new().unwrap(),
        };
        setup.configure(listeners, partner, more);
        setup
    }

    /// The partner's station, for which ours is the partner `nordwerk` at `address`; `more` is added to that partner.
    pub fn sender(address: &str, more: &str) -> Self {
        Self::caller("", address, more)
    }

    /// The same with listeners.
    pub fn caller(listeners: &str, address: &str, more: &str) -> Self {
        let setup = Self {
            folder: TempDir::new().unwrap(),
        };
        // What is queued waits 3 s for company, where nothing else is said.
        let soon = match more.contains("calls:") {
            true => "",
            false => "    calls: {delay: 100ms}\n",
        };
        setup.write(
            "pointsman.yaml",
            format!(
                "version: 1\nstation:\n  ssid: {THEM}\n  password: {THEIRS}\nstorage:\n  state: state\n  inbox: inbox\n\
                 {listeners}partners:\n  nordwerk:\n    ssid: {US}\n    password: {OURS}\n    address: {address}\n{soon}{more}"
            ),
        );
        setup
    }

    pub fn configure(&self, listeners: &str, partner: &str, more: &str) {
        let text = format!(
            "version: 1\nstation:\n  ssid: {US}\n  password: {OURS}\nstorage:\n  state: state\n  inbox: inbox\n\
             listeners:\n{listeners}partners:\n  mueller:\n    ssid: {THEM}\n    password: {THEIRS}\n{partner}{more}"
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("pointsman.yaml")
    }

    pub fn inbox(&self) -> PathBuf {
        self.path().join("inbox")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes a file and queues it for that partner, who is not called for it; gives its transfer.
    pub fn queue(&self, name: &str, content: impl AsRef<[u8]>, to: &str) -> String {
        let file = self.write(name, content);
        let file = file.to_str().unwrap();
        let queued = self.pointsman(&["send", file, "--to", to, "--queue-only"]);
        assert!(queued.status.success(), "{queued:?}");
        let said = String::from_utf8(queued.stdout).unwrap();
        said.split_whitespace().last().unwrap().to_owned()
    }

    /// Runs `pointsman` with this configuration, for two minutes at most.
    pub fn pointsman(&self, args: &[&str]) -> Output {
        Command::new("timeout")
            .args(["--kill-after=5", "120", POINTSMAN])
            .args(args)
            .arg("-c")
            .arg(self.config())
            .output()
            .unwrap()
    }

    pub fn serve(&self) -> Server {
        Server::start(&self.config())
    }

    /// Every delivered file, by its path below the inbox.
    pub fn delivered(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.inbox(), &self.inbox(), &mut found);
        found.sort();
        found
    }

    /// Waits until so many files are delivered.
    pub fn await_delivered(&self, count: usize) -> Vec<String> {
        eventually("the files are delivered", || {
            Some(self.delivered()).filter(|files| files.len() >= count)
        })
    }

    /// The rows of `pointsman transfers list`, newest first.
    pub fn transfers(&self) -> Vec<String> {
        let listed = self.pointsman(&["transfers", "list", "-n", "1000000"]);
        assert!(
            listed.status.success(),
            "{}",
            String::from_utf8_lossy(&listed.stderr)
        );
        String::from_utf8_lossy(&listed.stdout)
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect()
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            walk(root, &entry.path(), found);
        } else {
            found.push(
                entry
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .display()
                    .to_string(),
            );
        }
    }
}

/// `pointsman serve`, whose log is told by the line.
fn serving() -> Command {
    let mut program = Command::new(POINTSMAN);
    program.args(["serve", "--log-json"]);
    program
}

/// A running `pointsman serve`.
pub struct Server {
    child: Child,
    pub addresses: Vec<SocketAddr>,
    log: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(config: &Path) -> Self {
        Self::started(&mut serving(), config, Stdio::piped())
    }

    /// The same, with its log as text in that place; nothing of it is to be had from here.
    pub fn logging_to(config: &Path, log: impl Into<Stdio>) -> Self {
        let mut program = Command::new(POINTSMAN);
        Self::started(program.arg("serve"), config, log.into())
    }

    /// The same with more in its environment.
    pub fn start_with(config: &Path, environment: &[(&str, &Path)]) -> Self {
        let mut program = serving();
        program.envs(environment.iter().copied());
        Self::started(&mut program, config, Stdio::piped())
    }

    /// Started by a shell that does something before, such as `umask 022`.
    pub fn start_after(config: &Path, first: &str) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("{first} && exec \"$0\" serve --log-json \"$@\"");
        shell.args(["-c", &script, POINTSMAN]);
        Self::started(&mut shell, config, Stdio::piped())
    }

    fn started(program: &mut Command, config: &Path, stderr: Stdio) -> Self {
        let listeners = std::fs::read_to_string(config)
            .unwrap()
            .matches("- address: ")
            .count();
        if program.get_envs().all(|(name, _)| name != "RUST_LOG") {
            program.env("RUST_LOG", "info");
        }
        let mut child = program
            .arg("-c")
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        if let Some(stderr) = child.stderr.take() {
            let (mut stderr, kept) = (BufReader::new(stderr), Arc::clone(&log));
            std::thread::spawn(move || {
                let mut line = String::new();
                while stderr.read_line(&mut line).is_ok_and(|count| count > 0) {
                    kept.lock().unwrap().push_str(&std::mem::take(&mut line));
                }
            });
        }
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        // From here on it ends with the test.
        let mut server = Self {
            child,
            addresses: Vec::new(),
            log,
        };
        while server.addresses.len() < listeners {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                panic!("the server does not start");
            };
            let address = line.split_whitespace().nth(2).unwrap();
            server.addresses.push(address.parse().unwrap());
        }
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Everything it logged so far, one JSON object a line.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How many octets it logged so far.
    pub fn log_length(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// What it logged since there were so many octets.
    pub fn log_from(&self, length: usize) -> String {
        self.log.lock().unwrap()[length..].to_owned()
    }

    /// Waits for a line of the log that has all of these words.
    pub fn await_log(&self, words: &[&str]) -> String {
        eventually(&format!("the log says {words:?}"), || {
            let log = self.log();
            log.lines()
                .find(|line| words.iter().all(|word| line.contains(word)))
                .map(str::to_owned)
        })
    }

    /// The most memory it ever had resident, in KiB.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory it has resident, in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it is gone by itself.
    pub fn gone(mut self) -> ExitStatus {
        eventually("the server is gone", || self.child.try_wait().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGTERM, and the wait until it is gone; gives its exit code.
    pub fn stop(self) -> Option<i32> {
        self.ask_to_stop();
        self.gone().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// Octets that look like nothing and are the same again for the same seed.
pub fn octets(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| next() as u8).collect()
}

/// A number from the environment: how much a test that can run for days is to do.
pub fn amount(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .map_or(usual, |text| text.parse().unwrap())
}

/// A folder on another file system than the tests' own. None, with a message, where there is only one.
pub fn other_file_system() -> Option<TempDir> {
    let device = |path: &Path| path.metadata().unwrap().dev();
    let apart = TempDir::new_in("/dev/shm").ok();
    let apart = apart.filter(|apart| device(apart.path()) != device(&std::env::temp_dir()));
    if apart.is_none() {
        println!("not tried: there is one file system alone");
    }
    apart
}

/// A self-signed certificate and its key, made by the `openssl` command.
pub fn openssl_certificate(folder: &Path, name: &str) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ])
        .args([
            "-subj",
            &format!("/O=Test/CN={name}"),
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ])
        .args([
            "-addext",
            "extendedKeyUsage=serverAuth,clientAuth",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .arg("-keyout")
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(folder.join(format!("{name}.pem")))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// Whether two files have the same octets, read side by side.
pub fn same_content(one: &Path, other: &Path) -> bool {
    let (mut a, mut b) = (
        std::fs::File::open(one).unwrap(),
        std::fs::File::open(other).unwrap(),
    );
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = a.read(&mut left).unwrap();
        if count == 0 {
            return b.read(&mut right).unwrap() == 0;
        }
        if b.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return false;
        }
    }
}
