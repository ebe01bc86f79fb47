//! A station: one end of a session, with what its disk has.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use oftp::*;

/// A file: its header and its records; one record if it does not go in records.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    header: FileHeader,
    records: Vec<Vec<u8>>,
}

impl File {
    /// About so many octets, half of them in runs. Records of a fixed length are filled up, and one of
    /// variable length is empty.
    pub fn new(name: &str, format: Format, octets: usize) -> Self {
        let content = |octets: usize| -> Vec<u8> {
            let octet = |at: usize| {
                if (at / 100).is_multiple_of(2) {
                    at / 100
                } else {
                    at * 7 + at / 256
                }
            };
            (0..octets).map(|at| octet(at) as u8).collect()
        };
        let records: Vec<Vec<u8>> = match format {
            Format::Fixed(length) => {
                let length = length as usize;
                let whole = content(octets.next_multiple_of(length));
                whole.chunks(length).map(<[u8]>::to_vec).collect()
            }
            Format::Variable(length) => {
                let mut records: Vec<_> = content(octets)
                    .chunks(length as usize)
                    .map(<[u8]>::to_vec)
                    .collect();
                records.insert(records.len() / 2, Vec::new());
                records
            }
            _ => vec![content(octets)],
        };
        let octets: usize = records.iter().map(Vec::len).sum();
        let header = FileHeader {
            format,
            ..FileHeader::plain(key(name), octets as u64)
        };
        Self { header, records }
    }

    fn name(&self) -> &str {
        self.header.key.dataset.as_str()
    }

    fn totals(&self) -> Counts {
        let octets = self.records.iter().map(Vec::len).sum::<usize>() as u64;
        let records = if self.header.goes_in_records() {
            self.records.len() as u64
        } else {
            0
        };
        Counts { records, octets }
    }

    /// Positions to restart at.
    pub fn units(&self) -> usize {
        match self.records.as_slice() {
            [all] if !self.header.goes_in_records() => all.len() / BLOCK,
            records => records.len(),
        }
    }

    /// Fewer octets than these come twice: a block, or the longest record.
    pub fn unit(&self) -> usize {
        match self.header.format {
            Format::Fixed(length) | Format::Variable(length) => length as usize,
            _ => BLOCK,
        }
    }

    /// Record and octet of a position.
    fn at(&self, unit: usize) -> (usize, usize) {
        if self.header.goes_in_records() {
            (unit, 0)
        } else {
            (0, unit * BLOCK)
        }
    }
}

/// Octets of a block of streams (RFC 5024, 5.3.3, SFIDREST).
const BLOCK: usize = 1024;

fn key(name: &str) -> FileKey {
    FileKey {
        dataset: DatasetName::new(name).unwrap(),
        stamp: FileStamp::new("20261122", "0800000000").unwrap(),
        originator: OdetteId::new("O0013US").unwrap(),
        destination: OdetteId::new("O0013THEM").unwrap(),
    }
}

#[derive(Clone)]
pub struct Station {
    params: Params,
    session: Option<Session>,
    outgoing: Vec<(Rc<File>, Sending)>,
    incoming: BTreeMap<String, Incoming>,
    /// The file that is being sent, and record and octet to send next.
    sending: Option<(usize, Option<(usize, usize)>)>,
    receiving: Option<String>,
    responding: Option<String>,
    restarts: Vec<usize>,
    mood: Option<Dice>,
}

/// xorshift64*: what a station does where the protocol leaves it free.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// Below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Queued,
    Sent,
    Acknowledged,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Incoming {
    octets: Vec<u8>,
    ends: Vec<usize>,
    in_records: bool,
    times_whole: usize,
    receipted: bool,
    /// Octets that were here and came once more.
    repeated: usize,
}

impl Incoming {
    fn units(&self) -> usize {
        if self.in_records {
            self.ends.len()
        } else {
            self.octets.len() / BLOCK
        }
    }

    /// Keeps what stands before a position.
    fn cut_to(&mut self, unit: usize) {
        let length = if self.in_records {
            self.ends.truncate(unit);
            self.ends.last().copied().unwrap_or_default()
        } else {
            self.ends.clear();
            unit * BLOCK
        };
        self.repeated += self.octets.len() - length;
        self.octets.truncate(length);
    }
}

impl Station {
    pub fn new(files: Vec<Rc<File>>, params: Params) -> Self {
        Self {
            params,
            session: None,
            outgoing: files
                .into_iter()
                .map(|file| (file, Sending::Queued))
                .collect(),
            incoming: BTreeMap::new(),
            sending: None,
            receiving: None,
            responding: None,
            restarts: Vec::new(),
            mood: None,
        }
    }

    /// Decides by dice from now on: when to ask for the turn, whether files or receipts go first, from where
    /// a file continues, and in what pieces it is handed over.
    pub fn is_moody(&mut self, dice: Dice) {
        self.mood = Some(dice);
    }

    /// By the dice, or else what is usual.
    fn chance(&mut self, usual: bool) -> bool {
        self.mood.as_mut().map_or(usual, |dice| dice.below(2) == 0)
    }

    /// So many units of a file are here from an earlier session.
    pub fn holds(&mut self, file: &File, units: usize) {
        let in_records = file.header.goes_in_records();
        let mut incoming = Incoming {
            in_records,
            ..Incoming::default()
        };
        if in_records {
            for record in &file.records[..units] {
                incoming.octets.extend_from_slice(record);
                incoming.ends.push(incoming.octets.len());
            }
        } else {
            incoming
                .octets
                .extend_from_slice(&file.records[0][..units * BLOCK]);
        }
        self.incoming.insert(file.name().to_owned(), incoming);
    }

    pub fn calls(&mut self) {
        self.session = Some(Session::initiator(self.params.clone(), Duration::ZERO));
    }

    pub fn is_called(&mut self) {
        self.session = Some(Session::responder(self.params.clone(), Duration::ZERO));
    }

    /// The connection is gone; what was under way is forgotten.
    pub fn loses_connection(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.disconnected(Duration::ZERO);
            let ended = |event| {
                matches!(
                    event,
                    Event::Ended(End::Disconnected { .. } | End::Released)
                )
            };
            assert!(std::iter::from_fn(|| session.poll_event()).all(ended));
        }
        (self.sending, self.receiving, self.responding) = (None, None, None);
    }

    pub fn hears(&mut self, octets: &[u8]) {
        if let Some(session) = &mut self.session
            && !octets.is_empty()
        {
            session.receive(octets, Duration::ZERO);
            self.act();
        }
    }

    /// Everything to be sent.
    pub fn says(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            let octets = self.session.as_mut().and_then(Session::poll_transmit);
            let Some(octets) = octets else { return said };
            said.extend_from_slice(&octets);
            self.feed();
        }
    }

    /// Everything sent and received, once, and receipted.
    pub fn is_done(&self) -> bool {
        let sent = self
            .outgoing
            .iter()
            .all(|(_, sent)| *sent == Sending::Acknowledged);
        let whole = |file: &Incoming| file.times_whole == 1 && file.receipted;
        sent && self.incoming.values().all(whole)
    }

    pub fn repeated(&self) -> usize {
        self.incoming.values().map(|file| file.repeated).sum()
    }

    /// Positions that were answered.
    pub fn restarts(&self) -> &[usize] {
        &self.restarts
    }

    pub fn expect_received(&self, file: &File) {
        let incoming = &self.incoming[file.name()];
        assert!(incoming.octets == file.records.concat(), "{}", file.name());
        if file.header.goes_in_records() {
            let starts = std::iter::once(&0).chain(&incoming.ends);
            let lengths = starts.zip(&incoming.ends).map(|(start, end)| end - start);
            assert!(lengths.eq(file.records.iter().map(Vec::len)));
        }
    }

    fn act(&mut self) {
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            self.take(event);
        }
        self.feed();
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().unwrap()
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::ConnectionOffered(ticket, _) => {
                let own = ConnectionAnswer::Accept(Box::new(self.params.clone()));
                self.session().answer_connection(ticket, own).unwrap();
            }
            Event::YourTurn(ticket) => self.use_turn(ticket),
            Event::FileOffered(ticket, header) => self.answer_file(ticket, &header),
            Event::Data(data) => {
                let name = self.receiving.as_ref().unwrap();
                let file = self.incoming.get_mut(name).unwrap();
                let before = file.octets.len();
                file.octets.extend_from_slice(&data.octets);
                file.ends
                    .extend(data.record_ends.iter().map(|end| before + end));
            }
            Event::WindowUsedUp(ticket) => self.session().grant_credit(ticket).unwrap(),
            Event::FileClosed(ticket, closing) => {
                assert_eq!(closing.discrepancy(), None);
                let name = self.receiving.take().unwrap();
                self.incoming.get_mut(&name).unwrap().times_whole += 1;
                let usual = self.outgoing.is_empty();
                let change_direction = self.chance(usual);
                let accept = CloseAnswer::Accept { change_direction };
                self.session().answer_close(ticket, accept).unwrap();
            }
            Event::ResponseOffered(ticket, response) => {
                self.find(response.key()).1 = Sending::Acknowledged;
                self.session().answer_response(ticket).unwrap();
            }
            Event::FileAccepted { restart } => {
                let (file, _) = self.sending.unwrap();
                let at = self.outgoing[file].0.at(restart as usize);
                self.sending = Some((file, Some(at)));
            }
            Event::FileRefused { reason, .. } => {
                assert_eq!(reason, FileReason::Duplicate);
                self.sent();
            }
            Event::CloseAnswered(answer) => {
                answer.unwrap();
                self.sent();
            }
            Event::ResponseTaken => {
                let name = self.responding.take().unwrap();
                self.incoming.get_mut(&name).unwrap().receipted = true;
            }
            Event::Connected(_) | Event::MoreData => (),
            Event::Ended(end) => assert!(end.is_normal(), "{end}"),
            other => panic!("unexpected {other:?}"),
        }
    }

    fn use_turn(&mut self, ticket: TurnTicket) {
        let queued = self
            .outgoing
            .iter()
            .position(|(_, sent)| *sent == Sending::Queued);
        let receipts_first = self.chance(true) || queued.is_none();
        let mut incoming = self.incoming.iter().filter(|_| receipts_first);
        if let Some((name, _)) = incoming.find(|(_, file)| file.times_whole > 0 && !file.receipted)
        {
            let (name, key) = (name.clone(), key(name));
            let eerp = Eerp {
                key,
                user: UserData::default(),
                hash: vec![],
                signature: vec![],
            };
            self.responding = Some(name);
            return self
                .session()
                .respond(ticket, Response::Positive(eerp))
                .unwrap();
        }
        if let Some(at) = queued {
            let file = &self.outgoing[at].0;
            let header = FileHeader {
                restart: file.units() as u64,
                ..file.header.clone()
            };
            self.sending = Some((at, None));
            return self.session().start_file(ticket, header).unwrap();
        }
        self.session().end_turn(ticket).unwrap();
    }

    fn answer_file(&mut self, ticket: FileTicket, header: &FileHeader) {
        let name = header.key.dataset.as_str().to_owned();
        let in_records = header.goes_in_records();
        let new = || Incoming {
            in_records,
            ..Incoming::default()
        };
        let file = self.incoming.entry(name.clone()).or_insert_with(new);
        let answer = if file.times_whole > 0 {
            let (reason, retry, text) = (FileReason::Duplicate, false, String::new());
            FileAnswer::Refuse {
                reason,
                retry,
                text,
            }
        } else {
            let most = header.restart.min(file.units() as u64);
            let restart = self
                .mood
                .as_mut()
                .map_or(most, |dice| dice.below(most as usize + 1) as u64);
            file.cut_to(restart as usize);
            self.restarts.push(restart as usize);
            FileAnswer::Accept {
                restart,
                octets_held: file.octets.len() as u64,
            }
        };
        self.receiving = Some(name);
        self.session().answer_file(ticket, answer).unwrap();
    }

    /// A receipt may have come before the file was known to be sent.
    fn sent(&mut self) {
        let (file, _) = self.sending.take().unwrap();
        let sent = &mut self.outgoing[file].1;
        *sent = if *sent == Sending::Queued {
            Sending::Sent
        } else {
            *sent
        };
    }

    fn find(&mut self, key: &FileKey) -> &mut (Rc<File>, Sending) {
        let name = key.dataset.as_str();
        self.outgoing
            .iter_mut()
            .find(|(file, _)| file.name() == name)
            .unwrap()
    }

    /// Hands over as much of the open file as the session wants.
    fn feed(&mut self) {
        let (Some(session), Some((at, Some((mut record, mut octet))))) =
            (&mut self.session, self.sending)
        else {
            return;
        };
        let file = self.outgoing[at].0.clone();
        while session.want_data() > 0 {
            let Some(octets) = file.records.get(record) else {
                break;
            };
            let left = octets.len() - octet;
            let piece = self
                .mood
                .as_mut()
                .map_or(left, |dice| left.min(1 + dice.below(8192)));
            let taken = session
                .send_data(&octets[octet..octet + piece], piece == left)
                .unwrap();
            octet += taken;
            if octet == octets.len() {
                (record, octet) = (record + 1, 0);
            }
        }
        let all = record >= file.records.len();
        if all {
            session.close_file(file.totals()).unwrap();
        }
        self.sending = Some((at, (!all).then_some((record, octet))));
    }
}
