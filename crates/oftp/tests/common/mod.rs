//! What conversations are written with. Lines of the partner are spelled out by the layouts of the
//! RFCs and never by the code under test.

#![allow(dead_code)]

use std::time::Duration;

use oftp::*;

/// A line on the wire: stream header and exchange buffer.
pub fn stb(line: impl AsRef<[u8]>) -> Vec<u8> {
    let line = line.as_ref();
    let [_, high, middle, low] = (line.len() as u32 + 4).to_be_bytes();
    [&[0x10, high, middle, low], line].concat()
}

/// The exchange buffers of a stretch of wire.
pub fn lines(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while !wire.is_empty() {
        assert_eq!(wire[0], 0x10, "a stream header");
        let whole = u32::from_be_bytes([0, wire[1], wire[2], wire[3]]) as usize;
        lines.push(wire[4..whole].to_vec());
        wire = &wire[whole..];
    }
    lines
}

pub const SSRM: &str = "IODETTE FTP READY \r";
pub const US: &str = "O0013000001US";
pub const THEM: &str = "O0013000002THEM";

/// A partner's SSID at level 2.0 that takes what we offer by default.
pub fn ssid() -> String {
    format!("X5{THEM:<25}{:<8}99999BNYN999N    {:<8}\r", "THEIRS", "")
}

/// A partner's SSID at an earlier level.
pub fn ssid_of(level: u8) -> String {
    format!(
        "X{level}{THEM:<25}{:<8}99999BNYN999{:5}{:<8}\r",
        "THEIRS", "", ""
    )
}

pub fn with_credit(ssid: &str, credit: u16) -> String {
    format!("{}{credit:03}{}", &ssid[..44], &ssid[47..])
}

pub fn with_buffer(ssid: &str, size: u32) -> String {
    format!("{}{size:05}{}", &ssid[..35], &ssid[40..])
}

pub fn with_flag(ssid: &str, at: usize, flag: char) -> String {
    format!("{}{flag}{}", &ssid[..at], &ssid[at + 1..])
}

/// A partner's SFID at level 2.0: a plain U file of one block.
pub fn sfid(restart: u64) -> String {
    sfid_with("U", 0, restart, "0000")
}

/// The same of any format; `secured` is SFIDSEC and the first digits after it.
pub fn sfid_with(format: &str, record: u32, restart: u64, security_and_cipher: &str) -> String {
    let compressed = if security_and_cipher == "0000" {
        "00"
    } else {
        "01"
    };
    format!(
        "H{:<26}   202611221530001234{:<8}{US:<25}{THEM:<25}{format}{record:05}{:013}{:013}{restart:017}{security_and_cipher}{compressed}N000",
        "INVOICES", "", 1, 1
    )
}

/// The key of those files, seen from us.
pub fn their_file() -> FileKey {
    FileKey {
        dataset: DatasetName::new("INVOICES").unwrap(),
        stamp: FileStamp::new("20261122", "1530001234").unwrap(),
        originator: OdetteId::new(THEM).unwrap(),
        destination: OdetteId::new(US).unwrap(),
    }
}

/// A file of ours.
pub fn our_file() -> FileKey {
    FileKey {
        dataset: DatasetName::new("ORDERS").unwrap(),
        stamp: FileStamp::new("20261122", "0800000001").unwrap(),
        originator: OdetteId::new(US).unwrap(),
        destination: OdetteId::new(THEM).unwrap(),
    }
}

pub fn params() -> Params {
    Params::new(OdetteId::new(US).unwrap(), Password::new("OURS").unwrap())
}

/// One session and a partner made of lines.
pub struct Talk {
    pub session: Session,
    pub now: Duration,
}

impl Talk {
    pub fn initiator(params: Params) -> Self {
        Self {
            session: Session::initiator(params, Duration::ZERO),
            now: Duration::ZERO,
        }
    }

    pub fn responder(params: Params) -> Self {
        Self {
            session: Session::responder(params, Duration::ZERO),
            now: Duration::ZERO,
        }
    }

    /// We called, and it is our turn.
    pub fn speaking(params: Params, their_ssid: &str) -> (Self, TurnTicket) {
        let mut talk = Self::initiator(params);
        talk.hear(SSRM);
        assert_eq!(talk.says_one()[0], b'X');
        talk.hear(their_ssid);
        talk.expect_connected();
        let turn = talk.turn();
        (talk, turn)
    }

    /// They called, and it is their turn.
    pub fn listening(params: Params, their_ssid: &str) -> Self {
        let mut talk = Self::responder(params.clone());
        talk.expect_says(SSRM);
        talk.hear(their_ssid);
        let Some(Event::ConnectionOffered(ticket, _)) = talk.session.poll_event() else {
            panic!("no offer")
        };
        talk.session
            .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(params)))
            .unwrap();
        assert_eq!(talk.says_one()[0], b'X');
        talk.expect_connected();
        talk
    }

    /// We called and an offered file of `header` is open to send.
    pub fn sending(params: Params, their_ssid: &str, header: FileHeader) -> Self {
        let (mut talk, turn) = Self::speaking(params, their_ssid);
        let level = talk.session.agreement().unwrap().level;
        talk.session.start_file(turn, header).unwrap();
        assert_eq!(talk.says_one()[0], b'H');
        let digits = if level == Level::V20 { 17 } else { 9 };
        talk.hear(format!("2{:0digits$}", 0));
        talk.expect(Event::FileAccepted { restart: 0 });
        talk
    }

    /// They called and sent the SFID given, and it is open to receive.
    pub fn receiving(params: Params, their_ssid: &str, their_sfid: &str) -> Self {
        let mut talk = Self::listening(params, their_ssid);
        talk.hear(their_sfid);
        let (ticket, _) = talk.file();
        talk.session
            .answer_file(
                ticket,
                FileAnswer::Accept {
                    restart: 0,
                    octets_held: 0,
                },
            )
            .unwrap();
        assert_eq!(talk.says_one()[0], b'2');
        talk
    }

    pub fn hear(&mut self, line: impl AsRef<[u8]>) {
        self.session.receive(&stb(line), self.now);
    }

    /// Everything on the wire since last asked, line by line.
    pub fn says(&mut self) -> Vec<Vec<u8>> {
        let mut wire = Vec::new();
        while let Some(octets) = self.session.poll_transmit() {
            wire.extend_from_slice(&octets);
            self.session.recycle(octets);
        }
        lines(&wire)
    }

    #[track_caller]
    pub fn says_one(&mut self) -> Vec<u8> {
        let said = self.says();
        assert_eq!(said.len(), 1, "one line, not {said:?}");
        said.into_iter().next().unwrap()
    }

    #[track_caller]
    pub fn expect_says(&mut self, line: impl AsRef<[u8]>) {
        let said = self.says_one();
        let show = |octets: &[u8]| octets.escape_ascii().to_string();
        assert_eq!(show(&said), show(line.as_ref()));
    }

    #[track_caller]
    pub fn expect_silence(&mut self) {
        assert_eq!(self.says(), Vec::<Vec<u8>>::new());
    }

    #[track_caller]
    pub fn expect(&mut self, event: Event) {
        assert_eq!(self.session.poll_event(), Some(event));
    }

    #[track_caller]
    pub fn expect_nothing(&mut self) {
        assert_eq!(self.session.poll_event(), None);
    }

    #[track_caller]
    pub fn expect_connected(&mut self) -> Agreement {
        match self.session.poll_event() {
            Some(Event::Connected(agreement)) => agreement,
            other => panic!("not connected: {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_tolerated(&mut self, leniency: Leniency) {
        match self.session.poll_event() {
            Some(Event::Tolerated(tolerance)) => assert_eq!(tolerance.leniency, leniency),
            other => panic!("nothing tolerated: {other:?}"),
        }
    }

    #[track_caller]
    pub fn turn(&mut self) -> TurnTicket {
        match self.session.poll_event() {
            Some(Event::YourTurn(ticket)) => ticket,
            other => panic!("not our turn: {other:?}"),
        }
    }

    #[track_caller]
    pub fn file(&mut self) -> (FileTicket, FileHeader) {
        match self.session.poll_event() {
            Some(Event::FileOffered(ticket, header)) => (ticket, header),
            other => panic!("no file offered: {other:?}"),
        }
    }

    #[track_caller]
    pub fn data(&mut self) -> FileData {
        match self.session.poll_event() {
            Some(Event::Data(data)) => data,
            other => panic!("no data: {other:?}"),
        }
    }

    #[track_caller]
    pub fn window(&mut self) -> CreditTicket {
        match self.session.poll_event() {
            Some(Event::WindowUsedUp(ticket)) => ticket,
            other => panic!("credit is left: {other:?}"),
        }
    }

    #[track_caller]
    pub fn closed(&mut self) -> (CloseTicket, Closing) {
        match self.session.poll_event() {
            Some(Event::FileClosed(ticket, closing)) => (ticket, closing),
            other => panic!("the file is not closed: {other:?}"),
        }
    }

    #[track_caller]
    pub fn response(&mut self) -> (ResponseTicket, Response) {
        match self.session.poll_event() {
            Some(Event::ResponseOffered(ticket, response)) => (ticket, response),
            other => panic!("no response: {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_end(&mut self, end: End) {
        self.expect(Event::Ended(end));
        self.expect_nothing();
    }

    /// The session ended with an ESID of ours of that reason.
    #[track_caller]
    pub fn expect_refusal(&mut self, reason: SessionReason) -> String {
        let said = self.says_one();
        assert_eq!(
            said[..3].escape_ascii().to_string(),
            format!("F{:02}", reason.code()),
            "{:?}",
            said.escape_ascii().to_string()
        );
        assert_eq!(self.session.state_name(), StateName::WfNdisc);
        match self.session.poll_event() {
            Some(Event::Ended(End::AbortedByUs { reason: told, text })) if told == reason => text,
            other => panic!("not ended by us with {reason}: {other:?}"),
        }
    }
}
