//! How to drive a [`Session`](crate::Session): two of them, and two byte arrays for a connection.
//!
//! A session never asks for time or for the network. Three things are yours to do, in a loop: take
//! the octets it has to send ([`poll_transmit`](crate::Session::poll_transmit)), give it the octets
//! that came ([`receive`](crate::Session::receive)), and take its events
//! ([`poll_event`](crate::Session::poll_event)), answering those that carry a ticket. A fourth is to
//! tell the time, when [`poll_timeout`](crate::Session::poll_timeout) says it is due.
//!
//! # Connecting
//!
//! The side that was called greets first; the side that called is the first to speak.
//!
//! ```
//! use std::time::Duration;
//! use oftp::{ConnectionAnswer, Event, OdetteId, Params, Password, Session, StateName};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Duration::ZERO; // any clock that only goes forward, from any start
//! let us = Params::new(OdetteId::new("O0013000001US")?, Password::new("OURS")?);
//! let them = Params::new(OdetteId::new("O0013000002THEM")?, Password::new("THEIRS")?);
//!
//! // Before a caller is known, what holds are our timers and tolerances.
//! let mut called = Session::responder(them.clone(), now);
//! let mut caller = Session::initiator(us, now);
//!
//! // The connection: SSRM one way, SSID the other.
//! caller.receive(&called.poll_transmit().unwrap_or_default(), now);
//! called.receive(&caller.poll_transmit().unwrap_or_default(), now);
//!
//! // Who is it? The answer may come at once or after a day of asking elsewhere: the ticket keeps
//! // nothing borrowed, and is spent by the answer.
//! let Some(Event::ConnectionOffered(ticket, offer)) = called.poll_event() else { unreachable!() };
//! assert_eq!(offer.code.as_str(), "O0013000001US");
//! assert!(offer.password.matches(&Password::new("OURS")?));
//! called.answer_connection(ticket, ConnectionAnswer::Accept(Box::new(them)))?;
//!
//! caller.receive(&called.poll_transmit().unwrap_or_default(), now);
//! assert!(matches!(called.poll_event(), Some(Event::Connected(_))));
//! assert!(matches!(caller.poll_event(), Some(Event::Connected(_))));
//! assert_eq!((caller.state_name(), called.state_name()), (StateName::IdleSp, StateName::IdleLi));
//! # Ok(())
//! # }
//! ```
//!
//! # A file and its receipt
//!
//! Here both sides are played by one function, as they mostly are: what a session asks depends on
//! whether it speaks or listens, and the turn goes to and fro. The caller has a file; the called has
//! none, answers for the file once it has the turn, and the session ends where neither has anything.
//!
//! ```
//! use std::time::Duration;
//! use oftp::*;
//!
//! /// One side: what it has to send, what it got, what it owes.
//! struct Side {
//!     session: Session,
//!     params: Params,
//!     to_send: Option<(FileHeader, Vec<u8>)>,
//!     owed: Option<FileKey>,
//!     received: Vec<u8>,
//!     acknowledged: bool,
//!     sending: Vec<u8>,
//! }
//!
//! impl Side {
//!     fn act(&mut self) -> Result<(), NotNow> {
//!         while let Some(event) = self.session.poll_event() {
//!             let session = &mut self.session;
//!             match event {
//!                 Event::ConnectionOffered(ticket, _) => {
//!                     let own = Box::new(self.params.clone());
//!                     session.answer_connection(ticket, ConnectionAnswer::Accept(own))?;
//!                 }
//!                 // Responses before files; and once there is nothing, the turn is handed over.
//!                 Event::YourTurn(ticket) => match (self.owed.take(), self.to_send.take()) {
//!                     (Some(key), later) => {
//!                         self.to_send = later;
//!                         let (user, hash, signature) = (UserData::default(), vec![], vec![]);
//!                         let eerp = Eerp { key, user, hash, signature };
//!                         session.respond(ticket, Response::Positive(eerp))?;
//!                     }
//!                     (None, Some((header, octets))) => {
//!                         self.sending = octets;
//!                         session.start_file(ticket, header)?;
//!                     }
//!                     (None, None) => session.end_turn(ticket)?,
//!                 },
//!                 // Take it from where we are; here that is the start.
//!                 Event::FileOffered(ticket, header) => {
//!                     self.owed = Some(header.key);
//!                     let (restart, octets_held) = (0, 0);
//!                     session.answer_file(ticket, FileAnswer::Accept { restart, octets_held })?;
//!                 }
//!                 // Write it; what is not needed any more may be used again.
//!                 Event::Data(data) => {
//!                     self.received.extend_from_slice(&data.octets);
//!                     session.recycle(data.octets);
//!                 }
//!                 // Written: the partner may continue. Nothing else holds it back.
//!                 Event::WindowUsedUp(ticket) => session.grant_credit(ticket)?,
//!                 // Synced to disk: only then say so.
//!                 Event::FileClosed(ticket, closing) => {
//!                     let answer = match closing.discrepancy() {
//!                         None => CloseAnswer::Accept { change_direction: true },
//!                         Some(reason) => CloseAnswer::Refuse { reason, text: String::new() },
//!                     };
//!                     session.answer_close(ticket, answer)?;
//!                 }
//!                 Event::ResponseOffered(ticket, _) => {
//!                     self.acknowledged = true;
//!                     session.answer_response(ticket)?;
//!                 }
//!                 Event::Ended(end) => assert!(end.is_normal(), "{end}"),
//!                 _ => (), // told, not asked
//!             }
//!         }
//!         self.feed()
//!     }
//!
//!     /// As much of the open file as the session wants now.
//!     fn feed(&mut self) -> Result<(), NotNow> {
//!         while !self.sending.is_empty() && self.session.want_data() > 0 {
//!             let taken = self.session.send_data(&self.sending, false)?;
//!             self.sending.drain(..taken);
//!             if self.sending.is_empty() {
//!                 self.session.close_file(Counts { records: 0, octets: 300_000 })?;
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # fn side(session: Session, params: Params) -> Side {
//! #     let (to_send, owed, received, acknowledged, sending) = (None, None, vec![], false, vec![]);
//! #     Side { session, params, to_send, owed, received, acknowledged, sending }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let us = Params::new(OdetteId::new("O0013000001US")?, Password::new("OURS")?);
//! let them = Params::new(OdetteId::new("O0013000002THEM")?, Password::new("THEIRS")?);
//! let mut caller = side(Session::initiator(us.clone(), Duration::ZERO), us);
//! let mut called = side(Session::responder(them.clone(), Duration::ZERO), them);
//!
//! let key = FileKey {
//!     dataset: DatasetName::new("ORDERS")?,
//!     stamp: FileStamp::new("20261122", "0800000001")?,
//!     originator: OdetteId::new("O0013000001US")?,
//!     destination: OdetteId::new("O0013000002THEM")?,
//! };
//! let content = vec![b'x'; 300_000];
//! caller.to_send = Some((FileHeader::plain(key, 300_000), content.clone()));
//!
//! // The connection is two byte arrays.
//! while !(caller.session.is_over() && called.session.is_over()) {
//!     let there = caller.session.poll_transmit().unwrap_or_default();
//!     let back = called.session.poll_transmit().unwrap_or_default();
//!     called.session.receive(&there, Duration::ZERO);
//!     caller.session.receive(&back, Duration::ZERO);
//!     caller.act()?;
//!     called.act()?;
//!     // Whoever is over closes the connection, which the other side sees.
//!     if caller.session.is_over() || called.session.is_over() {
//!         caller.session.disconnected(Duration::ZERO);
//!         called.session.disconnected(Duration::ZERO);
//!     }
//! }
//! assert!(called.received == content && caller.acknowledged);
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//!
//! Nothing happens by itself. A session that waits says until when; told that time, it ends.
//!
//! ```
//! use std::time::Duration;
//! use oftp::{End, Event, OdetteId, Params, Password, Session, StateName};
//!
//! # fn main() -> Result<(), oftp::InvalidField> {
//! let us = Params::new(OdetteId::new("O0013000001US")?, Password::new("OURS")?);
//! let mut session = Session::initiator(us, Duration::ZERO);
//! assert_eq!(session.poll_timeout(), Some(Duration::from_secs(60)));
//! session.handle_timeout(Duration::from_secs(60));
//! let end = End::TimedOut { state: StateName::IWfRm };
//! assert_eq!(session.poll_event(), Some(Event::Ended(end)));
//! assert!(session.is_over());
//! # Ok(())
//! # }
//! ```
//!
//! # What ends a session, and what does not
//!
//! Whatever a partner sends, a session does not panic and does not keep more than it was sent. What
//! is wrong ends it with an ESID that says what came, where, and what was expected; the last event is
//! always [`Ended`](crate::Event::Ended). An answer that comes too late is
//! [`NotNow`](crate::NotNow) and changes nothing.
//!
//! ```
//! use std::time::Duration;
//! use oftp::{End, Event, OdetteId, Params, Password, Session, SessionReason};
//!
//! # fn main() -> Result<(), oftp::InvalidField> {
//! let us = Params::new(OdetteId::new("O0013000001US")?, Password::new("OURS")?);
//! let mut session = Session::responder(us, Duration::ZERO);
//! session.receive(b"\x10\x00\x00\x05R", Duration::ZERO); // CD from nobody
//! let Some(Event::Ended(End::AbortedByUs { reason, text })) = session.poll_event() else {
//!     unreachable!()
//! };
//! assert_eq!(reason, SessionReason::ProtocolViolation);
//! assert_eq!(text, "CD came in A_NC_ONLY, where SSID was expected");
//! # Ok(())
//! # }
//! ```
