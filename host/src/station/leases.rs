//! A session keeps what it has claimed of the queue until it ends; there is no time limit that could be too short or
//! too long. This module releases the claims of sessions that have ended without doing so: the program was killed, the
//! session's task was lost, or the ledger could not write at the end of the session.

use pointsman_store::{Ledger, LedgerError, Programs, planted};

use crate::station::Station;

/// The name of a session in the ledger: its program, and its name in that program.
pub fn lessee(station: &Station, session: &str) -> String {
    format!("{}/{session}", station.process.name())
}

/// Releases the claims of sessions that have ended, of this program and of others. Returns how many claims those were.
///
/// # Errors
/// The ledger cannot be read or written, or it is unknown whether a program runs. Claims that were not released are
/// released the next time.
pub async fn release(station: &Station) -> Result<u64, LedgerError> {
    let lessees = station.ledger.lessees().await?;
    if lessees.is_empty() {
        return Ok(0);
    }
    // The running sessions are read after the ledger: one that is missing by now has no claim that is not in the
    // ledger's answer.
    let here = station.roster.names();
    let own = station.process.name();
    let (mut ours, others): (Vec<String>, Vec<String>) = lessees
        .into_iter()
        .partition(|lessee| program(lessee) == own);
    // Mistakes of sessions that would be mended here.
    if planted("file-of-a-broken-session-kept") || planted("receipt-of-a-broken-session-kept") {
        ours.clear();
    }
    let mut gone: Vec<String> = ours
        .into_iter()
        .filter(|lessee| {
            !lessee
                .split_once('/')
                .is_some_and(|(_, session)| here.contains(session))
        })
        .collect();
    gone.extend(of_gone_programs(&station.programs, others).await?);
    free(station.ledger.as_ref(), gone).await
}

/// The same where this program has no sessions.
///
/// # Errors
/// As of [`release`].
pub async fn release_of_gone_programs(
    ledger: &dyn Ledger,
    programs: &Programs,
) -> Result<u64, LedgerError> {
    let lessees = ledger.lessees().await?;
    free(ledger, of_gone_programs(programs, lessees).await?).await
}

async fn free(ledger: &dyn Ledger, gone: Vec<String>) -> Result<u64, LedgerError> {
    if gone.is_empty() {
        return Ok(0);
    }
    ledger.free(gone).await
}

async fn of_gone_programs(
    programs: &Programs,
    lessees: Vec<String>,
) -> Result<Vec<String>, LedgerError> {
    if lessees.is_empty() {
        return Ok(lessees);
    }
    let names = lessees.iter().map(|lessee| program(lessee).to_owned());
    let gone = programs.gone(names.collect()).await?;
    let is_gone = |lessee: &String| gone.contains(program(lessee));
    Ok(lessees.into_iter().filter(is_gone).collect())
}

fn program(lessee: &str) -> &str {
    lessee
        .split_once('/')
        .map_or(lessee, |(program, _)| program)
}
