//! The state tables of RFC 5024, 9.8 to 9.12, cell by cell: `tables.json` has them as printed.
//!
//! The machine is brought into each state by the shortest conversation, meets each event, and what
//! it says and where it ends up is compared with the cell. Where a cell is undefined, "impossible"
//! or a user error, our decision stands here instead. Nothing is forgiven in these conversations.

#![cfg(test)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::*;
use oftp::*;

/// States that a session can be in. Those that store a request until CD comes cannot arise, since
/// the turn is asked about only when it is ours; I_WF_NC is before there is a session.
const STATES: [&str; 23] = [
    "I_WF_RM",
    "I_WF_SSID",
    "A_NC_ONLY",
    "A_WF_CONRS",
    "WF_AUCH",
    "WF_AURP",
    "WF_SECD",
    "IDLESP",
    "IDLESPCD",
    "WF_RTR",
    "WF_CD",
    "OPOP",
    "OPO",
    "OPOWFC",
    "CLOP",
    "IDLELI",
    "IDLELICD",
    "OPIP",
    "OPI",
    "CLIP",
    "RTRP",
    "WF_NDISC",
    "IDLE",
];
const NEVER: [&str; 5] = ["I_WF_NC", "ERSTWFCD", "NRSTWFCD", "SFSTWFCD", "CDSTWFCD"];

/// The session makes no connection: it begins when there is one.
const THE_CALLERS: [&str; 3] = ["F_CONNECT_RQ", "N_CON_CF", "N_CON_IND"];

#[test]
fn every_cell_is_as_printed_or_as_decided() {
    let tables: Tables = read_tables();
    let (mut as_printed, mut as_decided) = (BTreeSet::new(), 0);
    let mut wrong = Vec::new();
    for event in events(&tables) {
        for state in STATES {
            let cell = tables.cell(&event, state);
            let printed = cell
                .as_ref()
                .and_then(|cell| printed(cell.table, &cell.letter, state));
            let decided = decided(&event, state, printed.is_some());
            let expected = decided.map(str::to_owned).or(printed.map(str::to_owned));
            let happened = meet(state, &event);
            if Some(&happened) != expected.as_ref() {
                wrong.push(format!(
                    "{event} in {state} ({cell:?}): {happened}, not {expected:?}"
                ));
            }
            if decided.is_none() {
                as_printed.extend(cell);
            } else {
                as_decided += 1;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!(
        "{} printed cells hold; {as_decided} pairs of state and event are our decision",
        as_printed.len()
    );
    assert_eq!((as_printed.len(), as_decided), (PRINTED, DECIDED));
}

/// So many of the printed cells define what happens in a state that can arise, and hold.
const PRINTED: usize = 149;
/// So many pairs of state and event the tables leave open, or we answer otherwise.
const DECIDED: usize = 531;

/// What a printed transition does: what is said, `>`, the next state. None where the tables call
/// it impossible or a user error.
fn printed(table: &str, letter: &str, state: &str) -> Option<&'static str> {
    Some(match (table, letter) {
        (_, "X" | "U" | "UE" | "W") => return None,
        ("session", "D") => ">IDLESP",
        ("session", "E") => ">A_WF_CONRS",
        ("session", "F") => ">IDLE",
        ("session", "G") => "X>IDLELI",
        ("session", "H") => "X>I_WF_SSID",
        ("session", "I") => "S>WF_SECD",
        ("session", "J") => "A>WF_AURP",
        ("session", "K") => "J>WF_AUCH",
        ("session", "L") => "F02>WF_NDISC",
        ("error", "H") => ">WF_NDISC",
        ("error", "I") => "F01>WF_NDISC",
        ("error", _) => ">IDLE",
        ("speaker1", "A") => "E>WF_RTR",
        ("speaker1", "B") => "H>OPOP",
        ("speaker1", "C" | "P") => "F02>WF_NDISC",
        ("speaker1", "D") => "R>IDLELICD",
        ("speaker1", "E") => "F00>WF_NDISC",
        ("speaker1", "F" | "G" | "T" | "Z") => "stored",
        ("speaker1", "H" | "L" | "N") => ">IDLESP",
        ("speaker1", "K" | "O") => ">OPO",
        ("speaker1", "M") => "D>OPO",
        ("speaker1", "Q") => "F08>WF_NDISC",
        ("speaker1", "S") => ">WF_NDISC",
        ("speaker1", "Y") => "N>WF_RTR",
        ("speaker2", "A") => "T>CLOP",
        ("speaker2", "B") => "F02>WF_NDISC",
        ("speaker2", "C" | "D") => ">IDLESP",
        ("speaker2", "E") => ">OPOWFC",
        ("listener", "A") => ">OPIP",
        ("listener", "B") => "F02>WF_NDISC",
        ("listener", "C") => ">IDLESPCD",
        ("listener", "D" | "F") => ">IDLE",
        ("listener", "E" | "L") => ">RTRP",
        ("listener", "H") => "2>OPI",
        ("listener", "I") => ">OPI",
        ("listener", "J") => ">CLIP",
        ("listener", "K") => "4>IDLELI",
        ("listener", "M") => "P>IDLELI",
        other => panic!("no such transition {other:?} in {state}"),
    })
}

/// Our decisions, where the tables say nothing, or something we do not do.
fn decided(event: &str, state: &str, printed: bool) -> Option<&'static str> {
    let user = event.starts_with("F_");
    let peer = !user && !["TIME-OUT", "N_RST_IND", "N_DISC_IND", "Invalid Buffer"].contains(&event);
    Some(match (event, state) {
        // Before the greeting there is nobody to tell anything.
        ("SSRM", "I_WF_RM") => return None,
        (_, "I_WF_RM") if peer || event == "Invalid Buffer" => ">IDLE",
        ("F_REL_RQ(Err)" | "F_ABORT_RQ", "I_WF_RM") => ">IDLE",
        // After the end everything is dropped.
        (_, "IDLE") if !user => ">IDLE",
        (_, "WF_NDISC") if peer => ">WF_NDISC",
        ("F_REL_RQ(Err)" | "F_ABORT_RQ", "IDLE") => ">IDLE",
        ("F_REL_RQ(Err)" | "F_ABORT_RQ", "WF_NDISC") => ">WF_NDISC",
        // A partner may end a session at any time, though some tables call it impossible.
        ("ESID R=Normal" | "ESID R=Error", _) if !printed => ">IDLE",
        // An abort is told (ESID), so that the partner learns why.
        ("F_ABORT_RQ", _) => "F08>WF_NDISC",
        ("F_REL_RQ(Err)", _) if !printed => "F08>WF_NDISC",
        // So is a time-out, once the partner is known.
        (
            "TIME-OUT",
            "WF_NDISC" | "I_WF_SSID" | "A_NC_ONLY" | "A_WF_CONRS" | "WF_AUCH" | "WF_AURP"
            | "WF_SECD",
        ) => {
            return None;
        }
        ("TIME-OUT", "I_WF_RM") => return None,
        ("TIME-OUT", _) => "F09>WF_NDISC",
        // The turn is given away, or the session released, whichever the state allows.
        ("F_REL_RQ(Ok)", "IDLESP") => "R>IDLELICD",
        ("F_CD_RQ", "IDLESPCD") => "F00>WF_NDISC",
        // Nothing is stored until the turn comes: the answer has no ticket.
        ("F_EERP_RQ" | "F_NERP_RQ" | "F_START_FILE_RQ" | "F_CD_RQ", "WF_CD") => "too late",
        // Data for nobody is given back.
        ("F_DATA_RQ", "WF_NDISC") => "too late",
        // An answer without its question.
        _ if user && !printed => "too late",
        // What does not belong is a violation.
        _ if peer && !printed => "F02>WF_NDISC",
        _ => return None,
    })
}

/// Brings a session into a state, lets it meet an event, tells what it said and where it is.
fn meet(state: &str, event: &str) -> String {
    let mut scene = Scene::of(state);
    let done = scene.meet(event);
    let said: Vec<String> = scene
        .talk
        .says()
        .iter()
        .map(|line| first_of(line))
        .collect();
    if done.is_err() {
        assert_eq!(said, Vec::<String>::new(), "{event} in {state}");
        assert_eq!(
            scene.talk.session.state_name(),
            state,
            "{event} changes nothing"
        );
        return "too late".into();
    }
    format!("{}>{}", said.concat(), scene.talk.session.state_name())
}

fn first_of(line: &[u8]) -> String {
    let length = if line[0] == b'F' { 3 } else { 1 };
    line[..length].escape_ascii().to_string()
}

/// A session in a state, and the tickets of what it asked.
struct Scene {
    talk: Talk,
    tickets: Vec<Event>,
}

fn strict() -> Params {
    Params {
        tolerances: Tolerances::STRICT,
        ..params()
    }
}

fn authenticated() -> (Params, String) {
    (
        Params {
            authentication: true,
            ..strict()
        },
        with_flag(&ssid(), 47, 'Y'),
    )
}

fn records() -> FileHeader {
    FileHeader {
        format: Format::Variable(200),
        ..FileHeader::plain(our_file(), 1)
    }
}

fn small(credit: u16) -> String {
    with_credit(&with_buffer(&ssid(), 128), credit)
}

fn eerp() -> Eerp {
    Eerp {
        key: their_file(),
        user: UserData::default(),
        hash: vec![],
        signature: vec![],
    }
}

fn nerp() -> Nerp {
    let (reason, creator) = (NerpReason::Unspecified, OdetteId::new(US).unwrap());
    Nerp {
        key: their_file(),
        creator,
        reason,
        text: String::new(),
        hash: vec![],
        signature: vec![],
    }
}

impl Scene {
    fn of(state: &str) -> Self {
        let talk = match state {
            "I_WF_RM" => Talk::initiator(strict()),
            "I_WF_SSID" => heard(Talk::initiator(strict()), &[SSRM]),
            "A_NC_ONLY" => Talk::responder(strict()),
            "A_WF_CONRS" => heard(Talk::responder(strict()), &[&ssid()]),
            "WF_AUCH" => heard(
                Talk::initiator(authenticated().0),
                &[SSRM, &authenticated().1],
            ),
            "WF_SECD" => answered(),
            "WF_AURP" => {
                let mut talk = heard(answered(), &["J"]);
                match talk.session.poll_event() {
                    Some(Event::ChallengeWanted(ticket)) => {
                        talk.session
                            .send_challenge(ticket, Challenge::new([b'c'; 20]), vec![1])
                            .unwrap();
                    }
                    other => panic!("{other:?}"),
                }
                talk
            }
            "IDLESP" => return Self::at_turn(Talk::speaking(strict(), &ssid())),
            "IDLESPCD" => heard(Talk::listening(strict(), &ssid()), &["R"]),
            "WF_RTR" => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session
                    .respond(turn, Response::Positive(eerp()))
                    .unwrap();
                talk
            }
            "WF_CD" => {
                let mut scene = Self::of("CLIP");
                scene.close(true).unwrap();
                scene.talk
            }
            "OPOP" => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session.start_file(turn, records()).unwrap();
                talk
            }
            "OPO" => Talk::sending(strict(), &small(2), records()),
            "OPOWFC" => {
                let mut talk = Talk::sending(strict(), &small(1), records());
                talk.session.send_data(&[1; 125], true).unwrap();
                talk
            }
            "CLOP" => {
                let mut talk = Talk::sending(strict(), &ssid(), records());
                talk.session.close_file(Counts::default()).unwrap();
                talk
            }
            "IDLELI" => Talk::listening(strict(), &ssid()),
            "IDLELICD" => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session.finish(turn).unwrap();
                talk
            }
            "OPIP" => heard(Talk::listening(strict(), &ssid()), &[&sfid(0)]),
            "OPI" => Talk::receiving(strict(), &ssid(), &sfid(0)),
            "CLIP" => {
                let talk = Talk::receiving(strict(), &ssid(), &sfid(0));
                heard(talk, &["T0000000000000000000000000000000000"])
            }
            "RTRP" => heard(Talk::listening(strict(), &ssid()), &[&line_of("EERP")]),
            "WF_NDISC" => heard(Talk::listening(strict(), &ssid()), &["Q"]),
            "IDLE" => heard(Talk::listening(strict(), &ssid()), &["F05000\r"]),
            other => panic!("{other}"),
        };
        let mut scene = Self {
            talk,
            tickets: vec![],
        };
        let _ = scene.talk.says();
        scene
            .tickets
            .extend(std::iter::from_fn(|| scene.talk.session.poll_event()));
        assert_eq!(scene.talk.session.state_name(), state);
        scene
    }

    fn at_turn((talk, turn): (Talk, TurnTicket)) -> Self {
        Self {
            talk,
            tickets: vec![Event::YourTurn(turn)],
        }
    }

    fn meet(&mut self, event: &str) -> Result<(), NotNow> {
        let later = |seconds| Duration::from_secs(seconds);
        match event {
            "TIME-OUT" => {
                let state = self.talk.session.state_name();
                self.talk.session.handle_timeout(later(1000));
                if self.talk.session.state_name() == state {
                    self.talk.session.handle_timeout(later(2000));
                }
            }
            "N_DISC_IND" | "N_RST_IND" => self.talk.session.disconnected(later(1)),
            "Invalid Buffer" => self.talk.hear("Q"),
            "F_ABORT_RQ" | "F_REL_RQ(Err)" => self.talk.session.abort(SessionReason::Resources, ""),
            user if user.starts_with("F_") => return self.answer(user),
            peer => {
                self.talk.hear(line_of(peer));
                self.answer_challenges();
            }
        }
        Ok(())
    }

    /// Answers with the ticket of the state, or with that of a session where it belongs.
    fn answer(&mut self, request: &str) -> Result<(), NotNow> {
        match request {
            "F_CONNECT_RS" => {
                let ticket = self.ticket(
                    |event| matches!(event, Event::ConnectionOffered(..)),
                    "A_WF_CONRS",
                );
                let Event::ConnectionOffered(ticket, _) = ticket else {
                    unreachable!()
                };
                self.talk
                    .session
                    .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(strict())))
            }
            "F_START_FILE_RS" => {
                let ticket = self.ticket(|event| matches!(event, Event::FileOffered(..)), "OPIP");
                let Event::FileOffered(ticket, _) = ticket else {
                    unreachable!()
                };
                self.talk.session.answer_file(
                    ticket,
                    FileAnswer::Accept {
                        restart: 0,
                        octets_held: 0,
                    },
                )
            }
            "F_CLOSE_FILE_RS" => self.close(false),
            "F_RTR_RS" => {
                let ticket =
                    self.ticket(|event| matches!(event, Event::ResponseOffered(..)), "RTRP");
                let Event::ResponseOffered(ticket, _) = ticket else {
                    unreachable!()
                };
                self.talk.session.answer_response(ticket)
            }
            "F_DATA_RQ" => self.send_a_buffer(),
            "F_CLOSE_FILE_RQ" => self.talk.session.close_file(Counts::default()),
            _ => {
                let ticket = self.ticket(|event| matches!(event, Event::YourTurn(..)), "IDLESP");
                let Event::YourTurn(turn) = ticket else {
                    unreachable!()
                };
                let session = &mut self.talk.session;
                match request {
                    "F_EERP_RQ" => session.respond(turn, Response::Positive(eerp())),
                    "F_NERP_RQ" => session.respond(turn, Response::Negative(nerp())),
                    "F_START_FILE_RQ" => session.start_file(turn, records()),
                    "F_CD_RQ" => session.change_direction(turn),
                    "F_REL_RQ(Ok)" => session.finish(turn),
                    other => panic!("{other}"),
                }
            }
        }
    }

    /// A buffer's worth of a record; out of credit nothing is taken, which is all the RFC asks.
    fn send_a_buffer(&mut self) -> Result<(), NotNow> {
        match self.talk.session.send_data(&[1; 125], true)? {
            0 => Err(NotNow { state: "OPOWFC" }),
            _ => Ok(()),
        }
    }

    fn close(&mut self, change_direction: bool) -> Result<(), NotNow> {
        let ticket = self.ticket(|event| matches!(event, Event::FileClosed(..)), "CLIP");
        let Event::FileClosed(ticket, _) = ticket else {
            unreachable!()
        };
        self.talk
            .session
            .answer_close(ticket, CloseAnswer::Accept { change_direction })
    }

    fn ticket(&mut self, wanted: impl Fn(&Event) -> bool, state: &str) -> Event {
        match self.tickets.iter().position(&wanted) {
            Some(at) => self.tickets.swap_remove(at),
            None => Scene::of(state).tickets.into_iter().find(wanted).unwrap(),
        }
    }

    /// The challenge is made and opened by the caller, which the tables do not know of.
    fn answer_challenges(&mut self) {
        while let Some(event) = self.talk.session.poll_event() {
            match event {
                Event::ChallengeOffered(ticket, _) => {
                    let opened = ChallengeAnswer::Opened(Challenge::new([1; 20]));
                    self.talk.session.answer_challenge(ticket, opened).unwrap();
                }
                Event::ChallengeWanted(ticket) => {
                    self.talk
                        .session
                        .send_challenge(ticket, Challenge::new([1; 20]), vec![1])
                        .unwrap();
                }
                _ => (),
            }
        }
    }
}

fn heard(mut talk: Talk, lines: &[&str]) -> Talk {
    for line in lines {
        talk.hear(line);
    }
    talk
}

fn answered() -> Talk {
    let (own, their_ssid) = authenticated();
    let mut talk = heard(Talk::responder(own.clone()), &[&their_ssid]);
    match talk.session.poll_event() {
        Some(Event::ConnectionOffered(ticket, _)) => {
            talk.session
                .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(own)))
                .unwrap();
        }
        other => panic!("{other:?}"),
    }
    talk
}

fn line_of(command: &str) -> String {
    match command {
        "SSRM" => SSRM.into(),
        "SSID" => ssid(),
        "ESID R=Normal" => "F00000\r".into(),
        "ESID R=Error" => "F05000\r".into(),
        "AUCH" => "A\0\u{1}x".into(),
        "AURP" => "Scccccccccccccccccccc".into(),
        "SECD" => "J".into(),
        "SFID" => sfid(0),
        "SFPA" => "200000000000000000".into(),
        "SFNA" => "313N000".into(),
        "DATA" => "D\u{1}x".into(),
        "CDT" => "C  ".into(),
        "EFID" => "T0000000000000000000000000000000000".into(),
        "EFPA" => "4N".into(),
        "EFNA" => "511000".into(),
        "CD" => "R".into(),
        "RTR" => "P".into(),
        "EERP" => format!(
            "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}\0\0\0\0",
            "", ""
        ),
        "NERP" => format!(
            "NORDERS{:20}      202611220800000001{US:<25}{THEM:<25}{THEM:<25}99000\0\0\0\0",
            ""
        ),
        other => panic!("{other}"),
    }
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    table: &'static str,
    event: String,
    column: String,
    letter: String,
}

struct Tables(BTreeMap<&'static str, serde_json::Value>);

fn read_tables() -> Tables {
    let json: serde_json::Value = serde_json::from_str(include_str!("tables.json")).unwrap();
    let names = ["session", "error", "speaker1", "speaker2", "listener"];
    let tables = Tables(names.map(|name| (name, json[name].clone())).into());
    let cells: usize = tables
        .0
        .values()
        .map(|table| table["rows"].as_object().unwrap().len() * columns(table).len())
        .sum();
    assert_eq!(cells, 351);
    tables
}

fn columns(table: &serde_json::Value) -> Vec<String> {
    table["states"]
        .as_array()
        .unwrap()
        .iter()
        .map(|state| state.as_str().unwrap().to_owned())
        .collect()
}

/// Every event that meets a session. The session table's ESID is that of both reasons.
fn events(tables: &Tables) -> BTreeSet<String> {
    let rows = tables
        .0
        .values()
        .flat_map(|table| table["rows"].as_object().unwrap().keys().cloned());
    rows.filter(|row| row != "ESID" && !THE_CALLERS.contains(&row.as_str()))
        .collect()
}

impl Tables {
    /// The cell of an event in a state: by the column of that name, or else by that of the others.
    fn cell(&self, event: &str, state: &str) -> Option<Cell> {
        assert!(!NEVER.contains(&state));
        self.in_column(event, state)
            .or_else(|| self.in_column(event, "Other States"))
    }

    fn in_column(&self, event: &str, column: &str) -> Option<Cell> {
        self.0.iter().find_map(|(table, content)| {
            let rows = content["rows"].as_object()?;
            let row = if event.starts_with("ESID") && *table == "session" {
                "ESID"
            } else {
                event
            };
            let at = columns(content).iter().position(|name| name == column)?;
            let letter = rows.get(row)?[at].as_str()?.to_owned();
            Some(Cell {
                table,
                event: row.to_owned(),
                column: column.to_owned(),
                letter,
            })
        })
    }
}
