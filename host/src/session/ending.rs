//! How a session ended, and what was tolerated in it, for a reader who does not know the states of RFC 5024, 9.3.

use std::fmt;
use std::io;

use oftp::{End, StateName};

use crate::security::tls::{self, Side};

/// The end of a session: as the protocol sees it, and as an operator reads it.
#[derive(Clone, Debug)]
pub struct Ending {
    /// How the engine saw it.
    pub end: End,
    /// For an operator. Each state of the RFC that is named in it is explained behind its name.
    pub words: String,
    /// Whether the partner said by a TLS alert why the connection was lost.
    alerted: bool,
}

impl Ending {
    /// Puts the end into words. `lost` is the error of the connection when it was lost: it may be the partner's TLS alert.
    #[must_use]
    pub fn new(end: End, lost: Option<&io::Error>, side: Side) -> Self {
        let mut words = in_words(&end);
        let disconnected = matches!(end, End::Disconnected { .. });
        let alert = lost
            .filter(|_| disconnected)
            .and_then(|error| tls::lost(error, side));
        let alerted = alert.is_some();
        match (alert, lost.filter(|_| disconnected)) {
            (Some(alert), _) => words = format!("{alert}; {words}"),
            (None, Some(error)) => words = format!("{words}: {error}"),
            (None, None) => {}
        }
        Self {
            end,
            words,
            alerted,
        }
    }

    /// Whether a caller hung up before it sent anything.
    #[must_use]
    pub fn is_a_probe(&self) -> bool {
        let unknown = End::Disconnected {
            state: StateName::ANcOnly,
        };
        self.end == unknown && !self.alerted
    }

    /// Whether everything there was to do was done.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        self.end.is_normal()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

fn in_words(end: &End) -> String {
    let (what, state) = match end {
        End::Disconnected { state } => ("the connection was lost", *state),
        End::TimedOut { state } => ("the partner was silent for too long", *state),
        other => return beside_states(&other.to_string()),
    };
    let hint = match (end, state) {
        // Both wait: a server for TLS is not the one to speak first.
        (End::TimedOut { .. }, StateName::IWfRm) => {
            "; it did not greet us: is its port one for TLS (then set `tls: true`), and is it an OFTP server?"
        }
        _ => "",
    };
    format!("{what} {} ({state}){hint}", moment(state))
}

/// When in a session that is.
fn moment(state: StateName) -> &'static str {
    match state {
        StateName::IWfRm | StateName::ANcOnly | StateName::IWfSsid | StateName::AWfConrs => {
            "before both sides had identified themselves"
        }
        StateName::WfAuch | StateName::WfAurp | StateName::WfSecd => "during the authentication",
        StateName::Opop => "while we waited for the answer to a file that we offered",
        StateName::Opo | StateName::Opowfc => "while we were sending a file",
        StateName::Clop => "while we waited for the partner to confirm a file (EFPA)",
        StateName::WfRtr => "while we waited for the partner to confirm a receipt (RTR)",
        StateName::Opi | StateName::Opip => "while the partner was sending a file",
        StateName::Clip => "before we had confirmed a file (EFPA)",
        StateName::Rtrp => "before we had confirmed a receipt (RTR)",
        StateName::WfNdisc => "after the session's last command",
        StateName::IdleSp
        | StateName::IdleSpCd
        | StateName::WfCd
        | StateName::IdleLi
        | StateName::IdleLiCd
        | StateName::Idle => "while no file was under way",
    }
}

/// The state that a word of a message names. IDLE is left out: partners use the word in texts of their own.
fn named(word: &str) -> Option<StateName> {
    StateName::from_name(word).filter(|state| *state != StateName::Idle)
}

/// Explains each state that the text names: a violation of the protocol, and a deviation that was tolerated, are reported
/// with the state in which they came.
pub fn beside_states(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let (before, from) = rest.split_at(start);
        let (name, after) = from.split_at(from.find(|c| !is_name(c)).unwrap_or(from.len()));
        told.push_str(before);
        told.push_str(name);
        if let Some(state) = named(name) {
            told.push_str(&format!(" ({})", moment(state)));
        }
        rest = after;
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_state_stands_without_words() {
        assert_eq!(
            beside_states("ended here: CD came in IDLELICD, where ESID was expected"),
            "ended here: CD came in IDLELICD (while no file was under way), where ESID was expected"
        );
        assert_eq!(
            beside_states("ESID in IDLELI: the session was released out of turn (early_release)"),
            "ESID in IDLELI (while no file was under way): the session was released out of turn (early_release)"
        );
        for &state in StateName::ALL {
            let end = End::Disconnected { state };
            let words = Ending::new(end, None, Side::Called).words;
            assert!(words.len() > state.name().len() + 20, "{words}");
        }
    }
}
