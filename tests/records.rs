//! Files of records (formats F and V): how they stand in local files, in and out, and from which record they resume.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::process::Stdio;

use oftp::{Position, Positions};
use pointsman_store::{KeptPositions, Record};
use support::peer::{Called, Peer, VirtualFile};
use support::{OURS, Server, Setup, US, amount, eventually, octets};

/// SFID of a file of records (RFC 5024, 5.3.3).
fn sfid(dataset: &str, format: char, length: u32, restart: u64) -> Vec<u8> {
    let mut sfid = VirtualFile {
        restart,
        ..VirtualFile::new(dataset, vec![0; 3000])
    }
    .sfid();
    sfid[106] = format as u8;
    sfid[107..112].copy_from_slice(format!("{length:05}").as_bytes());
    sfid
}

/// One DATA buffer of whole records, each at most 63 octets.
fn data(records: &[&str]) -> Vec<u8> {
    let mut buffer = b"D".to_vec();
    for record in records {
        buffer.push(0x80 | record.len() as u8);
        buffer.extend_from_slice(record.as_bytes());
    }
    buffer
}

fn efid(records: usize, octets: usize) -> String {
    format!("T{records:017}{octets:017}")
}

/// Sends a file of records whole; gives the answer to EFID.
fn send(setup: &Setup, sfid: Vec<u8>, records: &[&str]) -> Vec<u8> {
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(sfid);
    assert_eq!(peer.hear(), b"200000000000000000", "SFPA from the start");
    peer.say(data(records));
    peer.say(efid(records.len(), records.concat().len()));
    let answer = peer.hear();
    if answer == b"4N" {
        setup.await_delivered(1);
    }
    answer
}

fn content(setup: &Setup) -> String {
    let path = setup.inbox().join(&setup.await_delivered(1)[0]);
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

fn with_partner(partner: &str) -> Setup {
    Setup::with_listeners("  - address: 127.0.0.1:0\n", partner, "")
}

#[test]
fn variable_records_become_lines() {
    let setup = with_partner("");
    let records = ["UNH+1", "", "BGM+351"];
    assert_eq!(send(&setup, sfid("V.LINES", 'V', 80, 0), &records), b"4N");
    assert_eq!(content(&setup), "UNH+1\r\n\r\nBGM+351\r\n");
}

#[test]
fn the_profile_says_how_records_are_kept() {
    let setup = with_partner("    fixed_records: lines\n    variable_records: length-prefixed\n");
    assert_eq!(
        send(&setup, sfid("F.LINES", 'F', 3, 0), &["ABC", "DEF"]),
        b"4N"
    );
    assert_eq!(content(&setup), "ABC\r\nDEF\r\n");

    let setup = with_partner("    fixed_records: lines\n    variable_records: length-prefixed\n");
    assert_eq!(
        send(&setup, sfid("V.PREFIX", 'V', 9, 0), &["ABC", "", "D"]),
        b"4N"
    );
    assert_eq!(content(&setup), "\0\x03ABC\0\0\0\x01D");

    let setup = with_partner("");
    assert_eq!(
        send(&setup, sfid("F.RAW", 'F', 3, 0), &["ABC", "DEF"]),
        b"4N"
    );
    assert_eq!(
        content(&setup),
        "ABCDEF",
        "fixed records are raw where nothing is said"
    );
}

#[test]
fn a_policy_says_it_for_one_file() {
    let policies = format!(
        "policies:\n  keeps:\n    component: {}\n    hooks: [accept-file]\n",
        support::guests::built()[0].display()
    );
    let setup = Setup::plain(&policies);
    assert_eq!(
        send(&setup, sfid("PREFIXED", 'V', 80, 0), &["AB", "C"]),
        b"4N"
    );
    assert_eq!(content(&setup), "\0\x02AB\0\x01C");
}

#[test]
fn raw_is_nothing_for_variable_records() {
    let setup = with_partner("    variable_records: raw\n");
    let checked = setup.pointsman(&["check"]);
    assert!(!checked.status.success());
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        said.contains("variable records kept raw could not be told apart") && said.contains(":14:"),
        "{said}"
    );
}

#[test]
fn a_record_that_is_not_as_announced_is_refused_with_its_number() {
    let setup = with_partner("");
    let answer = send(&setup, sfid("F.WRONG", 'F', 3, 0), &["ABC", "DE"]);
    assert_eq!(&answer[..3], b"505", "EFNA 05");
    let text = String::from_utf8_lossy(&answer[6..]).into_owned();
    assert_eq!(text, "record 2 has 2 octets, and exactly 3 were announced");
    let answer = send(&setup, sfid("V.WRONG", 'V', 3, 0), &["ABC", "DEFG"]);
    assert_eq!(&answer[..3], b"505");
    assert_eq!(setup.delivered(), Vec::<String>::new(), "nothing is there");

    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(sfid("V.COUNT", 'V', 3, 0));
    assert_eq!(peer.hear(), b"200000000000000000");
    peer.say(data(&["ABC"]));
    peer.say(efid(2, 3));
    assert_eq!(
        &peer.hear()[..3],
        b"510",
        "EFNA 10: the counts of records differ"
    );
}

/// The session breaks in the middle of the fourth record, and the server is killed; then the partner asks to resume
/// after record `asked`, is told `told`, and sends the rest.
fn resumes(partner: &str, format: char, asked: u64, told: usize, expected: &str) {
    let setup = with_partner(partner);
    let records = ["REC1", "REC2", "REC3", "REC4", "REC5"];
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(sfid("BROKEN", format, 4, 0));
    assert_eq!(peer.hear(), b"200000000000000000");
    let mut first = data(&records[..3]);
    first.extend_from_slice(b"\x02RE");
    peer.say(first);
    drop(peer);
    server.await_log(&["session-ended"]);
    server.kill();

    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(sfid("BROKEN", format, 4, asked));
    assert_eq!(
        peer.hear(),
        format!("2{told:017}").into_bytes(),
        "{partner} {format} {asked}"
    );
    peer.say(data(&records[told..]));
    peer.say(efid(5, 20));
    assert_eq!(peer.hear(), b"4N", "the totals are those of the whole file");
    assert_eq!(content(&setup), expected);
}

#[test]
fn a_broken_file_is_resumed_after_its_last_whole_record_even_after_a_kill() {
    let lines = "REC1\r\nREC2\r\nREC3\r\nREC4\r\nREC5\r\n";
    let prefixed = "\0\x04REC1\0\x04REC2\0\x04REC3\0\x04REC4\0\x04REC5";
    let raw = "REC1REC2REC3REC4REC5";
    resumes("", 'V', 5, 3, lines);
    resumes("", 'V', 3, 3, lines);
    resumes("", 'V', 2, 0, lines);
    resumes(
        "    variable_records: length-prefixed\n",
        'V',
        4,
        3,
        prefixed,
    );
    resumes("", 'F', 5, 3, raw);
    resumes("", 'F', 2, 2, raw);
    resumes("    fixed_records: lines\n", 'F', 1, 1, lines);
}

#[test]
fn what_is_sent_as_records_is_received_as_records() {
    for (format, length, layout, partner, local) in [
        ("V", "80", "lines", "", "UNH+1\r\n\r\nBGM+351\r\n"),
        (
            "V",
            "80",
            "length-prefixed",
            "    variable_records: length-prefixed\n",
            "\0\x03ABC\0\0",
        ),
        (
            "F",
            "4",
            "lines",
            "    fixed_records: lines\n",
            "ABCD\r\nEFGH\r\n",
        ),
        ("F", "4", "raw", "", "ABCDEFGH"),
        (
            "F",
            "4",
            "raw",
            "    fixed_records: length-prefixed\n",
            "ABCDEFGH",
        ),
    ] {
        let receiving = with_partner(partner);
        let server = receiving.serve();
        let sending = Setup::sender(&server.address().to_string(), "");
        let file = sending.write("FILE.DAT", local);
        let sent = sending.pointsman(&[
            "send",
            file.to_str().unwrap(),
            "--to",
            "nordwerk",
            "--format",
            format,
            "--record-length",
            length,
            "--records",
            layout,
        ]);
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        assert!(
            sent.status.success(),
            "{said} {}",
            String::from_utf8_lossy(&sent.stderr)
        );
        let expected = match partner.contains("fixed_records: length-prefixed") {
            true => "\0\x04ABCD\0\x04EFGH",
            false => local,
        };
        assert_eq!(content(&receiving), expected, "{format} {layout}");
    }
}

#[test]
fn a_file_whose_records_are_not_as_said_is_not_queued() {
    let sending = Setup::sender("127.0.0.1:1", "");
    let file = sending.write("FILE.DAT", "ABCD\r\nEFG\r\n");
    let path = file.to_str().unwrap();
    let refused = |args: &[&str], why: &str| {
        let sent = sending.pointsman(&[&["send", path, "--to", "nordwerk"], args].concat());
        let said = String::from_utf8_lossy(&sent.stderr).into_owned();
        assert!(!sent.status.success() && said.contains(why), "{said}");
    };
    refused(
        &[
            "--format",
            "F",
            "--record-length",
            "4",
            "--records",
            "lines",
        ],
        "record 2 has 3 octets, and exactly 4 were announced",
    );
    refused(&["--format", "F"], "--format F needs --record-length");
    refused(
        &["--format", "V", "--records", "raw"],
        "cannot be told apart",
    );
    refused(
        &["--record-length", "4"],
        "only files of format F or V have records",
    );
    assert_eq!(sending.transfers(), Vec::<String>::new());
    let left = std::fs::read_dir(sending.path().join("state/spool/outgoing"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "nothing is left of it in the spool");
}

/// Adds what a DATA buffer brings (RFC 5024, 7.2); the last record is not at its end.
fn add_records(data: &[u8], records: &mut Vec<Vec<u8>>) {
    let mut rest = &data[1..];
    while let Some((header, after)) = rest.split_first() {
        let count = usize::from(header & 0x3F);
        let (octets, after) = after.split_at(count);
        records.last_mut().unwrap().extend_from_slice(octets);
        if header & 0x80 != 0 {
            records.push(Vec::new());
        }
        rest = after;
    }
}

#[test]
fn a_file_that_broke_off_is_offered_from_its_last_record() {
    let called = Called::new();
    let sending = Setup::sender(
        &called.address(),
        "    session:\n      credit: 1\n      buffer_size: 128\n",
    );
    let lines: Vec<String> = (0..40).map(|n| format!("RECORD NUMBER {n}")).collect();
    let file = sending.write("LINES.TXT", lines.join("\r\n"));
    let octets: usize = lines.iter().map(String::len).sum();

    let send = |args: &[&str]| {
        std::process::Command::new(support::POINTSMAN)
            .args(["send"])
            .args(args)
            .args(["--to", "nordwerk", "-c"])
            .arg(sending.config())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let greet = || {
        let mut peer = called.accept();
        peer.say(b"IODETTE FTP READY \r");
        assert_eq!(peer.hear()[0], b'X');
        peer.say(format!("X5{US:25}{OURS:8}00128BNYN001N{:4}{:8}\r", "", ""));
        peer
    };

    let mut first = send(&[
        file.to_str().unwrap(),
        "--format",
        "V",
        "--record-length",
        "80",
    ]);
    let mut peer = greet();
    let offered = peer.hear();
    assert_eq!(&offered[106..112], b"V00080");
    assert_eq!(
        &offered[138..155],
        b"00000000000000000",
        "the first time from the start"
    );
    peer.say(b"200000000000000000");
    assert_eq!(peer.hear()[0], b'D');
    drop(peer);
    eventually("the first call is over", || first.try_wait().unwrap());

    let mut second = send(&[]);
    let mut peer = greet();
    let offered = peer.hear();
    assert_eq!(
        &offered[138..155],
        b"00000000000000040",
        "as far as it goes, in records"
    );
    peer.say(b"200000000000000037");
    let mut records = vec![Vec::new()];
    let closing = loop {
        let heard = peer.hear();
        if heard[0] != b'D' {
            break heard;
        }
        add_records(&heard, &mut records);
        peer.say(b"C  ");
    };
    assert_eq!(records.pop(), Some(Vec::new()), "the last record was ended");
    let expected: Vec<Vec<u8>> = lines[37..]
        .iter()
        .map(|line| line.clone().into_bytes())
        .collect();
    assert_eq!(records, expected);
    assert_eq!(
        closing,
        efid(40, octets).into_bytes(),
        "totals of the whole file"
    );
    peer.say(b"4N");
    assert_eq!(peer.hear(), b"R");
    peer.say(b"F00000\r");
    eventually("the second call is over", || second.try_wait().unwrap());
    assert!(sending.transfers()[0].contains("sent"));
}

/// A station with a long file of variable records for a partner that fetches it, and whose connections break.
struct LongFile {
    records: Vec<Vec<u8>>,
    /// Where each ends in the spool.
    ends: Vec<usize>,
    setup: Setup,
    server: Server,
    id: String,
}

impl LongFile {
    /// Of about six million octets.
    fn new(seed: u64, layout: &str) -> Self {
        let dice = octets(seed, 20_000);
        let length = |dice: &[u8]| usize::from(dice[0]) * 4 + usize::from(dice[1]) / 2;
        let records: Vec<Vec<u8>> = dice
            .chunks(2)
            .enumerate()
            .map(|(number, dice)| format!("{number:07}{}", "-".repeat(length(dice))).into_bytes())
            .collect();
        let (mut local, mut ends) = (Vec::new(), Vec::new());
        for record in &records {
            if layout == "lines" {
                local.extend_from_slice(record);
                local.extend_from_slice(b"\r\n");
            } else {
                local.extend_from_slice(&(record.len() as u16).to_be_bytes());
                local.extend_from_slice(record);
            }
            ends.push(local.len());
        }
        let setup = with_partner("    retry: {broken: {first: 1ms, most: 1ms}}\n");
        let file = setup.write("LONG", &local);
        let file = file.to_str().unwrap();
        let format = ["--format", "V", "--records", layout];
        let sent = ["send", file, "--to", "mueller", "--queue-only"];
        let queued = setup.pointsman(&[&sent[..], &format].concat());
        assert!(queued.status.success(), "{queued:?}");
        let said = String::from_utf8(queued.stdout).unwrap();
        let id = said.split_whitespace().last().unwrap().to_owned();
        let server = setup.serve();
        Self {
            records,
            ends,
            setup,
            server,
            id,
        }
    }

    /// Gives the turn away until the file is offered: a moment before, another connection had it. Gives its SFID too.
    fn offered(&self) -> (Peer<std::net::TcpStream>, Vec<u8>) {
        eventually("the file is offered", || {
            let mut peer = Peer::session(self.server.address());
            let heard = peer.change_direction();
            (heard[0] == b'H').then_some((peer, heard))
        })
    }

    fn spooled(&self, ending: &str) -> std::path::PathBuf {
        let outgoing = self.setup.path().join("state/spool/outgoing");
        outgoing.join(format!("{}{ending}", self.id))
    }

    /// Its sidecar.
    fn described(&self) -> String {
        std::fs::read_to_string(self.spooled(".jsonl")).unwrap()
    }

    /// The first connection, which breaks before anything but DATA has come.
    fn breaks_off(&self) {
        let (mut peer, _) = self.offered();
        peer.say(b"200000000000000000");
        assert_eq!(peer.hear()[0], b'D', "DATA");
    }

    /// Takes it from behind so many records on, as much as `credits` windows have; gives what comes then, if it ends
    /// before.
    fn resumes(&self, from: usize, credits: usize) -> Option<Vec<u8>> {
        let (mut records, end) = self.takes(from, credits);
        let begun = records.pop().unwrap();
        assert!(!records.is_empty(), "behind record {from} comes {end:?}");
        let next = from + records.len();
        assert!(records == self.records[from..next], "behind record {from}");
        let whole = self.records.get(next).map_or(&[][..], |whole| whole);
        assert!(whole.starts_with(&begun), "record {next} has begun");
        end
    }

    /// The same, whatever comes: the records, of which the last is not at its end, and what comes behind them.
    fn takes(&self, from: usize, credits: usize) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let (mut peer, offered) = self.offered();
        let most = format!("{:017}", self.records.len()).into_bytes();
        assert_eq!(&offered[138..155], most, "as far as it goes, in records");
        peer.say(format!("2{from:017}"));
        let mut records = vec![Vec::new()];
        let mut end = None;
        'windows: for _ in 0..credits {
            for _ in 0..7 {
                let heard = peer.hear();
                if heard[0] != b'D' {
                    end = Some(heard);
                    break 'windows;
                }
                add_records(&heard, &mut records);
            }
            peer.say(b"C  ");
        }
        if end.as_ref().is_some_and(|end| end[0] == b'T') {
            peer.say(b"4N");
            assert_eq!(peer.hear(), b"R", "CD");
            peer.say(b"F00000\r");
        }
        (records, end)
    }

    /// EFID with the totals of the whole file.
    fn efid(&self) -> Vec<u8> {
        let octets = self.records.iter().map(Vec::len).sum();
        efid(self.records.len(), octets).into_bytes()
    }
}

/// Where dice start, which say it so that a failure can be had again.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let seed = amount("POINTSMAN_SEED", now.unwrap().as_nanos() as u64 | 1);
    println!("POINTSMAN_SEED={seed}");
    seed
}

#[test]
fn wherever_a_file_of_variable_records_breaks_off_it_is_resumed_at_the_next_record() {
    let seed = seed();
    for layout in ["lines", "length-prefixed"] {
        let file = LongFile::new(seed, layout);
        file.breaks_off();
        for dice in octets(seed ^ 1, 8).chunks(2) {
            let dice = usize::from(u16::from_le_bytes([dice[0], dice[1]]));
            let from = dice * (file.records.len() - 200) / usize::from(u16::MAX);
            assert_eq!(file.resumes(from, 1), None, "{layout}");
        }
        let most = usize::MAX;
        assert_eq!(
            file.resumes(file.records.len() - 500, most),
            Some(file.efid()),
            "{layout}"
        );
        file.server.await_log(&["file-sent"]);
        let audited = file.setup.pointsman(&["verify-store"]);
        assert!(audited.status.success(), "{audited:?}");

        let again = file.setup.pointsman(&["queue", "resend", &file.id]);
        assert!(again.status.success(), "{again:?}");
        let said = String::from_utf8(again.stdout).unwrap();
        let id = said.split_whitespace().find(|word| word.len() == 37);
        let id = id.unwrap().trim_end_matches(':').to_owned();
        let file = LongFile { id, ..file };
        assert!(
            file.described().contains("\"positions\""),
            "they go with the content"
        );
    }
}

/// Nothing of the file up to a little before the record is as it was, so whoever looks there finds no records.
#[test]
fn a_restart_reads_nothing_before_the_nearest_noted_position() {
    let seed = seed();
    for layout in ["lines", "length-prefixed"] {
        let file = LongFile::new(seed, layout);
        file.breaks_off();
        let from = file.records.len() - 500;
        // They are a million octets apart.
        let untouched = file.ends[from - 1] - 1_100_000;
        assert!(untouched > 2_000_000, "{untouched}");
        let blob = std::fs::File::options()
            .write(true)
            .open(file.spooled(""))
            .unwrap();
        std::os::unix::fs::FileExt::write_all_at(&blob, &vec![b'x'; untouched], 0).unwrap();
        let end = file.resumes(from, usize::MAX).expect("it ends");
        assert_eq!(
            end[0], b'F',
            "an ESID, since it is not what was queued, and no EFID"
        );
        file.server.await_log(&["content-damaged", &file.id]);
    }
}

#[test]
fn positions_that_are_damaged_or_gone_are_not_gone_by() {
    let seed = seed();
    let file = LongFile::new(seed, "lines");
    file.breaks_off();
    let described = file.described();
    let from = file.records.len() - 500;
    // Each of them is said to be behind ten times as many records.
    let damaged = described.replace("],[", "0],[");
    assert_ne!(damaged, described, "there are positions");
    std::fs::write(file.spooled(".jsonl"), damaged).unwrap();
    assert_eq!(file.resumes(from, 1), None);
    let audited = file.setup.pointsman(&["verify-store"]);
    let said = String::from_utf8_lossy(&audited.stdout);
    assert!(
        !audited.status.success() && said.contains("positions of records are damaged"),
        "{said}"
    );
    let first = described.lines().next().unwrap();
    std::fs::write(file.spooled(".jsonl"), format!("{first}\n")).unwrap();
    assert_eq!(file.resumes(from, usize::MAX), Some(file.efid()));
    file.server.await_log(&["file-sent"]);
}

/// As a mistake of whoever noted them would leave them: whole in themselves, and of that content.
#[test]
fn what_went_on_behind_a_wrong_position_gets_no_efid() {
    let file = LongFile::new(seed(), "lines");
    file.breaks_off();
    let described = file.described();
    let noted = Record::parse(described.as_bytes()).unwrap();
    let right = noted.positions().expect("positions are noted");
    let shifted = right.points().iter().map(|end| Position {
        records: end.records + 1,
        ..*end
    });
    let wrong = Positions::from_points(shifted.collect()).unwrap();
    let wrong = serde_json::to_value(KeptPositions::new(&wrong, &noted.sidecar.measure)).unwrap();
    let mut lines = String::new();
    for line in described.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["event"] == "positions" {
            for (field, value) in wrong.as_object().unwrap() {
                line[field] = value.clone();
            }
        }
        lines += &format!("{line}\n");
    }
    assert_ne!(lines, described);
    std::fs::write(file.spooled(".jsonl"), lines).unwrap();
    let from = file.records.len() - 500;
    let (_, end) = file.takes(from, usize::MAX);
    let end = end.expect("it ends");
    assert_eq!(end[0], b'F', "an ESID, and no EFID");
    file.server
        .await_log(&["content-damaged", &file.id, "the positions of records"]);
}

#[test]
fn a_file_of_variable_records_announces_its_longest() {
    let receiving = with_partner("");
    let server = receiving.serve();
    let sending = Setup::sender(&server.address().to_string(), "");
    let file = sending.write("LONG", "AB\r\nABCDEFG\r\n");
    let path = file.to_str().unwrap();
    let sent = sending.pointsman(&["send", path, "--to", "nordwerk", "--format", "V"]);
    assert!(
        sent.status.success(),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
    let described = std::fs::read_dir(sending.path().join("state/spool"))
        .unwrap()
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|lines| lines == "jsonl"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .next()
        .expect("its sidecar");
    assert!(
        described.contains("\"format\":\"V\",\"record\":7"),
        "{described}"
    );
}

#[test]
fn records_that_cannot_be_kept_so_are_refused_before_they_come() {
    let setup = with_partner("    fixed_records: length-prefixed\n");
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    peer.say(sfid("F.LONG", 'F', 65_536, 0));
    let answer = peer.hear();
    assert_eq!(
        &answer[..4],
        b"305N",
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn lines_that_come_as_records_of_a_text_get_their_ends_where_the_profile_says_so() {
    for (partner, expected) in [
        ("", "LINE1LINE2"),
        ("    text_line_ends: true\n", "LINE1\r\nLINE2\r\n"),
    ] {
        let setup = with_partner(partner);
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        peer.say(sfid("TEXT", 'T', 0, 0));
        assert_eq!(peer.hear(), b"200000000000000000");
        peer.say(data(&["LINE1", "LINE2"]));
        peer.say(efid(0, 10));
        assert_eq!(peer.hear(), b"4N");
        assert_eq!(content(&setup), expected);
    }
}

#[test]
fn receipts_are_not_swapped_where_the_profile_says_so() {
    for (partner, dest) in [("", support::THEM), ("    unswapped_receipts: true\n", US)] {
        let setup = with_partner(partner);
        let server = setup.serve();
        let mut peer = Peer::session(server.address());
        peer.send(&VirtualFile::new("ORDER", "order"));
        let receipts = peer.take_receipts();
        assert_eq!(
            String::from_utf8_lossy(&receipts[0][56..81]).trim_end(),
            dest
        );
    }
}
