//! What an operator can ask or order, for every face: the command line, the control socket of the server, and whatever
//! comes beside them.
//!
//! [`Operator`] has a function for each request. A reply is data that can be serialized, an error has a code, a cause and
//! a hint ([`OperatorError`]). Nothing here prints, ends the process, or knows how a request came in.
//!
//! What lies in the storage is looked at and changed without a server as with one. What only a running server knows or can
//! do is in `running.rs`: in the server's own process it is done at once, elsewhere the server is asked by its socket.

pub(crate) mod attention;
pub(crate) mod certificates;
pub(crate) mod check;
pub(crate) mod check_remark;
pub(crate) mod conditions;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod file_security;
pub(crate) mod history;
pub(crate) mod left;
pub(crate) mod lock;
pub(crate) mod made_keys;
mod overview;
pub(crate) mod partners;
pub(crate) mod prospects;
pub(crate) mod queue;
pub(crate) mod receipts;
pub(crate) mod reload;
pub(crate) mod remark;
pub(crate) mod running;
mod security;
pub(crate) mod send;
pub(crate) mod shown_keys;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod transfer_name;
pub(crate) mod transfers;
mod usage;
pub(crate) mod utc_time;

use std::path::PathBuf;
use std::sync::Arc;

use pointsman_store::contents::Contents;
use pointsman_store::{Ledger, Programs, Spool, SqliteLedger};

use self::error::{ErrorCode, OperatorError};
use self::reload::Reload;
use crate::config::Plan;
use crate::config::files;
use crate::station::in_force::InForce;
use crate::station::{Station, storage};

/// Whoever asks and orders on one configuration.
pub(crate) struct Operator {
    plan: Arc<Plan>,
    server: ServerLink,
}

/// What is kept of transfers.
pub(crate) struct Store {
    pub ledger: Arc<dyn Ledger>,
    pub contents: Arc<dyn Contents>,
    pub programs: Programs,
}

/// The server, in its own process.
#[derive(Clone)]
pub(crate) struct RunningServer {
    pub station: Arc<Station>,
    pub reloader: Arc<dyn Reload>,
}

/// How the running server is asked.
enum ServerLink {
    /// This process is the server.
    Here(RunningServer),
    /// By its control socket, where one runs.
    BySocket,
}

impl Operator {
    /// Outside of the server of this configuration, whether one runs or not.
    pub(crate) fn of(plan: Plan) -> Self {
        let plan = Arc::new(plan);
        let server = ServerLink::BySocket;
        Self { plan, server }
    }

    /// In the server.
    pub(crate) fn within(server: RunningServer) -> Self {
        Self {
            plan: Arc::clone(&server.station.plan().plan),
            server: ServerLink::Here(server),
        }
    }

    /// The plan in force with what was read for it, in the server.
    fn in_force(&self) -> Option<Arc<InForce>> {
        match &self.server {
            ServerLink::Here(RunningServer { station, .. }) => Some(station.plan()),
            ServerLink::BySocket => None,
        }
    }

    /// The configuration.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A request for one partner that found nothing must have named one that there is. One that the configuration does
    /// not name any more may have something all the same.
    pub(crate) fn known_partner(
        &self,
        wanted: Option<&str>,
        has_something: bool,
    ) -> Result<(), OperatorError> {
        match wanted {
            Some(name) if !has_something && !self.plan.partners.contains_key(name) => {
                Err(self.no_such_partner(name))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn no_such_partner(&self, name: &str) -> OperatorError {
        let known: Vec<&str> = self.plan.partners.keys().map(String::as_str).collect();
        ErrorCode::NoSuchPartner
            .because(format!("there is no partner `{name}` in the configuration"))
            .hint(format!("there are: {}", known.join(", ")))
    }

    /// Whether a server ever ran on this configuration: there is a ledger, or a spool to make one from.
    pub(crate) fn has_store(&self) -> Result<bool, OperatorError> {
        let there = |path: PathBuf| {
            path.try_exists().map_err(|error| {
                ErrorCode::NotPermitted
                    .because(format!("{}: {error}", path.display()))
                    .hint("run the command as the user that the server runs as")
            })
        };
        Ok(there(files::ledger_path(&self.plan))? || there(files::spool_path(&self.plan))?)
    }

    /// Ledger and spool: those of the server in its own process.
    pub(crate) fn store(&self) -> Result<Store, OperatorError> {
        if let ServerLink::Here(RunningServer { station, .. }) = &self.server {
            return Ok(Store {
                ledger: Arc::clone(&station.ledger),
                contents: Arc::clone(&station.contents),
                programs: station.programs.clone(),
            });
        }
        let (ledger, spool) = self.open_store()?;
        Ok(Store {
            ledger: Arc::new(ledger),
            programs: spool.programs(),
            contents: Arc::new(spool),
        })
    }

    /// Looking must not make a ledger where there is none.
    pub(crate) fn open_store(&self) -> Result<(SqliteLedger, Spool), OperatorError> {
        if !self.has_store()? {
            return Err(ErrorCode::NoStore.because(format!(
                "there is no ledger at {} yet: no server ever ran here",
                files::ledger_path(&self.plan).display()
            )));
        }
        let spool = Spool::open(&files::spool_path(&self.plan))?;
        Ok((storage::open_ledger(&self.plan, &spool)?, spool))
    }
}
