//! What a session does: it sends a command, enters a state, emits an event. Nothing else has an effect outside of the
//! handler that does it, so that the bugs that tests plant (feature `mutants`) are here and not in the handlers.

use crate::command::Command;

use super::Session;
use super::notices::Notice;
use super::state::SessionState;

#[cfg(not(feature = "mutants"))]
impl Session {
    pub(super) fn send(&mut self, command: &Command) {
        self.transmit_buffer.command(command, self.level);
    }

    pub(super) fn enter(&mut self, state: impl Into<SessionState>) {
        self.state = state.into();
    }

    pub(super) fn emit(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

#[cfg(feature = "mutants")]
mod planted {
    use super::super::state::{Listening, Speaking};
    use super::{Command, Notice, Session, SessionState};

    impl Session {
        pub(in super::super) fn send(&mut self, command: &Command) {
            let swallowed = match (command, &mut self.state) {
                (Command::Efpa(_), _) => planted!(EfpaBeforeStored),
                (Command::Rtr, SessionState::Listening(Listening::Rtrp)) => planted!(RtrBeforeKept),
                (Command::Cd, SessionState::Speaking(Speaking::Clop)) => planted!(KeepsTheTurn),
                (Command::Cdt, SessionState::Listening(Listening::Opi(file)))
                    if planted!(CreditNotCounted) =>
                {
                    file.credit = 0;
                    false
                }
                _ => false,
            };
            if !swallowed {
                self.transmit_buffer.command(command, self.level);
            }
        }

        pub(in super::super) fn enter(&mut self, state: impl Into<SessionState>) {
            use SessionState::{Listening as Li, Speaking as Sp};
            self.state = match (&self.state, state.into()) {
                (_, Sp(Speaking::WfCd)) if planted!(SpeaksBeforeCd) => self.turn_of(false),
                (Sp(Speaking::Clop), Li(Listening::IdleLi)) if planted!(KeepsTheTurn) => {
                    self.turn_of(false)
                }
                (Li(idle), Sp(Speaking::IdleSpCd)) if planted!(MissesTheTurn) => Li(idle.clone()),
                (Sp(Speaking::Opop { .. }), Sp(Speaking::IdleSp))
                    if planted!(LosesTheTurnAtSfna) =>
                {
                    Li(Listening::IdleLi)
                }
                (_, Li(Listening::IdleLiCd)) if planted!(TurnGoesRound) => Li(Listening::IdleLi),
                (Li(Listening::Rtrp), Li(Listening::IdleLi)) if planted!(StaysInRtrp) => {
                    Li(Listening::Rtrp)
                }
                (_, Sp(Speaking::Opo(mut file))) if planted!(OneBeyondTheWindow) => {
                    file.credit += 1;
                    Sp(Speaking::Opo(file))
                }
                (_, Li(Listening::Opi(mut file))) if planted!(HeldNotCounted) => {
                    file.received = crate::Counts::default();
                    Li(Listening::Opi(file))
                }
                (_, state) => state,
            };
        }

        pub(in super::super) fn emit(&mut self, mut notice: Notice) {
            let mut early = None;
            match &mut notice {
                Notice::YourTurn { .. } if self.is_not_told() => return,
                Notice::YourTurn { may_release, .. } => {
                    *may_release |= planted!(ReleasesOutOfTurn);
                    *may_release &= !planted!(CdAfterCd | TurnGoesRound);
                }
                Notice::FileAccepted { restart } if planted!(RestartNotTold) => *restart = 0,
                Notice::FileClosed(..) if planted!(EfpaBeforeStored) => {
                    early = Some(Command::Efpa(false));
                }
                Notice::ResponseOffered(..) if planted!(RtrBeforeKept) => {
                    early = Some(Command::Rtr);
                }
                _ => (),
            }
            self.notices.push(notice);
            if let Some(command) = early {
                self.transmit_buffer.command(&command, self.level);
            }
        }

        fn is_not_told(&self) -> bool {
            match self.state {
                SessionState::Speaking(Speaking::WfRtr) => planted!(TurnNotTold),
                SessionState::Listening(_) => planted!(MissesTheTurn),
                _ => false,
            }
        }

        fn turn_of(&mut self, may_release: bool) -> SessionState {
            let moment = self.notices.ask();
            let notice = Notice::YourTurn {
                moment,
                may_release,
            };
            self.notices.push(notice);
            SessionState::Speaking(Speaking::IdleSp)
        }
    }
}
