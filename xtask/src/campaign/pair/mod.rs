//! Two stations that send each other files.

mod books;
mod transfer_row;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use self::transfer_row::{RowReceipt, RowState, TransferRow};
use super::files::{at, sync_folder};
use super::party::{PARTIES, Party};
use super::ports::LockedPort;

/// How long two stations may stand still before everything has come to its end, once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// The key and the certificate of both stations, for secured files.
pub const KEY: &[u8] = include_bytes!("../../../../crates/keys/tests/files/leaf.key");
pub const CERTIFICATE: &[u8] = include_bytes!("../../../../crates/keys/tests/files/leaf.pem");

/// The folder whose files are sent as they are, and the one whose files are signed, compressed and encrypted.
const OUT: &str = "out";
const SECURED: &str = "out/secured";

/// How a station is started.
pub type Wrap<'a> = &'a [String];

/// Which of the files are signed, compressed and encrypted, with a signed receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecuredFiles {
    /// None: the session is of a level that cannot.
    None,
    EverySecond,
    All,
}

/// Two stations in a folder, and what was given them to send.
pub struct Pair {
    root: PathBuf,
    program: PathBuf,
    running: BTreeMap<Party, Child>,
    /// Files given to each, by name.
    given: BTreeMap<Party, BTreeMap<String, Vec<Vec<u8>>>>,
    /// Files a consumer took out of each one's inbox.
    eaten: BTreeMap<Party, Vec<String>>,
    next: u64,
    patience: Duration,
    /// Who answers each file with a NERP.
    rejecting: Option<Party>,
    secured: SecuredFiles,
    /// What the stations find in their environment, each `NAME=VALUE`.
    environment: Vec<String>,
    _ports: [LockedPort; 2],
}

impl Pair {
    /// Writes the configurations below `root`, in which each station has a folder that may be a file system of its own.
    pub fn new(root: &Path, program: &Path, session: &str) -> Result<Self, String> {
        let secured = SecuredFiles::in_session(session);
        let ports = [LockedPort::take()?, LockedPort::take()?];
        for (party, [own, others]) in [
            (Party::Mueller, [ports[0].0, ports[1].0]),
            (Party::Nordwerk, [ports[1].0, ports[0].0]),
        ] {
            let (name, partner) = (party.name(), party.other());
            let wait = "{first: 30ms, most: 200ms}";
            let yaml = format!(
                "version: 1\nstation:\n  ssid: {}\n  password: {name}\nstorage:\n  state: state\n  inbox: inbox\n\
                 listeners:\n  - address: 127.0.0.1:{own}\npartners:\n  {}:\n    ssid: {}\n    password: {}\n    \
                 address: 127.0.0.1:{others}\n    calls: {{delay: 20ms}}\n    retry: {{unreachable: {wait}, session: {wait}, \
                 broken: {wait}, refused: {wait}, offers: 1000}}\n    watch:\n      - folder: out\n        quiet: 200ms\n{}    \
                 session: {session}\n",
                party.ssid(),
                partner.name(),
                partner.ssid(),
                partner.name(),
                secured.watched()
            );
            let folder = root.join(name);
            for part in [SECURED, "beside"] {
                fs::create_dir_all(folder.join(part)).map_err(at(&folder))?;
            }
            for (name, content) in [("own.key", KEY), ("own.pem", CERTIFICATE)] {
                fs::write(folder.join(name), content).map_err(at(&folder))?;
            }
            fs::write(folder.join("pointsman.yaml"), yaml).map_err(at(&folder))?;
        }
        Ok(Self {
            root: root.to_owned(),
            program: program.to_owned(),
            running: BTreeMap::new(),
            given: PARTIES.map(|party| (party, BTreeMap::new())).into(),
            eaten: PARTIES.map(|party| (party, Vec::new())).into(),
            next: 0,
            patience: PATIENCE,
            rejecting: None,
            secured,
            environment: Vec::new(),
            _ports: ports,
        })
    }

    /// What the stations find in their environment from the next start on.
    pub fn set_environment(&mut self, environment: Vec<String>) {
        self.environment = environment;
    }

    /// Has all files secured from now on.
    pub fn secure_all(&mut self) {
        self.secured = SecuredFiles::All;
    }

    /// Waits that long for a pair that stands still.
    pub fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Has a station decide about the ends of files by the tests' policy; `later` or `negative`.
    pub fn decide(&mut self, party: Party, component: &Path, how: &str) -> Result<(), String> {
        let path = self.folder(party).join("pointsman.yaml");
        let policies = format!(
            "policies:\n  ends:\n    component: {}\n    hooks: [end-transfer]\n    settings: {{misbehave: {how}, seconds: '0'}}\n",
            component.display()
        );
        let yaml = fs::read_to_string(&path).map_err(at(&path))? + &policies;
        self.rejecting = (how == "negative").then_some(party);
        fs::write(&path, yaml).map_err(at(&path))
    }

    /// Agrees another session from the next start on.
    pub fn change_session(&self, from: &str, to: &str) -> Result<(), String> {
        for party in PARTIES {
            let path = self.folder(party).join("pointsman.yaml");
            let yaml = fs::read_to_string(&path).map_err(at(&path))?;
            fs::write(&path, yaml.replace(from, to)).map_err(at(&path))?;
        }
        Ok(())
    }

    /// Answers, as an operator, what a station has not answered and its sender knows to be sent: until then the sender
    /// offers it again.
    pub fn answer(&self, party: Party) -> Result<(), String> {
        let waits =
            |row: &TransferRow| row.state == RowState::Delivered && row.receipt == RowReceipt::None;
        let waiting: Vec<TransferRow> = self.rows(party).into_iter().filter(waits).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let sent = self.rows(party.other());
        let is_sent = |row: &&TransferRow| {
            let mut sent = sent.iter();
            sent.any(|sent| sent.dataset == row.dataset && sent.state == RowState::Sent)
        };
        for row in waiting.iter().filter(is_sent) {
            let answered = Command::new(&self.program)
                .args(["transfers", "answer", &row.id, "-c"])
                .arg(self.folder(party).join("pointsman.yaml"))
                .output();
            // A station that is killed meanwhile is asked again.
            answered.map_err(|error| format!("transfers answer: {error}"))?;
        }
        Ok(())
    }

    pub fn folder(&self, party: Party) -> PathBuf {
        self.root.join(party.name())
    }

    /// Starts a station, inside of another program if one is named; waits until it listens or is gone.
    pub fn start(&mut self, party: Party, wrap: Wrap<'_>) -> Result<(), String> {
        let mut command = self.serve(party, wrap)?;
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        if let Some(output) = child.stdout.take() {
            // The first line says that it listens; none that it is gone already.
            let _ = BufReader::new(output).read_line(&mut String::new());
        }
        self.running.insert(party, child);
        Ok(())
    }

    /// Starts a station by somebody's hand, and does not wait: it may take as long as it likes.
    pub fn launch(
        &mut self,
        party: Party,
        spawn: impl FnOnce(&mut Command) -> std::io::Result<Child>,
    ) -> Result<(), String> {
        let mut command = self.serve(party, &[])?;
        let child = spawn(command.stdout(Stdio::null()))
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        self.running.insert(party, child);
        Ok(())
    }

    /// The command that runs a station.
    fn serve(&self, party: Party, wrap: Wrap<'_>) -> Result<Command, String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(party));
        let log = log.map_err(at(&self.root))?;
        let mut words = wrap
            .iter()
            .map(String::as_str)
            .map(Into::into)
            .collect::<Vec<std::ffi::OsString>>();
        words.push(self.program.clone().into());
        let (program, arguments) = words.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        let environment = self.environment.iter();
        command
            .args(arguments)
            .envs(environment.filter_map(|variable| variable.split_once('=')))
            .args(["serve", "-c"])
            .arg(self.folder(party).join("pointsman.yaml"))
            .stderr(log);
        Ok(command)
    }

    /// Where a station's log is written.
    pub fn log(&self, party: Party) -> PathBuf {
        self.root.join(format!("{}.log", party.name()))
    }

    /// SIGKILL, to the program itself and whatever it runs in.
    pub fn kill(&mut self, party: Party) {
        if let Some(mut child) = self.running.remove(&party) {
            // What traces it would let it continue alone. Of one that was gone already, the number is another's by now.
            let runs = matches!(child.try_wait(), Ok(None));
            let inside = format!("/proc/{0}/task/{0}/children", child.id());
            let inside = fs::read_to_string(inside).ok().filter(|_| runs);
            let inside = inside.unwrap_or_default();
            for process in inside.split_whitespace() {
                let _ = Command::new("kill").args(["-9", process]).status();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops a station where it is; what it is told by its system calls, it does not come to act upon.
    pub fn freeze(&mut self, party: Party) -> Result<(), String> {
        // Its number may be another process's by now.
        if self.is_gone(party) {
            return Ok(());
        }
        let Some(process) = self.running.get(&party).map(Child::id) else {
            return Ok(());
        };
        let stopped = Command::new("kill")
            .args(["-STOP", &process.to_string()])
            .status();
        stopped.map_err(|error| format!("kill: {error}"))?;
        let tasks = PathBuf::from(format!("/proc/{process}/task"));
        for _ in 0..30_000 {
            if all_stopped(&tasks) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("{} does not stand still", party.name()))
    }

    /// Whether a station that was started has ended by itself.
    pub fn is_gone(&mut self, party: Party) -> bool {
        match self.running.get_mut(&party) {
            Some(child) => child.try_wait().is_ok_and(|status| status.is_some()),
            None => true,
        }
    }

    /// Stations that have ended by themselves.
    pub fn gone(&mut self) -> Vec<&'static str> {
        let gone = PARTIES.into_iter().filter(|party| self.is_gone(*party));
        gone.map(Party::name).collect()
    }

    /// Puts a new file into a station's folder, by a rename, synced: from there on it is the program's to lose.
    pub fn give(&mut self, party: Party, content: Vec<u8>) -> Result<(), String> {
        let name = format!("F{:06}", self.next);
        self.next += 1;
        self.give_as(party, &name, content)
    }

    /// The same under a name that may have been given before, unless a file of it still lies there.
    pub fn give_again(&mut self, party: Party, name: &str, content: Vec<u8>) -> Result<(), String> {
        let out = self.secured.folder_of(name);
        if self.folder(party).join(out).join(name).exists() {
            return Ok(());
        }
        self.give_as(party, name, content)
    }

    fn give_as(&mut self, party: Party, name: &str, content: Vec<u8>) -> Result<(), String> {
        let (beside, out) = (
            self.folder(party).join("beside").join(name),
            self.folder(party).join(self.secured.folder_of(name)),
        );
        let mut file = File::create(&beside).map_err(at(&beside))?;
        file.write_all(&content)
            .and_then(|()| file.sync_all())
            .map_err(at(&beside))?;
        fs::rename(&beside, out.join(name)).map_err(at(&out))?;
        sync_folder(&out)?;
        let given = self.given.entry(party).or_default();
        given.entry(name.to_owned()).or_default().push(content);
        Ok(())
    }

    /// Takes what lies in a station's inbox, as an eager application would, and makes its taking durable.
    pub fn eat(&mut self, party: Party) -> Result<(), String> {
        let inbox = self.folder(party).join("inbox").join(party.other().name());
        let plate = self.folder(party).join("eaten");
        fs::create_dir_all(&plate).map_err(at(&plate))?;
        let Ok(entries) = fs::read_dir(&inbox) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = self.eaten.get(&party).map_or(0, Vec::len);
            let place = plate.join(format!("{number}.{name}"));
            fs::rename(entry.path(), &place).map_err(at(&place))?;
            sync_folder(&plate)?;
            sync_folder(&inbox)?;
            self.eaten.entry(party).or_default().push(name);
        }
        Ok(())
    }
}

impl SecuredFiles {
    /// Below level 2.0 there is no file security.
    fn in_session(session: &str) -> Self {
        match session.contains("1.3") {
            true => Self::None,
            false => Self::EverySecond,
        }
    }

    /// The second watched folder of a station, with what it needs.
    fn watched(self) -> &'static str {
        match self {
            Self::None => "",
            Self::EverySecond | Self::All => {
                "      - folder: out/secured\n        quiet: 200ms\n        \
                 send: {security: encrypted-and-signed, compress: true, signed_receipt: true}\n    \
                 keys: [{file: own.key, certificate: own.pem}]\n    certificates: [{file: own.pem}]\n"
            }
        }
    }

    /// The folder that a file of this name is given in.
    fn folder_of(self, name: &str) -> &'static str {
        let is_odd = name.ends_with(['1', '3', '5', '7', '9']);
        match self {
            Self::All => SECURED,
            Self::EverySecond if is_odd => SECURED,
            Self::EverySecond | Self::None => OUT,
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        PARTIES.iter().for_each(|party| self.kill(*party));
    }
}

/// Whether every thread stands still.
fn all_stopped(tasks: &Path) -> bool {
    let Ok(tasks) = fs::read_dir(tasks) else {
        return true;
    };
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.trim_start().chars().next());
        matches!(state, None | Some('T' | 't'))
    })
}
