//! A session in each state, by the shortest conversation, and each event for it to meet.

use std::time::Duration;

use oftp::*;

use super::common::*;

/// Brings a session into a state and lets it meet an event: what it says and where it then is.
pub fn meet(state: &str, event: &str) -> String {
    if let Some(begun) = begin(state, event) {
        return reaction(begun);
    }
    let state = StateName::from_name(state).unwrap();
    let mut scene = Scene::of(state);
    match scene.meet(event) {
        Ok(()) => reaction(scene.talk),
        Err(NotNow { .. }) => {
            assert_eq!(
                scene.talk.says(),
                Vec::<Vec<u8>>::new(),
                "{event} in {state}"
            );
            let still = scene.talk.session.state_name();
            assert_eq!(still, state, "{event} changes nothing");
            "NotNow".into()
        }
    }
}

/// Connections that come about are sessions that begin.
fn begin(state: &str, event: &str) -> Option<Talk> {
    match (state, event) {
        ("I_WF_NC", "N_CON_CF") => Some(Talk::initiator(strict())),
        ("IDLE", "N_CON_IND") => Some(Talk::responder(strict())),
        _ => None,
    }
}

/// What was said since last asked, and the state.
pub fn reaction(mut talk: Talk) -> String {
    let mut words: Vec<String> = talk.says().iter().map(|line| name(line)).collect();
    words.push(format!("-> {}", talk.session.state_name()));
    words.join(" ")
}

fn name(line: &[u8]) -> String {
    let kind = command::Kind::from_code(line[0]).unwrap();
    match line {
        [b'F', reason @ ..] => format!("ESID({})", reason[..2].escape_ascii()),
        b"4Y" => "EFPA(CD)".into(),
        _ => kind.to_string(),
    }
}

/// A session in a state, and the tickets of what it asked.
pub struct Scene {
    pub talk: Talk,
    tickets: Vec<Event>,
}

pub fn strict() -> Params {
    Params {
        tolerances: Tolerances::STRICT,
        ..params()
    }
}

pub fn authenticated() -> (Params, String) {
    (
        Params {
            authentication: true,
            ..strict()
        },
        with_flag(&ssid(), 47, 'Y'),
    )
}

pub fn records() -> FileHeader {
    FileHeader {
        format: Format::Variable(200),
        ..FileHeader::plain(our_file(), 1)
    }
}

fn small(credit: u16) -> String {
    with_credit(&with_buffer(&ssid(), 128), credit)
}

pub fn eerp() -> Eerp {
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
    pub fn of(state: StateName) -> Self {
        let talk = match state {
            StateName::IWfRm => Talk::initiator(strict()),
            StateName::IWfSsid => heard(Talk::initiator(strict()), &[SSRM]),
            StateName::ANcOnly => Talk::responder(strict()),
            StateName::AWfConrs => heard(Talk::responder(strict()), &[&ssid()]),
            StateName::WfAuch => heard(
                Talk::initiator(authenticated().0),
                &[SSRM, &authenticated().1],
            ),
            StateName::WfSecd => answered(),
            StateName::WfAurp => {
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
            StateName::IdleSp => return Self::at_turn(Talk::speaking(strict(), &ssid())),
            StateName::IdleSpCd => heard(Talk::listening(strict(), &ssid()), &["R"]),
            StateName::WfRtr => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session
                    .respond(turn, Response::Positive(eerp()))
                    .unwrap();
                talk
            }
            StateName::WfCd => {
                let mut scene = Self::of(StateName::Clip);
                scene.close(true).unwrap();
                scene.talk
            }
            StateName::Opop => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session.start_file(turn, records()).unwrap();
                talk
            }
            StateName::Opo => Talk::sending(strict(), &small(2), records()),
            StateName::Opowfc => {
                let mut talk = Talk::sending(strict(), &small(1), records());
                talk.session.send_data(&[1; 125], true).unwrap();
                talk
            }
            StateName::Clop => {
                let mut talk = Talk::sending(strict(), &ssid(), records());
                talk.session.close_file(Counts::default()).unwrap();
                talk
            }
            StateName::IdleLi => Talk::listening(strict(), &ssid()),
            StateName::IdleLiCd => {
                let (mut talk, turn) = Talk::speaking(strict(), &ssid());
                talk.session.end_turn(turn).unwrap();
                talk
            }
            StateName::Opip => heard(Talk::listening(strict(), &ssid()), &[&sfid(0)]),
            StateName::Opi => Talk::receiving(strict(), &ssid(), &sfid(0)),
            StateName::Clip => {
                let talk = Talk::receiving(strict(), &ssid(), &sfid(0));
                heard(talk, &["T0000000000000000000000000000000000"])
            }
            StateName::Rtrp => heard(Talk::listening(strict(), &ssid()), &[&line_of("EERP")]),
            StateName::WfNdisc => heard(Talk::listening(strict(), &ssid()), &["Q"]),
            StateName::Idle => heard(Talk::listening(strict(), &ssid()), &["F05000\r"]),
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
                self.talk.session.handle_timeout(later(1000));
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
                    StateName::AWfConrs,
                );
                let Event::ConnectionOffered(ticket, _) = ticket else {
                    unreachable!()
                };
                self.talk
                    .session
                    .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(strict())))
            }
            "F_START_FILE_RS" => {
                let ticket = self.ticket(
                    |event| matches!(event, Event::FileOffered(..)),
                    StateName::Opip,
                );
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
                let ticket = self.ticket(
                    |event| matches!(event, Event::ResponseOffered(..)),
                    StateName::Rtrp,
                );
                let Event::ResponseOffered(ticket, _) = ticket else {
                    unreachable!()
                };
                self.talk.session.answer_response(ticket)
            }
            "F_DATA_RQ" => self.send_a_buffer(),
            "F_CLOSE_FILE_RQ" => self.talk.session.close_file(Counts::default()),
            _ => {
                let ticket = self.ticket(
                    |event| matches!(event, Event::YourTurn(..)),
                    StateName::IdleSp,
                );
                let Event::YourTurn(turn) = ticket else {
                    unreachable!()
                };
                let session = &mut self.talk.session;
                match request {
                    "F_EERP_RQ" => session.respond(turn, Response::Positive(eerp())),
                    "F_NERP_RQ" => session.respond(turn, Response::Negative(nerp())),
                    "F_START_FILE_RQ" => session.start_file(turn, records()),
                    "F_CD_RQ" | "F_REL_RQ(Ok)" => session.end_turn(turn),
                    other => panic!("{other}"),
                }
            }
        }
    }

    /// A buffer's worth of a record; out of credit nothing is taken, which is all the RFC asks.
    fn send_a_buffer(&mut self) -> Result<(), NotNow> {
        match self.talk.session.send_data(&[1; 125], true)? {
            0 => Err(NotNow {
                state: StateName::Opowfc,
            }),
            _ => Ok(()),
        }
    }

    pub fn close(&mut self, change_direction: bool) -> Result<(), NotNow> {
        let ticket = self.ticket(
            |event| matches!(event, Event::FileClosed(..)),
            StateName::Clip,
        );
        let Event::FileClosed(ticket, _) = ticket else {
            unreachable!()
        };
        self.talk
            .session
            .answer_close(ticket, CloseAnswer::Accept { change_direction })
    }

    fn ticket(&mut self, wanted: impl Fn(&Event) -> bool, state: StateName) -> Event {
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

pub fn heard(mut talk: Talk, lines: &[&str]) -> Talk {
    for line in lines {
        talk.hear(line);
    }
    talk
}

pub fn answered() -> Talk {
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

pub fn line_of(command: &str) -> String {
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
