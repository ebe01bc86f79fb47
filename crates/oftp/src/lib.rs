//! The ODETTE File Transfer Protocol, levels 1.2 to 2.0 (RFC 5024, RFC 2204), without I/O.
//!
//! A [`Session`] is a value: octets and time go in, octets and [`Event`]s come out. It opens no
//! socket, reads no clock, starts no thread, draws no random number. Whoever drives it moves
//! octets between it and a connection and answers its questions:
//!
//! ```
//! use std::time::Duration;
//! use oftp::{Event, OdetteId, Params, Password, Session};
//!
//! let us = Params::new(OdetteId::new("O0013000001US")?, Password::new("SECRET")?);
//! let mut session = Session::responder(us, Duration::ZERO);
//! let ready = session.poll_transmit().unwrap_or_default();
//! assert_eq!(ready.get(4..), Some(b"IODETTE FTP READY \r".as_slice()));
//! # Ok::<(), oftp::InvalidField>(())
//! ```
//!
//! The machine asks and never guesses: where RFC 5024 waits for its User Monitor, an event carries
//! a ticket, and exactly one answer spends it. Words and state names are those of RFC 5024, 9.3.
//! [`tutorial`] leads through a whole session, file and receipt.
//!
//! What is deliberately absent: special logic (RFC 5024, Appendix C: X.25 by way of a PAD only),
//! and every cryptographic operation: challenges, hashes and signatures pass through as octets.

#![forbid(unsafe_code)]

/// Whether a bug of `mutants.rs` is planted: never, but in a build that tests the tests.
#[cfg(not(feature = "mutants"))]
macro_rules! planted {
    ($($mutant:ident)|+) => {
        false
    };
}
#[cfg(feature = "mutants")]
macro_rules! planted {
    ($($mutant:ident)|+) => {
        $(crate::mutants::is_planted(crate::mutants::Mutant::$mutant))||+
    };
}

mod answer;
pub mod buffer;
pub mod command;
mod event;
mod file;
mod ids;
mod key;
mod level;
#[cfg(feature = "mutants")]
pub mod mutants;
mod positions;
mod reason;
mod records;
mod session;
mod state_name;
pub mod stream;
pub mod tutorial;
mod write_buffer;

pub use answer::{
    Challenge, ChallengeAnswer, ChallengeTicket, CloseAnswer, CloseTicket, ConnectionAnswer,
    ConnectionTicket, CreditTicket, FileAnswer, FileTicket, NotNow, OwnChallengeTicket,
    ResponseTicket, TurnTicket,
};
pub use event::{CloseRefusal, Closing, End, Event, FileData};
pub use file::{BLOCK, CipherSuite, Counts, Eerp, FileHeader, Format, Nerp, Response, Security};
pub use ids::{DatasetName, FieldProblem, InvalidField, OdetteId, Password, UserData};
pub use key::{FileKey, FileStamp};
pub use level::Level;
pub use positions::{Positions, PositionsFinder};
pub use reason::{FileReason, NerpReason, SessionReason};
pub use records::{Piece, Position, RecordLayout, RecordProblem, RecordReader, RecordWriter};
pub use session::Session;
pub use session::params::{Agreement, Mode, Params, Ssid, Timeouts};
pub use session::tolerance::{Leniency, Tolerance, Tolerances};
pub use state_name::StateName;
