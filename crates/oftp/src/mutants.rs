//! Bugs to plant (feature `mutants`), so that tests can be seen to find them.

use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A bug of the protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

mutants! {
    /// Speaks right after asking for the turn, before CD came.
    SpeaksBeforeCd,
    /// Gives a turn back that was given unasked.
    CdAfterCd,
    /// The same, and takes it too: the turn goes round for ever.
    TurnGoesRound,
    /// Does not give the turn away though EFPA asks for it.
    KeepsTheTurn,
    /// Takes CD and stays a listener.
    MissesTheTurn,
    /// Sends one DATA buffer beyond the window.
    OneBeyondTheWindow,
    /// Sends DATA without credit.
    DataWithoutCredit,
    /// Sends CDT and does not count with it.
    CreditNotCounted,
    /// Sends EFID while out of credit.
    EfidWithoutCredit,
    /// Tells its caller to begin at the start whatever SFPA says.
    RestartNotTold,
    /// Answers a position and counts from the start.
    HeldNotCounted,
    /// Stays in RTRP after RTR.
    StaysInRtrp,
    /// Says RTR before the caller has kept the response.
    RtrBeforeKept,
    /// Says EFPA before the caller has stored the file.
    EfpaBeforeStored,
    /// Releases the session in IDLESP.
    ReleasesOutOfTurn,
    /// Listens after SFNA.
    LosesTheTurnAtSfna,
    /// Does not say whose turn it is after RTR.
    TurnNotTold,
    /// Waits without limit for the partner to close the connection.
    WaitsForEver,
}

static PLANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Plants a bug in every session of this process, or none.
pub fn plant(mutant: Option<Mutant>) {
    let number = mutant.map_or(usize::MAX, |mutant| mutant as usize);
    PLANTED.store(number, Ordering::SeqCst);
}

pub(crate) fn is_planted(mutant: Mutant) -> bool {
    PLANTED.load(Ordering::Relaxed) == mutant as usize
}
