//! The listeners of a server. They are opened and closed as the plan says; the sessions of a listener that was closed
//! continue.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch::Sender;
use tokio_util::task::TaskTracker;

use super::keeper::Keeper;
use crate::events::Event;
use crate::session::listen::{Acceptor, ListenError};
use crate::station::drain::Drain;
use crate::station::in_force::{InForce, ListenerKey};

/// The listeners that accept callers.
pub(super) struct Listeners {
    open: BTreeMap<ListenerKey, Open>,
    sessions: TaskTracker,
}

struct Open {
    acceptor: Arc<Acceptor>,
    tls: bool,
    /// Told when it is to accept no more.
    close: Sender<Drain>,
}

impl Listeners {
    /// None yet; the sessions of callers run in `sessions`.
    pub(super) fn new(sessions: TaskTracker) -> Self {
        Self {
            open: BTreeMap::new(),
            sessions,
        }
    }

    /// Where they listen, and whether with TLS.
    pub(super) fn addresses(&self) -> Vec<(SocketAddr, bool)> {
        let open = self.open.values();
        open.map(|open| (open.acceptor.address(), open.tls))
            .collect()
    }

    /// Binds those that are not there yet, and accepts nobody. One that is at all addresses of a port, in place of one that is
    /// at one of them, is bound beside it, and the other way round.
    ///
    /// # Errors
    /// One cannot be had.
    pub(super) fn bind_new(&self, next: &InForce) -> Result<Vec<Acceptor>, ListenError> {
        let mut bound = Vec::new();
        for key in next.listeners() {
            next.listener_tls(&key)?;
            if !self.open.contains_key(&key) {
                bound.push(Acceptor::bind(key, &self.replaced_by(key, next))?);
            }
        }
        Ok(bound)
    }

    /// Those at the port of a new one that the next plan has no more.
    fn replaced_by(&self, (address, _): ListenerKey, next: &InForce) -> Vec<&Acceptor> {
        let leaving = self
            .open
            .iter()
            .filter(|(key, _)| next.listener(key).is_none());
        let acceptors = leaving.map(|(_, open)| open.acceptor.as_ref());
        acceptors
            .filter(|acceptor| acceptor.address().port() == address.port())
            .collect()
    }

    /// The plan in force has others: those that were bound for it accept from now on, and those that it has no more accept
    /// nobody.
    pub(super) fn take_up(&mut self, bound: Vec<Acceptor>, keeper: &Keeper) {
        let plan = keeper.station.plan();
        self.open.retain(|key, open| {
            let stays = plan.listener(key);
            match stays {
                Some(listener) => open.tls = listener.tls.is_some(),
                None => {
                    open.close.send_replace(Drain::AtNextTurn);
                    let address = open.acceptor.address();
                    keeper
                        .station
                        .events
                        .emit(Event::ListenerClosed { address });
                }
            }
            stays.is_some()
        });
        for acceptor in bound {
            let tls = plan
                .listener(&acceptor.key())
                .is_some_and(|listener| listener.tls.is_some());
            let close = keeper.ending();
            let (key, address) = (acceptor.key(), acceptor.address());
            keeper
                .station
                .events
                .emit(Event::Listening { address, tls });
            let acceptor = Arc::new(acceptor);
            keeper.accept(Arc::clone(&acceptor), &self.sessions, &close);
            let open = Open {
                acceptor,
                tls,
                close,
            };
            self.open.insert(key, open);
        }
    }
}
