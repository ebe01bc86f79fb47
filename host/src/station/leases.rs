//! What a session has of the queue is its own for as long as it lives: no time has to pass until another one gets it, and
//! none can be too short. Here what sessions have that are gone is given back: the program was killed, the session's
//! task was lost, or the ledger could not write when the session ended.

use pointsman_store::{Ledger, LedgerError, Spool};

use crate::station::Station;

/// A session, as the ledger knows it: the program it lives in, and its name there.
pub fn lessee(station: &Station, session: &str) -> String {
    format!("{}/{session}", station.process.name())
}

/// Gives back what sessions have that are gone, of this program and of others. Says how much that was.
///
/// # Errors
/// The ledger cannot read or write, or nobody can say whether a program lives: what was not given back is, the next
/// time.
pub async fn give_back(station: &Station) -> Result<u64, LedgerError> {
    let lessees = station.ledger.lessees().await?;
    if lessees.is_empty() {
        return Ok(0);
    }
    // Asked after the ledger: who is not here by now has nothing that is not in there.
    let here = station.roster.names();
    let own = station.process.name();
    let (ours, others): (Vec<String>, Vec<String>) = lessees
        .into_iter()
        .partition(|lessee| program(lessee) == own);
    let mut gone: Vec<String> = ours
        .into_iter()
        .filter(|lessee| {
            !lessee
                .split_once('/')
                .is_some_and(|(_, session)| here.contains(session))
        })
        .collect();
    gone.extend(of_gone_programs(&station.spool, others).await?);
    free(station.ledger.as_ref(), gone).await
}

/// The same where no session lives in this program.
///
/// # Errors
/// As of [`give_back`].
pub async fn give_back_of_gone_programs(
    ledger: &dyn Ledger,
    spool: &Spool,
) -> Result<u64, LedgerError> {
    let lessees = ledger.lessees().await?;
    free(ledger, of_gone_programs(spool, lessees).await?).await
}

async fn free(ledger: &dyn Ledger, gone: Vec<String>) -> Result<u64, LedgerError> {
    if gone.is_empty() {
        return Ok(0);
    }
    ledger.free(gone).await
}

async fn of_gone_programs(spool: &Spool, lessees: Vec<String>) -> Result<Vec<String>, LedgerError> {
    if lessees.is_empty() {
        return Ok(lessees);
    }
    let programs = lessees.iter().map(|lessee| program(lessee).to_owned());
    let gone = spool.gone_processes(programs.collect()).await?;
    let is_gone = |lessee: &String| gone.contains(program(lessee));
    Ok(lessees.into_iter().filter(is_gone).collect())
}

fn program(lessee: &str) -> &str {
    lessee
        .split_once('/')
        .map_or(lessee, |(program, _)| program)
}
