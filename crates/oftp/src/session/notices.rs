//! Events on their way out, and the moments at which questions were asked.
//!
//! A question waits here without its ticket, so that a session can be cloned; the ticket is minted
//! when the question is handed out.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::answer::{
    ChallengeTicket, CloseTicket, ConnectionTicket, CreditTicket, FileTicket, OwnChallengeTicket,
    ResponseTicket, TurnTicket,
};
use crate::buffer::Unpacked;
use crate::{
    Agreement, CloseRefusal, Closing, End, Event, FileHeader, FileReason, Response, Ssid, Tolerance,
};

/// An event to come. Questions have the moment at which they were asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Notice {
    ConnectionOffered(Moment, Box<Ssid>),
    ChallengeOffered(Moment, Vec<u8>),
    ChallengeWanted(Moment),
    Connected(Box<Agreement>),
    FileOffered(Moment, Box<FileHeader>),
    Data(Unpacked),
    WindowUsedUp(Moment),
    FileClosed(Moment, Closing),
    ResponseOffered(Moment, Box<Response>),
    YourTurn {
        moment: Moment,
        may_release: bool,
    },
    FileAccepted {
        restart: u64,
    },
    FileRefused {
        reason: FileReason,
        retry: bool,
        text: String,
    },
    FileUnreadable {
        reason: FileReason,
        text: String,
    },
    MoreData,
    CloseAnswered(Result<(), CloseRefusal>),
    ResponseTaken,
    ResponseNotSent {
        text: String,
    },
    ResponseUnreadable {
        text: String,
    },
    Tolerated(Tolerance),
    Ended(End),
}

impl Notice {
    fn into_event(self) -> Event {
        match self {
            Self::ConnectionOffered(Moment(moment), offer) => {
                Event::ConnectionOffered(ConnectionTicket { moment }, *offer)
            }
            Self::ChallengeOffered(Moment(moment), cms) => {
                Event::ChallengeOffered(ChallengeTicket { moment }, cms)
            }
            Self::ChallengeWanted(Moment(moment)) => {
                Event::ChallengeWanted(OwnChallengeTicket { moment })
            }
            Self::Connected(agreement) => Event::Connected(*agreement),
            Self::FileOffered(Moment(moment), header) => {
                Event::FileOffered(FileTicket { moment }, *header)
            }
            Self::Data(data) => Event::Data(data.into_data()),
            Self::WindowUsedUp(Moment(moment)) => Event::WindowUsedUp(CreditTicket { moment }),
            Self::FileClosed(Moment(moment), closing) => {
                Event::FileClosed(CloseTicket { moment }, closing)
            }
            Self::ResponseOffered(Moment(moment), response) => {
                Event::ResponseOffered(ResponseTicket { moment }, *response)
            }
            Self::YourTurn {
                moment: Moment(moment),
                may_release,
            } => Event::YourTurn(TurnTicket {
                moment,
                may_release,
            }),
            Self::FileAccepted { restart } => Event::FileAccepted { restart },
            Self::FileRefused {
                reason,
                retry,
                text,
            } => Event::FileRefused {
                reason,
                retry,
                text,
            },
            Self::MoreData => Event::MoreData,
            Self::CloseAnswered(answer) => Event::CloseAnswered(answer),
            Self::ResponseTaken => Event::ResponseTaken,
            Self::ResponseNotSent { text } => Event::ResponseNotSent { text },
            Self::FileUnreadable { reason, text } => Event::FileUnreadable { reason, text },
            Self::ResponseUnreadable { text } => Event::ResponseUnreadable { text },
            Self::Tolerated(tolerance) => Event::Tolerated(tolerance),
            Self::Ended(end) => Event::Ended(end),
        }
    }
}

/// The number of a question. It says nothing about where a session is: sessions that differ in it
/// alone are equal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment(pub(super) u64);

impl PartialEq for Moment {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Moment {}

impl Hash for Moment {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Notices {
    waiting: VecDeque<Notice>,
    asked: Moment,
}

impl Notices {
    pub(super) fn push(&mut self, notice: Notice) {
        self.waiting.push_back(notice);
    }

    /// A question's number: from now on the tickets of earlier ones are worth nothing.
    pub(super) fn ask(&mut self) -> Moment {
        self.asked.0 += 1;
        self.asked
    }

    pub(super) fn is_now(&self, ticket: u64) -> bool {
        self.asked.0 == ticket
    }

    /// Where file data is to be appended: to the last notice, or to a new one.
    pub(super) fn data(&mut self, fresh: impl FnOnce() -> Vec<u8>) -> Option<&mut Unpacked> {
        if !matches!(self.waiting.back(), Some(Notice::Data(_))) {
            let data = Unpacked::reusing(fresh());
            self.waiting.push_back(Notice::Data(data));
        }
        match self.waiting.back_mut() {
            Some(Notice::Data(data)) => Some(data),
            _ => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        self.waiting.pop_front().map(Notice::into_event)
    }
}
