//! Whole sessions. The input is a script: who calls, what is agreed, and then what the partner
//! sends, what we answer and when, what time it is. Whatever it says, the machine never panics,
//! gives out no more than came in can stand for, says nothing after the end, and ends.

#![no_main]

use std::collections::VecDeque;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use oftp::*;

fuzz_target!(|input: &[u8]| {
    Play::new(Script(input)).run();
});

/// What is left of the input; zeros when there is nothing left.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn octet(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn octets(&mut self, length: usize) -> &'a [u8] {
        let (octets, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        octets
    }
}

struct Play<'a> {
    script: Script<'a>,
    session: Session,
    params: Params,
    now: Duration,
    /// Questions that were asked and not answered: the answer may be late.
    asked: VecDeque<Event>,
    came_in: usize,
    came_out: usize,
    ended: bool,
}

impl<'a> Play<'a> {
    fn new(mut script: Script<'a>) -> Self {
        let (choice, more) = (script.octet(), script.octet());
        let params = params(choice, more);
        let session = match choice & 1 {
            0 => Session::responder(params.clone(), Duration::ZERO),
            _ => Session::initiator(params.clone(), Duration::ZERO),
        };
        Self {
            script,
            session,
            params,
            now: Duration::ZERO,
            asked: VecDeque::new(),
            came_in: 0,
            came_out: 0,
            ended: false,
        }
    }

    fn run(mut self) {
        while !self.script.0.is_empty() {
            self.step();
            self.listen();
        }
        self.session.disconnected(self.now);
        self.listen();
        assert!(self.ended);
        assert_eq!(self.session.state_name(), oftp::StateName::Idle);
        assert!(self.session.is_over() && self.session.poll_timeout().is_none());
        assert_eq!(self.session.poll_transmit(), None);
    }

    fn step(&mut self) {
        let step = self.script.octet();
        match step {
            0..=63 => self.hear(&line(step), step % 2 == 1),
            64..=103 => {
                let line = self.script.octets(usize::from(step - 63)).to_vec();
                self.hear(&line, true);
            }
            104..=119 => {
                let length = usize::from(self.script.octet());
                let noise = self.script.octets(length);
                self.receive(noise);
            }
            120..=199 => self.answer(step),
            200..=219 => self.send(step),
            220..=235 => {
                self.now += Duration::from_secs(1 << (step - 220));
                self.session.handle_timeout(self.now);
            }
            236..=247 => {
                if let Some(octets) = self.session.poll_transmit() {
                    self.session.recycle(octets);
                }
            }
            248..=252 => assert_eq!(self.session.clone(), self.session),
            253 => self.session.abort(SessionReason::Resources, "closing down"),
            _ => self.session.disconnected(self.now),
        }
    }

    /// A line in its stream header; changed in one place if the script wants it.
    fn hear(&mut self, line: &[u8], as_it_is: bool) {
        let mut line = line.to_vec();
        if !as_it_is {
            let (at, octet) = (usize::from(self.script.octet()), self.script.octet());
            if let Some(changed) = line.get_mut(at) {
                *changed = octet;
            }
        }
        let whole = [&stream::header(line.len()), line.as_slice()].concat();
        self.receive(&whole);
    }

    fn receive(&mut self, octets: &[u8]) {
        self.came_in += octets.len();
        self.session.receive(octets, self.now);
    }

    /// Takes what happened; keeps what was asked.
    fn listen(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.ended, "nothing comes after the end: {event:?}");
            match event {
                Event::Data(data) => {
                    self.came_out += data.octets.len() + data.record_ends.len();
                    self.session.recycle(data.octets);
                }
                Event::Ended(_) => self.ended = true,
                question => self.asked.push_back(question),
            }
            assert!(self.asked.len() <= 2 * self.came_in + 2);
        }
        assert!(self.came_out <= 33 * self.came_in);
        let over = self.session.state_name() == oftp::StateName::Idle;
        assert_eq!(self.session.poll_timeout().is_none(), over);
    }

    fn answer(&mut self, choice: u8) {
        let Some(event) = self.asked.pop_front() else {
            return;
        };
        let (yes, session) = (choice % 4 != 0, &mut self.session);
        let _ = match event {
            Event::ConnectionOffered(ticket, _) => {
                let own = Box::new(self.params.clone());
                session.answer_connection(ticket, ConnectionAnswer::Accept(own))
            }
            Event::ChallengeOffered(ticket, _) => {
                let opened = ChallengeAnswer::Opened(Challenge::new([b'1'; 20]));
                session.answer_challenge(ticket, opened)
            }
            Event::ChallengeWanted(ticket) => {
                session.send_challenge(ticket, Challenge::new([b'1'; 20]), vec![1, 2])
            }
            Event::FileOffered(ticket, _) if yes => {
                let restart = u64::from(choice % 3);
                let octets_held = restart * 1024;
                session.answer_file(
                    ticket,
                    FileAnswer::Accept {
                        restart,
                        octets_held,
                    },
                )
            }
            Event::FileOffered(ticket, _) => {
                let (reason, retry, text) = (FileReason::Duplicate, choice % 8 == 0, "".into());
                session.answer_file(
                    ticket,
                    FileAnswer::Refuse {
                        reason,
                        retry,
                        text,
                    },
                )
            }
            Event::WindowUsedUp(ticket) => session.grant_credit(ticket),
            Event::FileClosed(ticket, _) if yes => {
                let change_direction = choice % 8 > 4;
                session.answer_close(ticket, CloseAnswer::Accept { change_direction })
            }
            Event::FileClosed(ticket, _) => {
                let (reason, text) = (FileReason::ByteCount, String::new());
                session.answer_close(ticket, CloseAnswer::Refuse { reason, text })
            }
            Event::ResponseOffered(ticket, _) => session.answer_response(ticket),
            Event::YourTurn(ticket) => match choice % 5 {
                0 | 1 => session.end_turn(ticket),
                2 => session.respond(ticket, Response::Positive(eerp())),
                3 => session.start_file(ticket, header(Format::Variable(80))),
                _ => session.start_file(ticket, header(Format::Unstructured)),
            },
            _ => Ok(()),
        };
    }

    fn send(&mut self, choice: u8) {
        if choice == 200 {
            let _ = self.session.close_file(Counts {
                records: 2,
                octets: 9,
            });
            return;
        }
        let wanted = self.session.want_data();
        let octets = vec![choice; usize::from(choice - 200).pow(2)];
        if let Ok(taken) = self.session.send_data(&octets, choice % 2 == 0) {
            assert!(taken >= wanted.min(octets.len()), "{taken} of {wanted}");
        }
    }
}

fn params(choice: u8, more: u8) -> Params {
    let code = OdetteId::new("O0013000001US").expect("a good code");
    let mut params = Params::new(code, Password::new("SECRET").expect("a good password"));
    let is = |bit: u8| choice >> bit & 1 == 1;
    params.compression = is(1);
    params.restart = !is(2);
    params.authentication = is(3) && is(4);
    params.level = [Level::V20, Level::V14, Level::V13, Level::V12][usize::from(choice >> 6)];
    params.buffer_size = [128, 129, 2048, 99_999][usize::from(more & 3)];
    params.credit = [1, 2, 3, 999][usize::from(more >> 2 & 3)];
    params.tolerances = match more >> 6 {
        0 => Tolerances::default(),
        1 => Tolerances::default().with(Leniency::WrongCounts, true),
        _ => Tolerances::STRICT,
    };
    params
}

fn key() -> FileKey {
    let (us, them) = ("O0013000001US", "O0013000002THEM");
    FileKey {
        dataset: DatasetName::new("ORDERS").expect("a good name"),
        stamp: FileStamp::new("20261122", "0800000001").expect("a good stamp"),
        originator: OdetteId::new(us).expect("a good code"),
        destination: OdetteId::new(them).expect("a good code"),
    }
}

fn header(format: Format) -> FileHeader {
    FileHeader {
        format,
        restart: 2,
        ..FileHeader::plain(key(), 9)
    }
}

fn eerp() -> Eerp {
    let user = UserData::default();
    Eerp {
        key: key(),
        user,
        hash: vec![1; 20],
        signature: vec![],
    }
}

/// What a partner says, by number.
fn line(number: u8) -> Vec<u8> {
    let them = "O0013000002THEM";
    let us = "O0013000001US";
    let text = match number >> 1 {
        0 => "IODETTE FTP READY \r".into(),
        1 => format!("X5{them:<25}THEIRS  99999BNYN999N            \r"),
        2 => format!("X5{them:<25}THEIRS  00128BYYN001N            \r"),
        3 => format!("X5{them:<25}THEIRS  00129BYYN002Y            \r"),
        4 => format!("X4{them:<25}THEIRS  02048BYYN003             \r"),
        5 => format!("X1{them:<25}THEIRS  02048BYYN003             \r"),
        6 => sfid20(us, them, "U00000", 0),
        7 => sfid20(us, them, "V00080", 2),
        8 => format!(
            "HINVOICES{:18}   202611221530001234{:8}{us:<25}{them:<25}T000000000001000000002",
            "", ""
        ),
        9 => format!(
            "HINVOICES{:18}         261122153000{:8}{us:<25}{them:<25}F000800000001000000000",
            "", ""
        ),
        10 => "200000000000000000".into(),
        11 => "200000000000000002".into(),
        12 => "2000000000".into(),
        13 => "313Y004why?".into(),
        14 => "C  ".into(),
        15 => "T0000000000000000200000000000000009".into(),
        16 => "T000000002000000000009".into(),
        17 => "4Y".into(),
        18 => "4N".into(),
        19 => "511004why?".into(),
        20 => "R".into(),
        21 => "P".into(),
        22 => "J".into(),
        23 => "A\0\u{2}xx".into(),
        24 => "S11111111111111111111".into(),
        25 => format!(
            "EORDERS{:20}   202611220800000001{:8}{us:<25}{them:<25}\0\0\0\0",
            "", ""
        ),
        26 => format!(
            "NORDERS{:20}      202611220800000001{us:<25}{them:<25}{them:<25}99000\0\0\0\0",
            ""
        ),
        27 => "F00000\r".into(),
        28 => "F99004why?\r".into(),
        29 => "D\u{5}Hello".into(),
        _ => return [&b"D\x7F \x83you\xC0"[..], &[0x83, 1, 2, 3]].concat(),
    };
    text.into_bytes()
}

fn sfid20(us: &str, them: &str, format: &str, restart: u64) -> String {
    format!(
        "HINVOICES{:18}   202611221530001234{:8}{us:<25}{them:<25}{format}{:013}{:013}{restart:017}000000N000",
        "", "", 1, 1
    )
}
