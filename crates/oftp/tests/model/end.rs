//! One end: a real session, what its caller remembers, and what is on its disk.

use std::time::Duration;

use oftp::*;

use super::world::Setup;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct End {
    pub session: Option<Session>,
    /// What the caller is to take next.
    pub pending: Pending,
    desk: Desk,
    pub disk: Disk,
    /// What must never happen, and did.
    pub flaw: Option<Flaw>,
}

/// The next event, if it needs a decision or leads to something durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pending {
    Nothing,
    Connection,
    Turn,
    FileOffered,
    Window,
    FileClosed,
    Response,
    FileRefused,
    CloseAnswered,
    ResponseTaken,
}

/// How the caller decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// As there is no choice.
    Only,
    SendFile(usize),
    Respond(usize),
    Finish,
    AcceptAndAsk,
    Refuse,
}

/// When an end stops: now, or with the next event durable and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Crash {
    Now,
    BeforeTheAnswer,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// A session ended because a partner did what it must not.
    Fault,
    /// Something was tolerated.
    Tolerated,
    /// A file could not be closed, though it was open.
    TooLate,
    /// A record is not the one that belongs there.
    Misplaced,
    /// A file ended without all of its records.
    NotWhole,
}

/// What a crash loses: the files and responses under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Desk {
    /// The file, and the record to send next once the partner accepted.
    sending: Option<(usize, Option<u8>)>,
    /// The file, and the record expected.
    receiving: Option<(usize, u8)>,
    responding: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disk {
    pub outgoing: Vec<Outgoing>,
    pub incoming: Vec<Incoming>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outgoing {
    Queued,
    Sent,
    /// Its receipt is here.
    Acknowledged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Incoming {
    /// So many records are safe.
    Partial(u8),
    /// All is safe, and was handed on so many times; a receipt is owed.
    Whole { times: u8 },
    /// The partner has the receipt.
    Receipted,
}

impl Disk {
    pub fn is_done(&self) -> bool {
        let sent = self
            .outgoing
            .iter()
            .all(|file| *file == Outgoing::Acknowledged);
        sent && self
            .incoming
            .iter()
            .all(|file| *file == Incoming::Receipted)
    }

    fn next_to_send(&self) -> impl Iterator<Item = usize> {
        let queued = |file: &(usize, &Outgoing)| *file.1 == Outgoing::Queued;
        self.outgoing
            .iter()
            .enumerate()
            .filter(queued)
            .map(|(file, _)| file)
    }

    fn owed(&self) -> impl Iterator<Item = usize> {
        let owed = |file: &(usize, &Incoming)| matches!(file.1, Incoming::Whole { .. });
        self.incoming
            .iter()
            .enumerate()
            .filter(owed)
            .map(|(file, _)| file)
    }
}

/// Octets of a record: with headers and `D` exactly the smallest DATA buffer.
const RECORD: usize = 125;

impl End {
    pub fn new(outgoing: usize, incoming: usize) -> Self {
        Self {
            session: None,
            pending: Pending::Nothing,
            desk: Desk::default(),
            disk: Disk {
                outgoing: vec![Outgoing::Queued; outgoing],
                incoming: vec![Incoming::Partial(0); incoming],
            },
            flaw: None,
        }
    }

    pub fn state(&self) -> Option<StateName> {
        self.session.as_ref().map(Session::state_name)
    }

    pub fn call(&mut self, setup: &Setup) {
        self.session = Some(Session::initiator(params(setup), Duration::ZERO));
    }

    pub fn be_called(&mut self, setup: &Setup) {
        self.session = Some(Session::responder(params(setup), Duration::ZERO));
    }

    pub fn hear(&mut self, line: &[u8]) {
        self.with(|session| session.receive(line, Duration::ZERO));
    }

    pub fn lose_connection(&mut self) {
        self.with(|session| session.disconnected(Duration::ZERO));
    }

    pub fn abort(&mut self) {
        self.with(|session| session.abort(SessionReason::Resources, ""));
    }

    /// At the deadline, and at the next if something moved since time was last told.
    pub fn time_out(&mut self) {
        self.with(|session| {
            let state = session.state_name();
            for _ in 0..2 {
                if let Some(deadline) = session
                    .poll_timeout()
                    .filter(|_| session.state_name() == state)
                {
                    session.handle_timeout(deadline);
                }
            }
        });
    }

    pub fn waits_to_be_closed(&self) -> bool {
        self.state() == Some(StateName::WfNdisc)
            && self
                .session
                .as_ref()
                .is_some_and(|session| session.poll_timeout().is_some())
    }

    /// The connection is gone: what was under way is forgotten.
    pub fn hang_up(&mut self) {
        (self.session, self.pending, self.desk) = (None, Pending::Nothing, Desk::default());
    }

    pub fn crash(&mut self, crash: Crash, setup: &Setup) {
        if crash == Crash::BeforeTheAnswer {
            let event = self.session.as_mut().and_then(Session::poll_event);
            match event {
                Some(Event::FileClosed(_ticket, closing)) => self.store(closing, setup),
                Some(Event::ResponseOffered(_ticket, response)) => self.keep(&response),
                other => panic!("nothing to make durable: {other:?}"),
            }
        }
        self.hang_up();
    }

    /// The record to send next, if the session wants it, or all of them, if there is but the end to
    /// say. Some hand records over without being asked: nothing is taken then.
    pub fn sends(&self, setup: &Setup) -> Option<u8> {
        let (_, position) = self.desk.sending?;
        let session = self.session.as_ref()?;
        let open = [StateName::Opo, StateName::Opowfc].contains(&session.state_name());
        let wanted = setup.free || session.want_data() > 0;
        position.filter(|&next| open && (wanted || next >= setup.records))
    }

    pub fn send_record(&mut self, at: usize) {
        let Some((file, Some(position))) = self.desk.sending else {
            return;
        };
        let octets = record(at, file, position);
        let taken = self
            .session
            .as_mut()
            .and_then(|session| session.send_data(&octets, true).ok());
        if taken == Some(RECORD) {
            self.desk.sending = Some((file, Some(position + 1)));
        }
    }

    pub fn close_file(&mut self, setup: &Setup) {
        let totals = totals(setup.records);
        if let Some((file, _)) = self.desk.sending {
            self.desk.sending = Some((file, None));
        }
        if let Some(session) = &mut self.session
            && session.close_file(totals).is_err()
        {
            self.flaw = Some(Flaw::TooLate);
        }
    }

    pub fn choices(&self, setup: &Setup) -> impl Iterator<Item = Choice> {
        let (mut choices, free) = (Vec::new(), setup.free);
        let idle = self.disk.owed().next().is_none() && self.disk.next_to_send().next().is_none();
        match self.pending {
            Pending::Turn => {
                choices.extend(self.disk.owed().map(Choice::Respond));
                if free || choices.is_empty() {
                    choices.extend(self.disk.next_to_send().map(Choice::SendFile));
                }
                if free || choices.is_empty() {
                    choices.push(Choice::Finish);
                }
                choices.truncate(if free { choices.len() } else { 1 });
            }
            Pending::FileOffered if free => choices.extend([Choice::Only, Choice::Refuse]),
            Pending::FileClosed => {
                choices.push(Choice::Only);
                choices.extend((free || !idle).then_some(Choice::AcceptAndAsk));
                choices.extend(free.then_some(Choice::Refuse));
            }
            _ => choices.push(Choice::Only),
        }
        choices.into_iter()
    }

    /// Takes the next event: first what is to be durable, then the answer.
    pub fn take(&mut self, choice: Choice, setup: &Setup) {
        let Some(event) = self.session.as_mut().and_then(Session::poll_event) else {
            return;
        };
        match event {
            Event::ConnectionOffered(ticket, _) => {
                let accept = ConnectionAnswer::Accept(Box::new(params(setup)));
                self.answer(|session| session.answer_connection(ticket, accept));
            }
            Event::YourTurn(ticket) => self.use_turn(ticket, choice, setup),
            Event::FileOffered(ticket, header) => self.answer_file(ticket, &header, choice),
            Event::WindowUsedUp(ticket) => {
                if let Some((file, position)) = self.desk.receiving {
                    self.disk.incoming[file] = Incoming::Partial(position);
                }
                self.answer(|session| session.grant_credit(ticket));
            }
            Event::FileClosed(ticket, closing) => self.answer_close(ticket, closing, choice, setup),
            Event::ResponseOffered(ticket, response) => {
                self.keep(&response);
                self.answer(|session| session.answer_response(ticket));
            }
            Event::FileRefused { reason, .. } => {
                if let (Some((file, _)), FileReason::Duplicate) = (self.desk.sending.take(), reason)
                {
                    self.sent(file);
                }
            }
            Event::CloseAnswered(answer) => {
                if let (Some((file, _)), Ok(())) = (self.desk.sending.take(), answer) {
                    self.sent(file);
                }
            }
            Event::ResponseTaken => {
                if let Some(file) = self.desk.responding.take() {
                    self.disk.incoming[file] = Incoming::Receipted;
                }
            }
            other => panic!("not to be taken: {other:?}"),
        }
    }

    fn use_turn(&mut self, ticket: TurnTicket, choice: Choice, setup: &Setup) {
        match choice {
            Choice::SendFile(file) => {
                self.desk.sending = Some((file, None));
                let octets = totals(setup.records).octets;
                let header = FileHeader {
                    format: Format::Fixed(RECORD as u32),
                    restart: u64::from(setup.records),
                    ..FileHeader::plain(key(file), octets)
                };
                self.answer(|session| session.start_file(ticket, header));
            }
            Choice::Respond(file) => {
                self.desk.responding = Some(file);
                let (key, user) = (key(file), UserData::default());
                let eerp = Eerp {
                    key,
                    user,
                    hash: vec![],
                    signature: vec![],
                };
                self.answer(|session| session.respond(ticket, Response::Positive(eerp)));
            }
            _ => self.answer(|session| session.end_turn(ticket)),
        }
    }

    /// From where we are safe; a file we have whole is a duplicate.
    fn answer_file(&mut self, ticket: FileTicket, header: &FileHeader, choice: Choice) {
        let file = number(&header.key);
        let refuse = |reason, retry| FileAnswer::Refuse {
            reason,
            retry,
            text: String::new(),
        };
        let answer = match self.disk.incoming[file] {
            _ if choice == Choice::Refuse => refuse(FileReason::AccessMethod, true),
            Incoming::Partial(safe) => {
                let restart = header.restart.min(u64::from(safe));
                self.desk.receiving = Some((file, restart as u8));
                FileAnswer::Accept {
                    restart,
                    octets_held: restart * RECORD as u64,
                }
            }
            _ => refuse(FileReason::Duplicate, false),
        };
        self.answer(|session| session.answer_file(ticket, answer));
    }

    fn answer_close(
        &mut self,
        ticket: CloseTicket,
        closing: Closing,
        choice: Choice,
        setup: &Setup,
    ) {
        if choice == Choice::Refuse {
            if let Some((file, _)) = self.desk.receiving.take() {
                self.disk.incoming[file] = Incoming::Partial(0);
            }
            let (reason, text) = (FileReason::AccessMethod, String::new());
            return self.answer(|session| {
                session.answer_close(ticket, CloseAnswer::Refuse { reason, text })
            });
        }
        self.store(closing, setup);
        let change_direction = choice == Choice::AcceptAndAsk;
        self.answer(|session| {
            session.answer_close(ticket, CloseAnswer::Accept { change_direction })
        });
    }

    fn store(&mut self, closing: Closing, setup: &Setup) {
        let whole = closing.discrepancy().is_none() && closing.announced == totals(setup.records);
        let Some((file, position)) = self.desk.receiving.take() else {
            return;
        };
        if !whole || position != setup.records {
            self.flaw = Some(Flaw::NotWhole);
        }
        let times = match self.disk.incoming[file] {
            Incoming::Partial(_) => 1,
            Incoming::Whole { times } => times + 1,
            Incoming::Receipted => 2,
        };
        self.disk.incoming[file] = Incoming::Whole { times };
    }

    fn keep(&mut self, response: &Response) {
        self.disk.outgoing[number(response.key())] = Outgoing::Acknowledged;
    }

    /// A receipt may have come before the file was known to be sent.
    fn sent(&mut self, file: usize) {
        if self.disk.outgoing[file] == Outgoing::Queued {
            self.disk.outgoing[file] = Outgoing::Sent;
        }
    }

    fn with(&mut self, does: impl FnOnce(&mut Session)) {
        if let Some(session) = &mut self.session {
            does(session);
        }
    }

    /// An answer may come too late, and then changes nothing.
    fn answer(&mut self, says: impl FnOnce(&mut Session) -> Result<(), NotNow>) {
        if let Some(session) = &mut self.session {
            let _ = says(session);
        }
    }

    /// Takes what needs no decision; gives back what is said, and whether the session is over.
    pub fn settle(&mut self, setup: &Setup) -> (Vec<Vec<u8>>, bool) {
        let mut lines = Vec::new();
        while let Some(octets) = self.session.as_mut().and_then(Session::poll_transmit) {
            split(&octets, &mut lines);
        }
        loop {
            self.pending = self.peek();
            if self.pending != Pending::Nothing {
                break;
            }
            match self.session.as_mut().and_then(Session::poll_event) {
                Some(event) => self.note(event, setup),
                None => break,
            }
        }
        (
            lines,
            self.pending == Pending::Nothing && self.session.as_ref().is_some_and(Session::is_over),
        )
    }

    fn peek(&self) -> Pending {
        let event = self
            .session
            .clone()
            .and_then(|mut session| session.poll_event());
        match event {
            Some(Event::ConnectionOffered(_ticket, _)) => Pending::Connection,
            Some(Event::YourTurn(_ticket)) => Pending::Turn,
            Some(Event::FileOffered(_ticket, _)) => Pending::FileOffered,
            Some(Event::WindowUsedUp(_ticket)) => Pending::Window,
            Some(Event::FileClosed(_ticket, _)) => Pending::FileClosed,
            Some(Event::ResponseOffered(_ticket, _)) => Pending::Response,
            Some(Event::FileRefused { .. }) => Pending::FileRefused,
            Some(Event::CloseAnswered(_)) => Pending::CloseAnswered,
            Some(Event::ResponseTaken) => Pending::ResponseTaken,
            _ => Pending::Nothing,
        }
    }

    fn note(&mut self, event: Event, setup: &Setup) {
        match event {
            Event::FileAccepted { restart } => {
                if let Some((file, _)) = self.desk.sending {
                    self.desk.sending = Some((file, Some(restart.min(255) as u8)));
                }
            }
            Event::Data(data) => self.write(&data, setup),
            Event::Ended(end) => self.judge(&end),
            Event::Connected(_) | Event::MoreData => (),
            _ => self.flaw = Some(Flaw::Tolerated),
        }
    }

    /// Each record is one of a kind: where it belongs can be told from its octets.
    fn write(&mut self, data: &FileData, setup: &Setup) {
        let Some((file, mut position)) = self.desk.receiving else {
            return;
        };
        for octets in data.octets.chunks(RECORD) {
            let right = (0..2).any(|at| octets == record(at, file, position));
            if !right || position >= setup.records {
                self.flaw = Some(Flaw::Misplaced);
            }
            position = position.saturating_add(1);
        }
        self.desk.receiving = Some((file, position));
    }

    /// Ends that are nobody's fault, and those that are.
    fn judge(&mut self, end: &oftp::End) {
        let fair = match end {
            oftp::End::Released | oftp::End::Disconnected { .. } | oftp::End::TimedOut { .. } => {
                true
            }
            oftp::End::AbortedByUs { reason, .. } | oftp::End::AbortedByPartner { reason, .. } => {
                [SessionReason::Resources, SessionReason::TimeOut].contains(reason)
            }
            oftp::End::NotOftp(_) => false,
        };
        if !fair {
            self.flaw = Some(Flaw::Fault);
        }
    }
}

fn params(setup: &Setup) -> Params {
    let code = OdetteId::new("O0013").unwrap();
    Params {
        buffer_size: 128,
        credit: setup.window,
        tolerances: Tolerances::STRICT,
        ..Params::new(code, Password::new("PW").unwrap())
    }
}

fn key(file: usize) -> FileKey {
    let code = OdetteId::new("O0013").unwrap();
    FileKey {
        dataset: DatasetName::new(&format!("F{file}")).unwrap(),
        stamp: FileStamp::new("20261122", "0800000001").unwrap(),
        originator: code.clone(),
        destination: code,
    }
}

fn number(key: &FileKey) -> usize {
    key.dataset.as_str()[1..].parse().unwrap()
}

fn totals(records: u8) -> Counts {
    let records = u64::from(records);
    Counts {
        records,
        octets: records * RECORD as u64,
    }
}

fn record(at: usize, file: usize, position: u8) -> [u8; RECORD] {
    [(at as u8) << 7 | (file as u8) << 4 | position; RECORD]
}

/// The lines of a stretch of wire.
fn split(mut octets: &[u8], lines: &mut Vec<Vec<u8>>) {
    while let [_, high, middle, low, ..] = octets {
        let whole = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let (line, rest) = octets.split_at(whole);
        lines.push(line.to_vec());
        octets = rest;
    }
}
